// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel tells of its own accord. A device that goes down, or away, takes the offloaded states and policies with it, and Linux
 * says nothing of that: it follows from the link. Blocks stand underneath, so that nothing gets out in clear till they are made anew.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "main/daemon.h"

static struct espnic_ike_addr to_ike(const struct espnic_addr *from)
{
	struct espnic_ike_addr to = { .family = from->family == AF_INET ? 4 : from->family == AF_INET6 ? 6 : 0 };

	memcpy(to.bytes, from->bytes, sizeof(to.bytes));
	return to;
}

static void acquire(struct espnic_daemon *d, const struct espnic_kernel_event *e)
{
	const struct espnic_trap *t = espnic_standing_reqid(&d->standing, e->acquire.reqid);
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_ACQUIRE };

	/* another daemon's, or of a child whose SA is about to come back */
	if (!t)
		return;
	in.acquire.reqid = e->acquire.reqid;
	in.acquire.seq = e->acquire.seq;
	in.acquire.local = t->local.addr;
	espnic_daemon_input(d, &in);
}

static void expire(struct espnic_daemon *d, const struct espnic_kernel_event *e)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_EXPIRE };

	in.expire.spi = e->expire.sa.spi;
	in.expire.dst = to_ike(&e->expire.sa.dst);
	in.expire.hard = e->expire.hard;
	espnic_daemon_input(d, &in);
}

static void mapping(struct espnic_daemon *d, const struct espnic_kernel_event *e)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_MAPPING };

	in.mapping.spi = e->mapping.spi;
	in.mapping.remote.addr = to_ike(&e->mapping.new_src);
	in.mapping.remote.port = e->mapping.new_sport;
	espnic_daemon_input(d, &in);
}

static void elsewhere(void *ctx, struct espnic_sa *sa)
{
	struct espnic_ike_input *in = ctx;
	struct espnic_route route;

	if (!in->address.fresh.family && espnic_ike_addr_equal(&sa->local.addr, &in->address.gone) &&
	    espnic_route(&sa->remote.addr, NULL, &route) && !espnic_ike_addr_equal(&route.local, &in->address.gone))
		in->address.fresh = route.local;
}

/* In the place of an address that is gone, the one by which a peer is reached now, if the host has it already; else the next that comes. */
static void address(struct espnic_daemon *d, const struct espnic_kernel_event *e)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_ADDRESS };

	if (e->address.gone) {
		in.address.gone = to_ike(&e->address.addr);
		espnic_sas_each(&d->sas, elsewhere, &in);
	} else {
		in.address.fresh = to_ike(&e->address.addr);
	}
	espnic_daemon_input(d, &in);
}

/* ---- links ---- */

struct losing {
	struct espnic_daemon *d;
	uint32_t ifindex;
	unsigned int n;
};

static void lose(void *ctx, struct espnic_sa *sa)
{
	struct losing *l = ctx;

	if (sa->ifindex != l->ifindex || sa->lost)
		return;
	sa->lost = true;
	espnic_sas_note(sa, "its device was down: it is to be made anew");
	l->n++;
}

static void gone(struct espnic_daemon *d, uint32_t ifindex, const char *name)
{
	struct losing l = { .d = d, .ifindex = ifindex };

	espnic_sas_each(&d->sas, lose, &l);
	espnic_standing_lost(&d->standing, ifindex);
	if (l.n)
		espnic_log_note(&d->log, "device-down", "device=%s: %u children lost their SAs", name, l.n);
}

struct returning {
	struct espnic_daemon *d;
	const char *name; /* "": any */
	unsigned int n;
};

/*
 * New SAs in the place of those that @sa's device forgot. Once: a device that comes up is told of more than once, and each asking is a
 * rekeying; what fails then is tried again by whoever was asked.
 */
static void renew(void *ctx, struct espnic_sa *sa)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_PROVISION, .provision.spi = sa->spi_in };
	struct returning *r = ctx;
	uint32_t ifindex = if_nametoindex(sa->device);
	char why[ESPNIC_XFRM_TEXT];

	if (!sa->lost || sa->asked || (*r->name && strcmp(sa->device, r->name) != 0))
		return;
	/* IKE and neighbour discovery have to pass the blocks first */
	if (r->d->rights.xfrm && ifindex && sa->offload == ESPNIC_IKE_OFFLOAD_PACKET && espnic_standing_device(&r->d->standing, ifindex, why))
		espnic_log_note(&r->d->log, "kernel", "device=%s: %s", sa->device, why);
	sa->asked = true;
	r->n++;
	espnic_daemon_input(r->d, &in);
}

/* The policies that stand by themselves first. */
static void back(struct espnic_daemon *d, const char *name)
{
	struct returning r = { .d = d, .name = name };

	espnic_standing_again(&d->standing);
	espnic_sas_each(&d->sas, renew, &r);
	if (r.n)
		espnic_log_note(&d->log, "device-up", "device=%s: %u children are made anew", name, r.n);
}

static void link_change(struct espnic_daemon *d, const struct espnic_kernel_event *e)
{
	if (e->link.gone || !e->link.up)
		gone(d, e->link.ifindex, e->link.name);
	else
		back(d, e->link.name);
}

/* Offloaded ones may have come behind what stands underneath them. */
static void policy(struct espnic_daemon *d)
{
	bool offloads = false;

	for (unsigned int i = 0; i < ESPNIC_STANDING_DEVICES; i++)
		offloads = offloads || d->standing.device[i];
	if (offloads && d->reorder_at == UINT64_MAX)
		d->reorder_at = espnic_daemon_now() + ESPNIC_XFRM_REORDER_MS;
}

void espnic_daemon_kernel_event(void *ctx, const struct espnic_kernel_event *e)
{
	struct espnic_daemon *d = ctx;

	switch (e->kind) {
	case ESPNIC_KERNEL_ACQUIRE:
		acquire(d, e);
		break;
	case ESPNIC_KERNEL_EXPIRE:
		expire(d, e);
		break;
	case ESPNIC_KERNEL_MAPPING:
		mapping(d, e);
		break;
	case ESPNIC_KERNEL_POLICY:
		policy(d);
		break;
	case ESPNIC_KERNEL_LINK:
		link_change(d, e);
		break;
	case ESPNIC_KERNEL_ADDRESS:
		address(d, e);
		break;
	case ESPNIC_KERNEL_NOTHING:
		break;
	}
}

/* ---- after a loss of messages ---- */

static void check(void *ctx, struct espnic_sa *sa)
{
	struct losing *l = ctx;
	struct espnic_child_count n;
	char text[ESPNIC_XFRM_TEXT];

	if (!sa->ifindex || sa->lost ||
	    !espnic_child_count(l->d->rights.xfrm, sa->spi_in, &sa->local.addr, sa->conf->conf.mark_in, &n, text))
		return;
	l->n++;
	l->ifindex = sa->ifindex;
}

void espnic_daemon_look_again(struct espnic_daemon *d)
{
	struct losing l = { .d = d };
	char name[IF_NAMESIZE] = "";

	espnic_log_note(&d->log, "kernel", "its messages came too fast: some were lost, and what they told is looked up");
	if (!d->rights.xfrm)
		return;
	/* what is gone went with its device, or by its hard limit, which making it anew serves as well */
	do {
		l.n = 0;
		espnic_sas_each(&d->sas, check, &l);
		if (l.n)
			gone(d, l.ifindex, if_indextoname(l.ifindex, name) ? name : "");
	} while (l.n);
	back(d, "");
}
