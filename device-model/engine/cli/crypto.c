// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine crypto: bare AEADs, without packets. */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"
#include "engine/gcm.h"
#include "engine/wipe.h"

enum {
	KEY_MAX = 32,
	TAG_MIN = 4,			/* bytes: SP 800-38D section 5.2.1.2 */
};

/* All that CONTRACTS.md names; the engine has the first two. */
static const char *const alg_words[] = {
	"aes-gcm", "aes-gmac", "aes-ccm", "chacha20-poly1305", "aes-cbc", "aes-ctr", "3des-cbc",
	"hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512", "aes-xcbc",
	"aes-cmac", NULL
};

enum alg { ALG_GCM, ALG_GMAC };
enum op { OP_SEAL, OP_OPEN };

struct espnic_cli_crypto {
	const struct espnic_aead_ops *aead;
	struct espnic_engine_thread *thread;
	void *key;
	uint8_t *iv, *aad, *text;	/* ESPNIC_CLI_HEX_MAX bytes each */
};

struct crypto_request {
	enum alg alg;
	enum op op;
	uint8_t key[KEY_MAX];
	size_t key_len;
	struct espnic_cli_bytes iv, aad, text;
	uint8_t tag[ESPNIC_GCM_TAG];
	size_t tag_len;
};

struct espnic_cli_crypto *espnic_cli_crypto_new(const struct espnic_transforms *transforms)
{
	const struct espnic_aead_ops *aead = transforms->of[ESPNIC_ALG_AES_GCM].aead;
	struct espnic_cli_crypto *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->aead = aead;
	c->thread = espnic_thread_new();
	c->key = aligned_alloc(ESPNIC_CACHE_LINE, (aead->key_size + ESPNIC_CACHE_LINE - 1) /
						  ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE);
	c->iv = malloc(ESPNIC_CLI_HEX_MAX);
	c->aad = malloc(ESPNIC_CLI_HEX_MAX);
	c->text = malloc(ESPNIC_CLI_HEX_MAX);
	if (!c->thread || !c->key || !c->iv || !c->aad || !c->text) {
		espnic_cli_crypto_free(c);
		return NULL;
	}
	return c;
}

void espnic_cli_crypto_free(struct espnic_cli_crypto *c)
{
	if (!c)
		return;
	if (c->key)
		espnic_wipe(c->key, c->aead->key_size);
	espnic_thread_free(c->thread);
	free(c->key);
	free(c->iv);
	free(c->aad);
	free(c->text);
	free(c);
}

static bool tag_len_ok(uint64_t len)
{
	return len == TAG_MIN || len == 8 || (len >= 12 && len <= ESPNIC_GCM_TAG);
}

static bool read_tag(struct json_object *request, struct crypto_request *req,
		     struct espnic_cli_error *err)
{
	struct espnic_cli_bytes tag = { .data = req->tag };
	uint64_t len = ESPNIC_GCM_TAG;
	bool said = espnic_cli_uint(request, "tag_len", &len, err);

	if (req->op == OP_OPEN) {
		if (!espnic_cli_hex(request, "tag", &tag, sizeof(req->tag), false, err))
			return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "tag is missing");
		if (said && len != tag.len)
			return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "tag is not of tag_len");
		len = tag.len;
	}
	if (!tag_len_ok(len))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "tag length");
	req->tag_len = len;
	return true;
}

static bool read_request(struct espnic_cli_crypto *c, struct json_object *request,
			 struct crypto_request *req, struct espnic_cli_error *err)
{
	static const char *const op_words[] = { "seal", "open", NULL };
	struct espnic_cli_bytes key = { .data = req->key };
	unsigned int alg = 0, op = 0;
	const char *text;

	memset(req, 0, sizeof(*req));
	if (!espnic_cli_word(request, "alg", alg_words, &alg, err))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "alg is missing");
	if (alg > ALG_GMAC)
		return espnic_cli_fail(err, ESPNIC_UNSUPPORTED, NULL);
	req->alg = (enum alg)alg;
	if (!espnic_cli_word(request, "op", op_words, &op, err))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "op is missing");
	req->op = (enum op)op;

	espnic_cli_hex(request, "key", &key, sizeof(req->key), true, err);
	req->key_len = key.len;
	req->iv.data = c->iv;
	if (!espnic_cli_hex(request, "iv", &req->iv, ESPNIC_CLI_HEX_MAX, false, err))
		return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "iv is missing");
	req->aad.data = c->aad;
	espnic_cli_hex(request, "aad", &req->aad, ESPNIC_CLI_HEX_MAX, false, err);
	req->text.data = c->text;
	text = req->op == OP_SEAL || req->alg == ALG_GMAC ? "msg" : "ct";
	espnic_cli_hex(request, text, &req->text, ESPNIC_CLI_HEX_MAX, false, err);
	if (req->alg == ALG_GMAC) {
		/* GMAC is GCM of nothing: what it authenticates is the AAD. */
		if (req->aad.len)
			return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "GMAC has no aad, but msg");
		req->aad = req->text;
		req->text.len = 0;
	}
	if (!read_tag(request, req, err))
		return false;
	return err->verdict == ESPNIC_OK;
}

void espnic_cli_crypto_answer(void *state, struct json_object *request, FILE *out)
{
	struct json_object *id = json_object_object_get(request, "id");
	struct espnic_cli_error err = { ESPNIC_OK, NULL };
	struct espnic_cli_crypto *c = state;
	struct crypto_request req;

	if (read_request(c, request, &req, &err) && !c->aead->expand(c->key, req.key, req.key_len))
		espnic_cli_fail(&err, ESPNIC_BAD_REQUEST, "key length");
	if (err.verdict == ESPNIC_OK && req.op == OP_SEAL)
		c->aead->seal(c->thread, c->key, req.iv.data, req.iv.len, req.aad.data,
			      req.aad.len, req.text.data, req.text.len, req.tag, req.tag_len);
	else if (err.verdict == ESPNIC_OK &&
		 !c->aead->open(c->thread, c->key, req.iv.data, req.iv.len, req.aad.data,
				req.aad.len, req.text.data, req.text.len, req.tag, req.tag_len))
		espnic_cli_fail(&err, ESPNIC_INTEGRITY, NULL);
	espnic_wipe(req.key, sizeof(req.key));
	if (err.verdict != ESPNIC_OK) {
		espnic_cli_reply_error(out, id, &err);
		return;
	}
	espnic_cli_reply_begin(out, id);
	espnic_cli_reply_hex(out, req.op == OP_SEAL ? "ct" : "msg", req.text.data, req.text.len);
	if (req.op == OP_SEAL)
		espnic_cli_reply_hex(out, "tag", req.tag, req.tag_len);
	espnic_cli_reply_end(out);
}
