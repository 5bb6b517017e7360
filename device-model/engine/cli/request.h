/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON lines of espnic-engine: one request in, one reply out (CONTRACTS.md). */
#ifndef ESPNIC_ENGINE_CLI_REQUEST_H
#define ESPNIC_ENGINE_CLI_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/bodies.h"
#include "engine/engine.h"

enum espnic_cli_limits {
	ESPNIC_CLI_LINE_MAX = 1024 * 1024,	/* bytes of a request, newline apart */
	ESPNIC_CLI_HEX_MAX = ESPNIC_CLI_LINE_MAX / 2,	/* bytes a line can carry in hex */
	ESPNIC_CLI_BENCH_MIN = 28,		/* bytes of a clear packet that is timed: IPv4 and UDP */
	ESPNIC_CLI_BENCH_MAX = 9000,
	ESPNIC_CLI_BENCH_MS_MAX = 60000,
};

/* A byte string out of a request. Its memory belongs to whoever called espnic_cli_hex(). */
struct espnic_cli_bytes {
	uint8_t *data;
	size_t len;
};

/* What is wrong with a request; set by the readers below, the first one stays. */
struct espnic_cli_error {
	enum espnic_verdict verdict;	/* ESPNIC_OK: nothing */
	const char *detail;		/* constant text or NULL */
};

/* Notes an error unless there is one already; returns false for the caller's convenience. */
bool espnic_cli_fail(struct espnic_cli_error *err, enum espnic_verdict verdict, const char *detail);

/*
 * Members of @obj by name. Absent ones leave *@value alone and are no error; ones
 * of another type are ESPNIC_BAD_REQUEST. True: it was there and is in *@value.
 */
bool espnic_cli_uint(struct json_object *obj, const char *name, uint64_t *value,
		     struct espnic_cli_error *err);
bool espnic_cli_bool(struct json_object *obj, const char *name, bool *value,
		     struct espnic_cli_error *err);
bool espnic_cli_string(struct json_object *obj, const char *name, const char **value,
		       struct espnic_cli_error *err);
bool espnic_cli_object(struct json_object *obj, const char *name, struct json_object **value,
		       struct espnic_cli_error *err);

/*
 * Hex, of at most @max bytes, into @value->data, which the caller provides. Empty
 * hex is as good as absent: false and length 0. The string in @obj is wiped if @secret.
 */
bool espnic_cli_hex(struct json_object *obj, const char *name, struct espnic_cli_bytes *value,
		    size_t max, bool secret, struct espnic_cli_error *err);

/* The place of member @name in @words (NULL-terminated), or BAD_REQUEST. Absent: false. */
bool espnic_cli_word(struct json_object *obj, const char *name, const char *const *words,
		     unsigned int *value, struct espnic_cli_error *err);

/* Replies, each a whole line but for the parts between begin and end. */
void espnic_cli_reply_begin(FILE *out, struct json_object *id);
void espnic_cli_reply_hex(FILE *out, const char *name, const uint8_t *data, size_t len);
void espnic_cli_reply_uint(FILE *out, const char *name, uint64_t value);
void espnic_cli_reply_end(FILE *out);
void espnic_cli_reply_error(FILE *out, struct json_object *id, const struct espnic_cli_error *err);

/* What answers one request (an object); @state is its own. */
typedef void (*espnic_cli_handler)(void *state, struct json_object *request, FILE *out);

/*
 * Reads lines from @in to its end and answers each on @out. Flushes after every line
 * when @flush. 0, or -1: output failed or no memory.
 */
int espnic_cli_serve(FILE *in, FILE *out, bool flush, espnic_cli_handler handler, void *state);

/* The two commands. The state is made by _new (NULL without memory) and freed by _free. */
struct espnic_cli_run;
struct espnic_cli_run *espnic_cli_run_new(const struct espnic_engine_ops *ops);
void espnic_cli_run_free(struct espnic_cli_run *run);
void espnic_cli_run_answer(void *run, struct json_object *request, FILE *out);

struct espnic_cli_crypto;
struct espnic_cli_crypto *espnic_cli_crypto_new(const struct espnic_transforms *transforms);
void espnic_cli_crypto_free(struct espnic_cli_crypto *crypto);
void espnic_cli_crypto_answer(void *crypto, struct json_object *request, FILE *out);

/*
 * Prints a line for each transform that SAs may name: sizes, standing in RFC 8221, and which bodies
 * have it in ESP, in AH, and bare; an object a line if @json.
 */
void espnic_cli_list(bool json);

/*
 * An outbound ESP SA of the @n-th transform of that list, with the other one that it needs beside it and a key that
 * everybody knows, and *@word its word. False: there are no more.
 */
bool espnic_cli_list_sa(unsigned int n, struct espnic_sa_params *p, const char **word);

/* Asks each body this machine can run for its known answers and prints them. False: a wrong one. */
bool espnic_cli_selftest(void);

struct espnic_cli_bench {
	const char *transform;		/* a word of the list; NULL: all */
	uint32_t size;			/* bytes of the clear packets, ESPNIC_CLI_BENCH_MIN...MAX; 0: the usual sizes */
	uint32_t ms;			/* milliseconds for each transform and size, 1...ESPNIC_CLI_BENCH_MS_MAX */
	bool json;			/* an object a line */
};

/* Times whole ESP in body @ops and prints a line for each transform and size. NULL, or what went wrong. */
const char *espnic_cli_bench(const struct espnic_engine_ops *ops, const struct espnic_cli_bench *how);

/* The SA of CONTRACTS.md in @obj into *@p (its direction apart). False: *@err says why. */
bool espnic_cli_read_sa(struct json_object *obj, struct espnic_sa_params *p,
			struct espnic_cli_error *err);

#endif
