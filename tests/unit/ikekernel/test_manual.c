// SPDX-License-Identifier: BSD-2-Clause
/* Manual keying: files that are wrong, with the exact error of each; and apply, diff, delete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "manual/manual.h"

#define KEY20 "0x000102030405060708090a0b0c0d0e0f10111213"
#define KEY20B "0x100102030405060708090a0b0c0d0e0f10111213"
#define KEY32 "0x2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"

/* Read @text; NULL, or the error. @m is to be freed either way. */
static const char *read_text(const char *text, struct espnic_manual *m)
{
	static struct espnic_conf_error err;
	struct espnic_conf *conf = espnic_conf_parse("f", text, strlen(text), &err);

	memset(m, 0, sizeof(*m));
	if (!conf)
		return err.text;
	return espnic_manual_read(conf, m, &err) ? err.text : NULL;
}

static void wrong(const char *text, const char *want)
{
	struct espnic_manual m;
	const char *err = read_text(text, &m);

	if (!err)
		fail_msg("taken: %s", text);
	assert_string_equal(err, want);
	espnic_manual_free(&m);
}

/* A state with @lines beside what every state needs. */
static void wrong_state(const char *lines, const char *want)
{
	char text[2048], whole[1024];

	snprintf(text, sizeof(text),
		 "states { s {\n src = 192.0.2.1\n dst = 192.0.2.2\n spi = 0x1000\n%s\n} }", lines);
	snprintf(whole, sizeof(whole), "f:1: states.s: %s", want);
	wrong(text, whole);
}

#define GCM "esp = aes128gcm16\n key = " KEY20 "\n"

static void test_states_refused(void **state)
{
	static const struct {
		const char *lines, *want;
	} bad[] = {
		{ GCM, "'direction' is needed" },
		{ "direction = out", "one of 'esp' and 'ah' is needed" },
		{ "direction = out\nesp = null\nah = sha1", "one of 'esp' and 'ah' is needed" },
		{ "direction = out\nesp = aes999", "'aes999' is no algorithm for manual keys" },
		{ "direction = out\nesp = aes128-", "'' is no algorithm for manual keys" },
		{ "direction = out\nesp = aes128gcm16-aes256", "both aes128gcm16 and aes256: manual keys are for one of them" },
		{ "direction = out\nesp = aes128gcm16-sha256", "aes128gcm16 authenticates by itself: leave sha256 out" },
		{ "direction = out\nesp = aes128", "aes128 needs an authenticator (RFC 8221 section 4)" },
		{ "direction = out\nesp = null", "null needs an authenticator (RFC 8221 section 4)" },
		{ "direction = out\nesp = sha256", "ESP needs a cipher (null, to authenticate alone)" },
		{ "direction = out\nah = aes128", "AH does not encrypt: aes128 is of no use there" },
		{ "direction = out\nah = esn", "AH needs an authenticator" },
		{ "direction = out\nah = sha256\nkey = " KEY32, "'key' is the cipher's; an authenticator has 'auth_key'" },
		{ "direction = out\n" GCM "auth_key = " KEY32, "'auth_key' without an authenticator" },
		{ "direction = out\nesp = aes128gcm16\nkey = " KEY32,
		  "'key' of aes128gcm16 has 20 bytes (4 of them salt, at its end), not 32" },
		{ "direction = out\nesp = aes256-sha256\nkey = " KEY32, "'auth_key' of sha256 has 32 bytes, not 0" },
		{ "direction = out\nreplay_window = 32\n" GCM, "a replay window is of inbound states" },
		{ "direction = in\nsequence_may_wrap = yes\n" GCM, "sequence_may_wrap is of outbound states" },
		{ "direction = out\nsequence_may_wrap = yes\n" GCM,
		  "sequence_may_wrap gives away a cipher that counts: its numbers never come again" },
		{ "direction = in\nreplay_window = 0\nesp = aes128gcm16-esn\nkey = " KEY20,
		  "extended sequence numbers need a replay window" },
		{ "direction = out\nsequence = 4294967295\n" GCM, "no numbers are left above this 'sequence'" },
		{ "direction = out\nrekey_packets = 5\nlife_packets = 5\n" GCM, "rekey_packets must be below life_packets" },
		{ "direction = out\nrekey_bytes = 1k\nlife_bytes = 1\n" GCM, "rekey_bytes must be below life_bytes" },
		{ "direction = out\nrekey_time = 1h\nlife_time = 1m\n" GCM, "rekey_time must be below life_time" },
		{ "direction = out\nencap_sport = 4500\n" GCM, "UDP encapsulation needs both encap_sport and encap_dport" },
		{ "direction = out\nah = sha256\nauth_key = " KEY32 "\nencap_sport = 1\nencap_dport = 1",
		  "UDP encapsulation is of ESP alone (RFC 3948)" },
		{ "direction = out\nnat_keepalive = 20\n" GCM, "nat_keepalive is of UDP encapsulation" },
		{ "direction = out\ntfc_padding = 1000\n" GCM, "tfc_padding is of ESP tunnels" },
		{ "direction = out\ninterface = eth0\n" GCM, "'interface' is of hw_offload, which is not asked for" },
		{ "direction = out\nhw_offload = packet\n" GCM, "'interface' is needed" },
		{ "direction = out\nhw_offload = packet\ninterface = 0123456789abcdef\n" GCM,
		  "'0123456789abcdef' is no name of an interface" },
		{ "direction = in\nhw_offload = crypto\ninterface = eth0\nif_id = 1\n" GCM,
		  "an inbound state with an if_id can't be offloaded" },
		{ "direction = out\nhw_offload = packet\ninterface = eth0\nmark = 1\n" GCM,
		  "a device knows no marks and no if_id: they can't be packet-offloaded" },
		{ "direction = out\nhw_offload = packet\ninterface = eth0\ncpu = 1\n" GCM,
		  "a state of one CPU can't be packet-offloaded" },
		{ "direction = out\nhw_offload = crypto\ninterface = eth0\nmode = tunnel\ntfc_padding = 1000\n" GCM,
		  "tfc_padding can't be offloaded" },
		{ "direction = out\nhw_offload = packet\ninterface = eth0\nah = sha256\nauth_key = " KEY32,
		  "AH can't be offloaded" },
		{ "direction = out\ndport = 80\n" GCM, "sport and dport need a protocol with ports" },
		{ "direction = out\nprotocol = tcp\nicmp_type = 8\n" GCM,
		  "icmp_type and icmp_code need protocol icmp or ipv6-icmp" },
		{ "direction = out\nprotocol = icmp\nicmp_code = 0\n" GCM, "icmp_code needs icmp_type" },
		{ "direction = out\ndst = 0.0.0.0\n" GCM, "'dst' must be an address (of a group, if many receive)" },
		{ "direction = out\ndst = ::1\n" GCM, "'src' and 'dst' are of two families" },
		{ "direction = out\nsrc = 224.0.0.1\n" GCM, "'src' can't be a multicast address" },
		{ "direction = in\nsrc = 0.0.0.0\ndst = 224.0.0.1\n" GCM,
		  "a multicast state of any sender can't check replays: set replay_window = 0" },
		{ "direction = out\nmode = tunnel\nsrc = 0.0.0.0\n" GCM, "a tunnel out needs an address in 'src'" },
		{ "direction = out\nselector_src = ::/0\nselector_dst = 0.0.0.0/0\n" GCM,
		  "'selector_src' and 'selector_dst' are of two families" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		wrong_state(bad[i].lines, bad[i].want);
}

#define SA(name, rest) " " name " {\n direction = out\n src = 192.0.2.1\n dst = 192.0.2.2\n" rest "}\n"
#define POLICY(name, rest) " " name " {\n direction = out\n src = 192.0.2.1\n dst = 192.0.2.2\n" rest "}\n"

static void test_files_refused(void **state)
{
	(void)state;
	wrong("", "f:1: no states and no policies");
	wrong("states { }", "f:1: no states and no policies");
	wrong("connections { }", "f:1: connections: a file of manual keys has no connections");
	wrong("x = 1", "f:1: x: unknown key");
	wrong("x { }", "f:1: x: unknown section");
	wrong("states {\n x = 1 }\npolicies { p { } }", "f:2: states.x: unknown key");
	wrong("states { s {\n color = red } }", "f:2: states.s.color: unknown key");
	wrong("states { s {\n ipcomp = yes } }", "f:2: states.s.ipcomp: IPComp is not supported");
	wrong("states { s {\n spi = 255 } }", "f:2: states.s.spi: '255' is no number from 256 to 4294967295");
	wrong("states { s {\n mode = beet } }", "f:2: states.s.mode: beet: bound end-to-end tunnels are not supported");
	wrong("states { s {\n hw_offload = auto } }",
	      "f:2: states.s.hw_offload: auto: states and policies must have the same offload: say which");
	wrong("states { s {\n dport = 5-7 } }",
	      "f:2: states.s.dport: the kernel has masks for ports: '5-7' would take several policies");
	wrong("states { s {\n dport = 7-5 } }", "f:2: states.s.dport: '7-5' is no port and no range of ports");
	wrong("states { s {\n dport = 1-65536 } }", "f:2: states.s.dport: '1-65536' is no port and no range of ports");
	/* a key is never repeated */
	wrong("states { s {\n key = 0x0g } }",
	      "f:2: states.s.key: no key: 0x and an even number of hexadecimal digits, or 0s and base64, of at most 256 bytes");

	/* two of what Linux has once */
	wrong("states {\n" SA("a", "spi = 0x1000\n" GCM) SA("b", "spi = 0x1000\nesp = aes128gcm16\nkey = " KEY20B "\n") "}",
	      "f:10: states.b: the same state as 'a' (line 2)");
	wrong("states {\n" SA("a", "spi = 0x1000\n" GCM) SA("b", "spi = 0x1001\n" GCM) "}",
	      "f:10: states.b: the same key as 'a' (line 2): both would send the same numbers under it");
	wrong("policies {\n" POLICY("a", "priority = 1\n") POLICY("b", "priority = 2\n") "}",
	      "f:8: policies.b: the selector of 'a' (line 2): Linux has one policy of each, whatever its priority");

	/* what would drop all packets */
	wrong("states {\n" SA("a", "spi = 0x1000\nreqid = 1\n" GCM) "}\npolicies {\n"
	      POLICY("p", "hw_offload = packet\ninterface = eth0\ntemplate { reqid = 1 }\n") "}",
	      "f:13: policies.p: packet-offloaded, but its state 'a' (line 2) is not: no packet would pass");
	wrong("states {\n" SA("a", "spi = 0x1000\nreqid = 1\nhw_offload = packet\ninterface = eth0\n" GCM) "}\npolicies {\n"
	      POLICY("p", "template { reqid = 1 }\n") "}",
	      "f:15: policies.p: not packet-offloaded, but its state 'a' (line 2) is: no packet would pass");
	wrong("states {\n" SA("a", "spi = 0x1000\nreqid = 1\nhw_offload = packet\ninterface = eth0\n" GCM) "}\npolicies {\n"
	      POLICY("p", "hw_offload = packet\ninterface = eth1\ntemplate { reqid = 1 }\n") "}",
	      "f:15: policies.p: offloaded to eth1, but its state 'a' (line 2) to eth0: no packet would pass");
}

static void test_policies_refused(void **state)
{
	static const struct {
		const char *lines, *want;
	} bad[] = {
		{ "", "'direction' is needed" },
		{ "direction = in\nsrc = ::/0", "'src' and 'dst' are of two families" },
		{ "direction = in\naction = block\ntemplate { }", "a policy that blocks has no templates" },
		{ "direction = in\nhw_offload = packet\ninterface = eth0\ntemplate1 { }\ntemplate2 { }",
		  "packet offload takes one template" },
		{ "direction = in\nhw_offload = packet\ninterface = eth0\ntemplate { level = use }",
		  "a template of level use can't be offloaded" },
		{ "direction = in\nhw_offload = packet\ninterface = eth0\ntemplate { protocol = ah }",
		  "AH can't be offloaded" },
		{ "direction = in\nhw_offload = packet\ninterface = eth0\nmark = 1\ntemplate { }",
		  "a device knows no marks and no if_id: they can't be packet-offloaded" },
	};
	char text[1024], want[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "policies { p {\n src = 0.0.0.0/0\n dst = 0.0.0.0/0\n%s\n} }", bad[i].lines);
		snprintf(want, sizeof(want), "f:1: policies.p: %s", bad[i].want);
		wrong(text, want);
	}
	wrong("policies { p {\n hw_offload = crypto } }",
	      "f:2: policies.p.hw_offload: crypto: crypto offload is of states alone: leave it out here");
	wrong("policies { p {\n src = 0.0.0.0/0\n dst = 0.0.0.0/0\n direction = in\n template { mode = tunnel } } }",
	      "f:5: policies.p.template: a tunnel needs 'src' and 'dst'");
	wrong("policies { p {\n template {\n protocol = comp } } }",
	      "f:3: policies.p.template.protocol: comp: IPComp is not supported");
}

/* ---- files and their modes ---- */

static void test_modes(void **state)
{
	static const char text[] = "states {\n" SA("a", "spi = 0x1000\n" GCM) "}\n";
	char path[] = "/tmp/espnic-manual-XXXXXX", want[256];
	struct espnic_conf_error err;
	struct espnic_manual m;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(espnic_manual_load(path, &m, &err), 0);
	espnic_manual_free(&m);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(espnic_manual_load(path, &m, &err), -1);
	espnic_manual_free(&m);
	snprintf(want, sizeof(want),
		 "%s:8: states.a.key: others may read or write this file (mode 0640): chmod 600 it", path);
	assert_string_equal(err.text, want);
	unlink(path);
}

/* ---- apply, diff, delete ---- */

static const char whole[] =
	"base { src = 192.0.2.1\n dst = 192.0.2.2\n hw_offload = packet\n interface = eth0\n}\n"
	"states {\n"
	" out : base { direction = out\n spi = 0x1000\n reqid = 1\n esp = aes128gcm16-esn\n key = " KEY20 "\n}\n"
	" in : base { direction = in\n src = 192.0.2.2\n dst = 192.0.2.1\n spi = 0x2000\n reqid = 1\n"
	"  esp = aes128gcm16-esn\n key = " KEY20B "\n replay_window = 128\n}\n"
	" ah { direction = out\n src = 2001:db8::1\n dst = ff0e::1:2\n spi = 0x3000\n ah = sha256\n auth_key = " KEY32 "\n}\n"
	"}\n"
	"policies {\n"
	" out : base { direction = out\n priority = 100\n template { reqid = 1 } }\n"
	" in : base { direction = in\n src = 192.0.2.2\n dst = 192.0.2.1\n priority = 100\n template { reqid = 1 } }\n"
	" group { direction = out\n src = 2001:db8::1\n dst = ff0e::1:2\n template { protocol = ah } }\n"
	"}\n";

/* Run @command of @text over @k; what it says to @said. */
static int run(const char *text, enum espnic_manual_command command, struct fake_kernel *k, char **said,
	       char *err)
{
	struct espnic_xfrm x = fake_kernel_open(k);
	struct espnic_manual m;
	const char *bad = read_text(text, &m);
	unsigned int i;
	size_t len;
	FILE *out;
	int rc;

	if (bad)
		fail_msg("%s", bad);
	/* the number of eth0 */
	for (i = 0; i < m.n_states; i++)
		m.states[i].sa.ifindex = m.states[i].device[0] ? 2 : 0;
	for (i = 0; i < m.n_policies; i++)
		m.policies[i].policy.ifindex = m.policies[i].device[0] ? 2 : 0;
	out = open_memstream(said, &len);
	assert_non_null(out);
	rc = espnic_manual_run(&m, command, &x, out, err);
	fclose(out);
	espnic_manual_free(&m);
	return rc;
}

static void says(const char *text, enum espnic_manual_command command, struct fake_kernel *k, int want_rc,
		 const char *want)
{
	char err[ESPNIC_XFRM_TEXT] = "", *said = NULL;
	int rc = run(text, command, k, &said, err);

	if (rc != want_rc)
		fail_msg("%d: %s", rc, err);
	assert_string_equal(said, want);
	/* no key in anything that is said */
	assert_null(strstr(said, "01020304"));
	free(said);
}

/* @text with @from as @to: once, or wherever it is */
static char *with(const char *text, const char *from, const char *to)
{
	static char out[4096];
	const char *at = strstr(text, from);

	assert_non_null(at);
	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

#define ALL(sign)                                                                              \
	sign " state out: esp spi 0x00001000 192.0.2.1 -> 192.0.2.2\n" sign                     \
	     " state in: esp spi 0x00002000 192.0.2.2 -> 192.0.2.1\n" sign                      \
	     " state ah: ah spi 0x00003000 2001:db8::1 -> ff0e::1:2\n"
#define BLOCKS(sign)                                                                           \
	sign " block under policy out: out 192.0.2.1/32 -> 192.0.2.2/32 mark 0x0/0x1\n" sign    \
	     " block under policy out: out 192.0.2.1/32 -> 192.0.2.2/32 mark 0x1/0x1\n" sign    \
	     " block under policy in: in 192.0.2.2/32 -> 192.0.2.1/32 mark 0x0/0x1\n" sign      \
	     " block under policy in: in 192.0.2.2/32 -> 192.0.2.1/32 mark 0x1/0x1\n"
#define POLICIES(sign)                                                                         \
	sign " policy out: out 192.0.2.1/32 -> 192.0.2.2/32\n" sign                             \
	     " policy in: in 192.0.2.2/32 -> 192.0.2.1/32\n" sign                               \
	     " policy group: out 2001:db8::1/128 -> ff0e::1:2/128\n"

static void test_apply_and_delete(void **state)
{
	static struct fake_kernel k, empty;

	(void)state;
	memset(&k, 0, sizeof(k));
	says(whole, ESPNIC_MANUAL_DIFF, &k, 10, BLOCKS("+") ALL("+") POLICIES("+"));
	assert_true(fake_same(&k, &empty));
	says(whole, ESPNIC_MANUAL_APPLY, &k, 10, BLOCKS("+") ALL("+") POLICIES("+"));
	assert_int_equal(fake_count(&k, false), 3);
	assert_int_equal(fake_count(&k, true), 7);
	/* again: nothing to do */
	says(whole, ESPNIC_MANUAL_DIFF, &k, 0, "");
	says(whole, ESPNIC_MANUAL_APPLY, &k, 0, "");
	says(whole, ESPNIC_MANUAL_DELETE, &k, 10, POLICIES("-") ALL("-") BLOCKS("-"));
	assert_true(fake_same(&k, &empty));
	says(whole, ESPNIC_MANUAL_DELETE, &k, 0, "");
}

static void test_change(void **state)
{
	static struct fake_kernel k;

	(void)state;
	memset(&k, 0, sizeof(k));
	says(whole, ESPNIC_MANUAL_APPLY, &k, 10, BLOCKS("+") ALL("+") POLICIES("+"));
	says(with(whole, "replay_window = 128", "replay_window = 256"), ESPNIC_MANUAL_DIFF, &k, 1,
	     "~ state in: esp spi 0x00002000 192.0.2.2 -> 192.0.2.1: replay_window 128 -> 256\n");
	says(with(whole, KEY20, "0x200102030405060708090a0b0c0d0e0f10111213"), ESPNIC_MANUAL_APPLY, &k, 1,
	     "~ state out: esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: the key of AEAD\n");
	says(with(whole, "priority = 100", "priority = 99"), ESPNIC_MANUAL_APPLY, &k, 2,
	     "~ state out: esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: the key of AEAD\n"
	     "~ policy out: out 192.0.2.1/32 -> 192.0.2.2/32: priority 100 -> 99\n");
	assert_int_equal(fake_count(&k, false), 3);
	assert_int_equal(fake_count(&k, true), 7);
}

static uint32_t oseq_of(struct fake_kernel *k, uint32_t spi)
{
	struct espnic_xfrm_sa sa;

	assert_true(espnic_xfrm_get_sa(fake_state(k, spi), &sa));
	return (uint32_t)sa.oseq;
}

/* A state that is made anew under its key goes on with its numbers; under another it begins. */
static void test_numbers_go_on(void **state)
{
	static struct fake_kernel k;

	(void)state;
	memset(&k, 0, sizeof(k));
	says(with(whole, "spi = 0x1000", "spi = 0x1000\nsequence = 500"), ESPNIC_MANUAL_APPLY, &k, 10,
	     BLOCKS("+") ALL("+") POLICIES("+"));
	assert_int_equal(oseq_of(&k, 0x1000), 500);
	says(with(whole, "spi = 0x1000\n", "spi = 0x1000\nlife_packets = 1k\n"), ESPNIC_MANUAL_APPLY, &k, 1,
	     "~ state out: esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: life_packets 0 -> 1024\n");
	assert_int_equal(oseq_of(&k, 0x1000), 500);
	says(with(whole, KEY20, "0x200102030405060708090a0b0c0d0e0f10111213"), ESPNIC_MANUAL_APPLY, &k, 1,
	     "~ state out: esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: the key of AEAD, life_packets 1024 -> 0\n");
	assert_int_equal(oseq_of(&k, 0x1000), 0);
}

/* Each call failing in turn: the kernel has what it had before. */
static void test_each_call_fails(void **state)
{
	static struct fake_kernel before, k;
	char err[ESPNIC_XFRM_TEXT], *said, *changed;
	unsigned int n;
	int rc = -1;

	(void)state;
	memset(&before, 0, sizeof(before));
	says(whole, ESPNIC_MANUAL_APPLY, &before, 10, BLOCKS("+") ALL("+") POLICIES("+"));
	before.calls = 0;
	changed = strdup(with(whole, "replay_window = 128", "replay_window = 256"));
	assert_non_null(changed);
	for (n = 1; rc < 0; n++) {
		k = before;
		k.fail_call = n;
		k.fail_errno = EIO;
		said = NULL;
		rc = run(changed, ESPNIC_MANUAL_APPLY, &k, &said, err);
		if (rc < 0) {
			assert_true(fake_same(&before, &k));
			assert_string_equal(said, "");
			assert_non_null(strstr(err, "Input/output error"));
		}
		free(said);
	}
	assert_int_equal(rc, 1);
	assert_true(n > 13);
	free(changed);
}

/* A device that leaves crypto offload out fails the file. */
static void test_fallback_fails(void **state)
{
	static struct fake_kernel k, empty;
	char err[ESPNIC_XFRM_TEXT], *said = NULL;

	(void)state;
	memset(&k, 0, sizeof(k));
	k.declines_crypto = true;
	k.declines_words = "espnic: esp-hw-offload of this interface is off";
	assert_int_equal(run("states {\n" SA("a", "hw_offload = crypto\ninterface = eth0\nspi = 0x1000\n" GCM) "}",
			     ESPNIC_MANUAL_APPLY, &k, &said, err), -1);
	assert_string_equal(err, "state esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: not offloaded: "
				 "espnic: esp-hw-offload of this interface is off");
	assert_int_equal(fake_count(&k, false), fake_count(&empty, false));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_refused),	 cmocka_unit_test(test_files_refused),
		cmocka_unit_test(test_policies_refused), cmocka_unit_test(test_modes),
		cmocka_unit_test(test_apply_and_delete), cmocka_unit_test(test_change),
		cmocka_unit_test(test_numbers_go_on),	 cmocka_unit_test(test_each_call_fails),
		cmocka_unit_test(test_fallback_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
