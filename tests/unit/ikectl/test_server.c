// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VICI server on its socket: commands and their replies, events, clients that misbehave; and strongSwan's
 * own swanctl as a client (from the platform's unpacked packages; left out, by name, where it isn't).
 */
#include "served.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

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
	vici_say(fd, &w);
}

static void test_commands(void **state)
{
	int fd = vici_connected();
	struct espnic_vici_writer w;

	(void)state;
	vici_simple(fd, "version");
	assert_non_null(strstr(vici_reply(fd), "daemon=espnic-ike "));
	vici_simple(fd, "stats");
	assert_non_null(strstr(vici_reply(fd), "ikesas{total=0 half-open=0 } "));
	vici_simple(fd, "nothing");
	assert_string_equal(vici_reply(fd), "unknown");
	load_conn(fd, "home", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	load_conn(fd, "work", "version", "1");
	assert_string_equal(vici_reply(fd), "success=no errmsg=vici:1: work.version: 1: IKEv1 is not supported ");
	load_conn(fd, "work", "color", "red");
	assert_string_equal(vici_reply(fd), "success=no errmsg=vici:1: work.color: unknown key ");
	vici_simple(fd, "load-conn");
	assert_string_equal(vici_reply(fd), "success=no errmsg=one connection is loaded at a time ");
	load_conn(fd, "home", "rekey_time", "1h");
	assert_string_equal(vici_reply(fd), "success=yes ");
	load_conn(fd, "other", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	vici_simple(fd, "get-conns");
	assert_string_equal(vici_reply(fd), "conns{home other } ");
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-conn");
	espnic_vici_value(&w, "name", "home");
	vici_say(fd, &w);
	assert_string_equal(vici_reply(fd), "success=yes ");
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-conn");
	espnic_vici_value(&w, "name", "home");
	vici_say(fd, &w);
	assert_string_equal(vici_reply(fd), "success=no errmsg=no connection 'home' ");
	vici_simple(fd, "get-conns");
	assert_string_equal(vici_reply(fd), "conns{other } ");
	close(fd);
}

static void test_events(void **state)
{
	struct espnic_vici_writer w;
	uint8_t buf[8192];
	int fd = vici_connected();
	size_t len;

	(void)state;
	load_conn(fd, "home", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	/* without asking for them no events come */
	vici_simple(fd, "list-conns");
	assert_string_equal(vici_reply(fd), "");
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "list-conn");
	vici_say(fd, &w);
	assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_CONFIRM);
	vici_simple(fd, "list-conns");
	len = vici_hear(fd, buf, sizeof(buf));
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_memory_equal(buf + 1, "\x09list-conn", 10);
	assert_string_equal(vici_said(buf + 11, len - 11),
			    "home{local_addrs{%any } remote_addrs{192.0.2.2 192.0.2.3 } version=IKEv2 reauth_time=0 rekey_time=14400 "
			    "unique=UNIQUE_NO local-1{class=pre-shared key id=left } remote-1{class=pre-shared key } "
			    "children{net{mode=TUNNEL rekey_time=3600 rekey_bytes=0 rekey_packets=0 dpd_action=none "
			    "close_action=none hw_offload=packet local-ts{dynamic } remote-ts{dynamic } } } } ");
	assert_string_equal(vici_reply(fd), "");
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "no-such");
	vici_say(fd, &w);
	assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT_UNKNOWN);
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_UNREGISTER, "list-conn");
	vici_say(fd, &w);
	assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 1);
	vici_simple(fd, "list-conns");
	assert_string_equal(vici_reply(fd), "");
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
	int fd = vici_connected();
	char want[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		vici_simple(fd, refused[i].command);
		snprintf(want, sizeof(want), "success=no errmsg=%s ", refused[i].why);
		assert_memory_equal(vici_reply(fd), want, strlen(want));
	}
	vici_with(fd, "get-counters", "name", "home", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg=counters are the daemon's, not a connection's ");
	vici_with(fd, "rekey", "ike", "home", "reauth", "yes");
	assert_string_equal(vici_reply(fd), "success=no errmsg=reauthentication is not supported: rekey it, or terminate and initiate it "
				       "matches=0 ");
	vici_with(fd, "rekey", "ike-id", "7", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes matches=1 ");
	assert_int_equal(vici_asked.ike_id, 7);
	vici_simple(fd, "get-algorithms");
	assert_non_null(strstr(vici_reply(fd), "aead{aes128gcm16=libcrypto "));
	vici_simple(fd, "get-algorithms");
	assert_non_null(strstr(vici_reply(fd), "encryption{aes128=libcrypto aes192=libcrypto aes256=libcrypto } integrity{sha256=libcrypto "));
	close(fd);
}

/* An answer comes when it is due, what was asked behind it in its turn, and events only to whom they are for. */
static void test_waiting(void **state)
{
	int fd = vici_connected(), other = vici_connected();
	struct espnic_vici_writer w, next;
	uint8_t buf[512];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "control-log");
	vici_say(fd, &w);
	assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 1);
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT_REGISTER, "control-log");
	vici_say(other, &w);
	assert_int_equal(vici_hear(other, buf, sizeof(buf)), 1);
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
	while (!__atomic_load_n(&vici_waiting, __ATOMIC_ACQUIRE))
		usleep(1000);
	assert_string_equal(vici_asked.child, "net");
	assert_int_equal(vici_asked.timeout_ms, 1500);
	vici_simple(other, "get-keys");
	assert_string_equal(vici_reply(other), "keys{} ");
	assert_int_equal(poll(&p, 1, 0), 0);
	__atomic_store_n(&vici_answer_now, true, __ATOMIC_RELEASE);
	assert_true(vici_hear(fd, buf, sizeof(buf)) > 2);
	assert_int_equal(buf[0], ESPNIC_VICI_EVENT);
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_string_equal(vici_reply(fd), "keys{} ");
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
	int fd, other = vici_connected();
	uint8_t buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = vici_connected();
		assert_int_equal(send(fd, bad[i].bytes, bad[i].len, MSG_NOSIGNAL), bad[i].len);
		assert_int_equal(vici_hear(fd, buf, sizeof(buf)), 0);
		close(fd);
	}
	/* half a packet, and away */
	fd = vici_connected();
	assert_int_equal(send(fd, "\0\0\0\x20\x00", 5, MSG_NOSIGNAL), 5);
	close(fd);
	/* a message that is none */
	assert_int_equal(send(other, "\0\0\0\x0c\x00\x09load-conn\x02", 16, MSG_NOSIGNAL), 16);
	assert_string_equal(vici_reply(other), "success=no errmsg=vici:1: a malformed message ");
	/* a packet in three pieces */
	assert_int_equal(send(other, "\0\0", 2, MSG_NOSIGNAL), 2);
	usleep(1000);
	assert_int_equal(send(other, "\0\x0b\x00\x09", 4, MSG_NOSIGNAL), 4);
	usleep(1000);
	assert_int_equal(send(other, "get-conns", 9, MSG_NOSIGNAL), 9);
	assert_string_equal(vici_reply(other), "conns{} ");
	close(other);
}

static void test_many_clients(void **state)
{
	int fd[ESPNIC_CTL_CLIENTS + 1], i;
	uint8_t buf[64];

	(void)state;
	for (i = 0; i <= ESPNIC_CTL_CLIENTS; i++)
		fd[i] = vici_connected();
	/* the last one found no room */
	assert_int_equal(vici_hear(fd[ESPNIC_CTL_CLIENTS], buf, sizeof(buf)), 0);
	vici_simple(fd[ESPNIC_CTL_CLIENTS - 1], "get-conns");
	assert_string_equal(vici_reply(fd[ESPNIC_CTL_CLIENTS - 1]), "conns{} ");
	for (i = 0; i <= ESPNIC_CTL_CLIENTS; i++)
		close(fd[i]);
}

static void test_socket(void **state)
{
	struct espnic_conf_error err;
	char want[128];
	struct stat st;

	(void)state;
	assert_int_equal(stat(vici_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(espnic_ctl_listen(vici_path, &vici_ctl, &err));
	snprintf(want, sizeof(want), "%s: another daemon listens there", vici_path);
	assert_string_equal(err.text, want);
	assert_null(espnic_ctl_listen("/nonexistent/vici", &vici_ctl, &err));
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

	snprintf(file, sizeof(file), "%s/%s", vici_dir, name);
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
		 vici_dir, vici_dir, args, vici_path);
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
	assert_int_equal(vici_store.n_conns, 1);
	assert_int_equal(vici_store.conns[0].c.conn->children[0].offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_int_equal(vici_store.n_psks, 1);
	assert_memory_equal(vici_store.psks[0].secret.bytes, "swordfish", 9);
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
	assert_int_equal(vici_store.n_conns, 0);
	assert_int_equal(vici_store.n_psks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VICI_TEST(test_commands),
		VICI_TEST(test_events),
		VICI_TEST(test_waiting),
		VICI_TEST(test_refused),
		VICI_TEST(test_hostile),
		VICI_TEST(test_many_clients),
		VICI_TEST(test_socket),
		VICI_TEST(test_swanctl),
	};

	return cmocka_run_group_tests(tests, vici_make_dir, vici_remove_dir);
}
