// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any text as a configuration: the tree of what is taken is walked, and read as connections and as a file of
 * manual keys; what is refused must say where.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conns.h"
#include "manual/manual.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Every node hangs below its parent, and has a line. */
static void walk(const struct espnic_conf_node *section)
{
	const struct espnic_conf_node *n;
	char path[64];

	for (n = section->first; n; n = n->next) {
		if (n->parent != section || !n->line || !n->name[0])
			abort();
		if (strlen(espnic_conf_path(n, path, sizeof(path))) >= sizeof(path))
			abort();
		if (!n->value)
			walk(n);
	}
}

static void explained(const struct espnic_conf_error *err)
{
	if (!memchr(err->text, 0, sizeof(err->text)) || strncmp(err->text, "fuzz:", 5))
		abort();
}

/* What was read can be told from itself by nothing. */
static void compare(const struct espnic_manual *m)
{
	char text[256];
	unsigned int i;

	for (i = 0; i < m->n_states; i++)
		if (!espnic_manual_same_sa(&m->states[i].sa, &m->states[i].sa, text, sizeof(text)))
			abort();
	for (i = 0; i < m->n_policies; i++)
		if (!espnic_manual_same_policy(&m->policies[i].policy, &m->policies[i].policy, text, sizeof(text)))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct espnic_conf_error err = { "" };
	struct espnic_conf_conns conns;
	struct espnic_manual m;
	struct espnic_conf *conf;

	conf = espnic_conf_parse("fuzz", (const char *)data, len, &err);
	if (!conf) {
		explained(&err);
		return 0;
	}
	walk(espnic_conf_root(conf));
	if (espnic_conns_read(espnic_conf_root(conf), &conns, &err))
		explained(&err);
	espnic_conns_free(&conns);
	if (espnic_manual_read(conf, &m, &err))
		explained(&err);
	else
		compare(&m);
	espnic_manual_free(&m);
	return 0;
}
