// SPDX-License-Identifier: BSD-2-Clause
#include "ctl/vici.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LENGTH = 4, /* bytes of a packet's length */
	TEXT = 1024, /* bytes of a formatted value */
};

/* ---- reading ---- */

void espnic_vici_read(struct espnic_vici_reader *r, const uint8_t *message, size_t len)
{
	*r = (struct espnic_vici_reader){ .p = message, .end = message + len };
}

/* @width bytes of length, and so many bytes. */
static bool take(struct espnic_vici_reader *r, unsigned int width, const char **out, size_t *len)
{
	size_t left = (size_t)(r->end - r->p);

	if (left < width)
		return false;
	*len = width == 1 ? r->p[0] : (size_t)(r->p[0] << 8 | r->p[1]);
	if (left - width < *len)
		return false;
	*out = (const char *)r->p + width;
	r->p += width + *len;
	return true;
}

static enum espnic_vici_element bad(struct espnic_vici_reader *r)
{
	r->p = NULL;
	r->end = NULL;
	r->depth = UINT32_MAX;
	return ESPNIC_VICI_BAD;
}

enum espnic_vici_element espnic_vici_next(struct espnic_vici_reader *r, struct espnic_vici_item *item)
{
	enum espnic_vici_element e;

	memset(item, 0, sizeof(*item));
	if (r->p == r->end)
		return r->depth || r->in_list ? bad(r) : ESPNIC_VICI_END;
	e = (enum espnic_vici_element)*r->p++;
	/* Within a list there are items alone, and outside none. */
	if (r->in_list != (e == ESPNIC_VICI_LIST_ITEM || e == ESPNIC_VICI_LIST_END))
		return bad(r);
	switch (e) {
	case ESPNIC_VICI_SECTION_START:
		if (!take(r, 1, &item->name, &item->name_len) || ++r->depth > ESPNIC_VICI_DEPTH)
			return bad(r);
		return e;
	case ESPNIC_VICI_SECTION_END:
		if (!r->depth)
			return bad(r);
		r->depth--;
		return e;
	case ESPNIC_VICI_KEY_VALUE:
		if (!take(r, 1, &item->name, &item->name_len) || !take(r, 2, &item->value, &item->value_len))
			return bad(r);
		return e;
	case ESPNIC_VICI_LIST_START:
		if (!take(r, 1, &item->name, &item->name_len))
			return bad(r);
		r->in_list = true;
		return e;
	case ESPNIC_VICI_LIST_ITEM:
		return take(r, 2, &item->value, &item->value_len) ? e : bad(r);
	case ESPNIC_VICI_LIST_END:
		r->in_list = false;
		return e;
	default:
		return bad(r);
	}
}

/* ---- as a tree ---- */

/* A list while it is read. */
struct joined {
	char *text;
	size_t len;
};

static bool join(struct joined *j, const struct espnic_vici_item *item)
{
	size_t comma = j->len ? 2 : 0;

	if (j->len + comma + item->value_len >= ESPNIC_CONF_VALUE)
		return false;
	memcpy(j->text + j->len, ", ", comma);
	if (item->value_len)
		memcpy(j->text + j->len + comma, item->value, item->value_len);
	j->len += comma + item->value_len;
	return true;
}

static int not_a_message(struct espnic_conf_error *err)
{
	snprintf(err->text, sizeof(err->text), "vici:1: a malformed message");
	return -1;
}

/* Is @list one of those whose items are bytes? */
static bool of_bytes(const struct espnic_vici_item *list)
{
	static const char *const names[] = { "certs", "pubkeys", "cacerts" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (list->name_len == strlen(names[i]) && !memcmp(list->name, names[i], list->name_len))
			return true;
	return false;
}

/* In the place of bytes, a word that says which they are. */
static bool join_blob(struct joined *j, const struct espnic_vici_item *item, struct espnic_vici_blobs *blobs)
{
	struct espnic_vici_item word = *item;
	char text[sizeof(ESPNIC_VICI_BLOB) + 10];

	if (blobs->n == ESPNIC_VICI_BLOBS)
		return false;
	blobs->v[blobs->n].data = (const uint8_t *)item->value;
	blobs->v[blobs->n].len = item->value_len;
	word.value = text;
	word.value_len = (size_t)snprintf(text, sizeof(text), ESPNIC_VICI_BLOB "%u", blobs->n++);
	return join(j, &word);
}

static int build(struct espnic_conf *conf, struct espnic_vici_reader *r, struct joined *j, struct espnic_vici_blobs *blobs,
		 struct espnic_conf_error *err)
{
	struct espnic_conf_node *at = espnic_conf_top(conf);
	struct espnic_vici_item item, list = { 0 };

	for (;;) {
		switch (espnic_vici_next(r, &item)) {
		case ESPNIC_VICI_END:
			return 0;
		case ESPNIC_VICI_SECTION_START:
			at = espnic_conf_add(conf, at, item.name, item.name_len, NULL, 0, err);
			if (!at)
				return -1;
			break;
		case ESPNIC_VICI_SECTION_END:
			at = at->parent;
			break;
		case ESPNIC_VICI_KEY_VALUE:
			if (!espnic_conf_add(conf, at, item.name, item.name_len, item.value, item.value_len, err))
				return -1;
			break;
		case ESPNIC_VICI_LIST_START:
			list = item;
			j->len = 0;
			break;
		case ESPNIC_VICI_LIST_ITEM:
			if (of_bytes(&list) ? !join_blob(j, &item, blobs) : !join(j, &item))
				return not_a_message(err);
			break;
		case ESPNIC_VICI_LIST_END:
			/* a list of nothing is as good as none */
			if (j->len && !espnic_conf_add(conf, at, list.name, list.name_len, j->text, j->len, err))
				return -1;
			break;
		case ESPNIC_VICI_BAD:
			return not_a_message(err);
		}
	}
}

struct espnic_conf *espnic_vici_tree(const uint8_t *message, size_t len, struct espnic_vici_blobs *blobs, struct espnic_conf_error *err)
{
	struct joined j = { .text = malloc(ESPNIC_CONF_VALUE) };
	struct espnic_conf *conf = espnic_conf_new("vici", err);
	struct espnic_vici_reader r;

	espnic_vici_read(&r, message, len);
	if (!j.text || !conf || build(conf, &r, &j, blobs, err)) {
		if (!j.text)
			snprintf(err->text, sizeof(err->text), "out of memory");
		espnic_conf_free(conf);
		conf = NULL;
	}
	free(j.text);
	return conf;
}

/* ---- writing ---- */

static void put(struct espnic_vici_writer *w, const void *p, size_t len)
{
	size_t room = w->room ? w->room : 256;
	uint8_t *more;

	if (w->failed || len > LENGTH + ESPNIC_VICI_PACKET - w->len) {
		w->failed = true;
		return;
	}
	while (room - w->len < len)
		room *= 2;
	if (room != w->room) {
		more = realloc(w->data, room);
		if (!more) {
			w->failed = true;
			return;
		}
		w->data = more;
		w->room = room;
	}
	if (len)
		memcpy(w->data + w->len, p, len);
	w->len += len;
}

static void put_byte(struct espnic_vici_writer *w, unsigned int v)
{
	const uint8_t byte = (uint8_t)v;

	put(w, &byte, 1);
}

static void put_name(struct espnic_vici_writer *w, const char *name)
{
	size_t len = strlen(name);

	if (len > ESPNIC_VICI_NAME)
		w->failed = true;
	put_byte(w, (unsigned int)len);
	put(w, name, len);
}

static void put_value(struct espnic_vici_writer *w, const void *value, size_t len)
{
	if (len > UINT16_MAX)
		w->failed = true;
	put_byte(w, (unsigned int)(len >> 8));
	put_byte(w, (unsigned int)len);
	put(w, value, len);
}

void espnic_vici_begin(struct espnic_vici_writer *w, enum espnic_vici_packet type, const char *name)
{
	*w = (struct espnic_vici_writer){ 0 };
	put(w, "\0\0\0", LENGTH);
	put_byte(w, type);
	if (name)
		put_name(w, name);
}

void espnic_vici_section(struct espnic_vici_writer *w, const char *name)
{
	put_byte(w, ESPNIC_VICI_SECTION_START);
	put_name(w, name);
}

void espnic_vici_section_end(struct espnic_vici_writer *w)
{
	put_byte(w, ESPNIC_VICI_SECTION_END);
}

void espnic_vici_bytes(struct espnic_vici_writer *w, const char *key, const void *value, size_t len)
{
	put_byte(w, ESPNIC_VICI_KEY_VALUE);
	put_name(w, key);
	put_value(w, value, len);
}

void espnic_vici_value(struct espnic_vici_writer *w, const char *key, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0)
		w->failed = true;
	espnic_vici_bytes(w, key, text, strnlen(text, sizeof(text)));
}

void espnic_vici_list(struct espnic_vici_writer *w, const char *name)
{
	put_byte(w, ESPNIC_VICI_LIST_START);
	put_name(w, name);
}

void espnic_vici_list_item(struct espnic_vici_writer *w, const char *value)
{
	put_byte(w, ESPNIC_VICI_LIST_ITEM);
	put_value(w, value, strlen(value));
}

void espnic_vici_list_end(struct espnic_vici_writer *w)
{
	put_byte(w, ESPNIC_VICI_LIST_END);
}

bool espnic_vici_finish(struct espnic_vici_writer *w)
{
	size_t len = w->len - LENGTH;

	if (w->failed) {
		free(w->data);
		*w = (struct espnic_vici_writer){ .failed = true };
		return false;
	}
	w->data[0] = (uint8_t)(len >> 24);
	w->data[1] = (uint8_t)(len >> 16);
	w->data[2] = (uint8_t)(len >> 8);
	w->data[3] = (uint8_t)len;
	return true;
}
