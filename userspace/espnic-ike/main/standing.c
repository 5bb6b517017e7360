// SPDX-License-Identifier: BSD-2-Clause
#include "main/standing.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bypass.h"
#include "kernel/watch.h"

/* ---- devices ---- */

uint32_t espnic_device_of(const struct espnic_ike_child_conf *conf, const struct espnic_ike_addr *local,
			  const struct espnic_ike_addr *remote)
{
	struct espnic_route route;

	if (conf->offload == ESPNIC_IKE_OFFLOAD_NO)
		return 0;
	if (*conf->device)
		return if_nametoindex(conf->device);
	return espnic_route(remote, local, &route) ? route.ifindex : espnic_owner(local);
}

static uint32_t *find_device(struct espnic_standing *s, uint32_t ifindex)
{
	int i;

	for (i = 0; i < ESPNIC_STANDING_DEVICES; i++)
		if (s->device[i] == ifindex)
			return &s->device[i];
	return NULL;
}

int espnic_standing_device(struct espnic_standing *s, uint32_t ifindex, char *text)
{
	uint32_t *at;

	if (find_device(s, ifindex))
		return 0;
	at = find_device(s, 0);
	if (!at) {
		snprintf(text, ESPNIC_XFRM_TEXT, "more than %d devices that offload", ESPNIC_STANDING_DEVICES);
		return -1;
	}
	if (espnic_bypass(s->xfrm, ifindex, s->ports, true, text))
		return -1;
	*at = ifindex;
	return 0;
}

void espnic_standing_lost(struct espnic_standing *s, uint32_t ifindex)
{
	uint32_t *at = find_device(s, ifindex);
	struct espnic_trap *t;

	if (at)
		*at = 0;
	for (t = s->traps; t; t = t->next)
		if (t->ifindex == ifindex && t->offload == ESPNIC_IKE_OFFLOAD_PACKET)
			t->stands = false;
}

void espnic_standing_again(struct espnic_standing *s)
{
	struct espnic_trap *t;

	for (t = s->traps; t; t = t->next)
		if (!t->stands && !espnic_standing_put(s, t))
			espnic_log_note(s->log, "standing", "conn=%s child=%s: its policies are there again", t->conn, t->conf.name);
}

/* ---- traps and shunts ---- */

static bool resolve(struct espnic_ike_ts *out, const struct espnic_ike_ts *from, unsigned int n, const struct espnic_ike_addr *self)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		out[i] = from[i];
		if (!from[i].dynamic)
			continue;
		if (!self->family)
			return false;
		out[i].dynamic = false;
		out[i].family = self->family;
		memcpy(out[i].from, self->bytes, sizeof(out[i].from));
		memcpy(out[i].to, self->bytes, sizeof(out[i].to));
	}
	return true;
}

static struct espnic_ike_kernel_op operation(const struct espnic_trap *t, enum espnic_ike_kernel_kind kind)
{
	return (struct espnic_ike_kernel_op){
		.kind = kind, .conn = t->conn, .conf = &t->conf, .reqid = t->conf.reqid, .mode = t->conf.mode, .policies = true,
		.local = t->local, .remote = t->remote, .ts_local = t->ts_local, .ts_remote = t->ts_remote,
		.n_local = t->conf.n_local, .n_remote = t->conf.n_remote,
	};
}

/* What a shunt asks to be offloaded goes where its interface is named alone: it has no peer to be routed to. */
static uint32_t device(const struct espnic_standing *s, const struct espnic_trap *t)
{
	if (t->what != ESPNIC_CHILD_PROTECT && !*t->conf.device)
		return 0;
	return s->device_of(&t->conf, &t->local.addr, &t->remote.addr);
}

int espnic_standing_put(struct espnic_standing *s, struct espnic_trap *t)
{
	struct espnic_ike_kernel_op op = operation(t, ESPNIC_IKE_KERNEL_INSTALL);
	struct espnic_child_result result = { .status = ESPNIC_IKE_KERNEL_OK };
	char text[ESPNIC_XFRM_TEXT] = "";

	t->ifindex = device(s, t);
	if (!s->xfrm) {
		t->stands = true;
		return 0;
	}
	if (t->conf.offload == ESPNIC_IKE_OFFLOAD_PACKET && t->ifindex && espnic_standing_device(s, t->ifindex, text)) {
		result.status = ESPNIC_IKE_KERNEL_FAILED;
		memcpy(result.text, text, sizeof(text));
	} else {
		/* with auto, a device that takes no policies for IKE takes no others either, and software it is */
		if (t->conf.offload == ESPNIC_IKE_OFFLOAD_AUTO && t->ifindex)
			espnic_standing_device(s, t->ifindex, text);
		espnic_child_policies(s->xfrm, &op, t->ifindex, t->what, &result);
	}
	t->stands = result.status == ESPNIC_IKE_KERNEL_OK;
	t->offload = result.offload;
	snprintf(t->note, sizeof(t->note), "%s", result.text);
	return t->stands ? 0 : -1;
}

struct espnic_trap *espnic_standing_find(const struct espnic_standing *s, const char *conn, const char *name)
{
	struct espnic_trap *t = s->traps;

	while (t && (strcmp(t->conn, conn) != 0 || strcmp(t->conf.name, name) != 0))
		t = t->next;
	return t;
}

const struct espnic_trap *espnic_standing_reqid(const struct espnic_standing *s, uint32_t reqid)
{
	const struct espnic_trap *t = s->traps;

	while (t && (t->what != ESPNIC_CHILD_PROTECT || t->conf.reqid != reqid))
		t = t->next;
	return t;
}

static bool same_place(const struct espnic_trap *a, const struct espnic_trap *b)
{
	return a->conf.offload == b->conf.offload && a->conf.n_local == b->conf.n_local && a->conf.n_remote == b->conf.n_remote &&
	       espnic_sas_same_ts(a->ts_local, b->ts_local, a->conf.n_local) &&
	       espnic_sas_same_ts(a->ts_remote, b->ts_remote, a->conf.n_remote) &&
	       !memcmp(&a->conf.mark_in, &b->conf.mark_in, 4 * sizeof(a->conf.mark_in)) && a->conf.if_id_in == b->conf.if_id_in &&
	       a->conf.if_id_out == b->conf.if_id_out;
}

/* In the place of what there is: without a gap where both have the same policies. */
static int keep(struct espnic_standing *s, const struct espnic_trap *fresh, char err[ESPNIC_XFRM_TEXT])
{
	struct espnic_trap *t = espnic_standing_find(s, fresh->conn, fresh->conf.name), *next;

	if (t && !same_place(t, fresh)) {
		espnic_standing_remove(s, fresh->conn, fresh->conf.name);
		t = NULL;
	}
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t) {
			snprintf(err, ESPNIC_XFRM_TEXT, "out of memory");
			return -1;
		}
		t->next = s->traps;
		s->traps = t;
	}
	next = t->next;
	*t = *fresh;
	t->next = next;
	/* the policies of a child that is up are those of the trap, and name its SAs */
	if (t->what == ESPNIC_CHILD_PROTECT && espnic_sas_up(s->sas, t->conn, t->conf.name)) {
		t->stands = true;
		return 0;
	}
	if (!espnic_standing_put(s, t))
		return 0;
	memcpy(err, t->note, sizeof(t->note));
	return -1;
}

int espnic_standing_trap(struct espnic_standing *s, const struct espnic_ike_conn *conn, const struct espnic_ike_child_conf *conf,
			 char err[ESPNIC_XFRM_TEXT])
{
	struct espnic_trap t = { .what = ESPNIC_CHILD_PROTECT, .conf = *conf };
	struct espnic_route route;

	snprintf(t.conn, sizeof(t.conn), "%s", conn->name);
	if (!conn->n_remote || !espnic_ike_net_one(&conn->remote[0])) {
		snprintf(err, ESPNIC_XFRM_TEXT, "a trap needs the peer's one address (remote_addrs)");
		return -1;
	}
	t.remote.addr = conn->remote[0].addr;
	if (conn->n_local && espnic_ike_net_one(&conn->local[0])) {
		t.local.addr = conn->local[0].addr;
	} else if (espnic_route(&t.remote.addr, NULL, &route)) {
		t.local.addr = route.local;
	} else {
		snprintf(err, ESPNIC_XFRM_TEXT, "a trap needs an address of our own: there is no route to the peer");
		return -1;
	}
	if (!resolve(t.ts_local, conf->local, conf->n_local, &t.local.addr) ||
	    !resolve(t.ts_remote, conf->remote, conf->n_remote, &t.remote.addr)) {
		snprintf(err, ESPNIC_XFRM_TEXT, "selectors that are no addresses");
		return -1;
	}
	return keep(s, &t, err);
}

int espnic_standing_shunt(struct espnic_standing *s, const char *conn, const struct espnic_conf_shunt *shunt,
			  char err[ESPNIC_XFRM_TEXT])
{
	struct espnic_trap t = { .what = shunt->drop ? ESPNIC_CHILD_DROP : ESPNIC_CHILD_PASS, .conf = shunt->conf };
	static const struct espnic_ike_addr none;

	snprintf(t.conn, sizeof(t.conn), "%s", conn);
	if (!resolve(t.ts_local, t.conf.local, t.conf.n_local, &none) || !resolve(t.ts_remote, t.conf.remote, t.conf.n_remote, &none)) {
		snprintf(err, ESPNIC_XFRM_TEXT, "what passes or is dropped needs selectors that are addresses, not 'dynamic'");
		return -1;
	}
	return keep(s, &t, err);
}

static void take_out(struct espnic_standing *s, struct espnic_trap *t)
{
	struct espnic_ike_kernel_op op = operation(t, ESPNIC_IKE_KERNEL_DELETE);
	struct espnic_child_result result;

	/* a child that is up needs them, and takes them along when it goes */
	if (!s->xfrm || (t->what == ESPNIC_CHILD_PROTECT && espnic_sas_up(s->sas, t->conn, t->conf.name)))
		return;
	espnic_child_policies(s->xfrm, &op, t->ifindex, t->what, &result);
	if (result.status != ESPNIC_IKE_KERNEL_OK)
		espnic_log_note(s->log, "kernel", "conn=%s child=%s: %s", t->conn, t->conf.name, result.text);
}

unsigned int espnic_standing_remove(struct espnic_standing *s, const char *conn, const char *name)
{
	struct espnic_trap **at = &s->traps, *t;
	unsigned int n = 0;

	while ((t = *at)) {
		if (strcmp(t->conn, conn) != 0 || (name && strcmp(t->conf.name, name) != 0)) {
			at = &t->next;
			continue;
		}
		take_out(s, t);
		*at = t->next;
		free(t);
		n++;
	}
	return n;
}

void espnic_standing_end(struct espnic_standing *s)
{
	char text[ESPNIC_XFRM_TEXT];
	struct espnic_trap *t;
	int i;

	while ((t = s->traps)) {
		take_out(s, t);
		s->traps = t->next;
		free(t);
	}
	/* last, for what stands may need it */
	for (i = 0; i < ESPNIC_STANDING_DEVICES; i++)
		if (s->device[i] && espnic_bypass(s->xfrm, s->device[i], s->ports, false, text))
			espnic_log_note(s->log, "kernel", "%s", text);
	memset(s->device, 0, sizeof(s->device));
}
