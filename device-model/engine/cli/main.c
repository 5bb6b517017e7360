// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine: the ESP engine on the command line, for tests and for other people's tools. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bodies.h"
#include "engine/cli/request.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage_text[] =
	"usage: espnic-engine run|crypto [--engine auto|ref|fast|rtl]\n"
	"       espnic-engine list [--json]\n"
	"       espnic-engine selftest\n"
	"  run      protect and unprotect IP packets: one JSON request a line on standard\n"
	"           input, one reply a line on standard output\n"
	"  crypto   the same for bare AEADs, ciphers and MACs\n"
	"  list     transforms: sizes, RFC 8221, and which bodies have them\n"
	"  selftest known answers of each transform and body; fails if one is wrong\n"
	"  --engine body to use (auto: fast where the CPU has it, else ref)\n";

static int usage_error(const char *what, const char *detail)
{
	fprintf(stderr, "espnic-engine: %s%s\n%s", what, detail, usage_text);
	return EXIT_USAGE;
}

/* Replies to a program that waits for them must not stay in a buffer. */
static bool must_flush(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode);
}

static int run_main(const char *engine)
{
	const struct espnic_engine_ops *ops = espnic_engine_get(engine, NULL);
	struct espnic_cli_run *run = espnic_cli_run_new(ops);
	int err = -1;

	if (run)
		err = espnic_cli_serve(stdin, stdout, must_flush(), espnic_cli_run_answer, run);
	espnic_cli_run_free(run);
	return err;
}

static int crypto_main(const char *engine)
{
	const struct espnic_transforms *transforms = espnic_transforms_get(engine, NULL);
	struct espnic_cli_crypto *crypto = espnic_cli_crypto_new(transforms);
	int err = -1;

	if (crypto)
		err = espnic_cli_serve(stdin, stdout, must_flush(), espnic_cli_crypto_answer,
				       crypto);
	espnic_cli_crypto_free(crypto);
	return err;
}

/* run and crypto. */
static int serve_main(int argc, char **argv)
{
	const char *engine = "auto";
	const char *why;
	int err;

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "--engine=", 9) == 0)
			engine = argv[i] + 9;
		else if (strcmp(argv[i], "--engine") == 0 && i + 1 < argc)
			engine = argv[++i];
		else
			return usage_error("bad argument: ", argv[i]);
	}
	if (!espnic_engine_available(engine, &why)) {
		fprintf(stderr, "espnic-engine: --engine %s: %s\n", engine, why);
		return EXIT_USAGE;
	}
	err = strcmp(argv[1], "run") == 0 ? run_main(engine) : crypto_main(engine);
	if (err) {
		fprintf(stderr, "espnic-engine: cannot write replies, or out of memory\n");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

/* What was printed must have got out. */
static int printed(int status)
{
	return fflush(stdout) != 0 || ferror(stdout) ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	bool json = argc == 3 && strcmp(argv[2], "--json") == 0;

	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage_text, stdout);
		return EXIT_OK;
	}
	if (argc < 2)
		return usage_error("a command is missing", "");
	if (strcmp(argv[1], "run") == 0 || strcmp(argv[1], "crypto") == 0)
		return serve_main(argc, argv);
	if (strcmp(argv[1], "list") == 0) {
		if (argc > 2 && !json)
			return usage_error("bad argument: ", argv[2]);
		espnic_cli_list(json);
		return printed(EXIT_OK);
	}
	if (strcmp(argv[1], "selftest") == 0) {
		if (argc > 2)
			return usage_error("bad argument: ", argv[2]);
		return printed(espnic_cli_selftest() ? EXIT_OK : EXIT_FAILED);
	}
	return usage_error("no such command: ", argv[1]);
}
