// SPDX-License-Identifier: BSD-2-Clause
/*
 * Postquantum preshared keys: RFC 8784. Which one it is goes over the wire; itself it stays with whoever has the long-term keys, and
 * what it makes of SK_d, SK_pi and SK_pr comes back from there.
 */
#include <string.h>

#include "sa.h"

enum {
	FIXED = 2,			/* RFC 8784 5.1: PPK_ID_FIXED, and 1 is PPK_ID_OPAQUE, which is for what nobody specified */
};

bool espnic_ike_ppk_id_is(const struct espnic_ike_id *a, const struct espnic_ike_id *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

bool espnic_ike_ppk_read(const struct espnic_ike_msg *m, struct espnic_ike_id *id)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(m, ESPNIC_IKE_N_PPK_IDENTITY);
	struct espnic_ike_rd r;

	if (!n)
		return false;
	r = espnic_ike_rd(n->data.p, n->data.len);
	if (espnic_ike_rd_be(&r, 1) != FIXED || !r.left || r.left > sizeof(id->data))
		return false;
	memset(id, 0, sizeof(*id));
	id->type = ESPNIC_IKE_ID_KEY;
	id->len = (uint16_t)r.left;
	memcpy(id->data, r.p, r.left);
	return true;
}

void espnic_ike_ppk_write(struct espnic_ike_wr *w, const struct espnic_ike_id *id)
{
	uint8_t body[1 + ESPNIC_IKE_ID] = { FIXED };

	if (id)
		memcpy(body + 1, id->data, id->len);
	espnic_ike_wr_notify(w, ESPNIC_IKE_N_PPK_IDENTITY, body, id ? 1u + id->len : 0);
}

bool espnic_ike_ppk_use(struct espnic_ike_sa *sa, const struct espnic_ike_input *in, bool keep)
{
	struct espnic_ike_crypto *c = &sa->ike->crypto;
	struct espnic_ike_keys *mixed;

	if (in->key.len != (size_t)ESPNIC_IKE_PPK_KEYS * sa->suite.prf->out)
		return false;
	mixed = espnic_ike_keys_mixed(c, sa->keys, in->key.data);
	if (!mixed)
		return false;
	if (keep)
		sa->plain = sa->keys;
	else
		espnic_ike_keys_free(c, sa->keys);
	sa->keys = mixed;
	sa->ppk = ESPNIC_IKE_PPK_USED;
	return true;
}

void espnic_ike_ppk_undo(struct espnic_ike_sa *sa)
{
	espnic_ike_keys_free(&sa->ike->crypto, sa->keys);
	sa->keys = sa->plain;
	sa->plain = NULL;
	sa->ppk = ESPNIC_IKE_PPK_NONE;
}
