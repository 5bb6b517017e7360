// SPDX-License-Identifier: BSD-2-Clause
/* What the file asks for beside what the kernel has. */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <string.h>

#include "manual/manual.h"

/* A list of differences, cut to its room. */
struct list {
	char *out;
	size_t len, used;
	bool same;
};

static void add(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct list *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!l->same && l->used < l->len)
		l->used += (size_t)snprintf(l->out + l->used, l->len - l->used, ", ");
	l->same = false;
	if (l->used >= l->len)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->out + l->used, l->len - l->used, fmt, ap);
	va_end(ap);
	l->used += n > 0 ? (size_t)n : 0;
}

static void number(struct list *l, const char *name, uint64_t want, uint64_t have)
{
	if (want != have)
		add(l, "%s %" PRIu64 " -> %" PRIu64, name, have, want);
}

static void bits(struct list *l, const char *name, uint64_t want, uint64_t have)
{
	if (want != have)
		add(l, "%s 0x%" PRIx64 " -> 0x%" PRIx64, name, have, want);
}

static void word(struct list *l, const char *name, const char *want, const char *have)
{
	if (strcmp(want, have) != 0)
		add(l, "%s %s -> %s", name, *have ? have : "none", *want ? want : "none");
}

static void address(struct list *l, const char *name, const struct espnic_addr *want,
		    const struct espnic_addr *have)
{
	char a[ESPNIC_ADDR_TEXT], b[ESPNIC_ADDR_TEXT];

	if (!espnic_addr_equal(want, have) && !(espnic_addr_is_any(want) && espnic_addr_is_any(have)))
		add(l, "%s %s -> %s", name, espnic_addr_text(have, a, sizeof(a)),
		    espnic_addr_text(want, b, sizeof(b)));
}

static void prefix(struct list *l, const char *name, const struct espnic_prefix *want,
		   const struct espnic_prefix *have)
{
	char a[ESPNIC_ADDR_TEXT], b[ESPNIC_ADDR_TEXT];

	/* that of everything has no family of its own */
	if (want->len == have->len && (!want->len || espnic_addr_equal(&want->addr, &have->addr)))
		return;
	add(l, "%s %s -> %s", name, espnic_prefix_text(have, a, sizeof(a)),
	    espnic_prefix_text(want, b, sizeof(b)));
}

static void key(struct list *l, const char *name, const struct espnic_xfrm_key *want,
		const struct espnic_xfrm_key *have)
{
	word(l, name, want->alg, have->alg);
	if (strcmp(want->alg, have->alg) != 0)
		return;
	number(l, "ICV bits", want->icv_bits, have->icv_bits);
	if (want->len != have->len || CRYPTO_memcmp(want->bytes, have->bytes, want->len) != 0)
		add(l, "the key of %s", name);
}

static void selector(struct list *l, const struct espnic_xfrm_selector *want,
		     const struct espnic_xfrm_selector *have)
{
	prefix(l, "selector_src", &want->src, &have->src);
	prefix(l, "selector_dst", &want->dst, &have->dst);
	number(l, "protocol", want->proto, have->proto);
	if (want->sport != have->sport || want->sport_mask != have->sport_mask)
		add(l, "sport");
	if (want->dport != have->dport || want->dport_mask != have->dport_mask)
		add(l, "dport");
	number(l, "selector's interface", want->ifindex, have->ifindex);
}

static void life(struct list *l, const struct espnic_xfrm_life *want, const struct espnic_xfrm_life *have)
{
	number(l, "rekey_bytes", want->soft_bytes, have->soft_bytes);
	number(l, "life_bytes", want->hard_bytes, have->hard_bytes);
	number(l, "rekey_packets", want->soft_packets, have->soft_packets);
	number(l, "life_packets", want->hard_packets, have->hard_packets);
	number(l, "rekey_time", want->soft_seconds, have->soft_seconds);
	number(l, "life_time", want->hard_seconds, have->hard_seconds);
}

static void offload(struct list *l, enum espnic_xfrm_offload want, uint32_t want_dev,
		    enum espnic_xfrm_offload have, uint32_t have_dev)
{
	static const char *const names[] = { "no", "crypto", "packet" };

	word(l, "hw_offload", names[want], names[have]);
	if (want != ESPNIC_XFRM_SOFTWARE && have != ESPNIC_XFRM_SOFTWARE)
		number(l, "interface number", want_dev, have_dev);
}

static const char *mode_name(uint8_t mode)
{
	return mode == XFRM_MODE_TRANSPORT ? "transport" : mode == XFRM_MODE_TUNNEL ? "tunnel" : "another";
}

static struct list start(char *out, size_t len)
{
	out[0] = 0;
	return (struct list){ .out = out, .len = len, .same = true };
}

bool espnic_manual_same_sa(const struct espnic_xfrm_sa *want, const struct espnic_xfrm_sa *have,
			   char *out, size_t len)
{
	struct list l = start(out, len);

	address(&l, "src", &want->src, &have->src);
	word(&l, "mode", mode_name(want->mode), mode_name(have->mode));
	number(&l, "direction", want->dir, have->dir ? have->dir : want->dir);
	number(&l, "reqid", want->reqid, have->reqid);
	key(&l, "AEAD", &want->aead, &have->aead);
	key(&l, "cipher", &want->enc, &have->enc);
	key(&l, "authenticator", &want->auth, &have->auth);
	bits(&l, "flags", want->flags, have->flags);
	bits(&l, "extra flags", want->extra_flags, have->extra_flags);
	number(&l, "replay_window", want->replay_window, have->replay_window);
	number(&l, "encapsulation", want->encap_type, have->encap_type);
	number(&l, "encap_sport", want->encap_sport, have->encap_sport);
	number(&l, "encap_dport", want->encap_dport, have->encap_dport);
	number(&l, "nat_keepalive", want->nat_keepalive, have->nat_keepalive);
	selector(&l, &want->sel, &have->sel);
	life(&l, &want->life, &have->life);
	bits(&l, "set_mark", want->set_mark.value, have->set_mark.value);
	bits(&l, "mask of set_mark", want->set_mark.mask, have->set_mark.mask);
	number(&l, "if_id", want->if_id, have->if_id);
	number(&l, "tfc_padding", want->tfc_pad, have->tfc_pad);
	number(&l, "cpu", want->cpu, have->cpu);
	offload(&l, want->offload, want->ifindex, have->offload, have->ifindex);
	return l.same;
}

static void template(struct list *l, const struct espnic_xfrm_tmpl *want,
		     const struct espnic_xfrm_tmpl *have)
{
	address(l, "template's src", &want->src, &have->src);
	address(l, "template's dst", &want->dst, &have->dst);
	number(l, "template's protocol", want->proto, have->proto);
	word(l, "template's mode", mode_name(want->mode), mode_name(have->mode));
	number(l, "template's level", want->optional, have->optional);
	number(l, "template's reqid", want->reqid, have->reqid);
	bits(l, "template's spi", want->spi, have->spi);
}

bool espnic_manual_same_policy(const struct espnic_xfrm_policy *want,
			       const struct espnic_xfrm_policy *have, char *out, size_t len)
{
	struct list l = start(out, len);
	unsigned int i;

	word(&l, "action", want->action ? "block" : "allow", have->action ? "block" : "allow");
	number(&l, "priority", want->priority, have->priority);
	bits(&l, "flags", want->flags, have->flags);
	number(&l, "templates", want->n_tmpls, have->n_tmpls);
	for (i = 0; i < want->n_tmpls && i < have->n_tmpls; i++)
		template(&l, &want->tmpl[i], &have->tmpl[i]);
	offload(&l, want->offload, want->ifindex, have->offload, have->ifindex);
	return l.same;
}
