// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VICI server on its socket: commands and their replies, events, clients that misbehave; and strongSwan's
 * own swanctl as a client (from the platform's unpacked packages; left out, by name, where it isn't).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/server.h"

static char dir[] = "/tmp/espnic-vici-XXXXXX";
static char path[64];
static struct espnic_store store;
static uint64_t waiting; /* ticket of the last initiate */
static struct espnic_ctl_ask asked;
static bool answer_now; /* by the server's thread, which alone may */

/* A daemon that has nothing, and lets clients wait. */
static void loaded(void *ctx, const struct espnic_store_conn *conn)
{
	(void)ctx;
	(void)conn;
}

static void initiate(void *ctx, const struct espnic_ctl_ask *a, uint64_t ticket)
{
	(void)ctx;
	asked = *a;
	__atomic_store_n(&waiting, ticket, __ATOMIC_RELEASE);
}

static int look(void *ctx, espnic_ctl_each_sa *each, void *each_ctx, struct espnic_ike_counters *n)
{
	(void)ctx;
	(void)each;
	(void)each_ctx;
	memset(n, 0, sizeof(*n));
	return 0;
}

static bool key_name(void *ctx, unsigned int i, char name[ESPNIC_KEY_NAME])
{
	(void)ctx;
	(void)i;
	name[0] = 0;
	return false;
}

static void clear_creds(void *ctx)
{
	(void)ctx;
}

/* Its core has pools: none is taken whose second address part is 5, and none goes whose name is "busy". */
static int load_pool(void *ctx, const struct espnic_ike_pool_conf *pool, struct espnic_conf_error *err)
{
	(void)ctx;
	snprintf(err->text, sizeof(err->text), "not this one");
	return pool->from.bytes[1] == 5 ? -1 : 0;
}

static int unload_pool_of_core(void *ctx, const char *name, struct espnic_conf_error *err)
{
	(void)ctx;
	snprintf(err->text, sizeof(err->text), "some of its addresses are in use");
	return strcmp(name, "busy") ? 0 : -1;
}

static int pool_info(void *ctx, const char *name, struct espnic_ike_pool_info *info)
{
	(void)ctx;
	(void)name;
	*info = (struct espnic_ike_pool_info){ 254, 3, 1 };
	return 0;
}

/* What was loaded: a name, and how many bytes; "" of what none has brought. */
static char authority[ESPNIC_IKE_NAME];
static enum espnic_ike_cert_kind cert_kind;
static size_t cert_len;

static int load_cert(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)p;
	cert_kind = kind;
	cert_len = len;
	if (len != 1)
		return 0;
	snprintf(err->text, sizeof(err->text), "one byte");
	return -1;
}

static int load_authority(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	snprintf(authority, sizeof(authority), "%s", name);
	return load_cert(ctx, ESPNIC_IKE_CERT_CA, p, len, err);
}

static bool unload_authority(void *ctx, const char *name)
{
	bool had = *authority && !strcmp(name, authority);

	(void)ctx;
	if (had)
		authority[0] = 0;
	return had;
}

static void certs(void *ctx, espnic_ctl_each_cert *each, void *each_ctx)
{
	const struct espnic_ctl_cert of_authority = { .kind = ESPNIC_IKE_CERT_CA, .der = (const uint8_t *)"ca", .len = 2,
						      .authority = authority, .subject = "CN=root" };
	const struct espnic_ctl_cert mine = { .kind = ESPNIC_IKE_CERT_LEAF, .der = (const uint8_t *)"leaf", .len = 4,
					      .subject = "CN=left", .has_key = true };
	const struct espnic_ctl_cert crl = { .kind = ESPNIC_IKE_CERT_CRL, .der = (const uint8_t *)"crl", .len = 3,
					     .subject = "CN=root" };

	(void)ctx;
	if (*authority) {
		each(each_ctx, &of_authority);
		each(each_ctx, &of_authority);
	}
	each(each_ctx, &mine);
	each(each_ctx, &crl);
}

static int rekeyed(void *ctx, const struct espnic_ctl_ask *a, unsigned int *n, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)err;
	asked = *a;
	*n = 1;
	return 0;
}

static const struct espnic_ctl_ops ops = {
	.load_pool = load_pool, .unload_pool = unload_pool_of_core, .pool_info = pool_info,
	.loaded = loaded, .unloading = loaded, .initiate = initiate, .look = look, .key_name = key_name, .clear_creds = clear_creds,
	.load_cert = load_cert, .load_authority = load_authority, .unload_authority = unload_authority, .certs = certs,
	.rekey = rekeyed,
};
static struct espnic_ctl ctl = { .store = &store, .ops = &ops };
static struct espnic_ctl_server *server;
static pthread_t thread;
static volatile bool stop;

/* Tell the client that waits, and answer it; a ticket of nobody's does nothing. */
static void answer_it(void)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "control-log");
	espnic_ctl_tell(server, waiting, "control-log", &w);
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_done(server, waiting + 1, &w);
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_success(&w);
	espnic_ctl_done(server, waiting, &w);
}

static void *serve(void *arg)
{
	struct pollfd fd = { .fd = espnic_ctl_fd(server), .events = POLLIN };

	while (!stop) {
		if (poll(&fd, 1, 20) > 0)
			espnic_ctl_work(server);
		if (__atomic_exchange_n(&answer_now, false, __ATOMIC_ACQ_REL))
			answer_it();
	}
	return arg;
}

static int start(void **state)
{
	struct espnic_conf_error err;

	(void)state;
	stop = false;
	server = espnic_ctl_listen(path, &ctl, &err);
	if (!server) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return pthread_create(&thread, NULL, serve, NULL);
}

static int end(void **state)
{
	(void)state;
	stop = true;
	pthread_join(thread, NULL);
	espnic_ctl_close(server);
	espnic_store_free(&store);
	return access(path, F_OK) ? 0 : -1;
}

/* ---- a client ---- */

static int connected(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, struct espnic_vici_writer *w)
{
	assert_true(espnic_vici_finish(w));
	assert_int_equal(send(fd, w->data, w->len, MSG_NOSIGNAL), w->len);
	free(w->data);
}

/* One packet without its length; its size. 0: the server has hung up. */
static size_t hear(int fd, uint8_t *out, size_t room)
{
	uint8_t head[4];
	size_t len;

	if (recv(fd, head, 4, MSG_WAITALL) != 4)
		return 0;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	assert_true(len && len <= room);
	assert_int_equal(recv(fd, out, len, MSG_WAITALL), len);
	return len;
}

/* The reply as text: key=value and sections, by the reader alone (values may be bytes). */
static const char *said(const uint8_t *message, size_t len)
{
	static char out[4096];
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	out[0] = 0;
	espnic_vici_read(&r, message, len);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD) {
		size_t used = strlen(out);

		if (e == ESPNIC_VICI_KEY_VALUE)
			snprintf(out + used, sizeof(out) - used, "%.*s=%.*s ", (int)item.name_len, item.name, (int)item.value_len,
				 item.value);
		else if (e == ESPNIC_VICI_LIST_ITEM)
			snprintf(out + used, sizeof(out) - used, "%.*s ", (int)item.value_len, item.value);
		else if (e == ESPNIC_VICI_SECTION_START || e == ESPNIC_VICI_LIST_START)
			snprintf(out + used, sizeof(out) - used, "%.*s{", (int)item.name_len, item.name);
		else
			snprintf(out + used, sizeof(out) - used, "} ");
	}
	assert_int_equal(e, ESPNIC_VICI_END);
	return out;
}

static const char *reply(int fd)
{
	uint8_t buf[8192];
	size_t len = hear(fd, buf, sizeof(buf));

	assert_true(len > 0);
	if (buf[0] == ESPNIC_VICI_CMD_UNKNOWN)
		return "unknown";
	assert_int_equal(buf[0], ESPNIC_VICI_CMD_RESPONSE);
	return said(buf + 1, len - 1);
}

static void simple(int fd, const char *command)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, command);
	say(fd, &w);
}

/* load-conn of a connection @name with one key more */
static void load_conn(int fd, const char *name, const char *key, const char *value)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-conn");
	espnic_vici_section(&w, name);
	espnic_vici_list(&w, "remote_addrs");
	espnic_vici_list_item(&w, "192.0.2.2");
	espnic_vici_list_item(&w, "192.0.2.3");
	espnic_vici_list_end(&w);
	if (key)
		espnic_vici_value(&w, key, "%s", value);
	espnic_vici_section(&w, "local-1");
	espnic_vici_value(&w, "auth", "psk");
	espnic_vici_value(&w, "id", "left");
	espnic_vici_section_end(&w);
	espnic_vici_section(&w, "remote-1");
	espnic_vici_value(&w, "auth", "psk");
	espnic_vici_section_end(&w);
	espnic_vici_section(&w, "children");
	espnic_vici_section(&w, "net");
	espnic_vici_value(&w, "hw_offload", "packet");
	espnic_vici_section_end(&w);
	espnic_vici_section_end(&w);
	espnic_vici_section_end(&w);
	say(fd, &w);
}

static void test_commands(void **state)
{
	int fd = connected();
	struct espnic_vici_writer w;

	(void)state;
	simple(fd, "version");
	assert_non_null(strstr(reply(fd), "daemon=espnic-ike "));
	simple(fd, "stats");
	assert_non_null(strstr(reply(fd), "ikesas{total=0 half-open=0 } "));
	simple(fd, "nothing");
	assert_string_equal(reply(fd), "unknown");
	load_conn(fd, "home", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	load_conn(fd, "work", "version", "1");
	assert_string_equal(reply(fd), "success=no errmsg=vici:1: work.version: 1: IKEv1 is not supported ");
	load_conn(fd, "work", "color", "red");
	assert_string_equal(reply(fd), "success=no errmsg=vici:1: work.color: unknown key ");
	simple(fd, "load-conn");
	assert_string_equal(reply(fd), "success=no errmsg=one connection is loaded at a time ");
	load_conn(fd, "home", "rekey_time", "1h");
	assert_string_equal(reply(fd), "success=yes ");
	load_conn(fd, "other", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	simple(fd, "get-conns");
	assert_string_equal(reply(fd), "conns{home other } ");
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-conn");
	espnic_vici_value(&w, "name", "home");
	say(fd, &w);
	assert_string_equal(reply(fd), "success=yes ");
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-conn");
	espnic_vici_value(&w, "name", "home");
	say(fd, &w);
	assert_string_equal(reply(fd), "success=no errmsg=no connection 'home' ");
	simple(fd, "get-conns");
	assert_string_equal(reply(fd), "conns{other } ");
	close(fd);
}

static void pool(int fd, const char *name, const char *addrs)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-pool");
	espnic_vici_section(&w, name);
	espnic_vici_value(&w, "addrs", "%s", addrs);
	espnic_vici_list(&w, "dns");
	espnic_vici_list_item(&w, "10.1.0.53");
	espnic_vici_list_item(&w, "10.1.0.54");
	espnic_vici_list_end(&w);
	espnic_vici_section_end(&w);
	say(fd, &w);
}

static void unload_pool(int fd, const char *name)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-pool");
	espnic_vici_value(&w, "name", "%s", name);
	say(fd, &w);
}

static void test_pools(void **state)
{
	int fd = connected();

	(void)state;
	simple(fd, "load-pool");
	assert_string_equal(reply(fd), "success=no errmsg=one pool is loaded at a time ");
	pool(fd, "p", "everywhere");
	assert_string_equal(reply(fd), "success=no errmsg=vici:1: p.addrs: 'everywhere' is no prefix, no range of addresses and not 'dynamic' ");
	pool(fd, "p", "10.3.0.0/24");
	assert_string_equal(reply(fd), "success=yes ");
	pool(fd, "p", "10.4.0.0/24");
	assert_string_equal(reply(fd), "success=yes ");
	assert_int_equal(espnic_store_find_pool(&store, "p")->from.bytes[1], 4);
	assert_int_equal(espnic_store_find_pool(&store, "p")->n_dns, 2);
	simple(fd, "get-pools");
	assert_string_equal(reply(fd), "p{base=10.4.0.1 size=254 online=3 offline=1 } ");
	pool(fd, "p", "10.5.0.0/24");
	assert_string_equal(reply(fd), "success=no errmsg=not this one ");
	assert_int_equal(espnic_store_find_pool(&store, "p")->from.bytes[1], 4);
	pool(fd, "busy", "10.6.0.0/24");
	assert_string_equal(reply(fd), "success=yes ");
	unload_pool(fd, "busy");
	assert_string_equal(reply(fd), "success=no errmsg=some of its addresses are in use ");
	assert_true(espnic_store_unload_pool(&store, "busy"));
	unload_pool(fd, "p");
	assert_string_equal(reply(fd), "success=yes ");
	unload_pool(fd, "p");
	assert_string_equal(reply(fd), "success=no errmsg=no such pool ");
	simple(fd, "get-pools");
	assert_string_equal(reply(fd), "");
	close(fd);
}

static void shared(int fd, const char *id, const char *type, const void *data, size_t len, const char *owner)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-shared");
	espnic_vici_value(&w, "id", "%s", id);
	espnic_vici_value(&w, "type", "%s", type);
	espnic_vici_bytes(&w, "data", data, len);
	espnic_vici_list(&w, "owners");
	if (owner)
		espnic_vici_list_item(&w, owner);
	espnic_vici_list_end(&w);
	say(fd, &w);
}

static struct espnic_ike_id id_of(const char *text)
{
	char err[ESPNIC_IKE_TEXT];
	struct espnic_ike_id id;

	assert_int_equal(espnic_ike_id_parse(&id, text, err), 0);
	return id;
}

static void test_secrets(void **state)
{
	struct espnic_ike_id left = id_of("left.example.org"), right = id_of("right.example.org");
	static const char big[257];
	int fd = connected();

	(void)state;
	shared(fd, "all", "IKE", "\0every", 6, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	shared(fd, "ike-1", "IKE", "one", 3, "left.example.org");
	assert_string_equal(reply(fd), "success=yes ");
	shared(fd, "x", "EAP", "one", 3, NULL);
	assert_string_equal(reply(fd), "success=no errmsg=of secrets, pre-shared keys of IKE and PPKs alone are supported "
				       "(no EAP, XAuth, NTLM) ");
	shared(fd, "x", "IKE", "", 0, NULL);
	assert_string_equal(reply(fd), "success=no errmsg=a secret has 1 to 256 bytes ");
	shared(fd, "x", "IKE", big, 257, NULL);
	assert_string_equal(reply(fd), "success=no errmsg=a secret has 1 to 256 bytes ");
	simple(fd, "get-shared");
	assert_string_equal(reply(fd), "keys{all ike-1 } ");
	/* the more of the two it names, the better a secret fits */
	assert_memory_equal(espnic_store_psk(&store, &left, &right)->bytes, "one", 3);
	assert_memory_equal(espnic_store_psk(&store, &right, &right)->bytes, "\0every", 6);
	shared(fd, "ike-2", "IKE", "two", 3, "right.example.org");
	assert_string_equal(reply(fd), "success=yes ");
	assert_memory_equal(espnic_store_psk(&store, &left, &right)->bytes, "two", 3);
	simple(fd, "clear-creds");
	assert_string_equal(reply(fd), "success=yes ");
	assert_null(espnic_store_psk(&store, &left, &right));
	close(fd);
}

/* PPKs are not found as pre-shared keys, nor the other way; they have the identity of their owner, or nobody's. */
static void test_ppks(void **state)
{
	struct espnic_ike_id left = id_of("left.example.org"), right = id_of("right.example.org"), wire = id_of("keyid:left.example.org");
	int fd = connected();

	(void)state;
	shared(fd, "ike-1", "IKE", "one", 3, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	assert_int_equal(store.n_ppks, 0);
	assert_null(espnic_store_ppk(&store, &left));
	shared(fd, "ppk-1", "ppk", "two", 3, "left.example.org");
	assert_string_equal(reply(fd), "success=yes ");
	assert_int_equal(store.n_ppks, 1);
	assert_memory_equal(espnic_store_psk(&store, &left, &right)->bytes, "one", 3);
	assert_memory_equal(espnic_store_ppk(&store, &left)->bytes, "two", 3);
	assert_memory_equal(espnic_store_ppk(&store, &wire)->bytes, "two", 3);
	assert_null(espnic_store_ppk(&store, &right));
	shared(fd, "ppk-2", "PPK", "three", 5, "%any");
	assert_string_equal(reply(fd), "success=yes ");
	assert_memory_equal(espnic_store_ppk(&store, &left)->bytes, "two", 3);
	assert_memory_equal(espnic_store_ppk(&store, &right)->bytes, "three", 5);
	/* one in the place of the other */
	shared(fd, "ppk-2", "IKE", "four", 4, "right.example.org");
	assert_string_equal(reply(fd), "success=yes ");
	assert_int_equal(store.n_ppks, 1);
	assert_null(espnic_store_ppk(&store, &right));
	simple(fd, "get-shared");
	assert_string_equal(reply(fd), "keys{ike-1 ppk-1 ppk-2 } ");
	assert_true(espnic_store_unload_psk(&store, "ppk-1"));
	assert_int_equal(store.n_ppks, 0);
	simple(fd, "clear-creds");
	assert_string_equal(reply(fd), "success=yes ");
	close(fd);
}

static void test_events(void **state)
{
	struct espnic_vici_writer w;
	uint8_t buf[8192];
	int fd = connected();
	size_t len;

	(void)state;
	load_conn(fd, "home", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	/* without asking for them no events come */
	simple(fd, "list-conns");
	assert_string_equal(reply(fd), "");
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "list-conn");
	say(fd, &w);
	assert_int_equal(hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_CONFIRM);
	simple(fd, "list-conns");
	len = hear(fd, buf, sizeof(buf));
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_memory_equal(buf + 1, "\x09list-conn", 10);
	assert_string_equal(said(buf + 11, len - 11),
			    "home{local_addrs{%any } remote_addrs{192.0.2.2 192.0.2.3 } version=IKEv2 reauth_time=0 rekey_time=14400 "
			    "unique=UNIQUE_NO local-1{class=pre-shared key id=left } remote-1{class=pre-shared key } "
			    "children{net{mode=TUNNEL rekey_time=3600 rekey_bytes=0 rekey_packets=0 dpd_action=none "
			    "close_action=none hw_offload=packet local-ts{dynamic } remote-ts{dynamic } } } } ");
	assert_string_equal(reply(fd), "");
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "no-such");
	say(fd, &w);
	assert_int_equal(hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_UNKNOWN);
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_UNREGISTER, "list-conn");
	say(fd, &w);
	assert_int_equal(hear(fd, buf, sizeof(buf)), 1);
	simple(fd, "list-conns");
	assert_string_equal(reply(fd), "");
	close(fd);
}

/* @command with up to two keys; a key of NULL ends them. */
static void with(int fd, const char *command, const char *k1, const char *v1, const char *k2, const char *v2)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, command);
	if (k1)
		espnic_vici_value(&w, k1, "%s", v1);
	if (k2)
		espnic_vici_value(&w, k2, "%s", v2);
	say(fd, &w);
}

static void listen_to(int fd, const char *event)
{
	struct espnic_vici_writer w;
	uint8_t buf[64];

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, event);
	say(fd, &w);
	assert_int_equal(hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_CONFIRM);
}

/* The next event as text, without its name, which is as long as @event. */
static const char *event(int fd, const char *name)
{
	uint8_t buf[8192];
	size_t len = hear(fd, buf, sizeof(buf)), skip = 2 + strlen(name);

	assert_true(len > skip);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_memory_equal(buf + 2, name, strlen(name));
	return said(buf + skip, len - skip);
}

static void test_certificates(void **state)
{
	static const struct {
		const char *type, *flag;
		enum espnic_ike_cert_kind kind;
		const char *why;
	} loads[] = {
		{ "x509", "NONE", ESPNIC_IKE_CERT_LEAF, NULL },
		{ "X509", "CA", ESPNIC_IKE_CERT_CA, NULL },
		{ "x509_crl", NULL, ESPNIC_IKE_CERT_CRL, NULL },
		{ "pubkey", "NONE", ESPNIC_IKE_CERT_PUBKEY, NULL },
		{ "x509_ac", "NONE", 0, "attribute certificates are not supported" },
		{ "x509", "OCSP", 0, "OCSP is not supported: nothing is fetched from the network" },
		{ "x509", "AA", 0, "certificates of CAs and of peers are supported alone" },
		{ "pgp", "NONE", 0, "X.509 certificates, CRLs and public keys are supported alone" },
	};
	struct espnic_vici_writer w;
	int fd = connected();
	char want[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-cert");
		espnic_vici_value(&w, "type", "%s", loads[i].type);
		if (loads[i].flag)
			espnic_vici_value(&w, "flag", "%s", loads[i].flag);
		espnic_vici_bytes(&w, "data", "\0bytes", 6);
		say(fd, &w);
		cert_len = 0;
		snprintf(want, sizeof(want), "success=no errmsg=%s ", loads[i].why ? loads[i].why : "");
		assert_string_equal(reply(fd), loads[i].why ? want : "success=yes ");
		assert_int_equal(cert_len, loads[i].why ? 0 : 6);
		if (!loads[i].why)
			assert_int_equal(cert_kind, loads[i].kind);
	}
	with(fd, "load-cert", "type", "x509", NULL, NULL);
	assert_string_equal(reply(fd), "success=no errmsg='type' and 'data' are needed ");
	with(fd, "load-cert", "type", "x509", "data", "1");
	assert_string_equal(reply(fd), "success=no errmsg=one byte ");
	listen_to(fd, "list-cert");
	simple(fd, "list-certs");
	assert_string_equal(event(fd, "list-cert"), "type=X509 flag=NONE has_privkey=yes data=leaf ");
	assert_string_equal(event(fd, "list-cert"), "type=X509_CRL flag=NONE data=crl ");
	assert_string_equal(reply(fd), "");
	with(fd, "list-certs", "type", "x509_crl", "subject", "CN=left");
	assert_string_equal(reply(fd), "");
	with(fd, "list-certs", "type", "x509", "subject", "CN=left");
	assert_string_equal(event(fd, "list-cert"), "type=X509 flag=NONE has_privkey=yes data=leaf ");
	assert_string_equal(reply(fd), "");
	with(fd, "list-certs", "flag", "CA", NULL, NULL);
	assert_string_equal(reply(fd), "");
	with(fd, "flush-certs", "type", "x509", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	close(fd);
}

/* load-authority of @name with one key, or with a list of one. */
static void load_ca(int fd, const char *name, const char *key, const char *value, bool list)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-authority");
	espnic_vici_section(&w, name);
	if (list) {
		espnic_vici_list(&w, key);
		espnic_vici_list_item(&w, value);
		espnic_vici_list_end(&w);
	} else if (key) {
		espnic_vici_value(&w, key, "%s", value);
	}
	espnic_vici_section_end(&w);
	say(fd, &w);
}

static void test_authorities(void **state)
{
	int fd = connected();

	(void)state;
	load_ca(fd, "root", "cacert", "bytes", false);
	assert_string_equal(reply(fd), "success=yes ");
	assert_string_equal(authority, "root");
	assert_int_equal(cert_len, 5);
	simple(fd, "get-authorities");
	assert_string_equal(reply(fd), "authorities{root } ");
	listen_to(fd, "list-authority");
	simple(fd, "list-authorities");
	assert_string_equal(event(fd, "list-authority"), "root{cacert=CN=root } ");
	assert_string_equal(reply(fd), "");
	with(fd, "list-authorities", "name", "other", NULL, NULL);
	assert_string_equal(reply(fd), "");
	load_ca(fd, "x", "crl_uris", "http://192.0.2.1/crl", true);
	assert_string_equal(reply(fd), "success=no errmsg=crl_uris: nothing is fetched from the network: put the CRL into x509crl ");
	load_ca(fd, "x", "ocsp_uris", "http://192.0.2.1/", true);
	assert_string_equal(reply(fd), "success=no errmsg=ocsp_uris: OCSP is not supported: nothing is fetched from the network ");
	load_ca(fd, "x", "handle", "01", false);
	assert_string_equal(reply(fd), "success=no errmsg=keys in tokens are not supported ");
	load_ca(fd, "x", "cacert", "bytes", true);
	assert_string_equal(reply(fd), "success=no errmsg=an unknown key ");
	load_ca(fd, "", "cacert", "bytes", false);
	assert_string_equal(reply(fd), "success=no errmsg=a name that is no text, or too long ");
	load_ca(fd, "x", NULL, NULL, false);
	assert_string_equal(reply(fd), "success=no errmsg='cacert' is needed ");
	simple(fd, "load-authority");
	assert_string_equal(reply(fd), "success=no errmsg='cacert' is needed ");
	assert_int_equal(send(fd, "\0\0\0\x11\x00\x0eload-authority\x02", 21, MSG_NOSIGNAL), 21);
	assert_string_equal(reply(fd), "success=no errmsg=a malformed message ");
	assert_string_equal(authority, "root");
	with(fd, "unload-authority", "name", "x", NULL, NULL);
	assert_string_equal(reply(fd), "success=no errmsg=no such authority ");
	with(fd, "unload-authority", "name", "root", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes ");
	simple(fd, "get-authorities");
	assert_string_equal(reply(fd), "authorities{} ");
	close(fd);
}

/* What a stock swanctl can ask for and is not done has its reason. */
static void test_refused(void **state)
{
	static const struct {
		const char *command, *why;
	} refused[] = {
		{ "load-token", "keys in tokens are not supported" },
		{ "redirect", "redirection (RFC 5685) is not supported" },
		{ "reset-counters", "counters are never set back: they count from the daemon's start" },
		{ "rekey", "missing rekey selector" },
		{ "terminate", "missing terminate selector" },
	};
	int fd = connected();
	char want[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		simple(fd, refused[i].command);
		snprintf(want, sizeof(want), "success=no errmsg=%s ", refused[i].why);
		assert_memory_equal(reply(fd), want, strlen(want));
	}
	with(fd, "get-counters", "name", "home", NULL, NULL);
	assert_string_equal(reply(fd), "success=no errmsg=counters are the daemon's, not a connection's ");
	with(fd, "rekey", "ike", "home", "reauth", "yes");
	assert_string_equal(reply(fd), "success=no errmsg=reauthentication is not supported: rekey it, or terminate and initiate it "
				       "matches=0 ");
	with(fd, "rekey", "ike-id", "7", NULL, NULL);
	assert_string_equal(reply(fd), "success=yes matches=1 ");
	assert_int_equal(asked.ike_id, 7);
	simple(fd, "get-algorithms");
	assert_non_null(strstr(reply(fd), "aead{aes128gcm16=libcrypto "));
	simple(fd, "get-algorithms");
	assert_non_null(strstr(reply(fd), "encryption{aes128=libcrypto aes192=libcrypto aes256=libcrypto } integrity{sha256=libcrypto "));
	close(fd);
}

/* An answer comes when it is due, what was asked behind it in its turn, and events only to whom they are for. */
static void test_waiting(void **state)
{
	int fd = connected(), other = connected();
	struct espnic_vici_writer w, next;
	uint8_t buf[512];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "control-log");
	say(fd, &w);
	assert_int_equal(hear(fd, buf, sizeof(buf)), 1);
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "control-log");
	say(other, &w);
	assert_int_equal(hear(other, buf, sizeof(buf)), 1);
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "initiate");
	espnic_vici_value(&w, "child", "net");
	espnic_vici_value(&w, "timeout", "1500");
	/* both at once: the second is there to be read when the first begins to wait */
	assert_true(espnic_vici_finish(&w));
	espnic_vici_begin(&next, ESPNIC_VICI_CMD_REQUEST, "get-keys");
	assert_true(espnic_vici_finish(&next));
	memcpy(buf, w.data, w.len);
	memcpy(buf + w.len, next.data, next.len);
	assert_int_equal(send(fd, buf, w.len + next.len, MSG_NOSIGNAL), w.len + next.len);
	free(w.data);
	free(next.data);
	while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE))
		usleep(1000);
	assert_string_equal(asked.child, "net");
	assert_int_equal(asked.timeout_ms, 1500);
	simple(other, "get-keys");
	assert_string_equal(reply(other), "keys{} ");
	assert_int_equal(poll(&p, 1, 0), 0);
	__atomic_store_n(&answer_now, true, __ATOMIC_RELEASE);
	assert_true(hear(fd, buf, sizeof(buf)) > 2);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_string_equal(reply(fd), "success=yes ");
	assert_string_equal(reply(fd), "keys{} ");
	p.fd = other;
	assert_int_equal(poll(&p, 1, 0), 0);
	close(fd);
	close(other);
}

/* Each is hung up on; others are served as before. */
static void test_hostile(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\0\0\0\0", 4 }, /* nothing */
		{ "\0\x08\0\x01", 4 }, /* more than a packet may have */
		{ "\xff\xff\xff\xff", 4 },
		{ "\0\0\0\x01\x00", 5 }, /* a request without a name */
		{ "\0\0\0\x03\x00\x05x", 7 }, /* a name longer than the packet */
		{ "\0\0\0\x02\x01\x00", 6 }, /* a response, from a client */
		{ "\0\0\0\x02\x09\x00", 6 }, /* a type nobody knows */
	};
	int fd, other = connected();
	uint8_t buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = connected();
		assert_int_equal(send(fd, bad[i].bytes, bad[i].len, MSG_NOSIGNAL), bad[i].len);
		assert_int_equal(hear(fd, buf, sizeof(buf)), 0);
		close(fd);
	}
	/* half a packet, and away */
	fd = connected();
	assert_int_equal(send(fd, "\0\0\0\x20\x00", 5, MSG_NOSIGNAL), 5);
	close(fd);
	/* a message that is none */
	assert_int_equal(send(other, "\0\0\0\x0c\x00\x09load-conn\x02", 16, MSG_NOSIGNAL), 16);
	assert_string_equal(reply(other), "success=no errmsg=vici:1: a malformed message ");
	/* a packet in three pieces */
	assert_int_equal(send(other, "\0\0", 2, MSG_NOSIGNAL), 2);
	usleep(1000);
	assert_int_equal(send(other, "\0\x0b\x00\x09", 4, MSG_NOSIGNAL), 4);
	usleep(1000);
	assert_int_equal(send(other, "get-conns", 9, MSG_NOSIGNAL), 9);
	assert_string_equal(reply(other), "conns{} ");
	close(other);
}

static void test_many_clients(void **state)
{
	int fd[ESPNIC_CTL_CLIENTS + 1], i;
	uint8_t buf[64];

	(void)state;
	for (i = 0; i <= ESPNIC_CTL_CLIENTS; i++)
		fd[i] = connected();
	/* the last one found no room */
	assert_int_equal(hear(fd[ESPNIC_CTL_CLIENTS], buf, sizeof(buf)), 0);
	simple(fd[ESPNIC_CTL_CLIENTS - 1], "get-conns");
	assert_string_equal(reply(fd[ESPNIC_CTL_CLIENTS - 1]), "conns{} ");
	for (i = 0; i <= ESPNIC_CTL_CLIENTS; i++)
		close(fd[i]);
}

static void test_socket(void **state)
{
	struct espnic_conf_error err;
	char want[128];
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(espnic_ctl_listen(path, &ctl, &err));
	snprintf(want, sizeof(want), "%s: another daemon listens there", path);
	assert_string_equal(err.text, want);
	assert_null(espnic_ctl_listen("/nonexistent/vici", &ctl, &err));
	assert_string_equal(err.text, "/nonexistent/vici: No such file or directory");
}

/* ---- swanctl ---- */

static const char conf[] = "connections {\n home {\n  remote_addrs = 192.0.2.2\n"
			   "  local {\n   auth = psk\n   id = left.example.org\n  }\n  remote {\n   auth = psk\n  }\n"
			   "  children {\n   net {\n    remote_ts = 10.2.0.0/16\n    esp_proposals = aes128gcm16\n"
			   "    hw_offload = packet\n   }\n  }\n }\n}\n"
			   "secrets {\n ike-1 {\n  id = left.example.org\n  secret = swordfish\n }\n}\n";

static void write_file(const char *name, const char *text)
{
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* The status of swanctl @args; what it says goes to @said. */
static int swanctl(const char *args, char *out, size_t room)
{
	char cmd[1024];
	FILE *f;
	size_t n;

	snprintf(cmd, sizeof(cmd),
		 "LD_PRELOAD= LD_LIBRARY_PATH=.platform/unpacked/usr/lib/ipsec STRONGSWAN_CONF=%s/strongswan.conf SWANCTL_DIR=%s "
		 ".platform/unpacked/usr/sbin/swanctl %s --uri unix://%s 2>&1",
		 dir, dir, args, path);
	f = popen(cmd, "r"); /* NOLINT(bugprone-command-processor,cert-env33-c): a command of our own */
	assert_non_null(f);
	n = fread(out, 1, room - 1, f);
	out[n] = 0;
	return WEXITSTATUS(pclose(f));
}

static void test_swanctl(void **state)
{
	char out[16384];

	(void)state;
	if (access(".platform/unpacked/usr/sbin/swanctl", X_OK)) {
		print_message("no swanctl in .platform/unpacked\n");
		skip();
	}
	write_file("strongswan.conf", "swanctl {\n load = none\n}\n");
	write_file("swanctl.conf", conf);
	assert_int_equal(swanctl("--load-all", out, sizeof(out)), 0);
	if (!strstr(out, "loaded ike secret 'ike-1'"))
		fail_msg("%s", out);
	assert_non_null(strstr(out, "loaded connection 'home'"));
	assert_non_null(strstr(out, "successfully loaded 1 connections, 0 unloaded"));
	assert_int_equal(store.n_conns, 1);
	assert_int_equal(store.conns[0].c.conn->children[0].offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_int_equal(store.n_psks, 1);
	assert_memory_equal(store.psks[0].secret.bytes, "swordfish", 9);
	assert_int_equal(swanctl("--list-conns", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "home: IKEv2, no reauthentication, rekeying every 14400s"));
	assert_non_null(strstr(out, "local:  %any"));
	assert_non_null(strstr(out, "remote: 192.0.2.2"));
	assert_non_null(strstr(out, "local pre-shared key authentication:"));
	assert_non_null(strstr(out, "net: TUNNEL, rekeying every 3600s"));
	assert_int_equal(swanctl("--stats", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "IKE_SAs: 0 total, 0 half-open"));
	assert_int_equal(swanctl("--version --daemon", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "espnic-ike"));
	assert_int_equal(swanctl("--list-algs", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "ke:\n  x25519[libcrypto]"));
	assert_int_equal(swanctl("--flush-certs", out, sizeof(out)), 0);
	assert_int_equal(swanctl("--list-pools", out, sizeof(out)), 0);
	assert_int_equal(swanctl("--list-certs", out, sizeof(out)), 0);
	/* what is gone from the file goes; what is wrong is told */
	write_file("swanctl.conf", "connections {\n other {\n version = 1\n local { auth = psk\n }\n remote { auth = psk\n }\n }\n}\n");
	assert_int_not_equal(swanctl("--load-all", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "IKEv1 is not supported"));
	assert_int_equal(store.n_conns, 0);
	assert_int_equal(store.n_psks, 0);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/vici", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd); /* NOLINT(bugprone-command-processor,cert-env33-c): a folder of our own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commands, start, end),
		cmocka_unit_test_setup_teardown(test_secrets, start, end),
		cmocka_unit_test_setup_teardown(test_ppks, start, end),
		cmocka_unit_test_setup_teardown(test_pools, start, end),
		cmocka_unit_test_setup_teardown(test_events, start, end), cmocka_unit_test_setup_teardown(test_waiting, start, end),
		cmocka_unit_test_setup_teardown(test_certificates, start, end),
		cmocka_unit_test_setup_teardown(test_authorities, start, end),
		cmocka_unit_test_setup_teardown(test_refused, start, end),
		cmocka_unit_test_setup_teardown(test_hostile, start, end),
		cmocka_unit_test_setup_teardown(test_many_clients, start, end),
		cmocka_unit_test_setup_teardown(test_socket, start, end),
		cmocka_unit_test_setup_teardown(test_swanctl, start, end),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
