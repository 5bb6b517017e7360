// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses of an SA that is up change: MOBIKE (RFC 4555), NATs that map anew (RFC 7296 2.23), and what keeps their mappings alive
 * (RFC 3948 4).
 */
#include <openssl/crypto.h>
#include <string.h>

#include "sa.h"

static bool same_endpoint(const struct espnic_ike_endpoint *a, const struct espnic_ike_endpoint *b)
{
	return a->port == b->port && espnic_ike_addr_equal(&a->addr, &b->addr);
}

/* The children go where their IKE SA went; @local and @remote are where they were. */
static void move_children(struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *local, const struct espnic_ike_endpoint *remote)
{
	bool encap = sa->nat_local || sa->nat_remote;

	for (struct espnic_ike_child *c = sa->children; c; c = c->next) {
		if (!c->in_kernel || (same_endpoint(&sa->local, local) && same_endpoint(&sa->remote, remote) && c->encap == encap))
			continue;
		c->encap = encap;
		espnic_ike_child_move(c, local, remote);
	}
	if (!same_endpoint(&sa->local, local) || !same_endpoint(&sa->remote, remote))
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, "moved the addresses of the SA are others now");
}

/* The IKE SA alone; the tables find children by the peer's address. */
static void set_addresses(struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *local, const struct espnic_ike_endpoint *remote,
			  bool natt)
{
	for (struct espnic_ike_child *c = sa->children; c; c = c->next)
		espnic_ike_child_unlink_out(c);
	sa->local = *local;
	sa->remote = *remote;
	sa->natt = natt;
	for (struct espnic_ike_child *c = sa->children; c; c = c->next)
		espnic_ike_child_link_out(c);
}

/* ------------------------------------------------------------------ NAT */

void espnic_ike_follow_nat(struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *local, const struct espnic_ike_endpoint *remote,
			   bool natt)
{
	struct espnic_ike_endpoint was_local = sa->local, was_remote = sa->remote;

	/* RFC 4555 3.8: a peer of MOBIKE says itself where it is. */
	if (sa->state != ESPNIC_IKE_ST_UP || !sa->nat_remote || sa->mobike || (same_endpoint(&sa->remote, remote) && sa->natt == natt))
		return;
	set_addresses(sa, local, remote, natt);
	move_children(sa, &was_local, &was_remote);
	espnic_ike_sa_touch(sa);
}

void espnic_ike_mapping(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_child *c = espnic_ike_child_by_in(ike, in->mapping.spi);

	if (c && c->state == ESPNIC_IKE_CHILD_INSTALLED)
		espnic_ike_follow_nat(c->sa, &c->sa->local, &in->mapping.remote, c->sa->natt);
}

uint64_t espnic_ike_keepalive_at(const struct espnic_ike_sa *sa)
{
	return sa->nat_local && sa->ike->set.keepalive_ms ? sa->last_out + sa->ike->set.keepalive_ms : ESPNIC_IKE_NEVER;
}

void espnic_ike_keepalive(struct espnic_ike_sa *sa)
{
	struct espnic_ike_action *a = espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_KEEPALIVE);

	a->send.local = sa->local;
	a->send.remote = sa->remote;
	a->send.natt = sa->natt;
	sa->last_out = sa->ike->now;
}

/* ------------------------------------------------------------------ MOBIKE: the one that decides */

void espnic_ike_address(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	const struct espnic_ike_addr *fresh = &in->address.fresh;

	for (struct espnic_ike_sa *sa = ike->first; sa; sa = sa->next) {
		struct espnic_ike_endpoint local = sa->local;

		sa->homeless |= in->address.gone.family && espnic_ike_addr_equal(&sa->local.addr, &in->address.gone);
		if (!sa->homeless || sa->state != ESPNIC_IKE_ST_UP || !sa->mobike || !sa->leads || fresh->family != sa->remote.addr.family)
			continue;
		sa->homeless = false;
		sa->was_local = sa->was_remote.addr.family ? sa->was_local : sa->local;
		sa->was_remote = sa->remote;
		local.addr = *fresh;
		set_addresses(sa, &local, &sa->remote, sa->natt);
		sa->want_update = true;
		espnic_ike_sa_touch(sa);
	}
}

void espnic_ike_update_write(struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	sa->want_update = false;
	espnic_ike_wr_notify(w, ESPNIC_IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	espnic_ike_write_nat(sa, w);
}

void espnic_ike_update_response(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	struct espnic_ike_endpoint was_local = sa->was_local, was_remote = sa->was_remote;

	if (espnic_ike_notify_error(m)) {
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE,
				    espnic_ike_say(sa->ike, "not_moved %s", espnic_ike_notify_name(espnic_ike_notify_error(m)->type)));
		/* Where the children are nothing comes to any more. */
		sa->want_delete = true;
		return;
	}
	/* Another change came meanwhile: that one's answer counts. */
	if (sa->want_update)
		return;
	espnic_ike_detect_nat(sa, m);
	memset(&sa->was_remote, 0, sizeof(sa->was_remote));
	move_children(sa, &was_local, &was_remote);
}

/* ------------------------------------------------------------------ MOBIKE: the other one */

void espnic_ike_update_request(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_input *in = sa->ike->in;

	if (!sa->mobike || sa->leads || !espnic_ike_notify(m, ESPNIC_IKE_N_UPDATE_SA_ADDRESSES))
		return;
	if (!sa->was_remote.addr.family) {
		sa->was_local = sa->local;
		sa->was_remote = sa->remote;
	}
	set_addresses(sa, &in->datagram.local, &in->datagram.remote, in->datagram.natt);
	espnic_ike_detect_nat(sa, m);
	/* The children go there when something has come back from there: RFC 4555 3.7. */
	sa->want_check = true;
}

/* What of a request's notifies is answered with something. */
void espnic_ike_mobike_answer(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_wr *w)
{
	const struct espnic_ike_notify *cookie = espnic_ike_notify(m, ESPNIC_IKE_N_COOKIE2);

	if (!sa->mobike)
		return;
	if (espnic_ike_notify(m, ESPNIC_IKE_N_UPDATE_SA_ADDRESSES))
		espnic_ike_write_nat(sa, w);
	if (cookie)
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_COOKIE2, cookie->data.p, cookie->data.len);
}

bool espnic_ike_check_write(struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	uint8_t cookie[ESPNIC_IKE_COOKIE2];

	sa->want_check = false;
	if (!espnic_ike_random(&sa->ike->crypto, cookie, sizeof(cookie)) || !espnic_ike_blob_set(&x->cookie, cookie, sizeof(cookie)))
		return false;
	espnic_ike_wr_notify(w, ESPNIC_IKE_N_COOKIE2, cookie, sizeof(cookie));
	return true;
}

bool espnic_ike_check_response(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *cookie = espnic_ike_notify(m, ESPNIC_IKE_N_COOKIE2);
	struct espnic_ike_endpoint was_local = sa->was_local, was_remote = sa->was_remote;

	if (!cookie || cookie->data.len != sa->mine->cookie.len ||
	    CRYPTO_memcmp(cookie->data.p, sa->mine->cookie.p, cookie->data.len) != 0)
		return false;
	if (!sa->want_check) {
		memset(&sa->was_remote, 0, sizeof(sa->was_remote));
		move_children(sa, &was_local, &was_remote);
	}
	return true;
}
