// SPDX-License-Identifier: BSD-2-Clause
/* Authentication by public keys between two cores: who is let in, and each reason not to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/auth.h"
#include "peers.h"
#include "pki.h"

enum { MINUTE = 60000 };

/* What one side has: filled by a test, then loaded. */
struct side {
	EVP_PKEY *key;
	X509 *leaf;			/* NULL: the bare key */
	X509 *own_ca, *ca;		/* between leaf and root; what it trusts */
	X509_CRL *crl, *crl_2;
	const char *id, *peer;
	X509 *only_ca;
	EVP_PKEY *pin;
	X509 *pin_cert;
	bool psk, peer_psk;
	enum espnic_ike_revocation revocation;
	enum espnic_ike_send_cert send;
	bool no_certreq;
};

static struct peers p;
static struct side side[2];
static X509 *root, *middle, *other_root;
static EVP_PKEY *root_key, *middle_key;

static void at_time(struct espnic_ike_settings *set)
{
	set->wall = pki_wall;
}

static struct pki_cert leaf_of(int who, EVP_PKEY *key)
{
	static const char *const alts[2] = { "DNS:left.example,email:l@example,IP:192.0.2.1", "DNS:right.example,IP:2001:db8::2" };

	return (struct pki_cert){ .cn = who == LEFT ? "left" : "right", .key = key, .issuer = middle, .issuer_key = middle_key,
				  .alt = alts[who] };
}

static int setup(void **state)
{
	(void)state;
	root_key = pki_key("P-256", 100);
	middle_key = pki_key("P-384", 101);
	root = pki_make((struct pki_cert){ .cn = "root", .key = root_key, .ca = true });
	middle = pki_make((struct pki_cert){ .cn = "middle", .key = middle_key, .issuer = root, .issuer_key = root_key, .ca = true });
	other_root = pki_make((struct pki_cert){ .cn = "other", .key = pki_key("P-256", 102), .ca = true });
	memset(side, 0, sizeof(side));
	for (int who = LEFT; who <= RIGHT; who++) {
		side[who].key = pki_key("P-256", (unsigned int)who);
		side[who].leaf = pki_make(leaf_of(who, side[who].key));
		side[who].own_ca = middle;
		side[who].ca = root;
	}
	peers_init(&p, 1, at_time);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peers_free(&p);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	pki_forget();
	return 0;
}

static void with_side(struct espnic_ike_conn *conn, void *ctx)
{
	const struct side *s = ctx;
	struct espnic_ike *ike = p.host[s - side].ike;
	struct espnic_ike_auth *l = &conn->auth_local, *r = &conn->auth_remote;
	char err[ESPNIC_IKE_TEXT];

	l->method = s->psk ? ESPNIC_IKE_AUTH_PSK : ESPNIC_IKE_AUTH_PUBKEY;
	r->method = s->peer_psk ? ESPNIC_IKE_AUTH_PSK : ESPNIC_IKE_AUTH_PUBKEY;
	if (s->id)
		assert_int_equal(espnic_ike_id_parse(&l->id, s->id, err), 0);
	if (s->peer)
		assert_int_equal(espnic_ike_id_parse(&r->id, s->peer, err), 0);
	if (s->ca)
		pki_load(ike, ESPNIC_IKE_CERT_CA, s->ca, NULL);
	if (s->own_ca)
		pki_load(ike, ESPNIC_IKE_CERT_CA, s->own_ca, NULL);
	if (s->crl)
		pki_load_crl(ike, s->crl);
	if (s->crl_2)
		pki_load_crl(ike, s->crl_2);
	if (s->only_ca)
		pki_load(ike, ESPNIC_IKE_CERT_CA, s->only_ca, r->ca[r->n_cas++]);
	if (s->leaf)
		pki_load(ike, ESPNIC_IKE_CERT_LEAF, s->leaf, l->keyid[l->n_keyids++]);
	else
		pki_load_key(ike, s->key, l->keyid[l->n_keyids++]);
	if (s->pin)
		pki_load_key(ike, s->pin, r->keyid[r->n_keyids++]);
	if (s->pin_cert)
		pki_load(ike, ESPNIC_IKE_CERT_LEAF, s->pin_cert, r->keyid[r->n_keyids++]);
	r->revocation = s->revocation;
	conn->send_cert = s->send;
	conn->send_certreq = !s->no_certreq;
	p.host[s - side].key = s->key;
}

static void meet(void)
{
	peers_conn(&p, LEFT, with_side, &side[LEFT]);
	peers_conn(&p, RIGHT, with_side, &side[RIGHT]);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
}

static void anew(void)
{
	peers_free(&p);
	peers_init(&p, 1, at_time);
}

static void expect_up(void)
{
	for (int who = LEFT; who <= RIGHT; who++) {
		if (!p.host[who].n_ksa)
			fprintf(stderr, "left: %s; right: %s\n", p.host[LEFT].text, p.host[RIGHT].text);
		assert_int_equal(peers_sas(&p, who, ESPNIC_IKE_ESTABLISHED), 1);
		assert_int_equal(p.host[who].n_ksa, 1);
	}
	assert_true(peers_agree(&p));
}

/* @who let the other not in, for this. */
static void expect_refused(int who, const char *why)
{
	char text[ESPNIC_IKE_TEXT];

	snprintf(text, sizeof(text), "auth_failed %s", why);
	assert_string_equal(p.host[who].text, text);
	assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa, 0);
	assert_int_equal(p.host[LEFT].policies + p.host[RIGHT].policies, 0);
	assert_int_equal(espnic_ike_counters(p.host[LEFT].ike)->sas, 0);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->sas, 0);
}

static const char *const kinds[] = { "P-256", "P-384", "P-521", "ED25519", "RSA" };

static void chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (int who = LEFT; who <= RIGHT; who++) {
			side[who].key = pki_key(kinds[(i + (size_t)who) % 5], (unsigned int)who);
			side[who].leaf = pki_make(leaf_of(who, side[who].key));
		}
		anew();
		meet();
		expect_up();
		peers_expire(&p, RIGHT, 0);
		peers_run(&p, MINUTE);
		expect_up();
	}
}

static void raw_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		/* Shown, or known beforehand. */
		for (int send = ESPNIC_IKE_CERT_IF_ASKED; send <= ESPNIC_IKE_CERT_NEVER; send++) {
			for (int who = LEFT; who <= RIGHT; who++) {
				side[who] = (struct side){ .key = pki_key(kinds[i], (unsigned int)who),
							   .pin = pki_key(kinds[i], (unsigned int)!who),
							   .send = (enum espnic_ike_send_cert)send };
			}
			anew();
			meet();
			expect_up();
		}
	}
}

static void raw_key_of_another(void **state)
{
	(void)state;
	side[LEFT] = (struct side){ .key = pki_key("P-256", 0), .pin = pki_key("P-256", 1) };
	side[RIGHT] = (struct side){ .key = pki_key("P-256", 1), .pin = pki_key("P-256", 2) };
	meet();
	expect_refused(RIGHT, "the peer's AUTH is wrong");
	anew();
	side[LEFT].pin = pki_key("P-256", 2);
	side[RIGHT].pin = pki_key("P-256", 0);
	meet();
	expect_refused(LEFT, "the peer's AUTH is wrong");
	anew();
	/* Whoever has no pin does not believe in bare keys. */
	side[RIGHT].pin = NULL;
	side[RIGHT].ca = root;
	meet();
	expect_refused(RIGHT, "a raw public key that is not pinned");
}

static void pinned_certificate(void **state)
{
	struct pki_cert old = leaf_of(LEFT, side[LEFT].key);

	(void)state;
	side[RIGHT].pin_cert = side[LEFT].leaf;
	side[RIGHT].ca = NULL;
	side[LEFT].send = ESPNIC_IKE_CERT_NEVER;
	meet();
	expect_up();
	anew();
	old.from = -9;
	old.to = -3;
	side[RIGHT].pin_cert = pki_make(old);
	meet();
	expect_refused(RIGHT, "the peer's pinned certificate is out of its time");
	/* of the same key, but for another */
	anew();
	side[RIGHT].pin_cert = pki_make(leaf_of(RIGHT, side[LEFT].key));
	meet();
	expect_refused(RIGHT, "the peer's pinned certificate is not for its identity");
}

static void with_secret(void **state)
{
	(void)state;
	side[LEFT].psk = side[RIGHT].peer_psk = true;
	meet();
	expect_up();
	anew();
	p.host[LEFT].psk = "another secret";
	meet();
	expect_refused(RIGHT, "the peer's AUTH is wrong");
	anew();
	/* A secret is no signature. */
	side[RIGHT].peer_psk = false;
	meet();
	expect_refused(RIGHT, "another method than is configured");
}

static void identities(void **state)
{
	static const struct {
		const char *id;
		bool good;
	} ids[] = {
		{ "left.example", true }, { "LEFT.example", true }, { "l@example", true }, { "192.0.2.1", true }, { "O=espnic, CN=left", true },
		{ "CN=left", false }, { "CN=left, O=espnic", false }, { "O=espnic, CN=right", false }, { "right.example", false },
		{ "eft.example", false }, { "192.0.2.2", false }, { "m@example", false }, { "@#0102", false }, { "left", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		anew();
		side[LEFT].id = ids[i].id;
		side[RIGHT].peer = "%any";
		meet();
		if (ids[i].good)
			expect_up();
		else
			expect_refused(RIGHT, "the certificate does not name the identity");
	}
}

/* A `*` that a CA was made to sign is no pattern. */
static void star_in_certificate(void **state)
{
	struct pki_cert c = leaf_of(LEFT, side[LEFT].key);

	(void)state;
	c.alt = "DNS:*.example";
	side[LEFT].leaf = pki_make(c);
	meet();
	expect_refused(RIGHT, "the certificate does not name the identity");
}

static void refused_leaf(struct pki_cert c, const char *why)
{
	for (int who = LEFT; who <= RIGHT; who++) {
		X509 *good = side[who].leaf;
		struct pki_cert bad = leaf_of(who, side[who].key);

		bad.usage = c.usage;
		bad.extended = c.extended;
		bad.from = c.from;
		bad.to = c.to;
		side[who].leaf = pki_make(bad);
		anew();
		meet();
		if (why)
			expect_refused(!who, why);
		else
			expect_up();
		side[who].leaf = good;
	}
}

static void leaves(void **state)
{
	(void)state;
	refused_leaf((struct pki_cert){ .usage = "digitalSignature", .extended = "1.3.6.1.5.5.7.3.17" }, NULL);
	refused_leaf((struct pki_cert){ .usage = "nonRepudiation", .extended = "serverAuth,codeSigning" }, NULL);
	refused_leaf((struct pki_cert){ .extended = "2.5.29.37.0" }, NULL);
	refused_leaf((struct pki_cert){ .usage = "keyEncipherment" }, "the certificate's key is not for signatures");
	refused_leaf((struct pki_cert){ .extended = "codeSigning" }, "the certificate is not for IKE");
	refused_leaf((struct pki_cert){ .from = -9, .to = -1 }, "the certificate is refused: certificate has expired");
	refused_leaf((struct pki_cert){ .from = 1, .to = 9 }, "the certificate is refused: certificate is not yet valid");
}

static void cas(void **state)
{
	EVP_PKEY *key = side[LEFT].key;
	struct pki_cert c = leaf_of(LEFT, key);

	(void)state;
	side[RIGHT].ca = other_root;
	side[RIGHT].own_ca = NULL;
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get local issuer certificate");
	/* What we trust is a root, for who else says what it may? */
	anew();
	side[RIGHT].ca = middle;
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get issuer certificate");
	/* A leaf that plays CA. */
	anew();
	side[RIGHT].ca = root;
	c.issuer = pki_make(leaf_of(LEFT, pki_key("P-256", 7)));
	c.issuer_key = pki_key("P-256", 7);
	side[LEFT].leaf = pki_make(c);
	side[LEFT].own_ca = middle;
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get local issuer certificate");
	/* It signs itself. */
	anew();
	c.issuer = NULL;
	side[LEFT].leaf = pki_make(c);
	meet();
	expect_refused(RIGHT, "the certificate is refused: self-signed certificate");
	/* A CA that may not have another one under it has one. */
	anew();
	c = leaf_of(LEFT, key);
	side[RIGHT].ca = pki_make((struct pki_cert){ .cn = "root", .key = root_key, .ca = true, .ca_value = "critical,CA:TRUE,pathlen:0" });
	side[LEFT].leaf = pki_make(c);
	meet();
	expect_refused(RIGHT, "the certificate is refused: path length constraint exceeded");
}

/* A CA in the chain that the peer sent itself, made by one that is no CA. */
static void sent_ca(void **state)
{
	EVP_PKEY *mine = pki_key("P-256", 8);
	struct pki_cert c = leaf_of(LEFT, pki_key("P-256", 9));
	X509 *false_ca;

	(void)state;
	false_ca = pki_make((struct pki_cert){ .cn = "false", .key = mine, .issuer = side[LEFT].leaf, .issuer_key = side[LEFT].key,
					       .ca = true });
	c.issuer = false_ca;
	c.issuer_key = mine;
	c.alt = "DNS:left.example";
	side[LEFT].leaf = pki_make(c);
	side[LEFT].key = c.key;
	side[LEFT].own_ca = false_ca;
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get local issuer certificate");
}

static void constraints(void **state)
{
	struct pki_cert c = leaf_of(LEFT, side[LEFT].key);

	(void)state;
	c.issuer = pki_make((struct pki_cert){ .cn = "narrow", .key = middle_key, .issuer = root, .issuer_key = root_key, .ca = true,
					       .constraints = "critical,permitted;DNS:elsewhere.example" });
	c.alt = "DNS:left.example";
	side[LEFT].leaf = pki_make(c);
	side[LEFT].own_ca = c.issuer;
	meet();
	expect_refused(RIGHT, "the certificate is refused: permitted subtree violation");
}

static void named_ca(void **state)
{
	(void)state;
	side[RIGHT].only_ca = middle;
	meet();
	expect_up();
	anew();
	side[RIGHT].only_ca = other_root;
	meet();
	expect_refused(RIGHT, "the certificate is of another CA than is configured");
}

static void second(struct espnic_ike_conn *conn, void *ctx)
{
	with_side(conn, ctx);
	snprintf(conn->name, sizeof(conn->name), "second");
}

/* The first of two connections trusts another CA, or has another key pinned: the second one is this peer's. */
static void by_second(void **state)
{
	(void)state;
	for (int pinned = 0; pinned < 2; pinned++) {
		anew();
		if (pinned) {
			side[LEFT].send = ESPNIC_IKE_CERT_NEVER;
			side[RIGHT].pin = pki_key("P-256", 7);
		} else {
			side[RIGHT].only_ca = other_root;
		}
		peers_conn(&p, RIGHT, with_side, &side[RIGHT]);
		if (pinned)
			side[RIGHT].pin = side[LEFT].key;
		else
			side[RIGHT].only_ca = middle;
		peers_conn(&p, RIGHT, second, &side[RIGHT]);
		peers_conn(&p, LEFT, with_side, &side[LEFT]);
		peers_initiate(&p, LEFT, NULL);
		peers_wait(&p, MINUTE);
		expect_up();
		side[RIGHT].only_ca = NULL;
	}
}

static void revocation(void **state)
{
	struct pki_cert c = leaf_of(LEFT, side[LEFT].key);
	X509_CRL *none = pki_crl(middle, middle_key, NULL, 2), *above = pki_crl(root, root_key, NULL, 2);

	(void)state;
	side[RIGHT].crl = pki_crl(middle, middle_key, side[LEFT].leaf, 2);
	meet();
	expect_refused(RIGHT, "the certificate is refused: certificate revoked");
	/* The same by a list that is too old. */
	anew();
	side[RIGHT].crl = pki_crl(middle, middle_key, side[LEFT].leaf, -1);
	meet();
	expect_refused(RIGHT, "the certificate is refused: certificate revoked");
	/* The CA itself. */
	anew();
	side[RIGHT].crl = pki_crl(root, root_key, middle, 2);
	meet();
	expect_refused(RIGHT, "the certificate is refused: certificate revoked");
	/* A list that another signed says nothing. */
	anew();
	side[RIGHT].crl = pki_crl(middle, side[LEFT].key, NULL, 2);
	meet();
	expect_refused(RIGHT, "the certificate is refused: CRL signature failure");
	/* Strict: lists of all, and in their time. */
	anew();
	side[RIGHT].revocation = ESPNIC_IKE_REVOCATION_STRICT;
	side[RIGHT].crl = none;
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get certificate CRL");
	anew();
	side[RIGHT].crl_2 = above;
	meet();
	expect_up();
	anew();
	side[RIGHT].crl = pki_crl(middle, middle_key, NULL, -1);
	meet();
	expect_refused(RIGHT, "the certificate is refused: CRL has expired");
	/* Where a place is named, it counts. */
	anew();
	side[RIGHT].crl = side[RIGHT].crl_2 = NULL;
	side[RIGHT].revocation = ESPNIC_IKE_REVOCATION_IF_URI;
	meet();
	expect_up();
	anew();
	c.crl_point = "URI:http://127.0.0.1/crl";
	side[LEFT].leaf = pki_make(c);
	meet();
	expect_refused(RIGHT, "the certificate is refused: unable to get certificate CRL");
	anew();
	side[RIGHT].crl = none;
	meet();
	expect_up();
}

static void not_sent(void **state)
{
	(void)state;
	side[LEFT].send = ESPNIC_IKE_CERT_NEVER;
	meet();
	expect_refused(RIGHT, "the peer sent no certificate");
	anew();
	side[LEFT].send = ESPNIC_IKE_CERT_IF_ASKED;
	side[RIGHT].no_certreq = true;
	meet();
	expect_refused(RIGHT, "the peer sent no certificate");
	anew();
	side[LEFT].send = ESPNIC_IKE_CERT_ALWAYS;
	meet();
	expect_up();
}

/* Whoever has the certificate, but not its key. */
static void without_key(void **state)
{
	(void)state;
	peers_conn(&p, LEFT, with_side, &side[LEFT]);
	peers_conn(&p, RIGHT, with_side, &side[RIGHT]);
	p.host[LEFT].key = pki_key("P-256", 5);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	assert_int_equal(p.host[LEFT].n_ksa, 0);
	assert_string_equal(p.host[LEFT].text, "no_key there is no such key");
}

static void unloadable(void **state)
{
	static const struct {
		const char *kind, *why;
	} keys[] = { { "RSA-1024", "a key of RSA has 2048 to 8192 bits" },
		     { "secp256k1", "a key of ECDSA is of P-256, P-384 or P-521" },
		     { "X25519", "keys are of RSA, ECDSA or Ed25519" } };
	struct espnic_ike *ike = p.host[LEFT].ike;
	struct espnic_ike_conn *conn = peers_conn_make(&p, LEFT);
	char err[ESPNIC_IKE_TEXT];
	unsigned char *der = NULL;
	int len;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		EVP_PKEY *key = strcmp(keys[i].kind, "X25519") ? pki_key(keys[i].kind, 0) : EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

		der = NULL;
		len = i2d_PUBKEY(key, &der);
		assert_int_equal(espnic_ike_cert_load(ike, ESPNIC_IKE_CERT_PUBKEY, der, (size_t)len, NULL, err), -22);
		assert_string_equal(err, keys[i].why);
		OPENSSL_free(der);
		if (!strcmp(keys[i].kind, "X25519"))
			EVP_PKEY_free(key);
	}
	der = NULL;
	len = i2d_X509(side[LEFT].leaf, &der);
	assert_int_equal(espnic_ike_cert_load(ike, ESPNIC_IKE_CERT_CA, der, (size_t)len, NULL, err), -22);
	assert_string_equal(err, "not the certificate of a CA");
	assert_int_equal(espnic_ike_cert_load(ike, ESPNIC_IKE_CERT_LEAF, der, (size_t)len - 1, NULL, err), -22);
	assert_string_equal(err, "not an X.509 certificate");
	assert_int_equal(espnic_ike_cert_load(ike, ESPNIC_IKE_CERT_CRL, der, (size_t)len, NULL, err), -22);
	assert_string_equal(err, "not a CRL");
	assert_int_equal(espnic_ike_cert_load(ike, ESPNIC_IKE_CERT_PUBKEY, der, (size_t)len, NULL, err), -22);
	assert_string_equal(err, "not a public key");
	OPENSSL_free(der);
	conn->auth_local.method = ESPNIC_IKE_AUTH_PUBKEY;
	conn->auth_local.n_keyids = 1;
	assert_int_equal(espnic_ike_conn_load(ike, conn, err), -22);
	assert_string_equal(err, "connection `both': local: the certificate or public key to authenticate with is not there");
	conn->auth_local.method = ESPNIC_IKE_AUTH_PSK;
	conn->auth_remote.method = ESPNIC_IKE_AUTH_PUBKEY;
	conn->auth_remote.n_keyids = 1;
	assert_int_equal(espnic_ike_conn_load(ike, conn, err), -22);
	assert_string_equal(err, "connection `both': remote: a certificate or public key that it names is not there");
	conn->free(conn);
}

/* Certificates that are gone are missed by who comes then. */
static void cleared(void **state)
{
	(void)state;
	side[LEFT].send = ESPNIC_IKE_CERT_ALWAYS;
	meet();
	expect_up();
	espnic_ike_certs_clear(p.host[RIGHT].ike);
	peers_expire(&p, LEFT, 0);
	peers_run(&p, MINUTE);
	expect_up();
	peers_terminate(&p, LEFT, 0, 0);
	peers_run(&p, MINUTE);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	expect_refused(RIGHT, "there is no CA");
}

/* Of each scheme: every bit of AUTH counts, and so does the hash the peer knows. */
static void signatures(void **state)
{
	static const char *const of[ESPNIC_IKE_SCHEMES] = { NULL, "P-256", "P-256", "P-256", "ED25519", "RSA", "RSA", "RSA" };
	static const uint8_t octets[] = "what is signed";
	struct espnic_ike_chunk what = { octets, sizeof(octets) };
	uint8_t auth[128 + ESPNIC_IKE_SIGNATURE];

	(void)state;
	for (int s = 1; s < ESPNIC_IKE_SCHEMES; s++) {
		EVP_PKEY *key = pki_key(of[s], 0), *other = pki_key(of[s], 1), *foreign = pki_key("P-521", 0);
		struct espnic_ike_chunk der = espnic_ike_scheme_der((enum espnic_ike_scheme)s), all = { auth, 0 };
		int len = espnic_ike_sign(key, (enum espnic_ike_scheme)s, octets, sizeof(octets), auth + 1 + der.len);

		assert_true(len > 0);
		auth[0] = (uint8_t)der.len;
		memcpy(auth + 1, der.p, der.len);
		all.len = 1 + der.len + (size_t)len;
		assert_true(espnic_ike_auth_verify(key, all, what));
		assert_false(espnic_ike_auth_verify(other, all, what));
		assert_false(espnic_ike_auth_verify(foreign, all, what));
		assert_false(espnic_ike_auth_verify(key, all, (struct espnic_ike_chunk){ octets, sizeof(octets) - 1 }));
		for (size_t i = 0; i < all.len; i++) {
			auth[i] ^= 1;
			assert_false(espnic_ike_auth_verify(key, all, what));
			auth[i] ^= 1;
			assert_false(espnic_ike_auth_verify(key, (struct espnic_ike_chunk){ auth, i }, what));
		}
		assert_int_equal(espnic_ike_sign(foreign, (enum espnic_ike_scheme)s, octets, 1, auth) > 0, !strncmp(of[s], "P-", 2));
	}
	assert_int_equal(espnic_ike_sign(pki_key("RSA-1024", 0), ESPNIC_IKE_PSS_256, octets, 1, auth), -22);
	assert_int_equal(espnic_ike_scheme_for(pki_key("P-384", 0), 1u << ESPNIC_IKE_HASH_SHA2_256 | 1u << ESPNIC_IKE_HASH_SHA2_384),
			 ESPNIC_IKE_ECDSA_384);
	assert_int_equal(espnic_ike_scheme_for(pki_key("P-384", 0), 1u << ESPNIC_IKE_HASH_SHA2_256), ESPNIC_IKE_ECDSA_256);
	assert_int_equal(espnic_ike_scheme_for(pki_key("ED25519", 0), 1u << ESPNIC_IKE_HASH_SHA2_256), ESPNIC_IKE_SCHEME_NONE);
	assert_int_equal(espnic_ike_scheme_for(pki_key("RSA", 0), 0), ESPNIC_IKE_SCHEME_NONE);
}

/* RFC 4055 2.1: hashes of RSASSA-PSS named without the NULL, as some peers do. */
static void pss_without_null(void **state)
{
	static const uint8_t der[] = { 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x30, 0xa0,
				       0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0xa1, 0x1a,
				       0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06,
				       0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0xa2, 0x03, 0x02, 0x01, 0x20 };
	static const uint8_t octets[] = "what is signed";
	uint8_t auth[1 + sizeof(der) + ESPNIC_IKE_SIGNATURE] = { sizeof(der) };
	EVP_PKEY *key = pki_key("RSA", 0);
	int len = espnic_ike_sign(key, ESPNIC_IKE_PSS_256, octets, sizeof(octets), auth + 1 + sizeof(der));

	(void)state;
	memcpy(auth + 1, der, sizeof(der));
	assert_true(espnic_ike_auth_verify(key, (struct espnic_ike_chunk){ auth, 1 + sizeof(der) + (size_t)len },
					   (struct espnic_ike_chunk){ octets, sizeof(octets) }));
}

/* Two connections for whoever it is, told apart by the key. */
static void by_key(void **state)
{
	struct espnic_ike_conn *c = peers_conn_make(&p, RIGHT);
	char err[ESPNIC_IKE_TEXT];

	(void)state;
	side[LEFT] = (struct side){ .key = pki_key("P-256", 0), .pin = pki_key("P-256", 1) };
	side[RIGHT] = (struct side){ .key = pki_key("P-256", 1), .pin = pki_key("P-256", 2), .peer = "%any" };
	with_side(c, &side[RIGHT]);
	strcpy(c->name, "another");
	assert_int_equal(espnic_ike_conn_load(p.host[RIGHT].ike, c, err), 0);
	side[RIGHT].pin = pki_key("P-256", 0);
	meet();
	expect_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(chains), TEST(raw_keys), TEST(raw_key_of_another), TEST(pinned_certificate), TEST(with_secret), TEST(identities),
		TEST(star_in_certificate), TEST(leaves), TEST(cas), TEST(sent_ca), TEST(constraints), TEST(named_ca), TEST(by_second), TEST(revocation),
		TEST(not_sent), TEST(without_key), TEST(unloadable), TEST(cleared), TEST(signatures), TEST(pss_without_null),
		TEST(by_key),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
