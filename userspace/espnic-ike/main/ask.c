// SPDX-License-Identifier: BSD-2-Clause
/* Talking with the process on the network: what it asks for is done, and what it is asked it answers. */
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/daemon.h"

enum {
	ANSWER_MS = 10000, /* a process that says nothing for so long hangs, and is ended */
	BATCH = 64, /* messages before anything else is looked at */
};

/* What has been asked, and what came of it. */
struct answer {
	uint32_t seq;
	bool done, ok;
	char text[ESPNIC_IKE_TEXT];
	uint8_t keyid[ESPNIC_IKE_KEYID]; /* of CERT */
	/* of LIST */
	espnic_ctl_each_sa *each;
	void *ctx;
	struct espnic_ike_counters *counters;
	struct espnic_ike_pool_info *pool; /* of POOL_LOOK */
	struct espnic_ipc *sa; /* whose children come; NULL: none */
	struct espnic_ipc *child[ESPNIC_IKE_CHILDREN];
	unsigned int n;
};

static void give_up(struct espnic_daemon *d, const char *why)
{
	if (!d->end)
		espnic_log_note(&d->log, "fault", "the process on the network %s", why);
	d->end = d->failed = true;
}

static void drop(struct espnic_ipc *m)
{
	if (m)
		espnic_ipc_wipe(m);
	free(m);
}

/* ---- SAs as they are told ---- */

static void tell_child(const struct espnic_daemon *d, const struct espnic_ike_child_info *info,
		       struct espnic_ctl_child *c)
{
	const struct espnic_sa *have = espnic_sas_find(&d->sas, info->id);
	char text[ESPNIC_XFRM_TEXT];

	*c = (struct espnic_ctl_child){ .info = info };
	/* what the other process says of it is not asked for more than its number */
	if (!have || have->spi_in != info->spi_in)
		return;
	c->device = *have->device ? have->device : NULL;
	c->asked = have->conf->conf.offload;
	c->note = have->note;
	c->moved = have->moved;
	c->lost = have->lost;
	if (!d->rights.xfrm || have->lost)
		return;
	c->counted = !espnic_child_count(d->rights.xfrm, have->spi_in, &have->local.addr, have->conf->conf.mark_in, &c->in, text) &&
		     (!have->spi_out || !espnic_child_count(d->rights.xfrm, have->spi_out, &have->remote.addr,
							    have->conf->conf.mark_out, &c->out, text));
}

static void tell_sa(struct espnic_daemon *d, struct answer *a)
{
	struct espnic_ike_child_info *infos = calloc(a->n + 1, sizeof(*infos));
	struct espnic_ctl_child *children = calloc(a->n + 1, sizeof(*children));
	unsigned int i;

	for (i = 0; i < a->n && infos && children; i++) {
		infos[i] = a->child[i]->info;
		tell_child(d, &infos[i], &children[i]);
	}
	a->sa->sa.children = infos;
	if (infos && children && a->each)
		a->each(a->ctx, &a->sa->sa, children);
	free(infos);
	free(children);
	for (i = 0; i < a->n; i++)
		drop(a->child[i]);
	drop(a->sa);
	a->sa = NULL;
	a->n = 0;
}

/* True: it has been kept. */
static bool answered(struct espnic_daemon *d, struct answer *a, struct espnic_ipc *m)
{
	switch (a ? m->type : ESPNIC_IPC_NONE) {
	case ESPNIC_IPC_SA:
		if (a->sa)
			break;
		a->sa = m;
		if (!m->sa.n_children)
			tell_sa(d, a);
		return true;
	case ESPNIC_IPC_CHILD:
		if (!a->sa)
			break;
		a->child[a->n++] = m;
		if (a->n == a->sa->sa.n_children)
			tell_sa(d, a);
		return true;
	case ESPNIC_IPC_COUNTERS:
		if (a->counters)
			*a->counters = m->counters;
		return false;
	case ESPNIC_IPC_POOL_INFO:
		if (a->pool)
			*a->pool = m->pool_info;
		return false;
	case ESPNIC_IPC_RESULT:
		if (m->seq != a->seq)
			break;
		a->done = true;
		a->ok = m->result.ok;
		memcpy(a->text, m->text, sizeof(a->text));
		memcpy(a->keyid, m->keyid, sizeof(a->keyid));
		return false;
	default:
		break;
	}
	give_up(d, "sent what was not asked for");
	return false;
}

/* ---- messages ---- */

/* One message; false: there is none now. @a: what is waited for; NULL: nothing. */
static bool one_message(struct espnic_daemon *d, struct answer *a)
{
	size_t len = espnic_link_receive(&d->link, d->message, sizeof(d->message));
	struct espnic_ipc *m = len ? malloc(sizeof(*m)) : NULL;
	int rc = 0;

	if (!m) {
		if (len)
			give_up(d, "sent a message there is no memory for");
		return false;
	}
	if (!espnic_ipc_get(d->message, len, m)) {
		give_up(d, "sent a malformed message");
	} else {
		rc = espnic_rights_handle(&d->rights, m, d->reply);
		if (rc > 0)
			espnic_link_send(&d->link, d->reply, (size_t)rc);
		if (rc < 0 && answered(d, a, m))
			m = NULL;
	}
	OPENSSL_cleanse(d->message, len);
	/* what is no answer after all may have been begun */
	if (rc >= 0)
		OPENSSL_cleanse(d->reply, rc ? (size_t)rc : sizeof(d->reply));
	drop(m);
	return !d->end;
}

static void alive(struct espnic_daemon *d)
{
	if (d->link.dead)
		give_up(d, "has ended, or takes no messages");
}

void espnic_daemon_messages(struct espnic_daemon *d)
{
	int i;

	for (i = 0; i < BATCH && one_message(d, NULL); i++)
		;
	alive(d);
}

void espnic_daemon_input(struct espnic_daemon *d, const struct espnic_ike_input *in)
{
	espnic_link_send(&d->link, d->request, espnic_ipc_put_input(d->request, in));
	alive(d);
}

/* ---- requests ---- */

/* Wait for the answer of @a; what is asked for meanwhile is done. 0, or -1 (the text is @a's, or the other process is gone). */
static int wait_for(struct espnic_daemon *d, struct answer *a)
{
	uint64_t until = espnic_daemon_now() + ANSWER_MS;

	while (!a->done && !d->end) {
		struct pollfd fd = { d->link.fd, espnic_link_events(&d->link), 0 };
		uint64_t now = espnic_daemon_now();

		if (now >= until) {
			give_up(d, "does not answer");
			break;
		}
		if (poll(&fd, 1, (int)(until - now)) < 0 && errno != EINTR)
			give_up(d, "can't be waited for");
		if (fd.revents & POLLOUT)
			espnic_link_flush(&d->link);
		while (!a->done && one_message(d, a))
			;
		alive(d);
	}
	while (a->n)
		drop(a->child[--a->n]);
	drop(a->sa);
	if (!a->done)
		snprintf(a->text, sizeof(a->text), "the daemon is ending");
	return a->done && a->ok ? 0 : -1;
}

static int request(struct espnic_daemon *d, enum espnic_ipc_type type, const char *name, struct answer *a)
{

	a->seq = ++d->last_seq;
	espnic_link_send(&d->link, d->request, espnic_ipc_put_request(d->request, type, a->seq, name));
	return wait_for(d, a);
}

int espnic_daemon_load(struct espnic_daemon *d, const struct espnic_ike_conn *conn, struct espnic_conf_error *err)
{
	struct answer a = { 0 };
	uint32_t i;

	espnic_link_send(&d->link, d->request, espnic_ipc_put_conn(d->request, conn));
	for (i = 0; i < conn->n_children; i++)
		espnic_link_send(&d->link, d->request, espnic_ipc_put_child_conf(d->request, &conn->children[i]));
	if (!request(d, ESPNIC_IPC_LOAD, NULL, &a))
		return 0;
	snprintf(err->text, sizeof(err->text), "%s", a.text);
	return -1;
}

void espnic_daemon_unload(struct espnic_daemon *d, const char *name)
{
	struct answer a = { 0 };

	request(d, ESPNIC_IPC_UNLOAD, name, &a);
}

int espnic_daemon_cert(struct espnic_daemon *d, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
		       uint8_t keyid[ESPNIC_IKE_KEYID], struct espnic_conf_error *err)
{
	struct answer a = { .seq = ++d->last_seq };

	if (len > ESPNIC_IPC_OCTETS) {
		snprintf(err->text, sizeof(err->text), "a certificate or CRL of more than %d bytes", ESPNIC_IPC_OCTETS);
		return -1;
	}
	espnic_link_send(&d->link, d->request, espnic_ipc_put_cert(d->request, a.seq, kind, der, len));
	if (wait_for(d, &a)) {
		snprintf(err->text, sizeof(err->text), "%s", a.text);
		return -1;
	}
	memcpy(keyid, a.keyid, sizeof(a.keyid));
	return 0;
}

void espnic_daemon_certs_clear(struct espnic_daemon *d)
{
	struct answer a = { 0 };

	request(d, ESPNIC_IPC_CERTS_CLEAR, NULL, &a);
}

static int told(struct espnic_conf_error *err, int rc, const struct answer *a)
{
	if (rc)
		snprintf(err->text, sizeof(err->text), "%s", a->text);
	return rc;
}

int espnic_daemon_load_pool(void *ctx, const struct espnic_ike_pool_conf *pool, struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	struct answer a = { .seq = ++d->last_seq };

	espnic_link_send(&d->link, d->request, espnic_ipc_put_pool(d->request, a.seq, pool));
	return told(err, wait_for(d, &a), &a);
}

int espnic_daemon_unload_pool(void *ctx, const char *name, struct espnic_conf_error *err)
{
	struct answer a = { 0 };

	return told(err, request(ctx, ESPNIC_IPC_POOL_UNLOAD, name, &a), &a);
}

int espnic_daemon_pool_info(void *ctx, const char *name, struct espnic_ike_pool_info *info)
{
	struct answer a = { .pool = info };

	return request(ctx, ESPNIC_IPC_POOL_LOOK, name, &a);
}

int espnic_daemon_look(struct espnic_daemon *d, espnic_ctl_each_sa *each, void *ctx, struct espnic_ike_counters *n)
{
	struct answer a = { .each = each, .ctx = ctx, .counters = n };

	return request(d, each ? ESPNIC_IPC_LIST : ESPNIC_IPC_COUNT, NULL, &a);
}
