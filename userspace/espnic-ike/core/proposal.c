// SPDX-License-Identifier: BSD-2-Clause
#include "proposal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	ATTR_KEY_LENGTH = 14,		/* RFC 7296 3.3.5 */
	ATTR_FIXED = 0x8000,		/* its value stands where others have their length */
	MORE_PROPOSALS = 2,
	MORE_TRANSFORMS = 3,
	PROPOSAL_HEADER = 8,
	TRANSFORM_HEADER = 8,
	SPI_ESP = 4,
};

/* ------------------------------------------------------------------ reading */

/* One transform's attributes. False: malformed. @key_bits 0: none; @foreign: one we don't know. */
static bool read_attributes(struct espnic_ike_rd *r, unsigned int *key_bits, bool *foreign)
{
	*key_bits = 0;
	*foreign = false;
	while (r->left) {
		unsigned int type = (unsigned int)espnic_ike_rd_be(r, 2);
		unsigned int value = (unsigned int)espnic_ike_rd_be(r, 2);

		if (type == (ATTR_KEY_LENGTH | ATTR_FIXED) && value && !*key_bits) {
			*key_bits = value;
			continue;
		}
		*foreign = true;
		if (!(type & ATTR_FIXED))
			espnic_ike_rd_bytes(r, value);
	}
	return !r->bad;
}

static bool read_transform(struct espnic_ike_offered *o, struct espnic_ike_rd *r)
{
	unsigned int type = (unsigned int)espnic_ike_rd_be(r, 1), id, bits;
	bool foreign;

	espnic_ike_rd_be(r, 1);
	id = (unsigned int)espnic_ike_rd_be(r, 2);
	if (!read_attributes(r, &bits, &foreign))
		return false;
	if (type == 0 || type >= ESPNIC_IKE_TRANSFORM_TYPES) {
		o->foreign = true;
		return true;
	}
	o->seen |= 1u << type;
	if (id == 0 && type != ESPNIC_IKE_ESN && type != ESPNIC_IKE_ENCR)
		o->none |= 1u << type;
	else if (!foreign && o->p.n < ESPNIC_IKE_TRANSFORMS &&
		 espnic_ike_alg(type >= ESPNIC_IKE_ADDKE1 ? ESPNIC_IKE_KE : type, id, bits))
		o->p.t[o->p.n++] = (struct espnic_ike_transform){ (uint8_t)type, (uint16_t)id, (uint16_t)bits };
	return true;
}

static bool read_proposal(struct espnic_ike_offered *o, struct espnic_ike_rd *r)
{
	unsigned int transforms;

	memset(o, 0, sizeof(*o));
	o->num = (uint8_t)espnic_ike_rd_be(r, 1);
	o->proto = (uint8_t)espnic_ike_rd_be(r, 1);
	o->p.protocol = o->proto;
	o->spi_len = (uint8_t)espnic_ike_rd_be(r, 1);
	transforms = (unsigned int)espnic_ike_rd_be(r, 1);
	if (o->spi_len > 8)
		return false;
	o->spi = espnic_ike_rd_be(r, o->spi_len);
	for (unsigned int i = 0; i < transforms; i++) {
		unsigned int more = (unsigned int)espnic_ike_rd_be(r, 1);
		struct espnic_ike_rd body = { 0 };
		size_t size;

		espnic_ike_rd_be(r, 1);
		size = espnic_ike_rd_be(r, 2);
		if (r->bad || size < TRANSFORM_HEADER || more != (i + 1 < transforms ? MORE_TRANSFORMS : 0))
			return false;
		body.left = size - 4;
		body.p = espnic_ike_rd_bytes(r, body.left);
		if (r->bad || !read_transform(o, &body))
			return false;
	}
	return !r->bad && !r->left;
}

bool espnic_ike_offer_read(struct espnic_ike_offer *offer, struct espnic_ike_chunk body)
{
	struct espnic_ike_rd r = espnic_ike_rd(body.p, body.len);
	struct espnic_ike_offered past;
	unsigned int more = MORE_PROPOSALS;

	offer->n = 0;
	while (more) {
		struct espnic_ike_offered *o = offer->n < ESPNIC_IKE_PROPOSALS ? &offer->v[offer->n] : &past;
		struct espnic_ike_rd p = { 0 };
		size_t size;

		more = (unsigned int)espnic_ike_rd_be(&r, 1);
		espnic_ike_rd_be(&r, 1);
		size = espnic_ike_rd_be(&r, 2);
		if (r.bad || size < PROPOSAL_HEADER || (more && more != MORE_PROPOSALS))
			return false;
		p.left = size - 4;
		p.p = espnic_ike_rd_bytes(&r, p.left);
		if (r.bad || !read_proposal(o, &p))
			return false;
		if (o != &past)
			offer->n++;
	}
	return !r.left;
}

/* ------------------------------------------------------------------ choosing */

static bool offers(const struct espnic_ike_offered *o, const struct espnic_ike_transform *t)
{
	for (unsigned int i = 0; i < o->p.n; i++)
		if (o->p.t[i].type == t->type && o->p.t[i].id == t->id && o->p.t[i].key_bits == t->key_bits)
			return true;
	return false;
}

static void take(struct espnic_ike_suite *s, const struct espnic_ike_transform *t)
{
	const struct espnic_ike_alg *alg = espnic_ike_alg(t->type, t->id, t->key_bits);

	switch (t->type) {
	case ESPNIC_IKE_ENCR:
		s->encr = alg;
		break;
	case ESPNIC_IKE_PRF:
		s->prf = alg;
		break;
	case ESPNIC_IKE_INTEG:
		s->integ = alg;
		break;
	case ESPNIC_IKE_KE:
		s->ke = alg;
		break;
	case ESPNIC_IKE_ESN:
		s->esn = t->id == 1;
		break;
	default:
		s->addke[t->type - ESPNIC_IKE_ADDKE1] = espnic_ike_alg(ESPNIC_IKE_KE, t->id, 0);
	}
}

/* RFC 9370 2.2.2: no key exchange method twice. */
static bool used(const struct espnic_ike_suite *s, const struct espnic_ike_transform *t)
{
	bool is = s->ke && s->ke->id == t->id;

	for (unsigned int i = 0; i < ESPNIC_IKE_ADDKES; i++)
		is |= s->addke[i] && s->addke[i]->id == t->id;
	return is && t->type >= ESPNIC_IKE_ADDKE1;
}

/* One transform type of one pair of proposals. False: they have none in common. */
static bool choose_type(struct espnic_ike_suite *s, const struct espnic_ike_proposal *ours,
			const struct espnic_ike_offered *o, unsigned int type, unsigned int ke_hint)
{
	const struct espnic_ike_transform *best = NULL;
	bool have = false, none = false;

	for (unsigned int i = 0; i < ours->n; i++) {
		const struct espnic_ike_transform *t = &ours->t[i];

		if (t->type != type)
			continue;
		have = true;
		none |= type >= ESPNIC_IKE_ADDKE1 && !t->id;
		if (!used(s, t) && offers(o, t) && (!best || (type == ESPNIC_IKE_KE && t->id == ke_hint)))
			best = t;
	}
	if (best) {
		take(s, best);
		return true;
	}
	if (have && !none)
		return false;
	return !(o->seen & 1u << type) || o->none & 1u << type;
}

static bool choose_pair(struct espnic_ike_suite *s, const struct espnic_ike_proposal *ours,
			const struct espnic_ike_offered *o, enum espnic_ike_choice what, unsigned int ke_hint)
{
	memset(s, 0, sizeof(*s));
	if (o->foreign || o->proto != ours->protocol || (o->proto == ESPNIC_IKE_PROTO_ESP && o->spi_len != SPI_ESP))
		return false;
	for (unsigned int type = ESPNIC_IKE_ENCR; type < ESPNIC_IKE_TRANSFORM_TYPES; type++)
		if (!(type >= ESPNIC_IKE_KE && type != ESPNIC_IKE_ESN && what == ESPNIC_IKE_WITHOUT_KE) &&
		    !choose_type(s, ours, o, type, ke_hint))
			return false;
	s->num = o->num;
	s->spi = o->spi;
	return true;
}

bool espnic_ike_choose(struct espnic_ike_suite *suite, const struct espnic_ike_proposal *ours, unsigned int n,
		       const struct espnic_ike_offer *offer, enum espnic_ike_choice what, unsigned int ke_hint)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < offer->n; j++)
			if (choose_pair(suite, &ours[i], &offer->v[j], what, ke_hint))
				return true;
	return false;
}

bool espnic_ike_accept(struct espnic_ike_suite *suite, const struct espnic_ike_proposal *ours, unsigned int n,
		       const struct espnic_ike_offer *offer, enum espnic_ike_choice what)
{
	const struct espnic_ike_offered *o = &offer->v[0];
	unsigned int types = 0;

	if (offer->n != 1 || o->num < 1 || o->num > n || !choose_pair(suite, &ours[o->num - 1], o, what, 0))
		return false;
	for (unsigned int i = 0; i < o->p.n; i++) {
		if (types & 1u << o->p.t[i].type)
			return false;
		types |= 1u << o->p.t[i].type;
	}
	return types == (o->seen & ~o->none);
}

/* ------------------------------------------------------------------ writing */

static size_t begin_proposal(struct espnic_ike_wr *w, bool last, unsigned int num, unsigned int proto, uint64_t spi,
			     unsigned int spi_len, unsigned int transforms)
{
	size_t at = w->len;

	espnic_ike_wr_be(w, last ? 0 : MORE_PROPOSALS, 1);
	espnic_ike_wr_be(w, 0, 3);
	espnic_ike_wr_be(w, num, 1);
	espnic_ike_wr_be(w, proto, 1);
	espnic_ike_wr_be(w, spi_len, 1);
	espnic_ike_wr_be(w, transforms, 1);
	espnic_ike_wr_be(w, spi, spi_len);
	return at;
}

static void write_transform(struct espnic_ike_wr *w, bool last, unsigned int type, unsigned int id, unsigned int key_bits)
{
	espnic_ike_wr_be(w, last ? 0 : MORE_TRANSFORMS, 1);
	espnic_ike_wr_be(w, 0, 1);
	espnic_ike_wr_be(w, TRANSFORM_HEADER + (key_bits ? 4 : 0), 2);
	espnic_ike_wr_be(w, type, 1);
	espnic_ike_wr_be(w, 0, 1);
	espnic_ike_wr_be(w, id, 2);
	if (key_bits) {
		espnic_ike_wr_be(w, ATTR_KEY_LENGTH | ATTR_FIXED, 2);
		espnic_ike_wr_be(w, key_bits, 2);
	}
}

static bool left_out(const struct espnic_ike_transform *t, enum espnic_ike_choice what)
{
	return what == ESPNIC_IKE_WITHOUT_KE && t->type >= ESPNIC_IKE_KE && t->type != ESPNIC_IKE_ESN;
}

void espnic_ike_offer_write(struct espnic_ike_wr *w, const struct espnic_ike_proposal *p, unsigned int n,
			    enum espnic_ike_choice what, uint64_t spi, unsigned int spi_len)
{
	size_t sa = espnic_ike_wr_begin(w, ESPNIC_IKE_P_SA);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int count = 0;
		size_t at;

		for (unsigned int j = 0; j < p[i].n; j++)
			count += !left_out(&p[i].t[j], what);
		at = begin_proposal(w, i + 1 == n, i + 1, p[i].protocol, spi, spi_len, count);
		for (unsigned int j = 0; j < p[i].n; j++)
			if (!left_out(&p[i].t[j], what))
				write_transform(w, --count == 0, p[i].t[j].type, p[i].t[j].id, p[i].t[j].key_bits);
		espnic_ike_wr_patch(w, at + 2, w->len - at, 2);
	}
	espnic_ike_wr_end(w, sa);
}

unsigned int espnic_ike_suite_transforms(const struct espnic_ike_suite *suite, enum espnic_ike_protocol protocol,
					 enum espnic_ike_choice what, struct espnic_ike_transform t[ESPNIC_IKE_SUITE_MAX])
{
	const struct espnic_ike_alg *all[] = { suite->encr, suite->prf, suite->integ, what == ESPNIC_IKE_WITH_KE ? suite->ke : NULL,
					       protocol == ESPNIC_IKE_PROTO_ESP ? espnic_ike_alg(ESPNIC_IKE_ESN, suite->esn, 0) : NULL };
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			t[n++] = (struct espnic_ike_transform){ all[i]->type, all[i]->id, all[i]->key_attr ? all[i]->key_bits : 0 };
	for (unsigned int i = 0; i < ESPNIC_IKE_ADDKES && what == ESPNIC_IKE_WITH_KE; i++)
		if (suite->addke[i])
			t[n++] = (struct espnic_ike_transform){ (uint8_t)(ESPNIC_IKE_ADDKE1 + i), suite->addke[i]->id, 0 };
	return n;
}

void espnic_ike_suite_write(struct espnic_ike_wr *w, const struct espnic_ike_suite *suite, enum espnic_ike_protocol protocol,
			    enum espnic_ike_choice what, uint64_t spi, unsigned int spi_len)
{
	struct espnic_ike_transform t[ESPNIC_IKE_SUITE_MAX];
	unsigned int n = espnic_ike_suite_transforms(suite, protocol, what, t);
	size_t sa = espnic_ike_wr_begin(w, ESPNIC_IKE_P_SA), at = begin_proposal(w, true, suite->num, protocol, spi, spi_len, n);

	for (unsigned int i = 0; i < n; i++)
		write_transform(w, i + 1 == n, t[i].type, t[i].id, t[i].key_bits);
	espnic_ike_wr_patch(w, at + 2, w->len - at, 2);
	espnic_ike_wr_end(w, sa);
}

const struct espnic_ike_alg *espnic_ike_next_addke(const struct espnic_ike_suite *suite, unsigned int *at)
{
	while (*at < ESPNIC_IKE_ADDKES && !suite->addke[*at])
		++*at;
	return *at < ESPNIC_IKE_ADDKES ? suite->addke[*at] : NULL;
}

bool espnic_ike_has_addke(const struct espnic_ike_proposal *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type >= ESPNIC_IKE_ADDKE1 && p[i].t[j].id)
				return true;
	return false;
}

unsigned int espnic_ike_first_ke(const struct espnic_ike_proposal *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type == ESPNIC_IKE_KE)
				return p[i].t[j].id;
	return 0;
}

bool espnic_ike_has_ke(const struct espnic_ike_proposal *p, unsigned int n, unsigned int id)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type == ESPNIC_IKE_KE && p[i].t[j].id == id)
				return true;
	return false;
}

/* ------------------------------------------------------------------ text */

static const char *const defaults[][2] = {
	[ESPNIC_IKE_PROTO_IKE] = {
		"aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-x25519-ecp384-ecp256-ecp521-modp3072-modp4096-modp2048",
		"aes256-aes128-sha384-sha256-x25519-ecp384-ecp256-ecp521-modp3072-modp4096-modp2048",
	},
	[ESPNIC_IKE_PROTO_ESP] = {
		"aes256gcm16-aes128gcm16-esn-noesn",
		"aes256-aes128-sha384-sha256-esn-noesn",
	},
};

static bool add(struct espnic_ike_proposal *p, const struct espnic_ike_alg *alg)
{
	if (p->n == ESPNIC_IKE_TRANSFORMS)
		return false;
	p->t[p->n++] = (struct espnic_ike_transform){ alg->type, alg->id, alg->key_attr ? alg->key_bits : 0 };
	return true;
}

static bool has(const struct espnic_ike_proposal *p, unsigned int type)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/* PRFs of the hashes named for integrity, as swanctl has it. */
static void add_prfs(struct espnic_ike_proposal *p)
{
	unsigned int n = p->n;

	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_ike_alg *alg;
		char name[16];

		if (p->t[i].type != ESPNIC_IKE_INTEG)
			continue;
		alg = espnic_ike_alg(ESPNIC_IKE_INTEG, p->t[i].id, 0);
		snprintf(name, sizeof(name), "prf%s", alg->name);
		add(p, espnic_ike_alg_by_name(name, strlen(name)));
	}
}

static int complain(char err[ESPNIC_IKE_TEXT], const char *text, const char *why)
{
	snprintf(err, ESPNIC_IKE_TEXT, "proposal `%.100s': %s", text, why);
	return -EINVAL;
}

/* What RFC 7296 3.3.3 and RFC 5282 8 ask of a whole proposal. */
static int check(struct espnic_ike_proposal *p, const char *text, char err[ESPNIC_IKE_TEXT])
{
	bool aead = false, plain = false;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == ESPNIC_IKE_ENCR)
			*(espnic_ike_alg(ESPNIC_IKE_ENCR, p->t[i].id, p->t[i].key_bits)->icv ? &aead : &plain) = true;
	if (!aead && !plain)
		return complain(err, text, "no encryption algorithm");
	if (aead && plain)
		return complain(err, text, "AEAD and other ciphers can't stand in one proposal");
	if (plain && !has(p, ESPNIC_IKE_INTEG))
		return complain(err, text, "the cipher needs an integrity algorithm");
	if (aead && has(p, ESPNIC_IKE_INTEG))
		return complain(err, text, "an AEAD takes no integrity algorithm (a PRF is named prfsha256)");
	if (espnic_ike_has_addke(p, 1) && !has(p, ESPNIC_IKE_KE))
		return complain(err, text, "additional key exchanges need a first one (such as x25519)");
	if (p->protocol == ESPNIC_IKE_PROTO_IKE) {
		if (!has(p, ESPNIC_IKE_PRF))
			add_prfs(p);
		if (!has(p, ESPNIC_IKE_PRF))
			return complain(err, text, "no PRF (such as prfsha256)");
		if (!has(p, ESPNIC_IKE_KE))
			return complain(err, text, "no key exchange method (such as x25519)");
	} else if (!has(p, ESPNIC_IKE_ESN)) {
		add(p, espnic_ike_alg_by_name("noesn", 5));
	}
	return p->n == ESPNIC_IKE_TRANSFORMS ? complain(err, text, "too many algorithms") : 1;
}

/* `ke1_` to `ke7_` in front of a key exchange method: how many characters; 0: it is not there. */
static size_t additional(const char *at, size_t len)
{
	return len > 4 && strncasecmp(at, "ke", 2) == 0 && at[2] >= '1' && at[2] <= '7' && at[3] == '_' ? 4 : 0;
}

/* The algorithm named in @len characters at @at. NULL: @t is it; else why not. */
static const char *parse_transform(struct espnic_ike_transform *t, enum espnic_ike_protocol protocol, const char *at, size_t len)
{
	size_t skip = additional(at, len);
	const struct espnic_ike_alg *alg = espnic_ike_alg_by_name(at + skip, len - skip);

	if (skip && len - skip == 4 && strncasecmp(at + skip, "none", 4) == 0) {
		*t = (struct espnic_ike_transform){ .type = (uint8_t)(ESPNIC_IKE_ADDKE1 + at[2] - '1') };
		return NULL;
	}
	if (!alg)
		return "not supported";
	if (!(protocol == ESPNIC_IKE_PROTO_IKE ? alg->ike : alg->esp) || (skip && alg->type != ESPNIC_IKE_KE))
		return "not for this protocol";
	*t = (struct espnic_ike_transform){ skip ? (uint8_t)(ESPNIC_IKE_ADDKE1 + at[2] - '1') : alg->type, alg->id,
					    alg->key_attr ? alg->key_bits : 0 };
	return NULL;
}

static int parse_one(struct espnic_ike_proposal *p, enum espnic_ike_protocol protocol, const char *text,
		     char err[ESPNIC_IKE_TEXT])
{
	const char *at = text;

	memset(p, 0, sizeof(*p));
	p->protocol = (uint8_t)protocol;
	for (;; at++) {
		size_t len = strcspn(at, "-");
		struct espnic_ike_transform t;
		const char *no = parse_transform(&t, protocol, at, len);
		char why[64];

		if (no) {
			snprintf(why, sizeof(why), "`%.*s' is %s", (int)(len < 32 ? len : 32), at, no);
			return complain(err, text, why);
		}
		if (p->n == ESPNIC_IKE_TRANSFORMS)
			return complain(err, text, "too many algorithms");
		p->t[p->n++] = t;
		at += len;
		if (!*at)
			return check(p, text, err);
	}
}

int espnic_ike_proposal_parse(struct espnic_ike_proposal *p, unsigned int room, enum espnic_ike_protocol protocol,
			      const char *text, char err[ESPNIC_IKE_TEXT])
{
	if (protocol != ESPNIC_IKE_PROTO_IKE && protocol != ESPNIC_IKE_PROTO_ESP)
		return complain(err, text, "only IKE and ESP have proposals");
	if (room < 1 || (strcmp(text, "default") == 0 && room < 2))
		return complain(err, text, "too many proposals");
	if (strcmp(text, "default") != 0)
		return parse_one(p, protocol, text, err);
	for (unsigned int i = 0; i < 2; i++) {
		int rc = parse_one(&p[i], protocol, defaults[protocol][i], err);

		if (rc < 0)
			return rc;
	}
	return 2;
}

const char *espnic_ike_proposal_text(const struct espnic_ike_proposal *p, char *out, size_t room)
{
	size_t len = 0;

	if (room)
		out[0] = '\0';
	for (unsigned int i = 0; i < p->n && len < room; i++) {
		const struct espnic_ike_transform *t = &p->t[i];
		bool more = t->type >= ESPNIC_IKE_ADDKE1;
		const struct espnic_ike_alg *alg = espnic_ike_alg(more ? ESPNIC_IKE_KE : t->type, t->id, t->key_bits);
		char ke[8] = "";

		if (more)
			snprintf(ke, sizeof(ke), "ke%u_", t->type - ESPNIC_IKE_ADDKE1 + 1u);
		len += (size_t)snprintf(out + len, room - len, "%s%s%s", i ? "-" : "", ke, alg ? alg->name : more ? "none" : "?");
	}
	return out;
}
