// SPDX-License-Identifier: BSD-2-Clause
#include "vip.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REQUEST = 1, REPLY = 2,		/* RFC 7296 3.15 */
	IP4_ADDRESS = 1, IP4_DNS = 3, IP6_ADDRESS = 8, IP6_DNS = 10,	/* 3.15.1 */
	TYPE_MASK = 0x7fff,		/* the bit above is reserved */
	HOST_PREFIX = 128,		/* behind an IPv6 address */
	IPV4_IN_IPV6 = 12,		/* bytes in front of one */
};

/* ------------------------------------------------------------------ payloads */

static size_t bytes_of(unsigned int family)
{
	return family == 4 ? 4 : 16;
}

/* The address in an attribute of @type; false: it has none that can be used. */
static bool read_addr(struct espnic_ike_addr *a, unsigned int type, struct espnic_ike_chunk v)
{
	uint8_t family = type == IP4_ADDRESS || type == IP4_DNS ? 4 : 6;

	/* an IPv6 address has its prefix behind it, a server has none */
	if (v.len != bytes_of(family) + (type == IP6_ADDRESS))
		return false;
	memset(a, 0, sizeof(*a));
	a->family = family;
	memcpy(a->bytes, v.p, bytes_of(family));
	return true;
}

static void read_attribute(struct espnic_ike_cp *cp, unsigned int type, struct espnic_ike_chunk v)
{
	unsigned int i = type == IP6_ADDRESS;

	switch (type) {
	case IP4_ADDRESS:
	case IP6_ADDRESS:
		if (!cp->asked[i] && !read_addr(&cp->addr[i], type, v))
			memset(&cp->addr[i], 0, sizeof(cp->addr[i]));
		cp->asked[i] = true;
		break;
	case IP4_DNS:
	case IP6_DNS:
		if (cp->n_dns < ESPNIC_IKE_DNS && read_addr(&cp->dns[cp->n_dns], type, v))
			cp->n_dns++;
		break;
	default:
		break;
	}
}

bool espnic_ike_cp_read(struct espnic_ike_cp *cp, struct espnic_ike_chunk body)
{
	struct espnic_ike_rd r = espnic_ike_rd(body.p, body.len);

	memset(cp, 0, sizeof(*cp));
	cp->type = (uint8_t)espnic_ike_rd_be(&r, 1);
	espnic_ike_rd_be(&r, 3);
	while (r.left && !r.bad) {
		unsigned int type = (unsigned int)espnic_ike_rd_be(&r, 2) & TYPE_MASK;
		struct espnic_ike_chunk v = { .len = espnic_ike_rd_be(&r, 2) };

		v.p = espnic_ike_rd_bytes(&r, v.len);
		if (!r.bad)
			read_attribute(cp, type, v);
	}
	return !r.bad;
}

/* @a with its bytes, or (@value false) the question for one. */
static void write_attribute(struct espnic_ike_wr *w, unsigned int type, const struct espnic_ike_addr *a, bool value)
{
	size_t len = value ? bytes_of(a->family) : 0;

	espnic_ike_wr_be(w, type, 2);
	espnic_ike_wr_be(w, len + (len && type == IP6_ADDRESS), 2);
	espnic_ike_wr_bytes(w, a->bytes, len);
	if (len && type == IP6_ADDRESS)
		espnic_ike_wr_be(w, HOST_PREFIX, 1);
}

static size_t begin(struct espnic_ike_wr *w, unsigned int type)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_CP);

	espnic_ike_wr_be(w, type, 1);
	espnic_ike_wr_be(w, 0, 3);
	return at;
}

static unsigned int address_type(const struct espnic_ike_addr *a)
{
	return a->family == 4 ? IP4_ADDRESS : IP6_ADDRESS;
}

static unsigned int dns_type(const struct espnic_ike_addr *a)
{
	return a->family == 4 ? IP4_DNS : IP6_DNS;
}

/* ------------------------------------------------------------------ addresses */

static bool any(const struct espnic_ike_addr *a)
{
	static const uint8_t zeros[sizeof(a->bytes)];

	return memcmp(a->bytes, zeros, sizeof(zeros)) == 0;
}

bool espnic_ike_vip_good(const struct espnic_ike_addr *a)
{
	static const uint8_t mapped[IPV4_IN_IPV6] = { [10] = 0xff, 0xff }, compatible[IPV4_IN_IPV6];

	switch (a->family) {
	case 4:
		return a->bytes[0] != 0 && a->bytes[0] != IN_LOOPBACKNET && a->bytes[0] < 224 &&
		       !(a->bytes[0] == 169 && a->bytes[1] == 254);
	case 6:
		return memcmp(a->bytes, mapped, sizeof(mapped)) != 0 && memcmp(a->bytes, compatible, sizeof(compatible)) != 0 &&
		       a->bytes[0] != 0xff && !(a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80);
	default:
		return false;
	}
}

static struct espnic_ike_net host(const struct espnic_ike_addr *a)
{
	return (struct espnic_ike_net){ *a, a->family == 4 ? 32 : 128 };
}

unsigned int espnic_ike_vip_nets(const struct espnic_ike_sa *sa, enum espnic_ike_mode mode, bool own,
				 struct espnic_ike_net net[ESPNIC_IKE_VIPS])
{
	const struct espnic_ike_conn *conn = sa->conn;
	const struct espnic_ike_vips *v = sa->vips;
	unsigned int n = 0;

	if (mode == ESPNIC_IKE_TUNNEL && v && v->own == own) {
		for (; n < v->n; n++)
			net[n] = host(&v->addr[n]);
		return n;
	}
	/* Which it will be is the peer's to say: it cuts the whole down to that (2.19). */
	if (mode == ESPNIC_IKE_TUNNEL && own && sa->state == ESPNIC_IKE_ST_AUTH_SENT)
		for (; n < conn->n_vips; n++)
			net[n] = (struct espnic_ike_net){ { .family = conn->vips[n].family }, 0 };
	if (!n)
		net[n++] = host(own ? &sa->local.addr : &sa->remote.addr);
	return n;
}

void espnic_ike_vip_drop(struct espnic_ike_sa *sa)
{
	struct espnic_ike_vips *v = sa->vips;

	sa->vips = NULL;
	for (unsigned int i = 0; v && i < v->n; i++) {
		if (v->own)
			espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_ADDRESS)->address = (struct espnic_ike_address_op){
				.conn = sa->conn->name, .addr = v->addr[i], .local = sa->local.addr, .remote = sa->remote.addr,
			};
		espnic_ike_lease_back(v->lease[i]);
	}
	free(v);
}

/* ------------------------------------------------------------------ initiator */

void espnic_ike_vip_ask(const struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	const struct espnic_ike_conn *conn = sa->conn;
	size_t at;

	if (!conn->n_vips)
		return;
	at = begin(w, REQUEST);
	for (unsigned int i = 0; i < conn->n_vips; i++) {
		write_attribute(w, address_type(&conn->vips[i]), &conn->vips[i], !any(&conn->vips[i]));
		write_attribute(w, dns_type(&conn->vips[i]), &conn->vips[i], false);
	}
	espnic_ike_wr_end(w, at);
}

/* The addresses and servers that came, for whoever sets up names: nothing here does. */
static void tell(struct espnic_ike_sa *sa, const struct espnic_ike_cp *cp)
{
	char text[ESPNIC_IKE_TEXT] = "vip", addr[INET6_ADDRSTRLEN];
	size_t len = strlen(text);

	for (unsigned int i = 0; i < sa->vips->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " address=%s", espnic_ike_addr_text(&sa->vips->addr[i], addr, sizeof(addr)));
	for (unsigned int i = 0; i < cp->n_dns && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " dns=%s", espnic_ike_addr_text(&cp->dns[i], addr, sizeof(addr)));
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, espnic_ike_say(sa->ike, "%s", text));
}

bool espnic_ike_vip_take(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike_vips *v;
	struct espnic_ike_cp cp;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_CP) || !espnic_ike_cp_read(&cp, m->cp) || cp.type != REPLY)
		return false;
	v = calloc(1, sizeof(*v));
	if (!v)
		return false;
	v->own = true;
	for (unsigned int i = 0; i < conn->n_vips; i++) {
		const struct espnic_ike_addr *a = &cp.addr[conn->vips[i].family == 6];

		if (espnic_ike_vip_good(a))
			v->addr[v->n++] = *a;
	}
	if (!v->n) {
		free(v);
		return false;
	}
	sa->vips = v;
	for (unsigned int i = 0; i < v->n; i++)
		espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_ADDRESS)->address = (struct espnic_ike_address_op){
			.add = true, .conn = conn->name, .addr = v->addr[i], .local = sa->local.addr, .remote = sa->remote.addr,
		};
	tell(sa, &cp);
	return true;
}

/* ------------------------------------------------------------------ responder */

/* Of the first pool of that family that has one left. */
static struct espnic_ike_lease *lease(struct espnic_ike_sa *sa, unsigned int family, const struct espnic_ike_addr *wish)
{
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike_lease *l = NULL;

	for (unsigned int i = 0; i < conn->n_pools && !l; i++) {
		struct espnic_ike_pool *p = espnic_ike_pool_find(sa->ike, conn->pools[i]);

		if (p && p->conf.from.family == family)
			l = espnic_ike_lease_take(sa->ike, p, sa->remote_id, wish);
	}
	return l;
}

uint16_t espnic_ike_vip_give(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	struct espnic_ike_cp cp = { 0 };
	struct espnic_ike_vips *v;

	if (espnic_ike_has(m, ESPNIC_IKE_P_CP) && !espnic_ike_cp_read(&cp, m->cp)) {
		sa->ike->count.rx_malformed++;
		return ESPNIC_IKE_N_INVALID_SYNTAX;
	}
	if (cp.type != REQUEST || (!cp.asked[0] && !cp.asked[1]))
		return sa->conn->n_pools ? ESPNIC_IKE_N_FAILED_CP_REQUIRED : 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return ESPNIC_IKE_N_INTERNAL_ADDRESS_FAILURE;
	for (unsigned int i = 0; i < ESPNIC_IKE_VIPS; i++) {
		struct espnic_ike_lease *l = cp.asked[i] ? lease(sa, i ? 6 : 4, &cp.addr[i]) : NULL;

		if (!l)
			continue;
		v->lease[v->n] = l;
		v->addr[v->n++] = espnic_ike_lease_addr(l);
	}
	if (v->n) {
		sa->vips = v;
		return 0;
	}
	free(v);
	espnic_ike_event_peer(sa->ike, sa, &sa->remote, "no_vip there is no pool with an address left");
	return ESPNIC_IKE_N_INTERNAL_ADDRESS_FAILURE;
}

void espnic_ike_vip_answer(const struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	const struct espnic_ike_vips *v = sa->vips;
	size_t at;

	if (!v)
		return;
	at = begin(w, REPLY);
	for (unsigned int i = 0; i < v->n; i++) {
		const struct espnic_ike_pool_conf *c = &v->lease[i]->pool->conf;

		write_attribute(w, address_type(&v->addr[i]), &v->addr[i], true);
		for (unsigned int j = 0; j < c->n_dns; j++)
			write_attribute(w, dns_type(&c->dns[j]), &c->dns[j], true);
	}
	espnic_ike_wr_end(w, at);
}
