// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine crypto: bare AEADs, ciphers and MACs, without packets. */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"
#include "engine/transform.h"
#include "engine/wipe.h"

enum {
	CTR_NONCE_AND_IV = 12,		/* bytes: RFC 3686 section 4; the counter begins at 1 */
	KEY_ROOM = 4096,		/* bytes: no expanded key is larger, see expand() */
};

enum op { OP_SEAL, OP_OPEN, OP_ENCRYPT, OP_DECRYPT, OP_MAC };

static const char *const op_words[] = { "seal", "open", "encrypt", "decrypt", "mac", NULL };

struct espnic_cli_crypto {
	const struct espnic_transforms *transforms;
	const struct espnic_engine_ops *ops;	/* of the same body: a thread's context is the body's own */
	struct espnic_engine_thread *thread;
	void *key;				/* expanded: KEY_ROOM bytes */
	uint8_t *raw, *iv, *aad, *text;		/* ESPNIC_CLI_HEX_MAX bytes each */
};

struct crypto_request {
	enum espnic_alg alg;
	const struct espnic_transform *with;
	enum op op;
	struct espnic_cli_bytes key, iv, aad, text;
	uint8_t tag[ESPNIC_MAC_TAG_MAX];
	size_t tag_len;
};

struct espnic_cli_crypto *espnic_cli_crypto_new(const struct espnic_transforms *transforms)
{
	struct espnic_cli_crypto *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->transforms = transforms;
	c->ops = espnic_engine_get(transforms->body, NULL);
	c->thread = c->ops->thread_new();
	c->key = aligned_alloc(ESPNIC_CACHE_LINE, KEY_ROOM);
	c->raw = malloc(ESPNIC_CLI_HEX_MAX);
	c->iv = malloc(ESPNIC_CLI_HEX_MAX);
	c->aad = malloc(ESPNIC_CLI_HEX_MAX);
	c->text = malloc(ESPNIC_CLI_HEX_MAX);
	if (!c->thread || !c->key || !c->raw || !c->iv || !c->aad || !c->text) {
		espnic_cli_crypto_free(c);
		return NULL;
	}
	return c;
}

void espnic_cli_crypto_free(struct espnic_cli_crypto *c)
{
	if (!c)
		return;
	c->ops->thread_free(c->thread);
	free(c->key);
	free(c->raw);
	free(c->iv);
	free(c->aad);
	free(c->text);
	free(c);
}

static bool bad(struct espnic_cli_error *err, const char *detail)
{
	return espnic_cli_fail(err, ESPNIC_BAD_REQUEST, detail);
}

/* A MAC that is written like an AEAD of no text. */
static bool is_gmac(const struct crypto_request *req)
{
	return req->alg == ESPNIC_ALG_AES_GMAC;
}

static bool read_alg(struct espnic_cli_crypto *c, struct json_object *request,
		     struct crypto_request *req, struct espnic_cli_error *err)
{
	unsigned int op = 0;
	const char *word;
	bool fits;

	if (!espnic_cli_string(request, "alg", &word, err))
		return bad(err, "alg is missing");
	req->alg = espnic_alg_find(word);
	if (req->alg == ESPNIC_ALGS)
		return bad(err, "an unknown word");
	req->with = &c->transforms->of[req->alg];
	if (!req->with->aead && !req->with->cipher && !req->with->mac)
		return espnic_cli_fail(err, ESPNIC_UNSUPPORTED, NULL);

	if (!espnic_cli_word(request, "op", op_words, &op, err))
		return bad(err, "op is missing");
	req->op = (enum op)op;
	if (req->with->aead || is_gmac(req))
		fits = req->op == OP_SEAL || req->op == OP_OPEN;
	else if (req->with->cipher)
		fits = req->op == OP_ENCRYPT || req->op == OP_DECRYPT;
	else
		fits = req->op == OP_MAC;
	return fits || bad(err, "an op of another kind of alg");
}

static bool read_iv(struct json_object *request, struct crypto_request *req,
		    struct espnic_cli_error *err)
{
	static const uint8_t first_counter[] = { 0, 0, 0, 1 };
	size_t min, max;

	if (req->op == OP_MAC)
		return true;
	if (!espnic_cli_hex(request, "iv", &req->iv, ESPNIC_CLI_HEX_MAX, false, err))
		return bad(err, "iv is missing");
	if (req->alg == ESPNIC_ALG_AES_CTR && req->iv.len == CTR_NONCE_AND_IV) {
		memcpy(req->iv.data + req->iv.len, first_counter, sizeof(first_counter));
		req->iv.len += sizeof(first_counter);
	}
	min = max = req->with->cipher ? req->with->cipher->iv_len : 0;
	if (!req->with->cipher)
		espnic_alg_nonce(req->alg, &min, &max);
	if (req->iv.len < min || req->iv.len > max)
		return bad(err, "iv length");
	return true;
}

/* The tag to judge, or the length of the one to make. */
static bool read_tag(struct json_object *request, struct crypto_request *req,
		     struct espnic_cli_error *err)
{
	uint64_t len = espnic_alg_tag_max(req->alg);
	struct espnic_cli_bytes tag = { .data = req->tag };
	bool said = espnic_cli_uint(request, "tag_len", &len, err);

	if (req->with->cipher)
		return true;
	if (req->op == OP_OPEN) {
		if (!espnic_cli_hex(request, "tag", &tag, sizeof(req->tag), false, err))
			return bad(err, "tag is missing");
		if (said && len != tag.len)
			return bad(err, "tag is not of tag_len");
		len = tag.len;
	}
	if (!espnic_alg_tag_ok(req->alg, len))
		return bad(err, "tag length");
	req->tag_len = (size_t)len;
	return true;
}

/* SP 800-38C appendix A.1: a nonce of n bytes leaves 15 - n for the length of the text. */
static bool ccm_text_ok(const struct crypto_request *req)
{
	size_t bytes = 15 - req->iv.len;

	return bytes >= sizeof(req->text.len) || req->text.len >> 8 * bytes == 0;
}

static bool read_text(struct json_object *request, struct crypto_request *req,
		      struct espnic_cli_error *err)
{
	const char *text = req->op == OP_OPEN && !is_gmac(req) ? "ct" : "msg";

	espnic_cli_hex(request, text, &req->text, ESPNIC_CLI_HEX_MAX, false, err);
	if (req->op == OP_SEAL || req->op == OP_OPEN)
		espnic_cli_hex(request, "aad", &req->aad, ESPNIC_CLI_HEX_MAX, false, err);
	if (is_gmac(req) && req->aad.len)
		return bad(err, "GMAC has no aad, but msg");
	if (req->with->cipher && req->text.len % req->with->cipher->block)
		return bad(err, "msg is not whole blocks");
	if (req->alg == ESPNIC_ALG_AES_CCM && !ccm_text_ok(req))
		return bad(err, "msg is too long for this nonce");
	return true;
}

static bool expand(struct espnic_cli_crypto *c, const struct crypto_request *req,
		   struct espnic_cli_error *err)
{
	const struct espnic_transform *with = req->with;
	size_t size = with->aead ? with->aead->key_size :
		      with->cipher ? with->cipher->key_size : with->mac->key_size;
	bool good;

	if (size > KEY_ROOM)
		return espnic_cli_fail(err, ESPNIC_UNSUPPORTED, "an expanded key too large");
	if (with->aead)
		good = with->aead->expand(c->key, req->key.data, req->key.len);
	else if (with->cipher)
		good = with->cipher->expand(c->key, req->key.data, req->key.len);
	else
		good = with->mac->expand(c->key, req->key.data, req->key.len);
	return good || bad(err, "key length");
}

static bool read_request(struct espnic_cli_crypto *c, struct json_object *request,
			 struct crypto_request *req, struct espnic_cli_error *err)
{
	memset(req, 0, sizeof(*req));
	req->key.data = c->raw;
	req->iv.data = c->iv;
	req->aad.data = c->aad;
	req->text.data = c->text;
	if (!read_alg(c, request, req, err))
		return false;
	espnic_cli_hex(request, "key", &req->key, ESPNIC_CLI_HEX_MAX, true, err);
	if (err->verdict != ESPNIC_OK || !expand(c, req, err))
		return false;
	return read_iv(request, req, err) && read_tag(request, req, err) &&
	       read_text(request, req, err) && err->verdict == ESPNIC_OK;
}

static void mac(struct espnic_cli_crypto *c, const struct crypto_request *req, uint8_t *tag)
{
	const struct espnic_mac_ops *ops = req->with->mac;
	struct espnic_mac_state state;

	ops->start(c->thread, c->key, &state, req->iv.len ? req->iv.data : NULL, req->iv.len);
	ops->update(c->thread, c->key, &state, req->text.data, req->text.len);
	ops->final(c->thread, c->key, &state, tag, req->tag_len);
}

static bool gmac(struct espnic_cli_crypto *c, struct crypto_request *req)
{
	uint8_t tag[ESPNIC_MAC_TAG_MAX];
	bool good = true;

	mac(c, req, tag);
	if (req->op == OP_OPEN)
		good = espnic_equal_ct(tag, req->tag, req->tag_len);
	else
		memcpy(req->tag, tag, req->tag_len);
	espnic_wipe(tag, sizeof(tag));
	req->text.len = 0;
	return good;
}

/* False: the tag is wrong. */
static bool aead(struct espnic_cli_crypto *c, struct crypto_request *req)
{
	const struct espnic_aead_ops *ops = req->with->aead;

	if (req->op == OP_OPEN)
		return ops->open(c->thread, c->key, req->iv.data, req->iv.len, req->aad.data,
				 req->aad.len, req->text.data, req->text.len, req->tag,
				 req->tag_len);
	ops->seal(c->thread, c->key, req->iv.data, req->iv.len, req->aad.data, req->aad.len,
		  req->text.data, req->text.len, req->tag, req->tag_len);
	return true;
}

static bool compute(struct espnic_cli_crypto *c, struct crypto_request *req)
{
	if (req->with->aead)
		return aead(c, req);
	if (is_gmac(req))
		return gmac(c, req);
	if (req->op == OP_MAC)
		mac(c, req, req->tag);
	else if (req->op == OP_ENCRYPT)
		req->with->cipher->encrypt(c->thread, c->key, req->iv.data, req->text.data,
					   req->text.len);
	else
		req->with->cipher->decrypt(c->thread, c->key, req->iv.data, req->text.data,
					   req->text.len);
	return true;
}

void espnic_cli_crypto_answer(void *state, struct json_object *request, FILE *out)
{
	struct json_object *id = json_object_object_get(request, "id");
	struct espnic_cli_error err = { ESPNIC_OK, NULL };
	struct espnic_cli_crypto *c = state;
	struct crypto_request req;

	if (read_request(c, request, &req, &err) && !compute(c, &req))
		espnic_cli_fail(&err, ESPNIC_INTEGRITY, NULL);
	espnic_wipe(c->raw, req.key.len);
	espnic_wipe(c->key, KEY_ROOM);
	if (err.verdict != ESPNIC_OK) {
		espnic_cli_reply_error(out, id, &err);
		return;
	}
	espnic_cli_reply_begin(out, id);
	if (req.op == OP_SEAL || req.op == OP_ENCRYPT)
		espnic_cli_reply_hex(out, "ct", req.text.data, req.text.len);
	if (req.op == OP_OPEN || req.op == OP_DECRYPT)
		espnic_cli_reply_hex(out, "msg", req.text.data, req.text.len);
	if (req.op == OP_SEAL || req.op == OP_MAC)
		espnic_cli_reply_hex(out, "tag", req.tag, req.tag_len);
	espnic_cli_reply_end(out);
}
