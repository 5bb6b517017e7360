// SPDX-License-Identifier: BSD-2-Clause
#include "main/rights.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/child.h"

/* ---- what is allowed ---- */

static const struct espnic_ike_child_conf *find_child(const struct espnic_store *s, const char *conn, const char *child)
{
	const struct espnic_store_conn *c = conn ? espnic_store_find_conn(s, conn) : NULL;
	uint32_t i;

	for (i = 0; c && i < c->c.conn->n_children; i++)
		if (!strcmp(c->c.conn->children[i].name, child))
			return &c->c.conn->children[i];
	return NULL;
}

/* Is @ts part of @of? @self: the address that "dynamic" stands for. */
static bool within(const struct espnic_ike_ts *ts, const struct espnic_ike_ts *of, const struct espnic_ike_addr *self)
{
	size_t n = ts->family == 4 ? 4 : 16;
	const uint8_t *from = of->dynamic ? self->bytes : of->from, *to = of->dynamic ? self->bytes : of->to;

	if ((of->dynamic ? self->family : of->family) != ts->family || (of->proto && of->proto != ts->proto))
		return false;
	/* OPAQUE, from above to, is part of what allows every port */
	if (of->port_from > ts->port_from && ts->port_from <= ts->port_to)
		return false;
	if (of->port_to < ts->port_to && ts->port_from <= ts->port_to)
		return false;
	return memcmp(ts->from, from, n) >= 0 && memcmp(ts->to, to, n) <= 0;
}

static bool all_within(const struct espnic_ike_ts *ts, unsigned int n, const struct espnic_ike_ts *of, unsigned int n_of,
		       const struct espnic_ike_addr *self)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < n_of && !within(&ts[i], &of[j], self); j++)
			;
		if (j == n_of)
			return false;
	}
	return true;
}

static const char *forbidden(const struct espnic_ike_kernel_op *op)
{
	const struct espnic_ike_child_conf *c = op->conf;

	if (!c)
		return "no such child is configured";
	if (op->kind == ESPNIC_IKE_KERNEL_DELETE)
		return NULL;
	if (!op->n_local || !op->n_remote || !all_within(op->ts_local, op->n_local, c->local, c->n_local, &op->local.addr) ||
	    !all_within(op->ts_remote, op->n_remote, c->remote, c->n_remote, &op->remote.addr))
		return "selectors outside of the configured ones";
	if (!op->encr || !op->encr_in || !op->encr_out || (op->integ && (!op->integ_in || !op->integ_out)))
		return "an SA without keys";
	/* authenticated by itself, or by another */
	if (!op->encr->icv && !op->integ)
		return "an SA without authentication";
	return NULL;
}

/* ---- the kernel ---- */

static size_t answer_kernel(const struct espnic_ike_kernel_op *op, const struct espnic_child_result *result, uint8_t *reply)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KERNEL };
	char text[ESPNIC_IKE_TEXT];

	snprintf(text, sizeof(text), "%.*s", ESPNIC_IKE_TEXT - 1, result->text);
	in.kernel.token = op->token;
	in.kernel.status = result->status;
	in.kernel.offload = result->offload;
	in.kernel.text = text[0] ? text : NULL;
	return espnic_ipc_put_done(reply, &in);
}

static size_t kernel(const struct espnic_rights *r, struct espnic_ipc *m, uint8_t *reply)
{
	struct espnic_ike_kernel_op *op = &m->kernel;
	struct espnic_child_result result = { .status = ESPNIC_IKE_KERNEL_FAILED };
	const char *why;

	op->conf = find_child(r->store, op->conn, m->child);
	why = forbidden(op);
	if (why) {
		espnic_log_note(r->log, "refused", "conn=%s child=%s: %s", op->conn ? op->conn : "", m->child, why);
		snprintf(result.text, sizeof(result.text), "%s", why);
	} else if (!r->xfrm) {
		result.status = ESPNIC_IKE_KERNEL_OK;
	} else {
		espnic_child_run(r->xfrm, op, r->device(r->ctx, op->conf->device, &op->local.addr), &result);
	}
	return answer_kernel(op, &result, reply);
}

/* ---- keys ---- */

static size_t key(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *reply)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KEY };
	const struct espnic_secret *psk;
	uint8_t mac[ESPNIC_IKE_MAC];
	size_t len;
	int n = -1;

	in.key.token = op->token;
	if (op->kind == ESPNIC_IKE_KEY_PSK) {
		psk = espnic_store_psk(r->store, op->local, op->remote);
		if (psk)
			n = espnic_ike_psk_mac(op->prf, psk->bytes, psk->len, op->octets, op->len, mac);
		in.key.text = psk ? "the MAC can't be computed" : "no secret of these identities";
	} else {
		in.key.text = "private keys are not supported";
	}
	if (n > 0) {
		in.key.ok = true;
		in.key.data = mac;
		in.key.len = (size_t)n;
		in.key.text = NULL;
	}
	len = espnic_ipc_put_done(reply, &in);
	explicit_bzero(mac, sizeof(mac));
	return len;
}

int espnic_rights_handle(const struct espnic_rights *r, const uint8_t *message, size_t len, uint8_t *reply)
{
	struct espnic_ipc *m = malloc(sizeof(*m));
	int rc = -1;

	if (!m)
		return -1;
	if (espnic_ipc_get(message, len, m)) {
		switch (m->type) {
		case ESPNIC_IPC_KERNEL:
			rc = (int)kernel(r, m, reply);
			break;
		case ESPNIC_IPC_KEY:
			rc = (int)key(r, &m->key, reply);
			break;
		case ESPNIC_IPC_EVENT:
			espnic_log_event(r->log, &m->event);
			rc = 0;
			break;
		default:
			/* answers are given here, not taken */
			break;
		}
	}
	explicit_bzero(m, sizeof(*m));
	free(m);
	return rc;
}
