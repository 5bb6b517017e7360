// SPDX-License-Identifier: BSD-2-Clause
/* Body rtl: from SAs to the records of the RTL's table, and the commands of its bus (rtl-ref/data/records.yaml). */
#include "engine/rtl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sa.h"
#include "engine/wipe.h"
#include "espnic_rtl_records.h"

enum {
	WORD_BITS = 32,			/* of the bus */
	RECORD_WORDS = 32,		/* more than the longest record has */
	STATUS_BUSY = 1 << 0,
	STATUS_ERROR_SHIFT = 8,
	/* Clocks a command may take: all packets that are under way, and more. */
	COMMAND_CLOCKS_MAX = 1000000,
};

_Static_assert((int)ESPNIC_RTL_WORDS_STATIC <= (int)RECORD_WORDS && (int)ESPNIC_RTL_WORDS_OUT <= (int)RECORD_WORDS &&
	       (int)ESPNIC_RTL_WORDS_IN <= (int)RECORD_WORDS, "the longest record");

/* A record as the words of the bus. */
struct record {
	uint32_t word[RECORD_WORDS];
};

#define FIELD(name) ESPNIC_RTL_##name, ESPNIC_RTL_##name##_WIDTH
#define LIFE_FIELD(outer, name) ESPNIC_RTL_##outer##_LIFE + ESPNIC_RTL_LIFE_##name, ESPNIC_RTL_LIFE_##name##_WIDTH

static void put(struct record *r, unsigned int offset, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++, value >>= 1) {
		uint32_t bit = (uint32_t)1 << (offset + i) % WORD_BITS;

		if (value & 1)
			r->word[(offset + i) / WORD_BITS] |= bit;
		else
			r->word[(offset + i) / WORD_BITS] &= ~bit;
	}
}

static void put_bytes(struct record *r, unsigned int offset, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(r, offset + 8 * (unsigned int)i, 8, bytes[i]);
}

static uint64_t get(const struct record *r, unsigned int offset, unsigned int width)
{
	uint64_t value = 0;

	for (unsigned int i = width; i-- > 0;)
		value = value << 1 | (r->word[(offset + i) / WORD_BITS] >> (offset + i) % WORD_BITS & 1);
	return value;
}

/* ---- the bus ---- */

static void write_record(struct espnic_rtl *rtl, uint32_t reg, unsigned int words, const struct record *r)
{
	for (unsigned int i = 0; i < words; i++)
		rtl->ops->write(rtl->model, reg + 4 * i, r->word[i]);
}

static void read_record(struct espnic_rtl *rtl, uint32_t reg, unsigned int words, struct record *r)
{
	for (unsigned int i = 0; i < words; i++)
		r->word[i] = rtl->ops->read(rtl->model, reg + 4 * i);
}

static _Noreturn void die(const char *what, uint32_t cmd)
{
	fprintf(stderr, "rtl: command %u: %s\n", cmd, what);
	abort();
}

/* Does @cmd for entry @index; the RTL's error. */
static uint32_t command(struct espnic_rtl *rtl, uint32_t index, uint32_t cmd)
{
	rtl->ops->write(rtl->model, ESPNIC_RTL_REG_SA, index);
	rtl->ops->write(rtl->model, ESPNIC_RTL_REG_COMMAND, cmd);
	/* A look takes a clock. */
	for (unsigned int i = 0; i < COMMAND_CLOCKS_MAX; i++) {
		uint32_t status = rtl->ops->read(rtl->model, ESPNIC_RTL_REG_STATUS);

		if (!(status & STATUS_BUSY))
			return status >> STATUS_ERROR_SHIFT;
	}
	die("does not end", cmd);
}

/* One that cannot fail for an SA that is there. */
static void command_must(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, uint32_t cmd)
{
	if (command(rtl, sa->index, cmd) != ESPNIC_RTL_ERR_NONE)
		die("was refused", cmd);
}

/* ---- what is free ---- */

void espnic_rtl_table_init(struct espnic_rtl *rtl)
{
	uint32_t sas = rtl->ops->read(rtl->model, ESPNIC_RTL_REG_SAS);

	if (sas > ESPNIC_RTL_SAS_MAX)
		sas = ESPNIC_RTL_SAS_MAX;
	rtl->window_words = rtl->ops->read(rtl->model, ESPNIC_RTL_REG_WINDOW_WORDS);
	if (rtl->window_words > ESPNIC_RTL_WINDOW_WORDS_MAX)
		rtl->window_words = ESPNIC_RTL_WINDOW_WORDS_MAX;
	rtl->slot_words = rtl->ops->read(rtl->model, ESPNIC_RTL_REG_SLOT_WORDS);
	rtl->n_free = 0;
	/* From the lowest on; 0 is nobody's. */
	for (uint32_t i = sas; --i > 0;)
		rtl->free[rtl->n_free++] = (uint16_t)i;
	/* Those without a window share the first word. */
	memset(rtl->word_taken, 0, sizeof(rtl->word_taken));
	rtl->word_taken[0] = 1;
}

/* @n words in a row, the first in *@base: 0 where each SA has its own. */
static bool take_words(struct espnic_rtl *rtl, uint32_t n, uint32_t *base)
{
	uint32_t run = 0;

	*base = 0;
	if (rtl->slot_words)
		return n <= rtl->slot_words;
	for (uint32_t i = 0; i < rtl->window_words; i++) {
		run = rtl->word_taken[i] ? 0 : run + 1;
		if (run < n)
			continue;
		*base = i + 1 - n;
		memset(rtl->word_taken + *base, 1, n);
		return true;
	}
	return false;
}

static void give_words(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa)
{
	if (!rtl->slot_words)
		memset(rtl->word_taken + sa->window_base, 0, sa->window_n);
}

/* ---- SAs ---- */

static void put_tunnel(struct record *r, const struct espnic_sa_params *p)
{
	put(r, FIELD(SA_STATIC_ECN), p->tunnel.ecn);
	put(r, FIELD(SA_STATIC_DSCP_COPY), p->tunnel.dscp == ESPNIC_DSCP_COPY);
	put(r, FIELD(SA_STATIC_DSCP), p->tunnel.dscp);
	put(r, FIELD(SA_STATIC_DF_SET), p->tunnel.df == ESPNIC_DF_SET);
	put(r, FIELD(SA_STATIC_DF_COPY), p->tunnel.df == ESPNIC_DF_COPY);
	put(r, FIELD(SA_STATIC_TTL), p->tunnel.ttl);
	put(r, FIELD(SA_STATIC_OUTER_V6), p->tunnel.family == ESPNIC_IPV6);
	put_bytes(r, ESPNIC_RTL_SA_STATIC_OUTER_SRC, p->tunnel.src, sizeof(p->tunnel.src));
	put_bytes(r, ESPNIC_RTL_SA_STATIC_OUTER_DST, p->tunnel.dst, sizeof(p->tunnel.dst));
}

static void put_selector(struct record *r, const struct espnic_selector *s)
{
	put(r, FIELD(SA_STATIC_SEL_FAMILY), s->family);
	put(r, FIELD(SA_STATIC_SEL_PROTO), s->proto);
	put(r, FIELD(SA_STATIC_SEL_SRC_PREFIX), s->src_prefix);
	put(r, FIELD(SA_STATIC_SEL_DST_PREFIX), s->dst_prefix);
	put_bytes(r, ESPNIC_RTL_SA_STATIC_SEL_SRC, s->src, sizeof(s->src));
	put_bytes(r, ESPNIC_RTL_SA_STATIC_SEL_DST, s->dst, sizeof(s->dst));
	put(r, FIELD(SA_STATIC_SEL_SPORT_MIN), s->sport_min);
	put(r, FIELD(SA_STATIC_SEL_SPORT_MAX), s->sport_max);
	put(r, FIELD(SA_STATIC_SEL_DPORT_MIN), s->dport_min);
	put(r, FIELD(SA_STATIC_SEL_DPORT_MAX), s->dport_max);
}

/* Longer than any packet is as good as the longest. */
static uint32_t packet_len(uint32_t len)
{
	return len < ESPNIC_PACKET_MAX ? len : ESPNIC_PACKET_MAX;
}

static void write_static(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, const struct espnic_sa_params *p)
{
	struct record r = { { 0 } };

	put(&r, FIELD(SA_STATIC_SPI), p->spi);
	put(&r, FIELD(SA_STATIC_INBOUND), p->dir == ESPNIC_DIR_IN);
	put(&r, FIELD(SA_STATIC_TUNNEL), p->mode == ESPNIC_MODE_TUNNEL);
	put(&r, FIELD(SA_STATIC_ESN), p->esn);
	put(&r, FIELD(SA_STATIC_UDP_ENCAP), p->udp_encap);
	put(&r, FIELD(SA_STATIC_GMAC), p->enc == ESPNIC_ENC_AES_GMAC);
	/* 0, 1, 2 for keys of 16, 24, 32 bytes */
	put(&r, FIELD(SA_STATIC_KEY_SIZE), p->enc_key_len / 8u - 2);
	put(&r, FIELD(SA_STATIC_ICV_LEN), sa->info.icv_len);
	put(&r, FIELD(SA_STATIC_UDP_SPORT), p->udp_sport);
	put(&r, FIELD(SA_STATIC_UDP_DPORT), p->udp_dport);
	put(&r, FIELD(SA_STATIC_MTU), packet_len(p->mtu));
	put(&r, FIELD(SA_STATIC_TFC_LEN), packet_len(p->tfc_len));
	put(&r, FIELD(SA_STATIC_HAS_SEL), p->has_sel);
	if (p->mode == ESPNIC_MODE_TUNNEL)
		put_tunnel(&r, p);
	if (p->has_sel)
		put_selector(&r, &p->sel);
	if (sa->window_n) {
		put(&r, FIELD(SA_STATIC_WINDOW_SIZE), sa->window_size);
		put(&r, FIELD(SA_STATIC_WINDOW_BASE), sa->window_base);
		put(&r, FIELD(SA_STATIC_WINDOW_MASK), sa->window_n - 1);
	}
	write_record(rtl, ESPNIC_RTL_REG_STATIC, ESPNIC_RTL_WORDS_STATIC, &r);
}

static void write_key(struct espnic_rtl *rtl, const struct espnic_sa_params *p)
{
	struct record r = { { 0 } };

	put_bytes(&r, ESPNIC_RTL_SA_KEY_SALT, p->salt, p->salt_len);
	put_bytes(&r, ESPNIC_RTL_SA_KEY_KEY, p->enc_key, p->enc_key_len);
	write_record(rtl, ESPNIC_RTL_REG_KEY, ESPNIC_RTL_WORDS_KEY, &r);
	espnic_wipe(&r, sizeof(r));
}

/* Of either direction: @life is where the record of lifetimes begins. */
static void put_limits(struct record *r, unsigned int life, uint64_t soft_packets, uint64_t hard_packets, uint64_t soft_bytes,
		       uint64_t hard_bytes)
{
	put(r, life + FIELD(LIFE_SOFT_PACKETS), soft_packets);
	put(r, life + FIELD(LIFE_HARD_PACKETS), hard_packets);
	put(r, life + FIELD(LIFE_SOFT_BYTES), soft_bytes);
	put(r, life + FIELD(LIFE_HARD_BYTES), hard_bytes);
}

static void write_hot(struct espnic_rtl *rtl, const struct espnic_sa_params *p)
{
	struct record r = { { 0 } };

	if (p->dir == ESPNIC_DIR_OUT) {
		put(&r, FIELD(SA_OUT_SEQ), p->seq);
		put(&r, FIELD(SA_OUT_LEASE_MARK), p->lease_mark);
		put(&r, FIELD(SA_OUT_LEASE_END), p->lease_end);
		put_limits(&r, ESPNIC_RTL_SA_OUT_LIFE, p->soft_packets, p->hard_packets, p->soft_bytes, p->hard_bytes);
		write_record(rtl, ESPNIC_RTL_REG_OUT, ESPNIC_RTL_WORDS_OUT, &r);
	} else {
		put(&r, FIELD(SA_IN_TOP), p->seq);
		put_limits(&r, ESPNIC_RTL_SA_IN_LIFE, p->soft_packets, p->hard_packets, p->soft_bytes, p->hard_bytes);
		write_record(rtl, ESPNIC_RTL_REG_IN, ESPNIC_RTL_WORDS_IN, &r);
	}
}

bool espnic_rtl_install(struct espnic_rtl *rtl, struct espnic_rtl_sa *sa, const struct espnic_sa_params *p, const char **why)
{
	const struct record nowhere = { { 0 } };

	if (!rtl->n_free) {
		*why = "rtl: its table of SAs is full";
		return false;
	}
	sa->window_size = p->dir == ESPNIC_DIR_IN ? p->replay_window : 0;
	sa->window_n = (uint32_t)(espnic_window_bytes(sa->window_size) / sizeof(uint64_t));
	if (sa->window_n && !take_words(rtl, sa->window_n, &sa->window_base)) {
		*why = "rtl: its memory of replay windows is full";
		return false;
	}
	sa->index = rtl->free[--rtl->n_free];
	write_static(rtl, sa, p);
	write_key(rtl, p);
	write_hot(rtl, p);
	/* Who calls the engine knows the SA of each packet. */
	write_record(rtl, ESPNIC_RTL_REG_PLACE, ESPNIC_RTL_WORDS_PLACE, &nowhere);
	command_must(rtl, sa, ESPNIC_RTL_CMD_INSTALL);
	return true;
}

void espnic_rtl_remove(struct espnic_rtl *rtl, struct espnic_rtl_sa *sa)
{
	command_must(rtl, sa, ESPNIC_RTL_CMD_DELETE);
	give_words(rtl, sa);
	rtl->free[rtl->n_free++] = (uint16_t)sa->index;
}

/* ---- hot parts ---- */

void espnic_rtl_read_hot(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, bool take, struct espnic_rtl_hot *hot)
{
	struct record r = { { 0 } };

	memset(hot, 0, sizeof(*hot));
	command_must(rtl, sa, take ? ESPNIC_RTL_CMD_QUERY : ESPNIC_RTL_CMD_PEEK);
	if (sa->info.dir == ESPNIC_DIR_OUT) {
		read_record(rtl, ESPNIC_RTL_REG_OUT, ESPNIC_RTL_WORDS_OUT, &r);
		hot->seq = get(&r, FIELD(SA_OUT_SEQ));
		hot->packets = get(&r, LIFE_FIELD(SA_OUT, PACKETS));
		hot->bytes = get(&r, LIFE_FIELD(SA_OUT, BYTES));
		hot->events = (uint32_t)get(&r, LIFE_FIELD(SA_OUT, EVENTS));
		return;
	}
	read_record(rtl, ESPNIC_RTL_REG_IN, ESPNIC_RTL_WORDS_IN, &r);
	hot->seq = get(&r, FIELD(SA_IN_TOP));
	hot->floor = get(&r, FIELD(SA_IN_FLOOR));
	hot->packets = get(&r, LIFE_FIELD(SA_IN, PACKETS));
	hot->bytes = get(&r, LIFE_FIELD(SA_IN, BYTES));
	hot->events = (uint32_t)get(&r, LIFE_FIELD(SA_IN, EVENTS));
}

uint64_t espnic_rtl_read_count(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, enum espnic_verdict v)
{
	uint64_t low;

	rtl->ops->write(rtl->model, ESPNIC_RTL_REG_VERDICT, (uint32_t)v);
	command_must(rtl, sa, ESPNIC_RTL_CMD_COUNT);
	low = rtl->ops->read(rtl->model, ESPNIC_RTL_REG_COUNT_LO);
	return low | (uint64_t)rtl->ops->read(rtl->model, ESPNIC_RTL_REG_COUNT_HI) << WORD_BITS;
}

void espnic_rtl_update(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, const struct espnic_sa_update *u)
{
	bool out = sa->info.dir == ESPNIC_DIR_OUT;
	uint32_t reg = out ? ESPNIC_RTL_REG_OUT : ESPNIC_RTL_REG_IN;
	unsigned int words = out ? ESPNIC_RTL_WORDS_OUT : ESPNIC_RTL_WORDS_IN;
	struct record r = { { 0 } };

	put(&r, out ? ESPNIC_RTL_SA_OUT_SEQ : ESPNIC_RTL_SA_IN_TOP, ESPNIC_RTL_SA_OUT_SEQ_WIDTH, u->seq);
	put_limits(&r, out ? ESPNIC_RTL_SA_OUT_LIFE : ESPNIC_RTL_SA_IN_LIFE, u->soft_packets, u->hard_packets, u->soft_bytes,
		   u->hard_bytes);
	if (out) {
		put(&r, FIELD(SA_OUT_LEASE_MARK), u->lease_mark);
		put(&r, FIELD(SA_OUT_LEASE_END), u->lease_end);
	}
	write_record(rtl, reg, words, &r);
	if (u->what & ESPNIC_UPDATE_SEQ)
		command_must(rtl, sa, ESPNIC_RTL_CMD_SEQ);
	if (u->what & ESPNIC_UPDATE_LIFE)
		command_must(rtl, sa, ESPNIC_RTL_CMD_LIFE);
	/* An inbound SA sends no numbers. */
	if (u->what & ESPNIC_UPDATE_LEASE && out)
		command_must(rtl, sa, ESPNIC_RTL_CMD_LEASE);
}

/* ---- windows ---- */

void espnic_rtl_read_window(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, struct espnic_window *w, uint64_t *seen)
{
	struct espnic_rtl_hot hot;

	espnic_rtl_read_hot(rtl, sa, false, &hot);
	*w = (struct espnic_window){
		.top = hot.seq, .size = sa->window_size, .mask = sa->window_n ? sa->window_n - 1 : 0, .seen = seen,
	};
	for (uint32_t i = 0; i < sa->window_n; i++) {
		uint64_t block = hot.seq / ESPNIC_WINDOW_WORD - i, bits = 0;
		struct record r = { { 0 } };

		/* Blocks from the top's down; the first window has none before 0. */
		if (block > hot.seq / ESPNIC_WINDOW_WORD)
			break;
		rtl->ops->write(rtl->model, ESPNIC_RTL_REG_WORD_ADDR, (uint32_t)(block & w->mask));
		command_must(rtl, sa, ESPNIC_RTL_CMD_WORD_READ);
		read_record(rtl, ESPNIC_RTL_REG_WINDOW, ESPNIC_RTL_WORDS_WINDOW, &r);
		if (get(&r, FIELD(WINDOW_WORD_TAG)) == block)
			bits = get(&r, FIELD(WINDOW_WORD_SEEN));
		for (uint64_t n = block * ESPNIC_WINDOW_WORD; n <= hot.floor && n / ESPNIC_WINDOW_WORD == block; n++)
			bits |= espnic_window_bit(n);
		seen[block & w->mask] = bits;
	}
}

void espnic_rtl_write_window(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, const struct espnic_window *w)
{
	uint64_t top_block = w->top / ESPNIC_WINDOW_WORD;
	struct record hot = { { 0 } };

	for (uint32_t i = 0; i < sa->window_n && i <= top_block; i++) {
		uint64_t block = top_block - i;
		struct record r = { { 0 } };

		put(&r, FIELD(WINDOW_WORD_TAG), block);
		put(&r, FIELD(WINDOW_WORD_SEEN), w->seen[block & w->mask]);
		write_record(rtl, ESPNIC_RTL_REG_WINDOW, ESPNIC_RTL_WORDS_WINDOW, &r);
		rtl->ops->write(rtl->model, ESPNIC_RTL_REG_WORD_ADDR, (uint32_t)(block & w->mask));
		command_must(rtl, sa, ESPNIC_RTL_CMD_WORD_WRITE);
	}
	command_must(rtl, sa, ESPNIC_RTL_CMD_PEEK);
	read_record(rtl, ESPNIC_RTL_REG_IN, ESPNIC_RTL_WORDS_IN, &hot);
	put(&hot, FIELD(SA_IN_TOP), w->top);
	put(&hot, FIELD(SA_IN_FLOOR), 0);
	write_record(rtl, ESPNIC_RTL_REG_IN, ESPNIC_RTL_WORDS_IN, &hot);
	command_must(rtl, sa, ESPNIC_RTL_CMD_SET);
}
