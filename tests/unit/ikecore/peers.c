// SPDX-License-Identifier: BSD-2-Clause
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	START_MS = 1000,
	QUIET = 2000000,		/* steps after which a run is stuck */
};

uint64_t peers_random(struct peers *p)
{
	/* splitmix64 */
	uint64_t z = p->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void draw(void *ctx, uint8_t *out, size_t len)
{
	struct peers *p = ctx;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)peers_random(p);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "peers: %s\n", what);
	abort();
}

void peers_init(struct peers *p, uint64_t seed, void (*settings)(struct espnic_ike_settings *set))
{
	char err[ESPNIC_IKE_TEXT];

	memset(p, 0, sizeof(*p));
	p->random = seed;
	p->now = START_MS;
	p->latency = 10;
	for (int i = LEFT; i <= RIGHT; i++) {
		struct peers_host *h = &p->host[i];

		h->at = (struct espnic_ike_endpoint){ { 4, { 192, 0, 2, (uint8_t)(i + 1) } }, ESPNIC_IKE_PORT };
		h->psk = "a secret of both";
		h->next_ms = UINT64_MAX;
		espnic_ike_settings_init(&h->set);
		h->set.random = draw;
		h->set.ctx = p;
		if (settings)
			settings(&h->set);
		h->ike = espnic_ike_new(&h->set, err);
		must(h->ike, err);
	}
}

void peers_free(struct peers *p)
{
	for (unsigned int i = 0; i < p->queued; i++)
		free(p->queue[i].data);
	for (int i = LEFT; i <= RIGHT; i++)
		espnic_ike_free(p->host[i].ike);
}

/* ------------------------------------------------------------------ configuration */

static void conn_free(struct espnic_ike_conn *conn)
{
	free(conn->children);
	free(conn);
}

static void host_net(struct espnic_ike_net *net, const struct espnic_ike_addr *a)
{
	net->addr = *a;
	net->prefix = a->family == 4 ? 32 : 128;
}

static void child_make(struct espnic_ike_child_conf *c, const char *name)
{
	char err[ESPNIC_IKE_TEXT];
	int n;

	snprintf(c->name, sizeof(c->name), "%s", name);
	n = espnic_ike_proposal_parse(c->proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_ESP, "aes128gcm16-esn", err);
	must(n > 0, err);
	c->n_proposals = (uint8_t)n;
	c->n_local = c->n_remote = 1;
	c->local[0] = c->remote[0] = (struct espnic_ike_ts){ .dynamic = true, .port_to = 65535 };
	c->start = ESPNIC_IKE_START;
	c->policies = true;
}

struct espnic_ike_conn *peers_conn_make(struct peers *p, int who)
{
	struct espnic_ike_conn *c = calloc(1, sizeof(*c));
	char err[ESPNIC_IKE_TEXT];
	int n;

	must(c, "no memory");
	c->children = calloc(2, sizeof(*c->children));
	must(c->children, "no memory");
	c->n_children = 2;
	child_make(&c->children[0], "net");
	child_make(&c->children[1], "more");
	c->children[1].start = ESPNIC_IKE_NONE;
	c->children[1].local[0].proto = c->children[1].remote[0].proto = 17;
	snprintf(c->name, sizeof(c->name), "both");
	c->n_local = c->n_remote = 1;
	host_net(&c->local[0], &p->host[who].at.addr);
	host_net(&c->remote[0], &p->host[!who].at.addr);
	n = espnic_ike_proposal_parse(c->proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519", err);
	must(n > 0, err);
	c->n_proposals = (uint8_t)n;
	c->auth_local.method = c->auth_remote.method = ESPNIC_IKE_AUTH_PSK;
	n = espnic_ike_id_parse(&c->auth_local.id, who == LEFT ? "left.example" : "right.example", err);
	must(n == 0, err);
	n = espnic_ike_id_parse(&c->auth_remote.id, who == LEFT ? "right.example" : "left.example", err);
	must(n == 0, err);
	c->fragmentation = ESPNIC_IKE_USE_YES;
	c->keyingtries = 1;
	c->free = conn_free;
	return c;
}

void peers_conn(struct peers *p, int who, void (*change)(struct espnic_ike_conn *conn, void *ctx), void *ctx)
{
	struct espnic_ike_conn *c = peers_conn_make(p, who);
	char err[ESPNIC_IKE_TEXT] = "";

	if (change)
		change(c, ctx);
	must(espnic_ike_conn_load(p->host[who].ike, c, err) == 0, err);
}

void peers_conns(struct peers *p)
{
	peers_conn(p, LEFT, NULL, NULL);
	peers_conn(p, RIGHT, NULL, NULL);
}

/* ------------------------------------------------------------------ what is to happen */

static void put(struct peers *p, struct peers_item item)
{
	must(p->queued < PEERS_QUEUE, "too much on its way");
	item.order = p->order++;
	p->queue[p->queued++] = item;
}

static uint8_t *copy(const uint8_t *data, size_t len)
{
	uint8_t *c = malloc(len ? len : 1);

	must(c, "no memory");
	if (len)
		memcpy(c, data, len);
	return c;
}

static void transmit(struct peers *p, int who, const struct espnic_ike_action *a)
{
	struct peers_host *from = &p->host[who], *to = &p->host[!who];
	struct peers_item item = { .at = p->now + p->latency, .to = !who, .kind = ESPNIC_IKE_IN_DATAGRAM, .local = a->send.remote,
				   .remote = a->send.local, .natt = a->send.natt, .len = a->send.len };

	must(a->send.len >= 28 && a->send.len <= ESPNIC_IKE_DATAGRAM, "a message without a header");
	p->sent[who]++;
	if (from->seen.addr.family) {
		item.remote.addr = from->seen.addr;
		item.remote.port = (uint16_t)(from->seen.port + a->send.natt);
	}
	if (to->seen.addr.family) {
		/* The NAT lets in what comes from where something went to. */
		if (a->send.natt != (a->send.remote.port == to->seen.port + 1))
			return;
		item.local.addr = to->at.addr;
		item.local.port = a->send.natt ? ESPNIC_IKE_PORT_NATT : ESPNIC_IKE_PORT;
	} else {
		must(a->send.natt == (a->send.remote.port == ESPNIC_IKE_PORT_NATT), "a marker on the wrong port");
	}
	item.data = copy(a->send.data, a->send.len);
	if (p->record)
		p->record(p->ctx, &item);
	p->copy = false;
	if (p->wire && !p->wire(p, &item, p->ctx)) {
		free(item.data);
		return;
	}
	if (p->copy) {
		struct peers_item twin = item;

		twin.data = copy(item.data, item.len);
		twin.at += peers_random(p) % 50;
		put(p, twin);
	}
	put(p, item);
}

/* ------------------------------------------------------------------ the kernel */

static struct peers_ksa *find(struct peers_host *h, uint32_t spi_in)
{
	for (unsigned int i = 0; i < h->n_ksa; i++)
		if (h->ksa[i].spi_in == spi_in)
			return &h->ksa[i];
	return NULL;
}

static void take_key(uint8_t *out, const struct espnic_ike_kernel_op *op, const uint8_t *encr, const uint8_t *integ)
{
	must(encr && (!op->integ || integ), "an install without keys");
	memcpy(out, encr, op->encr->key_bits / 8 + op->encr->salt);
	if (op->integ)
		memcpy(out + ESPNIC_IKE_ENCR_KEY, integ, op->integ->out);
}

static enum espnic_ike_kernel_status install(struct peers *p, struct peers_host *h, const struct espnic_ike_kernel_op *op)
{
	struct peers_ksa *k;

	if (h->fail_install && --h->fail_install == 0)
		return ESPNIC_IKE_KERNEL_FAILED;
	if (h->exists_install) {
		h->exists_install--;
		return ESPNIC_IKE_KERNEL_EXISTS;
	}
	must(h->n_ksa < PEERS_KSAS && !find(h, op->spi_in), "an inbound SPI twice");
	k = &h->ksa[h->n_ksa++];
	*k = (struct peers_ksa){ .child_id = op->child_id, .reqid = op->reqid, .spi_in = op->spi_in, .mode = op->mode, .encap = op->encap,
				 .initiator = op->initiator, .local = op->local, .remote = op->remote, .ts_local = op->ts_local[0] };
	take_key(k->in, op, op->encr_in, op->integ_in);
	must(op->n_local && op->n_remote, "an install without selectors");
	if (op->kind == ESPNIC_IKE_KERNEL_INSTALL_IN)
		return ESPNIC_IKE_KERNEL_OK;
	take_key(k->out, op, op->encr_out, op->integ_out);
	k->spi_out = op->spi_out;
	k->order = p->order;
	h->policies += op->policies;
	return ESPNIC_IKE_KERNEL_OK;
}

static enum espnic_ike_kernel_status install_out(struct peers *p, struct peers_host *h, const struct espnic_ike_kernel_op *op)
{
	struct peers_ksa *k = find(h, op->spi_in);

	if (h->fail_install && --h->fail_install == 0)
		return ESPNIC_IKE_KERNEL_FAILED;
	must(k && !k->spi_out, "INSTALL_OUT without INSTALL_IN");
	take_key(k->out, op, op->encr_out, op->integ_out);
	k->spi_out = op->spi_out;
	k->order = p->order;
	h->policies += op->policies;
	return ESPNIC_IKE_KERNEL_OK;
}

static enum espnic_ike_kernel_status move(struct peers_host *h, const struct espnic_ike_kernel_op *op)
{
	struct peers_ksa *k = find(h, op->spi_in);

	h->moves++;
	if (h->fail_moves)
		return ESPNIC_IKE_KERNEL_FAILED;
	must(k, "a move of an SA that is not there");
	must(espnic_ike_addr_equal(&k->local.addr, &op->was_local.addr) && k->remote.port == op->was_remote.port &&
	     espnic_ike_addr_equal(&k->remote.addr, &op->was_remote.addr), "a move from elsewhere");
	k->local = op->local;
	k->remote = op->remote;
	k->encap = op->encap;
	return ESPNIC_IKE_KERNEL_OK;
}

static void kernel(struct peers *p, int who, const struct espnic_ike_kernel_op *op)
{
	struct peers_host *h = &p->host[who];
	struct peers_item item = { .at = p->now, .to = who, .kind = ESPNIC_IKE_IN_KERNEL, .token = op->token };
	struct peers_ksa *k;

	h->kernel_ops++;
	switch (op->kind) {
	case ESPNIC_IKE_KERNEL_INSTALL:
	case ESPNIC_IKE_KERNEL_INSTALL_IN:
		item.status = install(p, h, op);
		break;
	case ESPNIC_IKE_KERNEL_INSTALL_OUT:
		item.status = install_out(p, h, op);
		break;
	case ESPNIC_IKE_KERNEL_MIGRATE:
		item.status = move(h, op);
		break;
	case ESPNIC_IKE_KERNEL_DELETE:
		k = find(h, op->spi_in);
		if (k)
			*k = h->ksa[--h->n_ksa];
		must(h->policies >= op->policies, "policies deleted that are not there");
		h->policies -= op->policies;
		h->bare += op->policies && !h->policies;
		return;
	default:
		must(false, "a kernel operation nobody makes");
	}
	put(p, item);
}

/* ------------------------------------------------------------------ the rest of a host */

static int mac(const struct peers_host *h, const struct espnic_ike_key_op *op, uint8_t *out)
{
	return h->psk ? espnic_ike_psk_mac(op->prf, (const uint8_t *)h->psk, strlen(h->psk), op->octets, op->len, out) : -1;
}

static int sign(const struct peers_host *h, const struct espnic_ike_key_op *op, uint8_t *out)
{
	uint8_t keyid[ESPNIC_IKE_KEYID];

	if (!h->key || espnic_ike_keyid(h->key, keyid) < 0 || memcmp(keyid, op->keyid, sizeof(keyid)) != 0)
		return -1;
	return espnic_ike_sign(h->key, op->scheme, op->octets, op->len, out);
}

static int mix(const struct peers_host *h, const struct espnic_ike_key_op *op, uint8_t *out)
{
	struct espnic_ike_id id = { .type = ESPNIC_IKE_ID_KEY };
	int len;

	if (!h->ppk)
		return -1;
	id.len = (uint16_t)strlen(h->ppk_id);
	memcpy(id.data, h->ppk_id, id.len);
	if (!espnic_ike_ppk_id_is(op->ppk_id, &id))
		return -1;
	len = espnic_ike_ppk_mix(op->prf, (const uint8_t *)h->ppk, strlen(h->ppk), op->sk, out);
	if (len > 0 && h->bad_ppk)
		out[(h->bad_ppk - 1) * op->prf->out] ^= 1;
	return len;
}

static void key(struct peers *p, int who, const struct espnic_ike_key_op *op)
{
	static int (*const does[])(const struct peers_host *h, const struct espnic_ike_key_op *op, uint8_t *out) = {
		[ESPNIC_IKE_KEY_PSK] = mac, [ESPNIC_IKE_KEY_SIGN] = sign, [ESPNIC_IKE_KEY_PPK] = mix,
	};
	struct peers_item item = { .at = p->now, .to = who, .kind = ESPNIC_IKE_IN_KEY, .token = op->token };
	uint8_t out[ESPNIC_IKE_SIGNATURE];
	int len = does[op->kind](&p->host[who], op, out);

	item.ok = len > 0;
	item.text = item.ok ? NULL : "there is no such key";
	item.len = len > 0 ? (size_t)len : 0;
	item.data = copy(out, item.len);
	put(p, item);
}

static void event(struct peers_host *h, const struct espnic_ike_event *e)
{
	h->events[e->kind]++;
	if (e->text && (e->kind == ESPNIC_IKE_EV_PEER || e->kind == ESPNIC_IKE_EV_IKE_FAILED || e->kind == ESPNIC_IKE_EV_CHILD_FAILED))
		snprintf(h->text, sizeof(h->text), "%s", e->text);
	if (e->text && e->kind == ESPNIC_IKE_EV_NOTE)
		snprintf(h->note, sizeof(h->note), "%s", e->text);
	if (getenv("PEERS_TRACE"))
		fprintf(stderr, "  event %d ike %u child %u: %s\n", e->kind, e->ike_id, e->child_id, e->text ? e->text : "");
}

static void perform(struct peers *p, int who, const struct espnic_ike_actions *out)
{
	for (unsigned int i = 0; i < out->n; i++) {
		const struct espnic_ike_action *a = &out->v[i];

		switch (a->kind) {
		case ESPNIC_IKE_ACT_SEND:
			transmit(p, who, a);
			break;
		case ESPNIC_IKE_ACT_KERNEL:
			kernel(p, who, &a->kernel);
			break;
		case ESPNIC_IKE_ACT_KEY:
			key(p, who, &a->key);
			break;
		case ESPNIC_IKE_ACT_EVENT:
			event(&p->host[who], &a->event);
			break;
		case ESPNIC_IKE_ACT_ADDRESS:
			must(a->address.add || p->host[who].addresses, "an address goes that never came");
			p->host[who].addresses += a->address.add ? 1 : -1u;
			if (a->address.add)
				p->host[who].vip = a->address.addr;
			break;
		case ESPNIC_IKE_ACT_KEEPALIVE:
			p->host[who].keepalives++;
			break;
		}
	}
	p->host[who].next_ms = out->next_ms;
}

void peers_step(struct peers *p, int who, const struct espnic_ike_input *in)
{
	struct espnic_ike_actions out;

	if (getenv("PEERS_TRACE"))
		fprintf(stderr, "%llu %s input %d len %zu\n", (unsigned long long)p->now, who == LEFT ? "left" : "right", in->kind,
			in->kind == ESPNIC_IKE_IN_DATAGRAM ? in->datagram.len : 0);
	espnic_ike_step(p->host[who].ike, in, p->now, &out);
	perform(p, who, &out);
	if (p->watch && !peers_agree(p))
		p->hole = true;
}

void peers_initiate(struct peers *p, int who, const char *child)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE, .initiate = { .conn = "both", .child = child } };

	peers_step(p, who, &in);
}

void peers_terminate(struct peers *p, int who, uint32_t ike_id, uint32_t child_id)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_TERMINATE, .terminate = { .ike_id = ike_id, .child_id = child_id } };

	peers_step(p, who, &in);
}

static void expire(struct peers *p, int who, unsigned int n, bool hard)
{
	struct peers_host *h = &p->host[who];
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_EXPIRE, .expire = { .dst = h->at.addr, .hard = hard } };

	if (n >= h->n_ksa)
		return;
	in.expire.spi = h->ksa[n].spi_in;
	peers_step(p, who, &in);
}

void peers_expire(struct peers *p, int who, unsigned int n)
{
	expire(p, who, n, false);
}

void peers_use_up(struct peers *p, int who, unsigned int n)
{
	expire(p, who, n, true);
}

static void deliver(struct peers *p, unsigned int at)
{
	struct peers_item item = p->queue[at];
	struct espnic_ike_input in = { .kind = item.kind };

	p->queue[at] = p->queue[--p->queued];
	p->now = item.at > p->now ? item.at : p->now;
	switch (item.kind) {
	case ESPNIC_IKE_IN_DATAGRAM:
		in.datagram.local = item.local;
		in.datagram.remote = item.remote;
		in.datagram.natt = item.natt;
		in.datagram.data = item.data;
		in.datagram.len = item.len;
		break;
	case ESPNIC_IKE_IN_KERNEL:
		in.kernel.token = item.token;
		in.kernel.status = item.status;
		in.kernel.text = item.status ? "no room" : NULL;
		break;
	default:
		in.key.token = item.token;
		in.key.ok = item.ok;
		in.key.text = item.text;
		in.key.data = item.data;
		in.key.len = item.len;
	}
	peers_step(p, item.to, &in);
	free(item.data);
}

/* The next thing until @until. False: there is none. */
static bool advance(struct peers *p, uint64_t until, bool idle)
{
	struct espnic_ike_input timer = { .kind = ESPNIC_IKE_IN_TIMER };
	unsigned int best = 0;
	int who = p->host[LEFT].next_ms <= p->host[RIGHT].next_ms ? LEFT : RIGHT;
	uint64_t at = p->host[who].next_ms;

	for (unsigned int i = 1; i < p->queued; i++)
		if (p->queue[i].at < p->queue[best].at || (p->queue[i].at == p->queue[best].at && p->queue[i].order < p->queue[best].order))
			best = i;
	if (p->queued && p->queue[best].at <= at) {
		if (p->queue[best].at > until)
			return false;
		deliver(p, best);
		return true;
	}
	if (at > until || (!idle && !p->queued))
		return false;
	p->now = at > p->now ? at : p->now;
	peers_step(p, who, &timer);
	return true;
}

void peers_run(struct peers *p, uint64_t ms)
{
	uint64_t until = p->now + ms;
	unsigned int steps = 0;

	while (advance(p, until, false))
		must(++steps < QUIET, "it never comes to rest");
}

void peers_wait(struct peers *p, uint64_t ms)
{
	uint64_t until = p->now + ms;
	unsigned int steps = 0;

	while (advance(p, until, true))
		must(++steps < QUIET, "it never comes to rest");
	p->now = until;
}

/* ------------------------------------------------------------------ looking */

struct counting {
	enum espnic_ike_state state;
	unsigned int n;
};

static bool count(void *ctx, const struct espnic_ike_sa_info *sa)
{
	struct counting *c = ctx;

	c->n += sa->state == c->state;
	return true;
}

unsigned int peers_sas(struct peers *p, int who, enum espnic_ike_state state)
{
	struct counting c = { .state = state };

	espnic_ike_list(p->host[who].ike, count, &c);
	return c.n;
}

/* What the kernel of @from would send by arrives: for each reqid its newest outbound SA. */
static bool arrives(struct peers_host *from, struct peers_host *to)
{
	for (unsigned int i = 0; i < from->n_ksa; i++) {
		const struct peers_ksa *k = &from->ksa[i], *in;
		bool newest = k->spi_out;

		for (unsigned int j = 0; j < from->n_ksa; j++)
			newest &= from->ksa[j].reqid != k->reqid || from->ksa[j].order <= k->order;
		if (!newest)
			continue;
		in = find(to, k->spi_out);
		if (!in || memcmp(in->in, k->out, sizeof(in->in)) != 0 || in->mode != k->mode || in->encap != k->encap)
			return false;
	}
	return true;
}

bool peers_agree(struct peers *p)
{
	return arrives(&p->host[LEFT], &p->host[RIGHT]) && arrives(&p->host[RIGHT], &p->host[LEFT]);
}
