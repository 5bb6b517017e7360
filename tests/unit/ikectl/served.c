// SPDX-License-Identifier: BSD-2-Clause
#include "served.h"

#include <poll.h>
#include <pthread.h>
#include <sys/time.h>
#include <sys/un.h>

char vici_dir[] = "/tmp/espnic-vici-XXXXXX";
char vici_path[64];
struct espnic_store vici_store;
uint64_t vici_waiting;
struct espnic_ctl_ask vici_asked;
bool vici_answer_now;

/* A daemon that has nothing, and lets clients wait. */
static void loaded(void *ctx, const struct espnic_store_conn *conn)
{
	(void)ctx;
	(void)conn;
}

static void initiate(void *ctx, const struct espnic_ctl_ask *a, uint64_t ticket)
{
	(void)ctx;
	vici_asked = *a;
	__atomic_store_n(&vici_waiting, ticket, __ATOMIC_RELEASE);
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

char vici_authority[ESPNIC_IKE_NAME];
enum espnic_ike_cert_kind vici_cert_kind;
size_t vici_cert_len;
unsigned int vici_cert_sum;
bool vici_flood;

static struct espnic_ctl_server *server;

static void flood(void)
{
	static const char line[32 * 1024];
	struct espnic_vici_writer w;
	size_t told;

	for (told = 0; told <= ESPNIC_CTL_BACKLOG + 8 * sizeof(line); told += sizeof(line)) {
		espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "log");
		espnic_vici_bytes(&w, "msg", line, sizeof(line));
		espnic_ctl_tell(server, 0, "log", &w);
	}
}

static int load_cert(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	unsigned int sum = 0;
	size_t i;

	(void)ctx;
	if (vici_flood)
		flood();
	for (i = 0; i < len; i++)
		sum += p[i];
	__atomic_store_n(&vici_cert_sum, sum, __ATOMIC_RELEASE);
	vici_cert_kind = kind;
	vici_cert_len = len;
	if (len != 1)
		return 0;
	snprintf(err->text, sizeof(err->text), "one byte");
	return -1;
}

static int load_authority(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	snprintf(vici_authority, sizeof(vici_authority), "%s", name);
	return load_cert(ctx, ESPNIC_IKE_CERT_CA, p, len, err);
}

static bool unload_authority(void *ctx, const char *name)
{
	bool had = *vici_authority && !strcmp(name, vici_authority);

	(void)ctx;
	if (had)
		vici_authority[0] = 0;
	return had;
}

static void certs(void *ctx, espnic_ctl_each_cert *each, void *each_ctx)
{
	const struct espnic_ctl_cert of_authority = { .kind = ESPNIC_IKE_CERT_CA, .der = (const uint8_t *)"ca", .len = 2,
						      .authority = vici_authority, .subject = "CN=root" };
	const struct espnic_ctl_cert mine = { .kind = ESPNIC_IKE_CERT_LEAF, .der = (const uint8_t *)"leaf", .len = 4,
					      .subject = "CN=left", .has_key = true };
	const struct espnic_ctl_cert crl = { .kind = ESPNIC_IKE_CERT_CRL, .der = (const uint8_t *)"crl", .len = 3,
					     .subject = "CN=root" };

	(void)ctx;
	if (*vici_authority) {
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
	vici_asked = *a;
	*n = 1;
	return 0;
}

static const struct espnic_ctl_ops ops = {
	.load_pool = load_pool, .unload_pool = unload_pool_of_core, .pool_info = pool_info,
	.loaded = loaded, .unloading = loaded, .initiate = initiate, .look = look, .key_name = key_name, .clear_creds = clear_creds,
	.load_cert = load_cert, .load_authority = load_authority, .unload_authority = unload_authority, .certs = certs,
	.rekey = rekeyed,
};
struct espnic_ctl vici_ctl = { .store = &vici_store, .ops = &ops };
static pthread_t thread;
static volatile bool stop;

/* Tell the client that waits, and answer it; a ticket of nobody's does nothing. */
static void answer_it(void)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "control-log");
	espnic_ctl_tell(server, vici_waiting, "control-log", &w);
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_done(server, vici_waiting + 1, &w);
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_success(&w);
	espnic_ctl_done(server, vici_waiting, &w);
}

static void *serve(void *arg)
{
	struct pollfd fd = { .fd = espnic_ctl_fd(server), .events = POLLIN };

	while (!stop) {
		if (poll(&fd, 1, 20) > 0)
			espnic_ctl_work(server);
		if (__atomic_exchange_n(&vici_answer_now, false, __ATOMIC_ACQ_REL))
			answer_it();
	}
	return arg;
}

int vici_start(void **state)
{
	struct espnic_conf_error err;

	(void)state;
	stop = false;
	server = espnic_ctl_listen(vici_path, &vici_ctl, &err);
	if (!server) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return pthread_create(&thread, NULL, serve, NULL);
}

int vici_end(void **state)
{
	(void)state;
	stop = true;
	pthread_join(thread, NULL);
	espnic_ctl_close(server);
	espnic_store_free(&vici_store);
	return access(vici_path, F_OK) ? 0 : -1;
}

/* ---- a client ---- */

int vici_connected(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, vici_path);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

void vici_say(int fd, struct espnic_vici_writer *w)
{
	assert_true(espnic_vici_finish(w));
	assert_int_equal(send(fd, w->data, w->len, MSG_NOSIGNAL), w->len);
	free(w->data);
}

size_t vici_hear(int fd, uint8_t *out, size_t room)
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

const char *vici_said(const uint8_t *message, size_t len)
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

const char *vici_reply(int fd)
{
	uint8_t buf[8192];
	size_t len = vici_hear(fd, buf, sizeof(buf));

	assert_true(len > 0);
	if (buf[0] == ESPNIC_VICI_CMD_UNKNOWN)
		return "unknown";
	assert_int_equal(buf[0], ESPNIC_VICI_CMD_RESPONSE);
	return vici_said(buf + 1, len - 1);
}

void vici_simple(int fd, const char *command)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, command);
	vici_say(fd, &w);
}

void vici_with(int fd, const char *command, const char *k1, const char *v1, const char *k2, const char *v2)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, command);
	if (k1)
		espnic_vici_value(&w, k1, "%s", v1);
	if (k2)
		espnic_vici_value(&w, k2, "%s", v2);
	vici_say(fd, &w);
}

void vici_listen_to(int fd, const char *event)
{
	struct espnic_vici_writer w;
	uint8_t buf[64];

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, event);
	vici_say(fd, &w);
	assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_CONFIRM);
}

const char *vici_event(int fd, const char *name)
{
	uint8_t buf[8192];
	size_t len = vici_hear(fd, buf, sizeof(buf)), skip = 2 + strlen(name);

	assert_true(len > skip);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_memory_equal(buf + 2, name, strlen(name));
	return vici_said(buf + skip, len - skip);
}

int vici_make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(vici_dir))
		return -1;
	snprintf(vici_path, sizeof(vici_path), "%s/vici", vici_dir);
	return 0;
}

int vici_remove_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", vici_dir);
	return system(cmd); /* NOLINT(bugprone-command-processor,cert-env33-c): a folder of our own */
}
