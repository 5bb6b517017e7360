// SPDX-License-Identifier: BSD-2-Clause
/* swanctl.conf's connections, children and secrets: what the core is given, and the exact error of what can't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "conf/conns.h"

static struct espnic_conf *tree;

/* NULL, or the error; @out is to be freed by done(). */
static const char *read_text(const char *text, struct espnic_conf_conns *out)
{
	static struct espnic_conf_error err;

	memset(out, 0, sizeof(*out));
	tree = espnic_conf_parse("f", text, strlen(text), &err);
	if (!tree)
		return err.text;
	return espnic_conns_read(espnic_conf_root(tree), out, &err) ? err.text : NULL;
}

static void done(struct espnic_conf_conns *c)
{
	espnic_conns_free(c);
	espnic_conf_free(tree);
	tree = NULL;
}

static void wrong(const char *text, const char *want)
{
	struct espnic_conf_conns c;
	const char *err = read_text(text, &c);

	if (!err)
		fail_msg("taken: %s", text);
	assert_string_equal(err, want);
	done(&c);
}

#define AUTH "local { auth = psk }\n remote { auth = psk }\n"

static void wrong_conn(const char *line, const char *want)
{
	char text[1024], whole[512];

	snprintf(text, sizeof(text), "connections { c { " AUTH "%s\n} }", line);
	snprintf(whole, sizeof(whole), "f:3: connections.c.%s", want);
	wrong(text, whole);
}

static void wrong_child(const char *line, const char *want)
{
	char text[1024], whole[512];

	snprintf(text, sizeof(text), "connections { c { " AUTH " children { k {\n%s\n} } } }", line);
	snprintf(whole, sizeof(whole), "f:4: connections.c.children.k%s", want);
	wrong(text, whole);
}

static void test_conn_refused(void **state)
{
	static const struct {
		const char *line, *want;
	} bad[] = {
		{ "version = 1", "version: 1: IKEv1 is not supported" },
		{ "version = 3", "version: '3' is none of: 0, 2" },
		{ "aggressive = yes", "aggressive: IKEv1 is not supported" },
		{ "color = red", "color: unknown key" },
		{ "colors { }", "colors: unknown section" },
		{ "vips = 0.0.0.0, 10.3.0.1", "vips: more than one virtual address of a family" },
		{ "vips = all", "vips: 'all' is no address" },
		{ "pools = a, b, c, d, e", "pools: more than 4 pools, or a name longer than 63 bytes" },
		{ "ppk_required = maybe", "ppk_required: 'maybe' is neither yes nor no" },
		{ "mediation = yes", "mediation: mediation is not supported" },
		{ "childless = maybe", "childless: 'maybe' is none of: allow, never, prefer, force" },
		{ "remote_addrs = gateway.example.org",
		  "remote_addrs: 'gateway.example.org' is no address and no prefix (names are not resolved)" },
		{ "remote_addrs = 192.0.2.1,,192.0.2.2", "remote_addrs: an empty word in a list" },
		{ "local_port = 65536", "local_port: '65536' is no number from 0 to 65535" },
		{ "local_addrs = 1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9",
		  "local_addrs: more than 8 addresses" },
		{ "local { auth = eap-mschapv2 }", "local.auth: EAP is not supported" },
		{ "local { auth = xauth }", "local.auth: IKEv1 is not supported" },
		{ "local { eap_id = x }", "local.eap_id: EAP is not supported" },
		{ "local { round = 2 }", "local.round: several rounds of authentication (RFC 4739) are not supported" },
		{ "local { cert-1 { } }", "local.cert-1: keys in tokens are not supported: name a file in certs" },
		{ "remote { revocation = never }", "remote.revocation: 'never' is none of: relaxed, ifuri, strict" },
		{ "remote { certs = a,b,c,d,e,f,g,h,i }", "remote.certs: more than 8 files" },
		{ "children { x = 1 }", "children.x: unknown key" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		wrong_conn(bad[i].line, bad[i].want);
	wrong("connections { c { } }", "f:1: connections.c: 'local' is needed");
	wrong("connections { c { " AUTH " ppk_id = %any\n} }", "f:1: connections.c: ppk_id: the identity of one PPK is needed");
	wrong("connections { c { local { } } }", "f:1: connections.c: 'remote' is needed");
	wrong("connections { c { local { }\n local-2 { } } }",
	      "f:2: connections.c.local-2: several rounds of authentication (RFC 4739) are not supported");
	wrong("connections { x = 1 }", "f:1: connections.x: unknown key");
	wrong("authorities { a { } }", "f:1: authorities: authorities are not supported: nothing is fetched from the "
				       "network (OCSP, CRL); CAs and CRLs are files");
	wrong("pools { x = 1 }", "f:1: pools.x: unknown key");
	wrong("pools { p { } }", "f:1: pools.p: 'addrs' is needed");
	wrong("pools { p { addrs = 10.3.0.0/16\n netmask = 255.255.0.0 } }",
	      "f:2: pools.p.netmask: of a pool's attributes, 'dns' alone is supported");
	wrong("pools { p { addrs = dynamic } }", "f:1: pools.p.addrs: 'dynamic' is no prefix and no range of addresses");
	wrong("pools { p { addrs = 224.0.0.0/8 } }", "f:1: pools.p.addrs: '224.0.0.0/8' has addresses that no host may have");
	wrong("pools { p { dns = 1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4, 1.1.1.5 } }", "f:1: pools.p.dns: more than 4 servers");
	wrong("pools { p { dns = here } }", "f:1: pools.p.dns: 'here' is no address");
	wrong("charon { }", "f:1: charon: unknown section");
}

static void test_child_refused(void **state)
{
	static const struct {
		const char *line, *want;
	} bad[] = {
		{ "ah_proposals = sha256", ".ah_proposals: AH is for manual keys alone (espnic-ike manual)" },
		{ "ipcomp = yes", ".ipcomp: IPComp is not supported" },
		{ "hostaccess = yes", ".hostaccess: updown scripts and their firewall rules are not made" },
		{ "policies_fwd_out = yes",
		  ".policies_fwd_out: policies for forwarded packets on their way out are not supported: those for 'out' meet them" },
		{ "mode = beet", ".mode: beet: bound end-to-end tunnels are not supported" },
		{ "updown = /bin/sh", ".updown: scripts are not run: listen to events by VICI" },
		{ "tfc_padding = mtu", ".tfc_padding: TFC padding is not supported: it can't be offloaded" },
		{ "hw_offload = maybe", ".hw_offload: 'maybe' is none of: no, crypto, yes, packet, auto" },
		{ "replay_window = 5000", ".replay_window: '5000' is no number from 0 to 4096" },
		{ "local_ts = 10.0.0.0/33", ".local_ts: '10.0.0.0/33' is no prefix, no range of addresses and not 'dynamic'" },
		{ "local_ts = 10.0.0.9-10.0.0.1",
		  ".local_ts: '10.0.0.9-10.0.0.1' is no prefix, no range of addresses and not 'dynamic'" },
		{ "local_ts = dynamic[tcp/http]", ".local_ts: 'http' is no port and no range of ports (numbers, any, opaque)" },
		{ "local_ts = dynamic[tcp/5-1]", ".local_ts: '5-1' is no port and no range of ports (numbers, any, opaque)" },
		{ "local_ts = dynamic[nothing]",
		  ".local_ts: 'nothing' is no protocol (a number, or one of tcp, udp, icmp, ipv6-icmp, sctp, dccp, gre)" },
		{ "local_ts = dynamic[tcp", ".local_ts: a traffic selector ends in ']' if it has '['" },
		{ "interface = 0123456789abcdef", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; bad[i].want; i++)
		wrong_child(bad[i].line, bad[i].want);
	wrong("connections { c { " AUTH " children { k {\nlife_time = 1h\nrekey_time = 2h } } } }",
	      "f:3: connections.c.children.k: rekey_time must be below life_time");
	wrong("connections { c { " AUTH " if_id_in = 5\n children { k {\nhw_offload = crypto } } } }",
	      "f:4: connections.c.children.k: hw_offload and if_id_in exclude one another (Linux has none inbound)");
	wrong("connections { c { " AUTH " children { k {\nhw_offload = packet\nmark_out = 1 } } } }",
	      "f:3: connections.c.children.k: a device knows no marks and no if_id: they can't be packet-offloaded");
}

static const char whole[] =
	"defaults {\n local_addrs = 192.0.2.1\n proposals = aes128gcm16-prfsha256-x25519\n" AUTH "}\n"
	"connections {\n"
	" home : defaults {\n"
	"  remote_addrs = 192.0.2.2, 198.51.100.0/24\n"
	"  rekey_time = 2h\n  dpd_delay = 30s\n  unique = replace\n"
	"  ppk_id = left@example.org\n  ppk_required = yes\n"
	"  vips = ::, 10.3.0.9\n  pools = a, b\n"
	"  local { id = left.example.org }\n"
	"  children {\n"
	"   net {\n"
	"    esp_proposals = aes256gcm16-x25519-esn, aes128-sha256\n"
	"    local_ts = 10.1.0.0/16, 10.9.0.5-10.9.0.7[tcp/443]\n"
	"    remote_ts = 2001:db8::/32[udp/1000-2000]\n"
	"    hw_offload = packet\n    interface = eth0\n    replay_window = 128\n"
	"    start_action = trap\n    rekey_packets = 1M\n"
	"   }\n"
	"   host { mode = transport }\n"
	"   ssh { mode = pass\n    local_ts = dynamic[tcp/22] }\n"
	"   rest { mode = drop }\n"
	"  }\n"
	" }\n"
	"}\n"
	"secrets {\n"
	" ike-1 { secret = \"correct horse\"\n id-1 = left.example.org\n id-2 = 192.0.2.2 }\n"
	" ike-2 { secret = 0x00ff }\n"
	" ppk-1 { secret = 0x1234\n id = left@example.org }\n"
	" ecdsa-1 { file = left.pem\n secret = \"open sesame\" }\n"
	"}\n";

static void test_whole(void **state)
{
	static const uint8_t last[4] = { 10, 1, 255, 255 };
	const struct espnic_ike_child_conf *k;
	const struct espnic_ike_conn *c;
	struct espnic_conf_conns all;
	const char *err = read_text(whole, &all);

	(void)state;
	if (err)
		fail_msg("%s", err);
	assert_int_equal(all.n_conns, 1);
	c = all.conns[0].conn;
	assert_string_equal(c->name, "home");
	assert_int_equal(c->n_local, 1);
	assert_int_equal(c->n_remote, 2);
	assert_int_equal(c->remote[1].prefix, 24);
	assert_int_equal(c->n_proposals, 1);
	assert_int_equal(c->auth_local.method, ESPNIC_IKE_AUTH_PSK);
	assert_int_equal(c->auth_local.id.type, ESPNIC_IKE_ID_FQDN);
	assert_int_equal(c->auth_remote.id.type, ESPNIC_IKE_ID_ANY);
	assert_int_equal(c->unique, ESPNIC_IKE_UNIQUE_REPLACE);
	assert_int_equal(c->rekey_ms, 7200000);
	assert_int_equal(c->over_ms, 720000);
	assert_int_equal(c->rand_ms, 720000);
	assert_int_equal(c->dpd_ms, 30000);
	assert_int_equal(c->keyingtries, 1);
	assert_int_equal(c->n_children, 2);
	k = &c->children[0];
	assert_string_equal(k->name, "net");
	assert_int_equal(k->n_proposals, 2);
	assert_int_equal(k->n_local, 2);
	assert_memory_equal(k->local[0].to, last, 4);
	assert_int_equal(k->local[1].proto, 6);
	assert_int_equal(k->local[1].port_from, 443);
	assert_int_equal(k->local[1].from[3], 5);
	assert_int_equal(k->local[1].to[3], 7);
	assert_int_equal(k->remote[0].family, 6);
	assert_int_equal(k->remote[0].to[15], 255);
	assert_int_equal(k->remote[0].port_to, 2000);
	assert_int_equal(k->offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_string_equal(k->device, "eth0");
	assert_int_equal(k->start, ESPNIC_IKE_TRAP);
	assert_int_equal(k->rekey_ms, 3600000);
	assert_int_equal(k->life_ms, 3960000);
	assert_int_equal(k->rand_ms, 360000);
	assert_int_equal(k->rekey_packets, 1 << 20);
	assert_int_equal(k->life_packets, (1 << 20) * 11 / 10);
	assert_int_equal(k->life_bytes, 0);
	assert_true(k->policies);
	assert_int_equal(c->children[1].mode, ESPNIC_IKE_TRANSPORT);
	assert_true(c->children[1].local[0].dynamic);
	assert_int_equal(all.conns[0].n_shunts, 2);
	assert_false(all.conns[0].shunts[0].drop);
	assert_true(all.conns[0].shunts[1].drop);

	assert_true(c->mobike);
	assert_int_equal(c->n_vips, 2);
	assert_int_equal(c->vips[0].family, 6);
	assert_int_equal(c->vips[1].bytes[3], 9);
	assert_int_equal(c->n_pools, 2);
	assert_string_equal(c->pools[1], "b");
	assert_true(c->ppk_required);
	assert_int_equal(c->ppk_id.type, ESPNIC_IKE_ID_EMAIL);
	assert_memory_equal(c->ppk_id.data, "left@example.org", 16);
	assert_int_equal(all.n_psks, 3);
	assert_true(!all.psks[0].ppk && !all.psks[1].ppk && all.psks[2].ppk);
	assert_int_equal(all.psks[2].secret.len, 2);
	assert_true(espnic_ike_ppk_id_is(&all.psks[2].owner[0], &c->ppk_id));
	assert_int_equal(all.psks[0].secret.len, 13);
	assert_memory_equal(all.psks[0].secret.bytes, "correct horse", 13);
	assert_int_equal(all.psks[0].n_owners, 2);
	assert_int_equal(all.psks[0].owner[1].type, ESPNIC_IKE_ID_IPV4);
	assert_int_equal(all.psks[1].secret.len, 2);
	assert_int_equal(all.psks[1].n_owners, 0);
	assert_int_equal(all.n_passphrases, 1);
	assert_string_equal(all.passphrases[0].file, "left.pem");
	assert_string_equal(all.passphrases[0].secret, "open sesame");
	done(&all);
}

/* From the first to the last address that somebody gets. */
static void test_pools(void **state)
{
	static const struct {
		const char *addrs, *from, *to;
	} all[] = {
		{ "10.3.0.0/24", "10.3.0.1", "10.3.0.254" },	 { "10.3.0.0/16", "10.3.0.1", "10.3.255.254" },
		{ "10.3.0.4/31", "10.3.0.4", "10.3.0.5" },	 { "10.3.0.4/32", "10.3.0.4", "10.3.0.4" },
		{ "10.3.0.4", "10.3.0.4", "10.3.0.4" },		 { "10.3.0.0-10.3.0.255", "10.3.0.0", "10.3.0.255" },
		{ "2001:db8::/64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff" },
		{ "2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9" },
	};
	char text[128], addr[INET6_ADDRSTRLEN];
	struct espnic_conf_conns c;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *err;

		snprintf(text, sizeof(text), "pools { p { addrs = %s\n dns = 10.1.0.53, 2001:db8::53 } }", all[i].addrs);
		err = read_text(text, &c);
		if (err)
			fail_msg("%s", err);
		assert_int_equal(c.n_pools, 1);
		assert_string_equal(c.pools[0].name, "p");
		assert_string_equal(espnic_ike_addr_text(&c.pools[0].from, addr, sizeof(addr)), all[i].from);
		assert_string_equal(espnic_ike_addr_text(&c.pools[0].to, addr, sizeof(addr)), all[i].to);
		assert_int_equal(c.pools[0].n_dns, 2);
		assert_int_equal(c.pools[0].dns[1].family, 6);
		done(&c);
	}
}

static void test_public_keys(void **state)
{
	struct espnic_conf_conns all;
	const char *err = read_text("connections { c { local { certs = a.pem, b.pem }\n"
				    "remote { pubkeys = k.pem\n cacerts = ca.pem\n revocation = strict } } }",
				    &all);

	(void)state;
	if (err)
		fail_msg("%s", err);
	assert_int_equal(all.conns[0].conn->auth_local.method, ESPNIC_IKE_AUTH_PUBKEY);
	assert_int_equal(all.conns[0].conn->auth_remote.revocation, ESPNIC_IKE_REVOCATION_STRICT);
	assert_int_equal(all.conns[0].local.certs.n, 2);
	assert_string_equal(all.conns[0].local.certs.name[1], "b.pem");
	assert_string_equal(all.conns[0].remote.pubkeys.name[0], "k.pem");
	assert_string_equal(all.conns[0].remote.cacerts.name[0], "ca.pem");
	done(&all);
}

static void test_secrets_refused(void **state)
{
	(void)state;
	wrong("secrets { eap-1 { } }", "f:1: secrets.eap-1: EAP is not supported");
	wrong("secrets { xauth { } }", "f:1: secrets.xauth: IKEv1 is not supported");
	wrong("secrets { token { } }", "f:1: secrets.token: keys in tokens are not supported");
	wrong("secrets { pkcs12 { } }", "f:1: secrets.pkcs12: PKCS #12 is not supported: keys and certificates are files of their own");
	wrong("secrets { rsa-a { secret = x } }", "f:1: secrets.rsa-a: 'file' is needed");
	wrong("secrets { private { file = x\n id = y } }", "f:2: secrets.private.id: unknown key");
	wrong("secrets { what { } }", "f:1: secrets.what: unknown section");
	wrong("secrets { ike { } }", "f:1: secrets.ike: 'secret' is needed");
	wrong("secrets { ike { secret = \"\" } }", "f:1: secrets.ike.secret: a secret has 1 to 256 bytes");
	wrong("secrets { ike { secret = x\n owner = y } }", "f:2: secrets.ike.owner: unknown key");
	wrong("secrets { ike { secret = 0xabc } }",
	      "f:1: secrets.ike.secret: no key: 0x and an even number of hexadecimal digits, or 0s and base64, of at most 256 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conn_refused),
		cmocka_unit_test(test_child_refused),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pools), cmocka_unit_test(test_public_keys),
		cmocka_unit_test(test_secrets_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
