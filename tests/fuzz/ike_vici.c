// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as VICI messages to every command: the first byte chooses which, the rest is its message. Nothing a
 * client sends is more than refused; replies are well formed.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { HEAD = 5 }; /* bytes of a packet before its message */

static const char *const names[] = {
	"version",   "stats",	     "load-conn",  "unload-conn", "get-conns", "list-conns", "load-shared",
	"unload-shared", "get-shared", "clear-creds", "load-cert",  "load-pool", "nothing",
};

static void check(struct espnic_vici_writer *w, size_t head)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	if (!espnic_vici_finish(w))
		return;
	espnic_vici_read(&r, w->data + head, w->len - head);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END)
		if (e == ESPNIC_VICI_BAD)
			abort();
	free(w->data);
}

static void event(void *ctx, const char *name, struct espnic_vici_writer *w)
{
	(void)ctx;
	check(w, HEAD + 1 + strlen(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char after[] = "list-conns";
	struct espnic_store store = { 0 };
	struct espnic_ctl ctl = { .store = &store };
	struct espnic_ctl_call call = { .ctl = &ctl, .event = event };
	struct espnic_vici_writer w;
	const char *name;

	if (!len)
		return 0;
	name = names[data[0] % (sizeof(names) / sizeof(names[0]))];
	call.message = data + 1;
	call.len = len - 1;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	if (espnic_ctl_command(&call, name, strlen(name), &w) == !strcmp(name, "nothing"))
		abort();
	check(&w, HEAD);
	/* what was taken can be told */
	call.len = 0;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_command(&call, after, strlen(after), &w);
	check(&w, HEAD);
	espnic_store_free(&store);
	return 0;
}
