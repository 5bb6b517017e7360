// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine run: packets through SAs. */
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"
#include "engine/wipe.h"

enum {
	TABLE_START = 1024,		/* SAs the table has room for before it grows */
	/* TFC padding may fill an IP packet. */
	TAILROOM = ESPNIC_PACKET_MAX + ESPNIC_TAILROOM,
	BUFFER = ESPNIC_HEADROOM + ESPNIC_CLI_HEX_MAX + TAILROOM,
	IV_MAX = 16,
	DIRECTIONS = 2,
};

/*
 * An SA of the run. An engine's SA has one direction; sa_ref may come with the other
 * operation too, and then makes a second one of the same parameters.
 */
struct entry {
	const struct espnic_engine_ops *ops;
	struct espnic_sa_params params;
	struct espnic_sa *sa[DIRECTIONS];
};

struct espnic_cli_run {
	const struct espnic_engine_ops *ops;
	struct espnic_engine_thread *thread;
	struct lh_table *entries;	/* JSON text of the id -> struct entry */
	uint8_t *buffer;
};

static void entry_free(struct entry *e)
{
	for (int dir = 0; dir < DIRECTIONS; dir++)
		e->ops->sa_del(e->sa[dir]);
	espnic_wipe(e, sizeof(*e));
	free(e);
}

static void table_free_entry(struct lh_entry *slot)
{
	free(lh_entry_k(slot));
	entry_free(lh_entry_v(slot));
}

struct espnic_cli_run *espnic_cli_run_new(const struct espnic_engine_ops *ops)
{
	struct espnic_cli_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->ops = ops;
	run->thread = ops->thread_new();
	run->entries = lh_kchar_table_new(TABLE_START, table_free_entry);
	run->buffer = malloc(BUFFER);
	if (!run->thread || !run->entries || !run->buffer) {
		espnic_cli_run_free(run);
		return NULL;
	}
	return run;
}

void espnic_cli_run_free(struct espnic_cli_run *run)
{
	if (!run)
		return;
	if (run->entries)
		lh_table_free(run->entries);
	run->ops->thread_free(run->thread);
	free(run->buffer);
	free(run);
}

/* Keeps @e under @id; a later SA of the same id takes the place of the earlier. */
static bool remember(struct espnic_cli_run *run, struct json_object *id, struct entry *e)
{
	char *key = strdup(json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN));

	if (!key)
		return false;
	lh_table_delete(run->entries, key);
	if (lh_table_insert(run->entries, key, e) == 0)
		return true;
	free(key);
	return false;
}

static struct entry *recall(struct espnic_cli_run *run, struct json_object *ref)
{
	const char *key = json_object_to_json_string_ext(ref, JSON_C_TO_STRING_PLAIN);
	struct lh_entry *slot = lh_table_lookup_entry(run->entries, key);

	return slot ? lh_entry_v(slot) : NULL;
}

/* The engine's SA of @e for @dir, made at first use. */
static struct espnic_sa *entry_sa(struct entry *e, enum espnic_sa_dir dir,
				  struct espnic_cli_error *err)
{
	enum espnic_verdict verdict;
	const char *why;

	if (e->sa[dir])
		return e->sa[dir];
	e->params.dir = dir;
	verdict = e->ops->sa_add(&e->params, &e->sa[dir], &why);
	if (verdict != ESPNIC_OK)
		espnic_cli_fail(err, verdict, why);
	return e->sa[dir];
}

/* The SA of a request: a new one ("sa") or an earlier one ("sa_ref"). NULL and *@err. */
static struct espnic_sa *request_sa(struct espnic_cli_run *run, struct json_object *request,
				    enum espnic_sa_dir dir, struct espnic_cli_error *err)
{
	struct json_object *ref, *obj;
	struct espnic_sa *sa;
	struct entry *e;

	if (json_object_object_get_ex(request, "sa_ref", &ref)) {
		e = recall(run, ref);
		if (!e) {
			espnic_cli_fail(err, ESPNIC_NO_SA, "unknown sa_ref");
			return NULL;
		}
		return entry_sa(e, dir, err);
	}
	if (!espnic_cli_object(request, "sa", &obj, err)) {
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "neither sa nor sa_ref");
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e) {
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "out of memory");
		return NULL;
	}
	e->ops = run->ops;
	sa = espnic_cli_read_sa(obj, &e->params, err) ? entry_sa(e, dir, err) : NULL;
	if (sa && !remember(run, json_object_object_get(request, "id"), e)) {
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "out of memory");
		sa = NULL;
	}
	if (!sa)
		entry_free(e);
	return sa;
}

struct packet_request {
	enum espnic_sa_dir dir;
	struct espnic_pkt pkt;
	uint8_t iv[IV_MAX];
	size_t iv_len;
};

/* All of a request but its SA. */
static bool read_request(struct espnic_cli_run *run, struct json_object *request,
			 struct packet_request *req, struct espnic_cli_error *err)
{
	static const char *const op_words[] = {
		[ESPNIC_DIR_OUT] = "protect",
		[ESPNIC_DIR_IN] = "unprotect",
		NULL
	};
	struct espnic_cli_bytes packet = { .data = run->buffer + ESPNIC_HEADROOM };
	struct espnic_cli_bytes iv = { .data = req->iv };
	unsigned int op = 0;

	memset(req, 0, sizeof(*req));
	if (!espnic_cli_word(request, "op", op_words, &op, err))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "op is missing");
	req->dir = (enum espnic_sa_dir)op;
	if (!espnic_cli_hex(request, "packet", &packet, ESPNIC_CLI_HEX_MAX, false, err))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "packet is missing");
	req->pkt.data = packet.data;
	req->pkt.len = (uint32_t)packet.len;
	req->pkt.headroom = ESPNIC_HEADROOM;
	req->pkt.tailroom = TAILROOM;
	if (req->dir == ESPNIC_DIR_IN)
		return err->verdict == ESPNIC_OK;

	if (espnic_cli_uint(request, "seq", &req->pkt.seq, err))
		req->pkt.flags |= ESPNIC_PKT_SEQ;
	espnic_cli_hex(request, "iv", &iv, sizeof(req->iv), false, err);
	req->iv_len = iv.len;
	return err->verdict == ESPNIC_OK;
}

void espnic_cli_run_answer(void *state, struct json_object *request, FILE *out)
{
	struct json_object *id = json_object_object_get(request, "id");
	struct espnic_cli_error err = { ESPNIC_OK, NULL };
	struct espnic_cli_run *run = state;
	struct packet_request req;

	if (read_request(run, request, &req, &err))
		req.pkt.sa = request_sa(run, request, req.dir, &err);
	if (err.verdict == ESPNIC_OK && req.iv_len) {
		if (req.iv_len != espnic_sa_info(req.pkt.sa)->iv_len)
			espnic_cli_fail(&err, ESPNIC_BAD_REQUEST, "iv length");
		req.pkt.iv = req.iv;
	}
	if (err.verdict == ESPNIC_OK) {
		if (req.dir == ESPNIC_DIR_OUT)
			run->ops->protect(run->thread, &req.pkt, 1);
		else
			run->ops->unprotect(run->thread, &req.pkt, 1);
		err.verdict = req.pkt.verdict;
	}
	if (err.verdict != ESPNIC_OK) {
		espnic_cli_reply_error(out, id, &err);
		return;
	}
	espnic_cli_reply_begin(out, id);
	espnic_cli_reply_hex(out, "packet", req.pkt.data, req.pkt.len);
	espnic_cli_reply_uint(out, "seq", req.pkt.seq);
	espnic_cli_reply_end(out);
}
