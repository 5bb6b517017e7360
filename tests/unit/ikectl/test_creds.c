// SPDX-License-Identifier: BSD-2-Clause
/* What a VICI client brings and takes away: secrets, pools, certificates, authorities. */
#include "served.h"

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
	vici_say(fd, &w);
}

static void unload_pool(int fd, const char *name)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "unload-pool");
	espnic_vici_value(&w, "name", "%s", name);
	vici_say(fd, &w);
}

static void test_pools(void **state)
{
	int fd = vici_connected();

	(void)state;
	vici_simple(fd, "load-pool");
	assert_string_equal(vici_reply(fd), "success=no errmsg=one pool is loaded at a time ");
	pool(fd, "p", "everywhere");
	assert_string_equal(vici_reply(fd), "success=no errmsg=vici:1: p.addrs: 'everywhere' is no prefix, no range of addresses and not 'dynamic' ");
	pool(fd, "p", "10.3.0.0/24");
	assert_string_equal(vici_reply(fd), "success=yes ");
	pool(fd, "p", "10.4.0.0/24");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_int_equal(espnic_store_find_pool(&vici_store, "p")->from.bytes[1], 4);
	assert_int_equal(espnic_store_find_pool(&vici_store, "p")->n_dns, 2);
	vici_simple(fd, "get-pools");
	assert_string_equal(vici_reply(fd), "p{base=10.4.0.1 size=254 online=3 offline=1 } ");
	pool(fd, "p", "10.5.0.0/24");
	assert_string_equal(vici_reply(fd), "success=no errmsg=not this one ");
	assert_int_equal(espnic_store_find_pool(&vici_store, "p")->from.bytes[1], 4);
	pool(fd, "busy", "10.6.0.0/24");
	assert_string_equal(vici_reply(fd), "success=yes ");
	unload_pool(fd, "busy");
	assert_string_equal(vici_reply(fd), "success=no errmsg=some of its addresses are in use ");
	assert_true(espnic_store_unload_pool(&vici_store, "busy"));
	unload_pool(fd, "p");
	assert_string_equal(vici_reply(fd), "success=yes ");
	unload_pool(fd, "p");
	assert_string_equal(vici_reply(fd), "success=no errmsg=no such pool ");
	vici_simple(fd, "get-pools");
	assert_string_equal(vici_reply(fd), "");
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
	vici_say(fd, &w);
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
	int fd = vici_connected();

	(void)state;
	shared(fd, "all", "IKE", "\0every", 6, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	shared(fd, "ike-1", "IKE", "one", 3, "left.example.org");
	assert_string_equal(vici_reply(fd), "success=yes ");
	shared(fd, "x", "EAP", "one", 3, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg=of secrets, pre-shared keys of IKE and PPKs alone are supported "
				       "(no EAP, XAuth, NTLM) ");
	shared(fd, "x", "IKE", "", 0, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg=a secret has 1 to 256 bytes ");
	shared(fd, "x", "IKE", big, 257, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg=a secret has 1 to 256 bytes ");
	vici_simple(fd, "get-shared");
	assert_string_equal(vici_reply(fd), "keys{all ike-1 } ");
	/* the more of the two it names, the better a secret fits */
	assert_memory_equal(espnic_store_psk(&vici_store, &left, &right)->bytes, "one", 3);
	assert_memory_equal(espnic_store_psk(&vici_store, &right, &right)->bytes, "\0every", 6);
	shared(fd, "ike-2", "IKE", "two", 3, "right.example.org");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_memory_equal(espnic_store_psk(&vici_store, &left, &right)->bytes, "two", 3);
	vici_simple(fd, "clear-creds");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_null(espnic_store_psk(&vici_store, &left, &right));
	close(fd);
}

/* PPKs are not found as pre-shared keys, nor the other way; they have the identity of their owner, or nobody's. */
static void test_ppks(void **state)
{
	struct espnic_ike_id left = id_of("left.example.org"), right = id_of("right.example.org"), wire = id_of("keyid:left.example.org");
	int fd = vici_connected();

	(void)state;
	shared(fd, "ike-1", "IKE", "one", 3, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_int_equal(vici_store.n_ppks, 0);
	assert_null(espnic_store_ppk(&vici_store, &left));
	shared(fd, "ppk-1", "ppk", "two", 3, "left.example.org");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_int_equal(vici_store.n_ppks, 1);
	assert_memory_equal(espnic_store_psk(&vici_store, &left, &right)->bytes, "one", 3);
	assert_memory_equal(espnic_store_ppk(&vici_store, &left)->bytes, "two", 3);
	assert_memory_equal(espnic_store_ppk(&vici_store, &wire)->bytes, "two", 3);
	assert_null(espnic_store_ppk(&vici_store, &right));
	shared(fd, "ppk-2", "PPK", "three", 5, "%any");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_memory_equal(espnic_store_ppk(&vici_store, &left)->bytes, "two", 3);
	assert_memory_equal(espnic_store_ppk(&vici_store, &right)->bytes, "three", 5);
	/* one in the place of the other */
	shared(fd, "ppk-2", "IKE", "four", 4, "right.example.org");
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_int_equal(vici_store.n_ppks, 1);
	assert_null(espnic_store_ppk(&vici_store, &right));
	vici_simple(fd, "get-shared");
	assert_string_equal(vici_reply(fd), "keys{ike-1 ppk-1 ppk-2 } ");
	assert_true(espnic_store_unload_psk(&vici_store, "ppk-1"));
	assert_int_equal(vici_store.n_ppks, 0);
	vici_simple(fd, "clear-creds");
	assert_string_equal(vici_reply(fd), "success=yes ");
	close(fd);
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
	int fd = vici_connected();
	char want[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		espnic_vici_begin(&w, ESPNIC_VICI_CMD_REQUEST, "load-cert");
		espnic_vici_value(&w, "type", "%s", loads[i].type);
		if (loads[i].flag)
			espnic_vici_value(&w, "flag", "%s", loads[i].flag);
		espnic_vici_bytes(&w, "data", "\0bytes", 6);
		vici_say(fd, &w);
		vici_cert_len = 0;
		snprintf(want, sizeof(want), "success=no errmsg=%s ", loads[i].why ? loads[i].why : "");
		assert_string_equal(vici_reply(fd), loads[i].why ? want : "success=yes ");
		assert_int_equal(vici_cert_len, loads[i].why ? 0 : 6);
		if (!loads[i].why)
			assert_int_equal(vici_cert_kind, loads[i].kind);
	}
	vici_with(fd, "load-cert", "type", "x509", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg='type' and 'data' are needed ");
	vici_with(fd, "load-cert", "type", "x509", "data", "1");
	assert_string_equal(vici_reply(fd), "success=no errmsg=one byte ");
	vici_listen_to(fd, "list-cert");
	vici_simple(fd, "list-certs");
	assert_string_equal(vici_event(fd, "list-cert"), "type=X509 flag=NONE has_privkey=yes data=leaf ");
	assert_string_equal(vici_event(fd, "list-cert"), "type=X509_CRL flag=NONE data=crl ");
	assert_string_equal(vici_reply(fd), "");
	vici_with(fd, "list-certs", "type", "x509_crl", "subject", "CN=left");
	assert_string_equal(vici_reply(fd), "");
	vici_with(fd, "list-certs", "type", "x509", "subject", "CN=left");
	assert_string_equal(vici_event(fd, "list-cert"), "type=X509 flag=NONE has_privkey=yes data=leaf ");
	assert_string_equal(vici_reply(fd), "");
	vici_with(fd, "list-certs", "flag", "CA", NULL, NULL);
	assert_string_equal(vici_reply(fd), "");
	vici_with(fd, "flush-certs", "type", "x509", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
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
	vici_say(fd, &w);
}

/* A client that listens, does not read, and is dropped for it while its own request is worked on: that has what it needs. */
static void test_dropped_meanwhile(void **state)
{
	unsigned int want = 3 * 'x' + 'y', i;
	int fd = vici_connected();

	(void)state;
	vici_listen_to(fd, "log");
	vici_cert_sum = 0;
	vici_flood = true;
	vici_with(fd, "load-cert", "type", "x509", "data", "xxxy");
	for (i = 0; i < 6000 && __atomic_load_n(&vici_cert_sum, __ATOMIC_ACQUIRE) != want; i++)
		usleep(10000);
	vici_flood = false;
	assert_int_equal(vici_cert_sum, want);
	close(fd);
	/* the next one is served */
	fd = vici_connected();
	vici_simple(fd, "version");
	assert_non_null(strstr(vici_reply(fd), "daemon=espnic-ike "));
	close(fd);
}

static void test_authorities(void **state)
{
	int fd = vici_connected();

	(void)state;
	load_ca(fd, "root", "cacert", "bytes", false);
	assert_string_equal(vici_reply(fd), "success=yes ");
	assert_string_equal(vici_authority, "root");
	assert_int_equal(vici_cert_len, 5);
	vici_simple(fd, "get-authorities");
	assert_string_equal(vici_reply(fd), "authorities{root } ");
	vici_listen_to(fd, "list-authority");
	vici_simple(fd, "list-authorities");
	assert_string_equal(vici_event(fd, "list-authority"), "root{cacert=CN=root } ");
	assert_string_equal(vici_reply(fd), "");
	vici_with(fd, "list-authorities", "name", "other", NULL, NULL);
	assert_string_equal(vici_reply(fd), "");
	load_ca(fd, "x", "crl_uris", "http://192.0.2.1/crl", true);
	assert_string_equal(vici_reply(fd), "success=no errmsg=crl_uris: nothing is fetched from the network: put the CRL into x509crl ");
	load_ca(fd, "x", "ocsp_uris", "http://192.0.2.1/", true);
	assert_string_equal(vici_reply(fd), "success=no errmsg=ocsp_uris: OCSP is not supported: nothing is fetched from the network ");
	load_ca(fd, "x", "handle", "01", false);
	assert_string_equal(vici_reply(fd), "success=no errmsg=keys in tokens are not supported ");
	load_ca(fd, "x", "cacert", "bytes", true);
	assert_string_equal(vici_reply(fd), "success=no errmsg=an unknown key ");
	load_ca(fd, "", "cacert", "bytes", false);
	assert_string_equal(vici_reply(fd), "success=no errmsg=a name that is no text, or too long ");
	load_ca(fd, "x", NULL, NULL, false);
	assert_string_equal(vici_reply(fd), "success=no errmsg='cacert' is needed ");
	vici_simple(fd, "load-authority");
	assert_string_equal(vici_reply(fd), "success=no errmsg='cacert' is needed ");
	assert_int_equal(send(fd, "\0\0\0\x11\x00\x0eload-authority\x02", 21, MSG_NOSIGNAL), 21);
	assert_string_equal(vici_reply(fd), "success=no errmsg=a malformed message ");
	assert_string_equal(vici_authority, "root");
	vici_with(fd, "unload-authority", "name", "x", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=no errmsg=no such authority ");
	vici_with(fd, "unload-authority", "name", "root", NULL, NULL);
	assert_string_equal(vici_reply(fd), "success=yes ");
	vici_simple(fd, "get-authorities");
	assert_string_equal(vici_reply(fd), "authorities{} ");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VICI_TEST(test_secrets),
		VICI_TEST(test_ppks),
		VICI_TEST(test_pools),
		VICI_TEST(test_certificates),
		VICI_TEST(test_dropped_meanwhile),
		VICI_TEST(test_authorities),
	};

	return cmocka_run_group_tests(tests, vici_make_dir, vici_remove_dir);
}
