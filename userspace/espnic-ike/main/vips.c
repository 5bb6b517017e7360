// SPDX-License-Identifier: BSD-2-Clause
#include "main/vips.h"

#include <stdio.h>
#include <string.h>

#include "kernel/watch.h"

static struct espnic_vip *find(const struct espnic_vips *s, const char *conn, const struct espnic_ike_addr *addr)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].conn, conn) && espnic_ike_addr_equal(&s->v[i].addr, addr))
			return (struct espnic_vip *)&s->v[i];
	return NULL;
}

bool espnic_vips_has(const struct espnic_vips *s, const char *conn, const struct espnic_ike_addr *addr)
{
	return find(s, conn, addr);
}

bool espnic_vips_any(const struct espnic_vips *s, const char *conn)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].conn, conn))
			return true;
	return false;
}

void espnic_vips_again(struct espnic_vips *s, const char *conn, const struct espnic_ike_addr *addr, uint32_t ifindex)
{
	struct espnic_vip *v = find(s, conn, addr);

	if (v && v->ifindex && !espnic_owner(addr) && !s->set(ifindex, addr, true))
		v->ifindex = ifindex;
}

/* Where packets to the peer leave. */
static uint32_t device(const struct espnic_ike_address_op *op)
{
	struct espnic_route route;

	return espnic_route(&op->remote, &op->local, &route) ? route.ifindex : espnic_owner(&op->local);
}

static const char *add(struct espnic_vips *s, const struct espnic_ike_address_op *op)
{
	struct espnic_vip *v = find(s, op->conn, &op->addr);
	uint32_t ifindex = 0;
	int rc = 0;

	if (v) {
		v->users++;
		return NULL;
	}
	if (!espnic_ike_vip_good(&op->addr))
		return "no unicast address";
	if (s->n == ESPNIC_VIPS)
		return "too many virtual addresses";
	/* one that the host has, by itself or for another connection, stays when this one goes */
	if (s->set && !espnic_owner(&op->addr)) {
		ifindex = device(op);
		rc = ifindex ? s->set(ifindex, &op->addr, true) : 0;
		if (!ifindex || rc)
			return rc ? strerror(-rc) : "no interface leads to the peer";
	}
	v = &s->v[s->n++];
	*v = (struct espnic_vip){ .addr = op->addr, .ifindex = ifindex, .users = 1 };
	snprintf(v->conn, sizeof(v->conn), "%s", op->conn);
	return NULL;
}

static const char *del(struct espnic_vips *s, struct espnic_vip *v)
{
	struct espnic_vip gone = *v;
	int rc = 0;

	*v = s->v[--s->n];
	/* another connection's is the same one */
	for (unsigned int i = 0; i < s->n && gone.ifindex; i++) {
		if (espnic_ike_addr_equal(&s->v[i].addr, &gone.addr)) {
			s->v[i].ifindex = gone.ifindex;
			gone.ifindex = 0;
		}
	}
	if (gone.ifindex)
		rc = s->set(gone.ifindex, &gone.addr, false);
	return rc ? strerror(-rc) : NULL;
}

const char *espnic_vips_set(struct espnic_vips *s, const struct espnic_ike_address_op *op)
{
	struct espnic_vip *v;

	if (op->add)
		return add(s, op);
	v = find(s, op->conn, &op->addr);
	/* one that could not come can't go */
	if (!v || --v->users)
		return NULL;
	return del(s, v);
}

void espnic_vips_end(struct espnic_vips *s)
{
	while (s->n)
		del(s, &s->v[0]);
}
