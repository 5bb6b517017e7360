// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core on real sockets, with a kernel that only keeps count: for tests against other people's IKE.
 *
 * usage: udp LOCAL REMOTE key=value...
 *	ike=, esp=	proposals		psk=		the secret; without it, public keys:
 *	cert=, key=	files of our own certificate or public key, and of its private key
 *	ca=, pin=	files of the CA, or of the public key, of the peer
 *	id=, peer=	identities		mode=		tunnel or transport
 *	ike_rekey=, child_rekey=, dpd=		milliseconds
 *	local_ts=, remote_ts=	10.1.0.0/16; the addresses themselves if not given
 *	mobike=yes, childless=yes
 *	vips=0.0.0.0	a virtual address is asked for; pool=FROM-TO: the peer's come from there
 *	ppk=, ppk_id=	a PPK and its PPK_ID; ppk_names=yes: the connection names it; ppk_required=yes
 *	keys=FILE	a line for each IKE SA (settings.keylog)
 *	shift=N		the peer's ports are 500 + N and 4500 + N, which looks like a NAT
 *
 * Commands on standard input, a line each: initiate, terminate, expire (a soft limit of the oldest child), quit.
 * Events on standard output, a line each: `event KIND TEXT`, `kernel OP SPI_IN SPI_OUT`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "conf/creds.h"
#include "core/ike.h"

enum { MARKER = 4, ROOM = 65536, ANSWERS = 64, FILE_ROOM = 16384 };

struct answer {
	struct espnic_ike_input in;
	uint8_t mac[ESPNIC_IKE_SIGNATURE];
};

static struct espnic_ike *ike;
static struct espnic_ike_endpoint local, remote;
static int sockets[2];			/* 500, 4500 */
static uint16_t shift;
static const char *psk = "", *ppk = "", *ppk_id = "";
static void *private_key;
static FILE *keys;
static struct answer answers[ANSWERS];
static unsigned int n_answers;
static uint64_t next_ms;
static uint32_t oldest;			/* inbound SPI of a child */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "udp: %s: %s\n", what, why);
	exit(2);
}

static void keylog(void *ctx, const char *line)
{
	(void)ctx;
	if (keys) {
		fprintf(keys, "%s\n", line);
		fflush(keys);
	}
}

/* ------------------------------------------------------------------ sockets */

static struct sockaddr_in to_sockaddr(const struct espnic_ike_endpoint *e)
{
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(e->port) };

	memcpy(&s.sin_addr, e->addr.bytes, 4);
	return s;
}

static int open_socket(uint16_t port)
{
	struct espnic_ike_endpoint at = { local.addr, port };
	struct sockaddr_in s = to_sockaddr(&at);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) || bind(fd, (struct sockaddr *)&s, sizeof(s)))
		die("socket", strerror(errno));
	return fd;
}

static void transmit(const struct espnic_ike_action *a)
{
	uint8_t out[MARKER + ESPNIC_IKE_DATAGRAM] = { 0 };
	struct sockaddr_in s = to_sockaddr(&a->send.remote);
	size_t marker = a->send.natt ? MARKER : 0;

	s.sin_port = htons((uint16_t)(a->send.remote.port + shift));
	memcpy(out + marker, a->send.data, a->send.len);
	sendto(sockets[a->send.natt], out, marker + a->send.len, 0, (struct sockaddr *)&s, sizeof(s));
}

/* ------------------------------------------------------------------ kernel and keys */

static struct answer *later(enum espnic_ike_input_kind kind)
{
	struct answer *a = &answers[n_answers++];

	if (n_answers > ANSWERS)
		die("answers", "too many");
	memset(a, 0, sizeof(*a));
	a->in.kind = kind;
	return a;
}

static void kernel(const struct espnic_ike_kernel_op *op)
{
	static const char *const names[] = { "install", "install_in", "install_out", "delete", "migrate", "query" };

	printf("kernel %s %08x %08x\n", names[op->kind], op->spi_in, op->spi_out);
	if (op->kind == ESPNIC_IKE_KERNEL_DELETE) {
		oldest = oldest == op->spi_in ? 0 : oldest;
		return;
	}
	if (op->kind == ESPNIC_IKE_KERNEL_INSTALL || op->kind == ESPNIC_IKE_KERNEL_INSTALL_OUT)
		oldest = op->spi_in;
	later(ESPNIC_IKE_IN_KERNEL)->in.kernel.token = op->token;
}

static int compute(const struct espnic_ike_key_op *op, uint8_t out[ESPNIC_IKE_SIGNATURE])
{
	switch (op->kind) {
	case ESPNIC_IKE_KEY_SIGN:
		return espnic_ike_sign(private_key, op->scheme, op->octets, op->len, out);
	case ESPNIC_IKE_KEY_PPK:
		if (op->ppk_id->len != strlen(ppk_id) || memcmp(op->ppk_id->data, ppk_id, op->ppk_id->len) != 0)
			return -1;
		return espnic_ike_ppk_mix(op->prf, (const uint8_t *)ppk, strlen(ppk), op->sk, out);
	default:
		return espnic_ike_psk_mac(op->prf, (const uint8_t *)psk, strlen(psk), op->octets, op->len, out);
	}
}

static void key(const struct espnic_ike_key_op *op)
{
	struct answer *a = later(ESPNIC_IKE_IN_KEY);
	int len = compute(op, a->mac);

	a->in.key.token = op->token;
	a->in.key.ok = len > 0;
	a->in.key.data = a->mac;
	a->in.key.len = len > 0 ? (size_t)len : 0;
}

static void event(const struct espnic_ike_event *e)
{
	static const char *const names[] = { "ike_up", "ike_down", "ike_rekeyed", "child_up", "child_down", "child_rekeyed",
					     "ike_failed", "child_failed", "peer", "note" };

	printf("event %s %s\n", names[e->kind], e->text ? e->text : "");
}

static void address(const struct espnic_ike_address_op *op)
{
	char text[INET6_ADDRSTRLEN];

	printf("address %s %s\n", op->add ? "add" : "del", espnic_ike_addr_text(&op->addr, text, sizeof(text)));
}

static void step(const struct espnic_ike_input *in)
{
	struct espnic_ike_actions out;

	espnic_ike_step(ike, in, now(), &out);
	for (unsigned int i = 0; i < out.n; i++) {
		const struct espnic_ike_action *a = &out.v[i];

		if (a->kind == ESPNIC_IKE_ACT_SEND)
			transmit(a);
		else if (a->kind == ESPNIC_IKE_ACT_KERNEL)
			kernel(&a->kernel);
		else if (a->kind == ESPNIC_IKE_ACT_KEY)
			key(&a->key);
		else if (a->kind == ESPNIC_IKE_ACT_EVENT)
			event(&a->event);
		else if (a->kind == ESPNIC_IKE_ACT_ADDRESS)
			address(&a->address);
	}
	next_ms = out.next_ms;
	fflush(stdout);
	while (n_answers) {
		struct answer first = answers[0];

		memmove(&answers[0], &answers[1], --n_answers * sizeof(answers[0]));
		if (first.in.kind == ESPNIC_IKE_IN_KEY)
			first.in.key.data = first.mac;
		step(&first.in);
	}
}

/* ------------------------------------------------------------------ configuration */

static const char *option(int argc, char **argv, const char *name, const char *fallback)
{
	size_t len = strlen(name);

	for (int i = 3; i < argc; i++)
		if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
			return argv[i] + len + 1;
	return fallback;
}

static void check(int rc, const char *what, const char *err)
{
	if (rc < 0)
		die(what, err);
}

static uint64_t ms(int argc, char **argv, const char *name)
{
	return strtoull(option(argc, argv, name, "0"), NULL, 10);
}

/* A selector of @text, an IPv4 prefix. */
static struct espnic_ike_ts selector(const char *text)
{
	struct espnic_ike_ts ts = { .port_to = 65535, .dynamic = !*text };
	char addr[INET_ADDRSTRLEN] = "";
	struct espnic_ike_addr a;
	unsigned int bits = 32;

	if (ts.dynamic)
		return ts;
	if (sscanf(text, "%15[0-9.]/%u", addr, &bits) < 1 || espnic_ike_addr_parse(&a, addr) < 0 || bits > 32)
		die("selector", text);
	ts.family = 4;
	memcpy(ts.from, a.bytes, 4);
	memcpy(ts.to, a.bytes, 4);
	for (unsigned int i = bits; i < 32; i++)
		ts.to[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return ts;
}

static size_t read_file(const char *name, uint8_t p[FILE_ROOM])
{
	FILE *f = fopen(name, "rb");
	size_t len = f ? fread(p, 1, FILE_ROOM, f) : 0;

	if (!len || len == FILE_ROOM)
		die(name, "not read");
	fclose(f);
	return len;
}

struct load_as {
	enum espnic_ike_cert_kind kind;
	uint8_t *keyid;
};

static int load_one(void *ctx, const uint8_t *der, size_t len)
{
	struct load_as *as = ctx;
	char err[ESPNIC_IKE_TEXT];

	check(espnic_ike_cert_load(ike, as->kind, der, len, as->keyid, err), "certificate", err);
	return 0;
}

static bool load_file(const char *name, enum espnic_ike_cert_kind kind, uint8_t *keyid)
{
	struct load_as as = { kind, keyid };
	uint8_t p[FILE_ROOM];
	char err[ESPNIC_IKE_TEXT];

	if (*name)
		check(espnic_creds_read(kind, p, read_file(name, p), load_one, &as, err), name, err);
	return *name;
}

static void load_keys(int argc, char **argv, struct espnic_ike_conn *conn)
{
	const char *key = option(argc, argv, "key", ""), *cert = option(argc, argv, "cert", "");
	uint8_t p[FILE_ROOM], keyid[ESPNIC_IKE_KEYID];
	char err[ESPNIC_IKE_TEXT];

	conn->auth_local.method = conn->auth_remote.method = *psk ? ESPNIC_IKE_AUTH_PSK : ESPNIC_IKE_AUTH_PUBKEY;
	conn->send_certreq = true;
	if (*psk)
		return;
	check(espnic_creds_key(p, read_file(key, p), NULL, &private_key, keyid, err), key, err);
	conn->auth_local.n_keyids = load_file(cert, strstr(cert, ".pub") ? ESPNIC_IKE_CERT_PUBKEY : ESPNIC_IKE_CERT_LEAF,
					      conn->auth_local.keyid[0]);
	load_file(option(argc, argv, "ca", ""), ESPNIC_IKE_CERT_CA, NULL);
	conn->auth_remote.n_keyids = load_file(option(argc, argv, "pin", ""), ESPNIC_IKE_CERT_PUBKEY, conn->auth_remote.keyid[0]);
}

static void load_vips(int argc, char **argv, struct espnic_ike_conn *conn)
{
	const char *vip = option(argc, argv, "vips", ""), *pool = option(argc, argv, "pool", "");
	struct espnic_ike_pool_conf conf = { .name = "pool" };
	char from[INET_ADDRSTRLEN] = "", err[ESPNIC_IKE_TEXT];

	if (*vip)
		check(espnic_ike_addr_parse(&conn->vips[conn->n_vips++], vip), "vips", vip);
	if (!*pool)
		return;
	if (sscanf(pool, "%15[0-9.]", from) != 1 || !strchr(pool, '-') || espnic_ike_addr_parse(&conf.from, from) < 0 ||
	    espnic_ike_addr_parse(&conf.to, strchr(pool, '-') + 1) < 0)
		die("pool", pool);
	check(espnic_ike_pool_load(ike, &conf, err), "pool", err);
	strcpy(conn->pools[conn->n_pools++], conf.name);
}

static void load(int argc, char **argv)
{
	static struct espnic_ike_child_conf child;
	static struct espnic_ike_conn conn;
	char err[ESPNIC_IKE_TEXT] = "";
	int n;

	n = espnic_ike_proposal_parse(conn.proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_IKE, option(argc, argv, "ike", "default"), err);
	check(n, "ike", err);
	conn.n_proposals = (uint8_t)n;
	n = espnic_ike_proposal_parse(child.proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_ESP, option(argc, argv, "esp", "default"), err);
	check(n, "esp", err);
	child.n_proposals = (uint8_t)n;
	strcpy(conn.name, "conn");
	strcpy(child.name, "child");
	check(espnic_ike_id_parse(&conn.auth_local.id, option(argc, argv, "id", "%any"), err), "id", err);
	check(espnic_ike_id_parse(&conn.auth_remote.id, option(argc, argv, "peer", "%any"), err), "peer", err);
	load_keys(argc, argv, &conn);
	load_vips(argc, argv, &conn);
	conn.n_local = conn.n_remote = 1;
	conn.local[0] = (struct espnic_ike_net){ local.addr, 32 };
	conn.remote[0] = (struct espnic_ike_net){ remote.addr, 32 };
	conn.fragmentation = ESPNIC_IKE_USE_YES;
	conn.keyingtries = 1;
	conn.mobike = *option(argc, argv, "mobike", "");
	conn.childless = *option(argc, argv, "childless", "") ? ESPNIC_IKE_CHILDLESS_FORCE : ESPNIC_IKE_CHILDLESS_ALLOW;
	if (*option(argc, argv, "ppk_names", ""))
		check(espnic_ike_id_parse(&conn.ppk_id, ppk_id, err), "ppk_id", err);
	conn.ppk_required = *option(argc, argv, "ppk_required", "");
	conn.rekey_ms = ms(argc, argv, "ike_rekey");
	conn.dpd_ms = ms(argc, argv, "dpd");
	child.rekey_ms = ms(argc, argv, "child_rekey");
	child.mode = strcmp(option(argc, argv, "mode", "tunnel"), "transport") == 0 ? ESPNIC_IKE_TRANSPORT : ESPNIC_IKE_TUNNEL;
	child.n_local = child.n_remote = 1;
	child.local[0] = selector(option(argc, argv, "local_ts", ""));
	child.remote[0] = selector(option(argc, argv, "remote_ts", ""));
	child.start = ESPNIC_IKE_START;
	conn.children = &child;
	conn.n_children = 1;
	check(espnic_ike_conn_load(ike, &conn, err), "connection", err);
}

/* ------------------------------------------------------------------ loop */

static void receive(int natt)
{
	static uint8_t in[ROOM];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(sockets[natt], in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	struct espnic_ike_input d = { .kind = ESPNIC_IKE_IN_DATAGRAM };
	size_t skip = natt ? MARKER : 0;
	static const uint8_t zeros[MARKER];

	if (len < (ssize_t)(skip + 1) || memcmp(in, zeros, skip) != 0)
		return;
	d.datagram.local = (struct espnic_ike_endpoint){ local.addr, natt ? ESPNIC_IKE_PORT_NATT : ESPNIC_IKE_PORT };
	d.datagram.remote.addr.family = 4;
	memcpy(d.datagram.remote.addr.bytes, &from.sin_addr, 4);
	d.datagram.remote.port = (uint16_t)(ntohs(from.sin_port) - shift);
	d.datagram.natt = natt;
	d.datagram.data = in + skip;
	d.datagram.len = (size_t)len - skip;
	step(&d);
}

/* False: it is over. */
static bool command(void)
{
	struct espnic_ike_input in = { 0 };
	char line[64];
	ssize_t len = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (len <= 0)
		return false;
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "initiate") == 0) {
		in.kind = ESPNIC_IKE_IN_INITIATE;
		in.initiate.conn = "conn";
	} else if (strcmp(line, "terminate") == 0) {
		in.kind = ESPNIC_IKE_IN_TERMINATE;
	} else if (strcmp(line, "expire") == 0) {
		in.kind = ESPNIC_IKE_IN_EXPIRE;
		in.expire.spi = oldest;
		in.expire.dst = local.addr;
	} else {
		return false;
	}
	step(&in);
	return true;
}

int main(int argc, char **argv)
{
	struct espnic_ike_input timer = { .kind = ESPNIC_IKE_IN_TIMER }, ppks = { .kind = ESPNIC_IKE_IN_PPKS };
	struct espnic_ike_settings set;
	char err[ESPNIC_IKE_TEXT];
	struct pollfd fds[3];

	if (argc < 3 || espnic_ike_addr_parse(&local.addr, argv[1]) < 0 || espnic_ike_addr_parse(&remote.addr, argv[2]) < 0)
		die("usage", "udp LOCAL REMOTE key=value...");
	psk = option(argc, argv, "psk", "");
	ppk = option(argc, argv, "ppk", "");
	ppk_id = option(argc, argv, "ppk_id", "");
	ppks.ppks.any = *ppk;
	shift = (uint16_t)ms(argc, argv, "shift");
	if (*option(argc, argv, "keys", ""))
		keys = fopen(option(argc, argv, "keys", ""), "w");
	espnic_ike_settings_init(&set);
	set.keylog = keylog;
	ike = espnic_ike_new(&set, err);
	if (!ike)
		die("core", err);
	load(argc, argv);
	sockets[0] = open_socket(ESPNIC_IKE_PORT);
	sockets[1] = open_socket(ESPNIC_IKE_PORT_NATT);
	fds[0] = (struct pollfd){ sockets[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ sockets[1], POLLIN, 0 };
	fds[2] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	step(&ppks);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		uint64_t t = now();
		int wait = next_ms == UINT64_MAX ? -1 : next_ms <= t ? 0 : next_ms - t > 1000 ? 1000 : (int)(next_ms - t);

		if (poll(fds, 3, wait) < 0)
			die("poll", strerror(errno));
		if (fds[0].revents)
			receive(0);
		if (fds[1].revents)
			receive(1);
		if (fds[2].revents && !command())
			break;
		step(&timer);
	}
	espnic_ike_free(ike);
	EVP_PKEY_free(private_key);
	return 0;
}
