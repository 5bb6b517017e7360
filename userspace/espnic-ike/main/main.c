// SPDX-License-Identifier: BSD-2-Clause
/* espnic-ike: one program, a word for each thing it does. */
#include <stdio.h>
#include <string.h>

#include "conf/conns.h"
#include "ctl/status.h"
#include "main/run.h"
#include "manual/manual.h"

/* espnic-ike check FILE: status 0, or 2 with the error */
static int check(int argc, char **argv)
{
	struct espnic_conf_conns conns = { 0 };
	struct espnic_conf_error err;
	struct espnic_conf *conf;
	unsigned int i, children = 0;
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: espnic-ike check FILE\n");
		return 2;
	}
	conf = espnic_conf_load(argv[1], &err);
	rc = !conf || espnic_conns_read(espnic_conf_root(conf), &conns, &err) ? 2 : 0;
	for (i = 0; i < conns.n_conns && !rc; i++)
		children += conns.conns[i].conn->n_children + conns.conns[i].n_shunts;
	if (rc)
		fprintf(stderr, "%s\n", err.text);
	else
		printf("%s: %u connections, %u children, %u secrets\n", argv[1], conns.n_conns, children, conns.n_psks);
	espnic_conns_free(&conns);
	espnic_conf_free(conf);
	return rc;
}

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("espnic-ike " ESPNIC_VERSION);
	return 0;
}

static const struct {
	const char *name;
	/* argv[0] is the word; returns the exit status */
	int (*run)(int argc, char **argv);
	const char *help;
} words[] = {
	{ "run", espnic_run_main, "the IKEv2 daemon; run --help lists its options" },
	{ "status", espnic_status_main, "what the daemon has: IKE SAs, children, where they are offloaded to" },
	{ "manual", espnic_manual_main, "states and policies with keys of your own: apply, diff, delete, check FILE" },
	{ "check", check, "read a swanctl.conf: what is wrong with it, or how much is in it" },
	{ "--version", version, "which espnic-ike this is" },
};

int main(int argc, char **argv)
{
	size_t i, n = sizeof(words) / sizeof(words[0]);

	for (i = 0; argc > 1 && i < n; i++)
		if (!strcmp(argv[1], words[i].name))
			return words[i].run(argc - 1, argv + 1);
	fprintf(stderr, "usage: espnic-ike WORD ...\n");
	for (i = 0; i < n; i++)
		fprintf(stderr, "  %-10s %s\n", words[i].name, words[i].help);
	return 2;
}
