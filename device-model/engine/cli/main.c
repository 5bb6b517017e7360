// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine: the ESP engine on the command line, for tests and for other people's tools. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bodies.h"
#include "engine/cli/request.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { BENCH_MS = 100 };		/* for each transform and size, unless said */

static const char usage_text[] =
	"usage: espnic-engine run|crypto [--engine auto|ref|fast|rtl]\n"
	"       espnic-engine list [--json]\n"
	"       espnic-engine selftest\n"
	"       espnic-engine bench [--engine auto|ref|fast|rtl] [--transform WORD] [--size BYTES]\n"
	"                           [--ms N] [--json]\n"
	"  run      protect and unprotect IP packets: one JSON request a line on standard\n"
	"           input, one reply a line on standard output\n"
	"  crypto   the same for bare AEADs, ciphers and MACs\n"
	"  list     transforms: sizes, RFC 8221, and which bodies have them\n"
	"  selftest known answers of each transform and body; fails if one is wrong\n"
	"  bench    how fast the body does whole ESP here: each transform of list (or one, by its\n"
	"           word), packets of 64 to 9000 bytes (or of 28 to 9000), 100 ms each (or N)\n"
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

/* A decimal number from @min to @max into *@value. */
static bool read_number(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoull(text, &end, 10);
	if (*end || v < min || v > max)
		return false;
	*value = (uint32_t)v;
	return true;
}

/* One option of bench and its argument; how many words of the command line it took, 0: it is wrong. */
static int bench_option(const char *name, const char *arg, const char **engine, struct espnic_cli_bench *how)
{
	if (strcmp(name, "--json") == 0) {
		how->json = true;
		return 1;
	}
	if (!arg)
		return 0;
	if (strcmp(name, "--engine") == 0)
		*engine = arg;
	else if (strcmp(name, "--transform") == 0)
		how->transform = arg;
	else if (strcmp(name, "--size") == 0)
		return read_number(arg, ESPNIC_CLI_BENCH_MIN, ESPNIC_CLI_BENCH_MAX, &how->size) ? 2 : 0;
	else if (strcmp(name, "--ms") == 0)
		return read_number(arg, 1, ESPNIC_CLI_BENCH_MS_MAX, &how->ms) ? 2 : 0;
	else
		return 0;
	return 2;
}

static int bench_main(int argc, char **argv)
{
	struct espnic_cli_bench how = { .ms = BENCH_MS };
	const struct espnic_engine_ops *ops;
	const char *engine = "auto", *why;

	for (int i = 2, took; i < argc; i += took) {
		took = bench_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &engine, &how);
		if (!took)
			return usage_error("bad argument: ", argv[i]);
	}
	ops = espnic_engine_get(engine, &why);
	if (!ops) {
		fprintf(stderr, "espnic-engine: --engine %s: %s\n", engine, why);
		return EXIT_USAGE;
	}
	why = espnic_cli_bench(ops, &how);
	if (why)
		fprintf(stderr, "espnic-engine: bench: %s\n", why);
	return why ? EXIT_FAILED : EXIT_OK;
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
	if (strcmp(argv[1], "bench") == 0)
		return printed(bench_main(argc, argv));
	return usage_error("no such command: ", argv[1]);
}
