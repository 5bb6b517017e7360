// SPDX-License-Identifier: BSD-2-Clause
#include "engine/cli/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wipe.h"

enum {
	JSON_DEPTH = 16,		/* a request has 3 levels */
	ID_MAX = 1024,			/* bytes of an id looked for in a broken line */
};

bool espnic_cli_fail(struct espnic_cli_error *err, enum espnic_verdict verdict, const char *detail)
{
	if (err->verdict == ESPNIC_OK) {
		err->verdict = verdict;
		err->detail = detail;
	}
	return false;
}

static bool get(struct json_object *obj, const char *name, enum json_type type,
		struct json_object **value, struct espnic_cli_error *err)
{
	if (!json_object_object_get_ex(obj, name, value))
		return false;
	if (json_object_get_type(*value) != type)
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "a field is of the wrong type");
	return true;
}

bool espnic_cli_uint(struct json_object *obj, const char *name, uint64_t *value,
		     struct espnic_cli_error *err)
{
	struct json_object *v;

	if (!get(obj, name, json_type_int, &v, err))
		return false;
	if (json_object_get_int64(v) < 0)
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "a number is negative");
	*value = json_object_get_uint64(v);
	return true;
}

bool espnic_cli_bool(struct json_object *obj, const char *name, bool *value,
		     struct espnic_cli_error *err)
{
	struct json_object *v;

	if (!get(obj, name, json_type_boolean, &v, err))
		return false;
	*value = json_object_get_boolean(v);
	return true;
}

bool espnic_cli_string(struct json_object *obj, const char *name, const char **value,
		       struct espnic_cli_error *err)
{
	struct json_object *v;

	if (!get(obj, name, json_type_string, &v, err))
		return false;
	*value = json_object_get_string(v);
	/* A NUL inside would hide what comes behind it. */
	if (strlen(*value) != (size_t)json_object_get_string_len(v))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "a string with a NUL in it");
	return true;
}

bool espnic_cli_object(struct json_object *obj, const char *name, struct json_object **value,
		       struct espnic_cli_error *err)
{
	return get(obj, name, json_type_object, value, err);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool espnic_cli_hex(struct json_object *obj, const char *name, struct espnic_cli_bytes *value,
		    size_t max, bool secret, struct espnic_cli_error *err)
{
	struct json_object *v;
	const char *hex;
	size_t len;

	value->len = 0;
	if (!get(obj, name, json_type_string, &v, err))
		return false;
	hex = json_object_get_string(v);
	len = (size_t)json_object_get_string_len(v);
	if (len % 2)
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "hex of odd length");
	if (len / 2 > max)
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "hex too long");
	for (size_t i = 0; i < len / 2; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "not lower-case hex");
		value->data[i] = (uint8_t)(hi << 4 | lo);
	}
	value->len = len / 2;
	if (secret)
		espnic_wipe((char *)hex, len);
	return len > 0;
}

bool espnic_cli_word(struct json_object *obj, const char *name, const char *const *words,
		     unsigned int *value, struct espnic_cli_error *err)
{
	const char *word;

	if (!espnic_cli_string(obj, name, &word, err))
		return false;
	for (unsigned int i = 0; words[i]; i++) {
		if (strcmp(word, words[i]) == 0) {
			*value = i;
			return true;
		}
	}
	return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "an unknown word");
}

static void write_id(FILE *out, struct json_object *id)
{
	int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

	fputs("{\"id\":", out);
	fputs(id ? json_object_to_json_string_ext(id, flags) : "null", out);
}

void espnic_cli_reply_begin(FILE *out, struct json_object *id)
{
	write_id(out, id);
	fputs(",\"ok\":true", out);
}

void espnic_cli_reply_hex(FILE *out, const char *name, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	fprintf(out, ",\"%s\":\"", name);
	for (size_t i = 0; i < len; i++) {
		putc(digits[data[i] >> 4], out);
		putc(digits[data[i] & 0xf], out);
	}
	putc('"', out);
}

void espnic_cli_reply_uint(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, name, value);
}

void espnic_cli_reply_end(FILE *out)
{
	fputs("}\n", out);
}

void espnic_cli_reply_error(FILE *out, struct json_object *id, const struct espnic_cli_error *err)
{
	write_id(out, id);
	fprintf(out, ",\"ok\":false,\"error\":\"%s\"", espnic_verdict_name(err->verdict));
	if (err->detail)
		fprintf(out, ",\"detail\":\"%s\"", err->detail);
	fputs("}\n", out);
}

/* The id of a line that is no JSON or was cut: the value after the first "id":, if whole. */
static struct json_object *salvage_id(const char *line, size_t len)
{
	static const char key[] = "\"id\"";
	const char *end = line + len;
	const char *p = memmem(line, len, key, sizeof(key) - 1);
	struct json_object *id = NULL;
	struct json_tokener *tok;
	size_t rest;

	if (!p)
		return NULL;
	p += sizeof(key) - 1;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p != ':')
		return NULL;
	p++;
	rest = (size_t)(end - p) < ID_MAX ? (size_t)(end - p) : ID_MAX;

	tok = json_tokener_new_ex(1);
	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	id = json_tokener_parse_ex(tok, p, (int)rest);
	json_tokener_free(tok);
	if (id && !json_object_is_type(id, json_type_string) &&
	    !json_object_is_type(id, json_type_int)) {
		json_object_put(id);
		id = NULL;
	}
	return id;
}

/* One JSON value and nothing but white space behind it, or NULL. */
static struct json_object *parse_json(const char *text, size_t len, int flags)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *obj;
	size_t end;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, flags | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	while (end < len && (text[end] == ' ' || text[end] == '\t' || text[end] == '\r'))
		end++;
	if (end == len)
		return obj;
	json_object_put(obj);
	return NULL;
}

/*
 * json-c's strict mode, which alone refuses numbers over 64 bits, takes bytes of 0x80
 * and up for control characters. So lines with such are parsed twice: strictly with these
 * bytes masked in a copy, and then as UTF-8.
 */
static struct json_object *parse_strict(const char *line, size_t len)
{
	struct json_object *obj;
	bool ascii = true;
	char *masked;

	for (size_t i = 0; i < len; i++)
		ascii = ascii && (unsigned char)line[i] < 0x80;
	if (ascii)
		return parse_json(line, len, JSON_TOKENER_STRICT);

	masked = malloc(len);
	if (!masked)
		return NULL;
	for (size_t i = 0; i < len; i++)
		masked[i] = (unsigned char)line[i] < 0x80 ? line[i] : 'x';
	obj = parse_json(masked, len, JSON_TOKENER_STRICT);
	espnic_wipe(masked, len);
	free(masked);
	if (!obj)
		return NULL;
	json_object_put(obj);
	return parse_json(line, len, JSON_TOKENER_VALIDATE_UTF8);
}

/* A line of JSON that is one object, or NULL and *@err. */
static struct json_object *parse_line(const char *line, size_t len, struct espnic_cli_error *err)
{
	struct json_object *obj = parse_strict(line, len);

	if (!obj) {
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "not JSON");
		return NULL;
	}
	if (!json_object_is_type(obj, json_type_object)) {
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "not an object");
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

static void answer_line(const char *line, size_t len, bool whole, FILE *out,
			espnic_cli_handler handler, void *state)
{
	struct espnic_cli_error err = { ESPNIC_OK, NULL };
	struct json_object *request = NULL;

	if (!whole)
		espnic_cli_fail(&err, ESPNIC_BAD_REQUEST, "a line over 1 MiB");
	else
		request = parse_line(line, len, &err);
	if (request) {
		handler(state, request, out);
		json_object_put(request);
	} else {
		struct json_object *id = salvage_id(line, len);

		espnic_cli_reply_error(out, id, &err);
		json_object_put(id);
	}
}

/* One line without its newline into @buf; what is over @max is read and dropped. False: the end. */
static bool read_line(FILE *in, char *buf, size_t max, size_t *len, bool *whole)
{
	int c = getc_unlocked(in);

	*len = 0;
	*whole = true;
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
		if (*len < max)
			buf[(*len)++] = (char)c;
		else
			*whole = false;
	}
	return true;
}

int espnic_cli_serve(FILE *in, FILE *out, bool flush, espnic_cli_handler handler, void *state)
{
	char *line = malloc(ESPNIC_CLI_LINE_MAX);
	size_t len;
	bool whole;

	if (!line)
		return -1;
	while (!ferror(out) && read_line(in, line, ESPNIC_CLI_LINE_MAX, &len, &whole)) {
		answer_line(line, len, whole, out, handler, state);
		if (flush)
			fflush(out);
		/* Requests hold keys. */
		espnic_wipe(line, len);
	}
	free(line);
	return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
