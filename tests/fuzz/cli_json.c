// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: what espnic-engine reads. The first byte says which command (even: run, odd: crypto), the
 * rest is its input. Each reply must be a line of JSON that says whether all was well.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"
#include "engine/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process unless @line is a reply: an object with "ok", and with "error" if that is false. */
static void check_reply(const char *line)
{
	struct json_object *reply = json_tokener_parse(line), *ok, *other;

	if (!reply || !json_object_object_get_ex(reply, "ok", &ok) ||
	    !json_object_is_type(ok, json_type_boolean))
		abort();
	if (json_object_object_get_ex(reply, "error", &other) == json_object_get_boolean(ok))
		abort();
	/* Beside an error nothing of the packet or message is given out. */
	if (!json_object_get_boolean(ok) &&
	    (json_object_object_get_ex(reply, "packet", &other) || json_object_object_get_ex(reply, "msg", &other)))
		abort();
	json_object_put(reply);
}

static void serve(FILE *in, FILE *out, bool crypto)
{
	const struct espnic_engine_ops *ref = espnic_engine_get("ref", NULL);
	struct espnic_cli_crypto *c;
	struct espnic_cli_run *r;

	if (crypto) {
		c = espnic_cli_crypto_new(espnic_transforms_get("ref", NULL));
		if (!c || espnic_cli_serve(in, out, false, espnic_cli_crypto_answer, c))
			abort();
		espnic_cli_crypto_free(c);
	} else {
		r = espnic_cli_run_new(ref);
		if (!r || espnic_cli_serve(in, out, false, espnic_cli_run_answer, r))
			abort();
		espnic_cli_run_free(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL, *line, *rest;
	size_t len = 0;
	FILE *in, *out;

	if (size < 2)
		return 0;
	in = fmemopen((void *)(data + 1), size - 1, "r");
	out = open_memstream(&text, &len);
	if (!in || !out)
		abort();
	serve(in, out, data[0] & 1);
	fclose(in);
	fclose(out);
	if (len && text[len - 1] != '\n')
		abort();
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		check_reply(line);
	free(text);
	return 0;
}
