// SPDX-License-Identifier: BSD-2-Clause
/* espnic-ike: one program, a word for each thing it does. */
#include <stdio.h>
#include <string.h>

#include "manual/manual.h"

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
	{ "manual", espnic_manual_main, "states and policies with keys of your own: apply, diff, delete, check FILE" },
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
