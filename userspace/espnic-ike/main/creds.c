// SPDX-License-Identifier: BSD-2-Clause
/* Certificates and keys: of clients and of files, the public ones to the core, the private ones kept. */
#include "main/creds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/creds.h"
#include "main/daemon.h"

enum {
	FILE_BYTES = 1 << 20, /* of a file of certificates or CRLs */
	PATH = 512,
	OTHERS_READ = 0077, /* permissions a private key's file may not give */
};

/* ---- keys ---- */

void *espnic_keys_find(const struct espnic_keys *k, const uint8_t keyid[ESPNIC_IKE_KEYID])
{
	unsigned int i;

	for (i = 0; i < k->n; i++)
		if (!memcmp(k->v[i].keyid, keyid, ESPNIC_IKE_KEYID))
			return k->v[i].key;
	return NULL;
}

void espnic_keys_name(const struct espnic_keys *k, unsigned int i, char name[ESPNIC_KEY_NAME])
{
	unsigned int j;

	for (j = 0; j < ESPNIC_IKE_KEYID; j++)
		snprintf(name + 2 * j, 3, "%02x", k->v[i].keyid[j]);
}

int espnic_keys_load(struct espnic_keys *k, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], char err[ESPNIC_IKE_TEXT])
{
	uint8_t keyid[ESPNIC_IKE_KEYID];
	unsigned int i;
	void *key;

	if (espnic_creds_key(p, len, NULL, &key, keyid, err))
		return -1;
	for (i = 0; i < k->n && memcmp(k->v[i].keyid, keyid, sizeof(keyid)) != 0; i++)
		;
	if (i == ESPNIC_KEYS) {
		EVP_PKEY_free(key);
		snprintf(err, ESPNIC_IKE_TEXT, "more than %d private keys", ESPNIC_KEYS);
		return -1;
	}
	if (i < k->n)
		EVP_PKEY_free(k->v[i].key);
	else
		k->n++;
	k->v[i].key = key;
	memcpy(k->v[i].keyid, keyid, sizeof(keyid));
	espnic_keys_name(k, i, name);
	return 0;
}

bool espnic_keys_unload(struct espnic_keys *k, const char *name)
{
	char is[ESPNIC_KEY_NAME];
	unsigned int i;

	for (i = 0; i < k->n; i++) {
		espnic_keys_name(k, i, is);
		if (strcmp(is, name) != 0)
			continue;
		EVP_PKEY_free(k->v[i].key);
		k->v[i] = k->v[--k->n];
		return true;
	}
	return false;
}

void espnic_keys_clear(struct espnic_keys *k)
{
	while (k->n)
		EVP_PKEY_free(k->v[--k->n].key);
}

/* ---- certificates ---- */

struct giving {
	struct espnic_daemon *d;
	enum espnic_ike_cert_kind kind;
	const char *authority; /* that brings it; NULL: none does */
	uint8_t (*keyid)[ESPNIC_IKE_KEYID]; /* where numbers go; NULL: nowhere */
	uint8_t *n;
	struct espnic_conf_error *err;
};

static int give(void *ctx, const uint8_t *der, size_t len)
{
	uint8_t keyid[ESPNIC_IKE_KEYID];
	const struct espnic_cert *known;
	struct giving *g = ctx;

	/* the core has it already, and would have it twice */
	known = espnic_certs_find(&g->d->certs, g->kind, der, len);
	if (known)
		memcpy(keyid, known->keyid, sizeof(keyid));
	else if (espnic_daemon_cert(g->d, g->kind, der, len, keyid, g->err))
		return -EINVAL;
	if (espnic_certs_add(&g->d->certs, g->kind, der, len, keyid, g->authority)) {
		snprintf(g->err->text, sizeof(g->err->text), "more than %d certificates, or no memory", ESPNIC_CERTS);
		return -EINVAL;
	}
	if (!g->keyid)
		return 0;
	if (*g->n == ESPNIC_IKE_CERTS) {
		snprintf(g->err->text, sizeof(g->err->text), "more than %d certificates or keys of one side", ESPNIC_IKE_CERTS);
		return -EINVAL;
	}
	memcpy(g->keyid[(*g->n)++], keyid, sizeof(keyid));
	return 0;
}

static int give_all(struct giving *g, const uint8_t *p, size_t len)
{
	char why[ESPNIC_IKE_TEXT] = "";
	int rc;

	g->err->text[0] = 0;
	rc = espnic_creds_read(g->kind, p, len, give, g, why);
	if (rc && !g->err->text[0])
		snprintf(g->err->text, sizeof(g->err->text), "%s", why);
	return rc ? -1 : 0;
}

/* ---- files ---- */

/* The bytes of a file, to be wiped and freed; NULL with @err written. @secret: nobody else may read it. */
static uint8_t *read_file(const char *path, bool secret, size_t *len, struct espnic_conf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t *p = malloc(FILE_BYTES);
	const char *why = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || !p || fstat(fd, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a file";
	else if (secret && st.st_mode & OTHERS_READ)
		why = "a private key that others can read (chmod 600)";
	else if (st.st_size >= FILE_BYTES)
		why = "the file is too big";
	if (!why) {
		n = read(fd, p, FILE_BYTES);
		why = n < 0 ? strerror(errno) : NULL;
	}
	if (fd >= 0)
		close(fd);
	*len = n > 0 ? (size_t)n : 0;
	if (!why)
		return p;
	snprintf(err->text, sizeof(err->text), "%.300s: %.200s", path, why);
	free(p);
	return NULL;
}

/* @name as it stands in a configuration: a path, or below @folder beside the file of the configuration. */
static void path_of(const struct espnic_daemon *d, const char *folder, const char *name, char out[PATH])
{
	const char *slash = d->opt.config ? strrchr(d->opt.config, '/') : NULL;

	if (*name == '/')
		snprintf(out, PATH, "%s", name);
	else if (slash)
		snprintf(out, PATH, "%.*s/%s/%s", (int)(slash - d->opt.config), d->opt.config, folder, name);
	else
		snprintf(out, PATH, "%s/%s", folder, name);
}

static int give_file(struct giving *g, const char *path)
{
	size_t len;
	uint8_t *p = read_file(path, false, &len, g->err);
	int rc = p ? give_all(g, p, len) : -1;
	struct espnic_conf_error why = *g->err;

	if (p && rc)
		snprintf(g->err->text, sizeof(g->err->text), "%.300s: %.300s", path, why.text);
	free(p);
	return rc;
}

static int key_file(struct espnic_daemon *d, const char *path, struct espnic_conf_error *err)
{
	char name[ESPNIC_KEY_NAME], why[ESPNIC_IKE_TEXT];
	size_t len;
	uint8_t *p = read_file(path, true, &len, err);
	int rc = p ? espnic_keys_load(&d->keys, p, len, name, why) : -1;

	if (p && rc)
		snprintf(err->text, sizeof(err->text), "%.300s: %.200s", path, why);
	if (p)
		explicit_bzero(p, FILE_BYTES);
	free(p);
	return rc;
}

/* Everything in one of swanctl's folders; that there is none is fine. @key: they are private keys. */
static int folder(struct espnic_daemon *d, const char *name, bool key, enum espnic_ike_cert_kind kind, struct espnic_conf_error *err)
{
	struct giving g = { .d = d, .kind = kind, .err = err };
	const struct dirent *e;
	char path[PATH];
	DIR *dir;
	int rc = 0;

	path_of(d, name, "", path);
	dir = opendir(path);
	while (dir && !rc && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		path_of(d, name, e->d_name, path);
		rc = key ? key_file(d, path, err) : give_file(&g, path);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int espnic_daemon_folders(struct espnic_daemon *d, struct espnic_conf_error *err)
{
	static const char *const keys[] = { "private", "rsa", "ecdsa", "pkcs8" };
	size_t i;
	int rc = folder(d, "x509ca", false, ESPNIC_IKE_CERT_CA, err) || folder(d, "x509crl", false, ESPNIC_IKE_CERT_CRL, err);

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]) && !rc; i++)
		rc = folder(d, keys[i], true, ESPNIC_IKE_CERT_PUBKEY, err);
	return rc ? -1 : 0;
}

/* ---- of a connection ---- */

/* One list of files: their contents came by VICI, or they are read. */
static int list(struct giving *g, const struct espnic_conf_files *files, const char *folder_name)
{
	const struct espnic_vici_blobs *blobs = g->d->ctl.blobs;
	char path[PATH];
	unsigned int i, at;
	int rc = 0;

	for (i = 0; i < files->n && !rc; i++) {
		if (blobs && sscanf(files->name[i], ESPNIC_VICI_BLOB "%u", &at) == 1 && at < blobs->n) {
			rc = give_all(g, blobs->v[at].data, blobs->v[at].len);
			continue;
		}
		path_of(g->d, folder_name, files->name[i], path);
		rc = give_file(g, path);
	}
	return rc;
}

static int side(struct espnic_daemon *d, struct espnic_ike_auth *auth, const struct espnic_conf_side *s, struct espnic_conf_error *err)
{
	struct giving leaf = { d, ESPNIC_IKE_CERT_LEAF, NULL, auth->keyid, &auth->n_keyids, err };
	struct giving bare = { d, ESPNIC_IKE_CERT_PUBKEY, NULL, auth->keyid, &auth->n_keyids, err };
	struct giving ca = { d, ESPNIC_IKE_CERT_CA, NULL, auth->ca, &auth->n_cas, err };

	return list(&leaf, &s->certs, "x509") || list(&bare, &s->pubkeys, "pubkey") || list(&ca, &s->cacerts, "x509ca") ? -1 : 0;
}

int espnic_daemon_conn_creds(struct espnic_daemon *d, struct espnic_store_conn *conn, struct espnic_conf_error *err)
{
	return side(d, &conn->c.conn->auth_local, &conn->c.local, err) || side(d, &conn->c.conn->auth_remote, &conn->c.remote, err) ? -1 :
																      0;
}

/* ---- of clients ---- */

int espnic_daemon_load_cert(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	struct giving g = { .d = ctx, .kind = kind, .err = err };

	return give_all(&g, p, len);
}

int espnic_daemon_load_key(void *ctx, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	char why[ESPNIC_IKE_TEXT];

	if (!espnic_keys_load(&d->keys, p, len, name, why))
		return 0;
	snprintf(err->text, sizeof(err->text), "%s", why);
	return -1;
}

/* ---- those that are there ---- */

/* The core can only forget all of them: what is left is given to it again. */
static void give_again(struct espnic_daemon *d)
{
	uint8_t keyid[ESPNIC_IKE_KEYID];
	struct espnic_conf_error err;
	unsigned int i;

	espnic_daemon_certs_clear(d);
	for (i = 0; i < d->certs.n; i++) {
		const struct espnic_cert *c = &d->certs.v[i];

		if (espnic_daemon_cert(d, c->kind, c->der, c->len, keyid, &err))
			espnic_log_note(&d->log, "config", "%s: %s", c->subject, err.text);
	}
}

void espnic_daemon_forget_certs(struct espnic_daemon *d)
{
	espnic_certs_drop(&d->certs, NULL);
	give_again(d);
}

int espnic_daemon_load_authority(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	struct giving g = { .d = d, .kind = ESPNIC_IKE_CERT_CA, .authority = name, .err = err };

	espnic_daemon_unload_authority(d, name);
	return give_all(&g, p, len);
}

bool espnic_daemon_unload_authority(void *ctx, const char *name)
{
	struct espnic_daemon *d = ctx;

	if (!espnic_certs_drop(&d->certs, name))
		return false;
	give_again(d);
	return true;
}

void espnic_daemon_tell_certs(void *ctx, espnic_ctl_each_cert *each, void *each_ctx)
{
	const struct espnic_daemon *d = ctx;
	unsigned int i;

	for (i = 0; i < d->certs.n; i++) {
		const struct espnic_cert *c = &d->certs.v[i];
		const struct espnic_ctl_cert told = {
			.kind = c->kind, .der = c->der, .len = c->len, .subject = c->subject,
			.authority = *c->authority ? c->authority : NULL,
			.has_key = c->kind != ESPNIC_IKE_CERT_CRL && espnic_keys_find(&d->keys, c->keyid),
		};

		each(each_ctx, &told);
	}
}
