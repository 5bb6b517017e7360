// SPDX-License-Identifier: BSD-2-Clause
#include "main/ipc.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- bytes ---- */

/* Either way of a message: writing into it, or reading out of it. What does not fit makes it bad, for good. */
struct stream {
	uint8_t *to; /* NULL: reading */
	const uint8_t *from;
	size_t left, used;
	bool bad;
};

static void raw(struct stream *s, void *p, size_t len)
{
	if (s->bad || len > s->left) {
		s->bad = true;
		return;
	}
	if (!len)
		return;
	if (s->to)
		memcpy(s->to + s->used, p, len);
	else if (s->from)
		memcpy(p, s->from + s->used, len);
	s->used += len;
	s->left -= len;
}

static void u8(struct stream *s, uint8_t *v)
{
	raw(s, v, 1);
}

static void u16(struct stream *s, uint16_t *v)
{
	raw(s, v, 2);
}

static void u32(struct stream *s, uint32_t *v)
{
	raw(s, v, 4);
}

static void u64(struct stream *s, uint64_t *v)
{
	raw(s, v, 8);
}

/* A bool of a hostile byte is undefined; a byte of 2 is only wrong. */
static void flag(struct stream *s, bool *v)
{
	uint8_t byte = *v;

	u8(s, &byte);
	if (byte > 1)
		s->bad = true;
	*v = byte == 1;
}

/* A number below @end. */
static unsigned int word(struct stream *s, unsigned int v, unsigned int end)
{
	uint32_t n = v;

	u32(s, &n);
	if (n >= end)
		s->bad = true;
	return s->bad ? 0 : n;
}

/*
 * A text, or none. Writing, it is @text; reading, it comes into @room bytes at @out. Returns what the struct is to
 * point to.
 */
static const char *string(struct stream *s, const char *text, char *out, size_t room)
{
	uint16_t len = UINT16_MAX;

	if (s->to && text) {
		len = (uint16_t)strnlen(text, room);
		if (len == room)
			s->bad = true;
	}
	u16(s, &len);
	if (s->bad || len == UINT16_MAX)
		return NULL;
	if (len >= room) {
		s->bad = true;
		return NULL;
	}
	if (s->to) {
		raw(s, (void *)(uintptr_t)text, len);
		return text;
	}
	raw(s, out, len);
	out[s->bad ? 0 : len] = 0;
	/* one that ends before its length would be two things to two readers */
	if (strlen(out) != len)
		s->bad = true;
	return s->bad ? NULL : out;
}

/* Bytes of a length of their own, as string() does. */
static const uint8_t *bytes(struct stream *s, const uint8_t *from, size_t *len, uint8_t *out, size_t room)
{
	uint32_t n = (uint32_t)*len;

	u32(s, &n);
	if (s->bad || n > room) {
		s->bad = true;
		*len = 0;
		return NULL;
	}
	*len = n;
	raw(s, s->to ? (void *)(uintptr_t)from : out, n);
	return s->to ? from : out;
}

/* ---- parts ---- */

static void addr(struct stream *s, struct espnic_ike_addr *a)
{
	u8(s, &a->family);
	raw(s, a->bytes, sizeof(a->bytes));
	if (a->family != 0 && a->family != 4 && a->family != 6)
		s->bad = true;
}

static void endpoint(struct stream *s, struct espnic_ike_endpoint *e)
{
	addr(s, &e->addr);
	u16(s, &e->port);
}

static void selector(struct stream *s, struct espnic_ike_ts *ts)
{
	u8(s, &ts->family);
	u8(s, &ts->proto);
	u16(s, &ts->port_from);
	u16(s, &ts->port_to);
	raw(s, ts->from, sizeof(ts->from));
	raw(s, ts->to, sizeof(ts->to));
	/* what was negotiated is of addresses, never "dynamic" */
	if (ts->family != 4 && ts->family != 6)
		s->bad = true;
	if (!s->to)
		ts->dynamic = false;
}

static void selectors(struct stream *s, const struct espnic_ike_ts **list, unsigned int *n, struct espnic_ike_ts *room)
{
	struct espnic_ike_ts copy;
	unsigned int i;

	*n = word(s, *n, ESPNIC_IKE_TS + 1);
	for (i = 0; i < *n && !s->bad; i++) {
		copy = s->to ? (*list)[i] : (struct espnic_ike_ts){ 0 };
		selector(s, &copy);
		if (!s->to)
			room[i] = copy;
	}
	if (!s->to)
		*list = room;
}

/* An algorithm by its numbers; only the registry's own come out. */
static void algorithm(struct stream *s, const struct espnic_ike_alg **alg, uint8_t type)
{
	uint16_t id = *alg ? (*alg)->id : 0, bits = *alg && (*alg)->key_attr ? (*alg)->key_bits : 0;
	bool there = *alg;

	flag(s, &there);
	u16(s, &id);
	u16(s, &bits);
	if (s->to)
		return;
	*alg = there && !s->bad ? espnic_ike_alg(type, id, bits) : NULL;
	if (there && !*alg)
		s->bad = true;
}

/* A key of exactly @len bytes, or none. */
static void key(struct stream *s, const uint8_t **k, size_t len, uint8_t *room, size_t room_len)
{
	size_t have = *k ? len : 0;

	*k = bytes(s, *k, &have, room, room_len);
	if (have && have != len)
		s->bad = true;
	if (!have)
		*k = NULL;
}

/* ---- messages ---- */

static void kernel_op(struct stream *s, struct espnic_ike_kernel_op *op, struct espnic_ipc *m)
{
	size_t encr, integ;
	const char *child = s->to && op->conf ? op->conf->name : NULL;

	op->kind = word(s, op->kind, ESPNIC_IKE_KERNEL_QUERY + 1U);
	op->mode = word(s, op->mode, ESPNIC_IKE_TRANSPORT + 1U);
	u64(s, &op->token);
	u32(s, &op->ike_id);
	u32(s, &op->child_id);
	op->conn = string(s, op->conn, m->conn, sizeof(m->conn));
	string(s, child, m->child, sizeof(m->child));
	u32(s, &op->reqid);
	u32(s, &op->seq);
	u32(s, &op->spi_in);
	u32(s, &op->spi_out);
	flag(s, &op->esn);
	flag(s, &op->encap);
	flag(s, &op->policies);
	flag(s, &op->initiator);
	endpoint(s, &op->local);
	endpoint(s, &op->remote);
	endpoint(s, &op->was_local);
	endpoint(s, &op->was_remote);
	algorithm(s, &op->encr, ESPNIC_IKE_ENCR);
	algorithm(s, &op->integ, ESPNIC_IKE_INTEG);
	encr = op->encr ? op->encr->key_bits / 8U + op->encr->salt : 0;
	integ = op->integ ? op->integ->out : 0;
	key(s, &op->encr_in, encr, m->encr[0], sizeof(m->encr[0]));
	key(s, &op->encr_out, encr, m->encr[1], sizeof(m->encr[1]));
	key(s, &op->integ_in, integ, m->integ[0], sizeof(m->integ[0]));
	key(s, &op->integ_out, integ, m->integ[1], sizeof(m->integ[1]));
	selectors(s, &op->ts_local, &op->n_local, m->ts[0]);
	selectors(s, &op->ts_remote, &op->n_remote, m->ts[1]);
	u64(s, &op->soft_bytes);
	u64(s, &op->soft_packets);
}

static void identity(struct stream *s, const struct espnic_ike_id **id, struct espnic_ike_id *room)
{
	struct espnic_ike_id copy = { 0 };
	bool there = *id;

	flag(s, &there);
	if (s->to && there)
		copy = **id;
	u8(s, &copy.type);
	u16(s, &copy.len);
	if (copy.len > sizeof(copy.data))
		s->bad = true;
	if (!s->bad)
		raw(s, copy.data, copy.len);
	if (s->to)
		return;
	*room = copy;
	*id = there && !s->bad ? room : NULL;
}

static void key_op(struct stream *s, struct espnic_ike_key_op *op, struct espnic_ipc *m)
{
	size_t keyid = ESPNIC_IKE_KEYID;
	bool ppk = true;

	op->kind = word(s, op->kind, ESPNIC_IKE_KEY_PPK + 1U);
	u64(s, &op->token);
	identity(s, &op->local, &m->id[0]);
	identity(s, &op->remote, &m->id[1]);
	algorithm(s, &op->prf, ESPNIC_IKE_PRF);
	key(s, &op->keyid, keyid, m->keyid, sizeof(m->keyid));
	op->scheme = word(s, op->scheme, ESPNIC_IKE_PSS_512 + 1U);
	op->octets = bytes(s, op->octets, &op->len, m->data, sizeof(m->data));
	identity(s, &op->ppk_id, &m->id[2]);
	for (unsigned int i = 0; i < ESPNIC_IKE_PPK_KEYS; i++) {
		key(s, &op->sk[i], op->prf ? op->prf->out : 0, m->sk[i], sizeof(m->sk[i]));
		ppk = ppk && op->sk[i];
	}
	/* each kind has what it needs */
	if (op->kind == ESPNIC_IKE_KEY_PSK  ? !op->local || !op->remote || !op->prf :
	    op->kind == ESPNIC_IKE_KEY_SIGN ? !op->keyid || !op->scheme :
					      !op->ppk_id || !ppk)
		s->bad = true;
}

static void event(struct stream *s, struct espnic_ike_event *e, struct espnic_ipc *m)
{
	e->kind = word(s, e->kind, ESPNIC_IKE_EV_NOTE + 1U);
	u32(s, &e->ike_id);
	u32(s, &e->child_id);
	u32(s, &e->old_id);
	e->conn = string(s, e->conn, m->conn, sizeof(m->conn));
	e->child = string(s, e->child, m->child, sizeof(m->child));
	endpoint(s, &e->remote);
	e->text = string(s, e->text, m->text, sizeof(m->text));
}

static void address_op(struct stream *s, struct espnic_ike_address_op *op, struct espnic_ipc *m)
{
	flag(s, &op->add);
	op->conn = string(s, op->conn, m->conn, sizeof(m->conn));
	addr(s, &op->addr);
	addr(s, &op->local);
	addr(s, &op->remote);
	s->bad = s->bad || !op->conn;
}

static void kernel_done(struct stream *s, struct espnic_ike_input *in, struct espnic_ipc *m)
{
	u64(s, &in->kernel.token);
	in->kernel.status = word(s, in->kernel.status, ESPNIC_IKE_KERNEL_EXISTS + 1U);
	in->kernel.offload = word(s, in->kernel.offload, ESPNIC_IKE_OFFLOAD_AUTO);
	u64(s, &in->kernel.idle_ms);
	in->kernel.text = string(s, in->kernel.text, m->text, sizeof(m->text));
}

static void key_done(struct stream *s, struct espnic_ike_input *in, struct espnic_ipc *m)
{
	u64(s, &in->key.token);
	flag(s, &in->key.ok);
	in->key.data = bytes(s, in->key.data, &in->key.len, m->data, sizeof(m->data));
	in->key.text = string(s, in->key.text, m->text, sizeof(m->text));
}

/* ---- what the side with the rights says, and what it is told when it asks ---- */

static void input(struct stream *s, struct espnic_ike_input *in, struct espnic_ipc *m)
{
	in->kind = word(s, in->kind, ESPNIC_IKE_IN_REKEY + 1U);
	switch (in->kind) {
	case ESPNIC_IKE_IN_INITIATE:
		in->initiate.conn = string(s, in->initiate.conn, m->conn, sizeof(m->conn));
		in->initiate.child = string(s, in->initiate.child, m->child, sizeof(m->child));
		addr(s, &in->initiate.local);
		break;
	case ESPNIC_IKE_IN_TERMINATE:
		u32(s, &in->terminate.ike_id);
		u32(s, &in->terminate.child_id);
		in->terminate.conn = string(s, in->terminate.conn, m->conn, sizeof(m->conn));
		in->terminate.child = string(s, in->terminate.child, m->child, sizeof(m->child));
		flag(s, &in->terminate.force);
		break;
	case ESPNIC_IKE_IN_ACQUIRE:
		u32(s, &in->acquire.reqid);
		u32(s, &in->acquire.seq);
		addr(s, &in->acquire.local);
		break;
	case ESPNIC_IKE_IN_EXPIRE:
		u32(s, &in->expire.spi);
		addr(s, &in->expire.dst);
		flag(s, &in->expire.hard);
		break;
	case ESPNIC_IKE_IN_MAPPING:
		u32(s, &in->mapping.spi);
		endpoint(s, &in->mapping.remote);
		break;
	case ESPNIC_IKE_IN_ADDRESS:
		addr(s, &in->address.gone);
		addr(s, &in->address.fresh);
		break;
	case ESPNIC_IKE_IN_PROVISION:
		u32(s, &in->provision.spi);
		break;
	case ESPNIC_IKE_IN_PPKS:
		flag(s, &in->ppks.any);
		break;
	case ESPNIC_IKE_IN_REKEY:
		u32(s, &in->rekey.ike_id);
		break;
	default:
		/* datagrams and answers do not come this way */
		s->bad = true;
	}
}

static void cert(struct stream *s, struct espnic_ipc *m)
{
	m->cert.kind = word(s, m->cert.kind, ESPNIC_IKE_CERT_PUBKEY + 1U);
	m->cert.der = bytes(s, m->cert.der, &m->cert.len, m->data, sizeof(m->data));
}

static void result(struct stream *s, struct espnic_ipc *m, const char *why)
{
	flag(s, &m->result.ok);
	raw(s, m->keyid, sizeof(m->keyid));
	string(s, why, m->text, sizeof(m->text));
}

static void sa_info(struct stream *s, struct espnic_ike_sa_info *sa, struct espnic_ipc *m)
{
	u32(s, &sa->id);
	sa->conn = string(s, sa->conn, m->conn, sizeof(m->conn));
	sa->state = word(s, sa->state, ESPNIC_IKE_DELETING + 1U);
	flag(s, &sa->initiator);
	u64(s, &sa->spi_i);
	u64(s, &sa->spi_r);
	endpoint(s, &sa->local);
	endpoint(s, &sa->remote);
	identity(s, &sa->local_id, &m->id[0]);
	identity(s, &sa->remote_id, &m->id[1]);
	flag(s, &sa->nat_local);
	flag(s, &sa->nat_remote);
	flag(s, &sa->ppk);
	flag(s, &sa->vips_own);
	sa->n_vips = word(s, sa->n_vips, ESPNIC_IKE_VIPS + 1U);
	for (unsigned int i = 0; i < sa->n_vips; i++) {
		struct espnic_ike_addr copy = s->to ? sa->vips[i] : (struct espnic_ike_addr){ 0 };

		addr(s, &copy);
		if (!s->to)
			m->vips[i] = copy;
	}
	if (!s->to)
		sa->vips = m->vips;
	algorithm(s, &sa->encr, ESPNIC_IKE_ENCR);
	algorithm(s, &sa->integ, ESPNIC_IKE_INTEG);
	algorithm(s, &sa->prf, ESPNIC_IKE_PRF);
	algorithm(s, &sa->ke, ESPNIC_IKE_KE);
	u64(s, &sa->since_ms);
	u64(s, &sa->rekey_ms);
	sa->n_children = word(s, sa->n_children, ESPNIC_IKE_CHILDREN + 1U);
}

static void child_info(struct stream *s, struct espnic_ike_child_info *c, struct espnic_ipc *m)
{
	u32(s, &c->id);
	u32(s, &c->reqid);
	u32(s, &c->spi_in);
	u32(s, &c->spi_out);
	c->name = string(s, c->name, m->child, sizeof(m->child));
	c->state = word(s, c->state, ESPNIC_IKE_CHILD_DELETING + 1U);
	c->mode = word(s, c->mode, ESPNIC_IKE_TRANSPORT + 1U);
	c->offload = word(s, c->offload, ESPNIC_IKE_OFFLOAD_AUTO);
	c->offload_text = string(s, c->offload_text, m->text, sizeof(m->text));
	flag(s, &c->encap);
	flag(s, &c->esn);
	algorithm(s, &c->encr, ESPNIC_IKE_ENCR);
	algorithm(s, &c->integ, ESPNIC_IKE_INTEG);
	algorithm(s, &c->ke, ESPNIC_IKE_KE);
	selectors(s, &c->ts_local, &c->n_local, m->ts[0]);
	selectors(s, &c->ts_remote, &c->n_remote, m->ts[1]);
	u64(s, &c->since_ms);
	u64(s, &c->rekey_ms);
	u64(s, &c->life_ms);
}

/* ---- both ways ---- */

static struct stream begin(uint8_t *buf, enum espnic_ipc_type type)
{
	struct stream s = { .to = buf, .left = ESPNIC_IPC_MESSAGE };
	uint32_t t = type;

	u32(&s, &t);
	return s;
}

static size_t end(const struct stream *s)
{
	return s->bad ? 0 : s->used;
}

/* Structs are walked in either direction by the same code, which writes only to its own copy of what it is to send. */
size_t espnic_ipc_put_kernel(uint8_t *buf, const struct espnic_ike_kernel_op *op)
{
	struct stream s = begin(buf, ESPNIC_IPC_KERNEL);
	struct espnic_ike_kernel_op copy = *op;
	struct espnic_ipc m;

	kernel_op(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_key(uint8_t *buf, const struct espnic_ike_key_op *op)
{
	struct stream s = begin(buf, ESPNIC_IPC_KEY);
	struct espnic_ike_key_op copy = *op;
	struct espnic_ipc m;

	key_op(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_event(uint8_t *buf, const struct espnic_ike_event *e)
{
	struct stream s = begin(buf, ESPNIC_IPC_EVENT);
	struct espnic_ike_event copy = *e;
	char text[ESPNIC_IKE_TEXT];
	struct espnic_ipc m;

	/* it may be about what a peer wrote: too long a line is a shorter one, and no reason to lose it */
	if (e->text) {
		snprintf(text, sizeof(text), "%s", e->text);
		copy.text = text;
	}
	event(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_address(uint8_t *buf, const struct espnic_ike_address_op *op)
{
	struct stream s = begin(buf, ESPNIC_IPC_ADDRESS);
	struct espnic_ike_address_op copy = *op;
	struct espnic_ipc m;

	address_op(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_done(uint8_t *buf, const struct espnic_ike_input *in)
{
	struct stream s = begin(buf, in->kind == ESPNIC_IKE_IN_KERNEL ? ESPNIC_IPC_KERNEL_DONE : ESPNIC_IPC_KEY_DONE);
	struct espnic_ike_input copy = *in;
	struct espnic_ipc m;

	if (in->kind == ESPNIC_IKE_IN_KERNEL)
		kernel_done(&s, &copy, &m);
	else
		key_done(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_conn(uint8_t *buf, const struct espnic_ike_conn *conn)
{
	struct stream s = begin(buf, ESPNIC_IPC_CONN);
	struct espnic_ike_conn copy = *conn;

	/* pointers of this process mean nothing in the other */
	copy.children = NULL;
	copy.free = NULL;
	raw(&s, &copy, sizeof(copy));
	return end(&s);
}

size_t espnic_ipc_put_child_conf(uint8_t *buf, const struct espnic_ike_child_conf *conf)
{
	struct stream s = begin(buf, ESPNIC_IPC_CHILD_CONF);

	raw(&s, (void *)(uintptr_t)conf, sizeof(*conf));
	return end(&s);
}

size_t espnic_ipc_put_request(uint8_t *buf, enum espnic_ipc_type type, uint32_t seq, const char *name)
{
	struct stream s = begin(buf, type);

	u32(&s, &seq);
	if (name)
		string(&s, name, NULL, ESPNIC_IKE_NAME);
	return end(&s);
}

size_t espnic_ipc_put_cert(uint8_t *buf, uint32_t seq, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len)
{
	struct stream s = begin(buf, ESPNIC_IPC_CERT);
	struct espnic_ipc m = { .cert = { kind, der, len } };

	u32(&s, &seq);
	cert(&s, &m);
	return end(&s);
}

/* As it is in memory, as a connection. */
size_t espnic_ipc_put_pool(uint8_t *buf, uint32_t seq, const struct espnic_ike_pool_conf *pool)
{
	struct stream s = begin(buf, ESPNIC_IPC_POOL);

	u32(&s, &seq);
	raw(&s, (void *)(uintptr_t)pool, sizeof(*pool));
	return end(&s);
}

size_t espnic_ipc_put_pool_info(uint8_t *buf, const struct espnic_ike_pool_info *info)
{
	struct stream s = begin(buf, ESPNIC_IPC_POOL_INFO);

	raw(&s, (void *)(uintptr_t)info, sizeof(*info));
	return end(&s);
}

size_t espnic_ipc_put_input(uint8_t *buf, const struct espnic_ike_input *in)
{
	struct stream s = begin(buf, ESPNIC_IPC_INPUT);
	struct espnic_ike_input copy = *in;
	struct espnic_ipc m;

	input(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_result(uint8_t *buf, uint32_t seq, const char *why, const uint8_t *keyid)
{
	struct stream s = begin(buf, ESPNIC_IPC_RESULT);
	struct espnic_ipc m = { .result.ok = !why };

	if (keyid)
		memcpy(m.keyid, keyid, sizeof(m.keyid));
	u32(&s, &seq);
	result(&s, &m, why);
	return end(&s);
}

size_t espnic_ipc_put_sa(uint8_t *buf, const struct espnic_ike_sa_info *sa)
{
	struct stream s = begin(buf, ESPNIC_IPC_SA);
	struct espnic_ike_sa_info copy = *sa;
	struct espnic_ipc m;

	sa_info(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_child(uint8_t *buf, const struct espnic_ike_child_info *child)
{
	struct stream s = begin(buf, ESPNIC_IPC_CHILD);
	struct espnic_ike_child_info copy = *child;
	struct espnic_ipc m;

	child_info(&s, &copy, &m);
	return end(&s);
}

size_t espnic_ipc_put_counters(uint8_t *buf, const struct espnic_ike_counters *n)
{
	struct stream s = begin(buf, ESPNIC_IPC_COUNTERS);

	raw(&s, (void *)(uintptr_t)n, sizeof(*n));
	return end(&s);
}

/* All but operations, their answers and events. False: there is no such type. */
static bool get_rest(struct stream *s, struct espnic_ipc *out)
{
	const char *name;

	switch (out->type) {
	case ESPNIC_IPC_CONN:
		raw(s, &out->conf, sizeof(out->conf));
		return true;
	case ESPNIC_IPC_CHILD_CONF:
		raw(s, &out->child_conf, sizeof(out->child_conf));
		return true;
	case ESPNIC_IPC_LOAD:
	case ESPNIC_IPC_LIST:
	case ESPNIC_IPC_COUNT:
	case ESPNIC_IPC_CERTS_CLEAR:
		u32(s, &out->seq);
		return true;
	case ESPNIC_IPC_POOL:
		u32(s, &out->seq);
		raw(s, &out->pool, sizeof(out->pool));
		return true;
	case ESPNIC_IPC_POOL_INFO:
		raw(s, &out->pool_info, sizeof(out->pool_info));
		return true;
	case ESPNIC_IPC_UNLOAD:
	case ESPNIC_IPC_POOL_UNLOAD:
	case ESPNIC_IPC_POOL_LOOK:
		u32(s, &out->seq);
		name = string(s, NULL, out->conn, sizeof(out->conn));
		s->bad = s->bad || !name;
		return true;
	case ESPNIC_IPC_INPUT:
		input(s, &out->input, out);
		return true;
	case ESPNIC_IPC_CERT:
		u32(s, &out->seq);
		cert(s, out);
		return true;
	case ESPNIC_IPC_RESULT:
		u32(s, &out->seq);
		result(s, out, NULL);
		return true;
	case ESPNIC_IPC_SA:
		sa_info(s, &out->sa, out);
		return true;
	case ESPNIC_IPC_CHILD:
		child_info(s, &out->info, out);
		return true;
	case ESPNIC_IPC_COUNTERS:
		raw(s, &out->counters, sizeof(out->counters));
		return true;
	default:
		return false;
	}
}

void espnic_ipc_wipe(struct espnic_ipc *m)
{
	OPENSSL_cleanse(m, offsetof(struct espnic_ipc, data) + (m->len < sizeof(m->data) ? m->len : sizeof(m->data)));
}

bool espnic_ipc_get(const uint8_t *buf, size_t len, struct espnic_ipc *out)
{
	struct stream s = { .from = buf, .left = len };
	uint32_t type = 0;

	/* the most of it is @data, of which nothing is read that was not written */
	memset(out, 0, offsetof(struct espnic_ipc, data));
	out->len = len;
	u32(&s, &type);
	out->type = (enum espnic_ipc_type)type;
	switch (type) {
	case ESPNIC_IPC_KERNEL:
		kernel_op(&s, &out->kernel, out);
		break;
	case ESPNIC_IPC_KERNEL_DONE:
		out->done.kind = ESPNIC_IKE_IN_KERNEL;
		kernel_done(&s, &out->done, out);
		break;
	case ESPNIC_IPC_KEY:
		key_op(&s, &out->key, out);
		break;
	case ESPNIC_IPC_KEY_DONE:
		out->done.kind = ESPNIC_IKE_IN_KEY;
		key_done(&s, &out->done, out);
		break;
	case ESPNIC_IPC_EVENT:
		event(&s, &out->event, out);
		break;
	case ESPNIC_IPC_ADDRESS:
		address_op(&s, &out->address, out);
		break;
	default:
		if (!get_rest(&s, out))
			return false;
	}
	/* and not a byte more */
	return !s.bad && !s.left;
}
