// SPDX-License-Identifier: BSD-2-Clause
/*
 * The RTL engine's table of SAs: found by destination, SPI and UDP, made and deleted while packets flow, and what its registers
 * take, refuse and keep for themselves. The library as the body loads it, but spoken to directly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"
#include "engine/rtl.h"
#include "espnic_rtl_records.h"

enum {
	OUT, IN,			/* directions */
	SPI = 0x1234abcd,
	LEN_MAX = 2048,
	PATIENCE = 200000,		/* clocks */
	PACKETS = 60,
	STATUS_BUSY = 1,
	ERROR_SHIFT = 8,
};

static struct espnic_rtl rtl;
static struct espnic_rtl_sim_ops ops;
static const struct espnic_rtl_sim_ops *real;
/* What stands in the registers of the place, whatever the body's table writes there. */
static uint32_t place[ESPNIC_RTL_WORDS_PLACE];

static void write_with_place(struct espnic_rtl_model *model, uint32_t reg, uint32_t value)
{
	if (reg >= ESPNIC_RTL_REG_PLACE && reg < ESPNIC_RTL_REG_PLACE + sizeof(place))
		value = place[(reg - ESPNIC_RTL_REG_PLACE) / 4];
	real->write(model, reg, value);
}

/* ---- set-up ---- */

static int open_model(void **state)
{
	static const struct espnic_rtl_sim_config cfg = { 0 };
	const char *why = NULL;
	void *lib = dlopen(getenv("ESPNIC_RTL_LIB"), RTLD_NOW | RTLD_LOCAL);

	(void)state;
	assert_non_null(lib);
	real = dlsym(lib, ESPNIC_RTL_SIM_SYMBOL);
	assert_non_null(real);
	ops = *real;
	ops.write = write_with_place;
	rtl.ops = &ops;
	rtl.model = ops.open(&cfg, &why);
	assert_non_null(rtl.model);
	espnic_rtl_table_init(&rtl);
	return 0;
}

static int close_model(void **state)
{
	(void)state;
	ops.close(rtl.model);
	return 0;
}

static void set_bit(unsigned int bit)
{
	place[bit / 32] |= (uint32_t)1 << bit % 32;
}

/* Packets to @dst find the next SA that is made. NULL: they name it. */
static void set_place(const uint8_t *dst, bool v6)
{
	memset(place, 0, sizeof(place));
	if (!dst)
		return;
	memcpy(place, dst, v6 ? 16 : 4);
	if (v6)
		set_bit(ESPNIC_RTL_SA_PLACE_V6);
	set_bit(ESPNIC_RTL_SA_PLACE_WANTED);
}

static void default_params(struct espnic_sa_params *p, enum espnic_sa_dir dir)
{
	espnic_sa_params_init(p);
	p->dir = dir;
	p->spi = SPI;
	p->enc = ESPNIC_ENC_AES_GCM;
	p->enc_key_len = 16;
	p->salt_len = 4;
	p->icv_len = 16;
	p->replay_window = 64;
	for (unsigned int i = 0; i < 16; i++)
		p->enc_key[i] = (uint8_t)(0xc1 + 7 * i);
	memcpy(p->salt, "salt", 4);
}

static void install(struct espnic_rtl_sa *sa, const struct espnic_sa_params *p)
{
	const char *why = NULL;

	memset(sa, 0, sizeof(*sa));
	sa->info.dir = (uint8_t)p->dir;
	sa->info.icv_len = p->icv_len;
	assert_true(espnic_rtl_install(&rtl, sa, p, &why));
}

/* ---- packets ---- */

struct packet {
	uint8_t bytes[LEN_MAX];
	uint32_t len;
};

static void clear_packet(struct packet *p, bool v6, uint32_t payload, const uint8_t *dst)
{
	uint32_t head = v6 ? ESPNIC_IPV6_HLEN : ESPNIC_IPV4_HLEN;

	memset(p->bytes, 0, head);
	for (uint32_t i = 0; i < payload; i++)
		p->bytes[head + i] = (uint8_t)(i * 11 + payload);
	p->len = head + payload;
	if (v6) {
		p->bytes[0] = 0x60;
		p->bytes[ESPNIC_IPV6_NEXT] = ESPNIC_IPPROTO_UDP;
		espnic_put16(p->bytes + ESPNIC_IPV6_LEN, (uint16_t)payload);
		memcpy(p->bytes + ESPNIC_IPV6_SRC + 16, dst, 16);
	} else {
		p->bytes[0] = 0x45;
		p->bytes[9] = ESPNIC_IPPROTO_UDP;
		espnic_put16(p->bytes + ESPNIC_IPV4_LEN, (uint16_t)p->len);
		memcpy(p->bytes + 16, dst, 4);
		espnic_ipv4_csum(p->bytes);
	}
}

static void push(unsigned int dir, const struct packet *p, uint32_t sa, bool named)
{
	const struct espnic_rtl_packet in = { .data = p->bytes, .len = p->len, .sa = sa, .named = named };

	ops.push(rtl.model, dir, &in);
}

static struct espnic_rtl_answer pull(unsigned int dir)
{
	struct espnic_rtl_answer answer;
	uint64_t from = ops.clocks(rtl.model);

	while (!ops.pull(rtl.model, dir, &answer)) {
		assert_true(ops.clocks(rtl.model) - from < PATIENCE);
		ops.step(rtl.model, 1000);
	}
	return answer;
}

/* @p as its protected form by @sa. */
static void protect(struct packet *p, const struct espnic_rtl_sa *sa)
{
	struct espnic_rtl_answer answer;

	push(OUT, p, sa->index, true);
	answer = pull(OUT);
	assert_int_equal(answer.verdict, ESPNIC_OK);
	assert_true(answer.len <= LEN_MAX);
	memcpy(p->bytes, answer.data, answer.len);
	p->len = answer.len;
}

static uint32_t status_error(void)
{
	uint32_t status;

	do {
		status = ops.read(rtl.model, ESPNIC_RTL_REG_STATUS);
	} while (status & STATUS_BUSY);
	return status >> ERROR_SHIFT;
}

static uint32_t command(uint32_t sa, uint32_t cmd)
{
	real->write(rtl.model, ESPNIC_RTL_REG_SA, sa);
	real->write(rtl.model, ESPNIC_RTL_REG_COMMAND, cmd);
	return status_error();
}

/* ---- tests ---- */

static const uint8_t dst4[16] = { 192, 0, 2, 9 }, other4[16] = { 192, 0, 2, 10 };
static const uint8_t dst6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

static void test_found(void **state)
{
	struct espnic_rtl_sa out, in4, in6, udp4;
	struct espnic_rtl_sa nobody = { .index = 0 };
	struct espnic_sa_params p;
	struct packet pkt, esp;
	uint64_t missed;

	(void)state;
	default_params(&p, ESPNIC_DIR_OUT);
	set_place(NULL, false);
	install(&out, &p);
	p.dir = ESPNIC_DIR_IN;
	set_place(dst4, false);
	install(&in4, &p);
	set_place(dst6, true);
	install(&in6, &p);
	/* The same place and SPI, but in UDP. */
	p.udp_encap = true;
	set_place(dst4, false);
	install(&udp4, &p);

	clear_packet(&esp, false, 100, dst4);
	protect(&esp, &out);
	push(IN, &esp, 0, false);
	assert_int_equal(pull(IN).sa, in4.index);
	clear_packet(&esp, true, 100, dst6);
	protect(&esp, &out);
	push(IN, &esp, 0, false);
	assert_int_equal(pull(IN).sa, in6.index);

	/* Another destination, another SPI, a packet too short to have one, and clear ones: nobody's. */
	missed = espnic_rtl_read_count(&rtl, &nobody, ESPNIC_NO_SA);
	clear_packet(&esp, false, 100, other4);
	protect(&esp, &out);
	push(IN, &esp, 0, false);
	pkt = esp;
	memcpy(pkt.bytes + 16, dst4, 4);
	pkt.bytes[23] ^= 1;
	espnic_ipv4_csum(pkt.bytes);
	push(IN, &pkt, 0, false);
	pkt = esp;
	memcpy(pkt.bytes + 16, dst4, 4);
	pkt.len = 24;
	espnic_put16(pkt.bytes + ESPNIC_IPV4_LEN, 24);
	espnic_ipv4_csum(pkt.bytes);
	push(IN, &pkt, 0, false);
	clear_packet(&pkt, false, 60, dst4);
	push(IN, &pkt, 0, false);
	for (int i = 0; i < 4; i++) {
		struct espnic_rtl_answer answer = pull(IN);

		assert_int_equal(answer.sa, 0);
		assert_int_equal(answer.verdict, ESPNIC_NO_SA);
	}
	assert_int_equal(espnic_rtl_read_count(&rtl, &nobody, ESPNIC_NO_SA), missed + 4);

	/* In UDP: the ESP header stands eight bytes further on, and it is the third's. */
	default_params(&p, ESPNIC_DIR_OUT);
	p.udp_encap = true;
	p.udp_sport = p.udp_dport = 4500;
	set_place(NULL, false);
	espnic_rtl_remove(&rtl, &out);
	install(&out, &p);
	clear_packet(&esp, false, 100, dst4);
	protect(&esp, &out);
	push(IN, &esp, 0, false);
	{
		struct espnic_rtl_answer answer = pull(IN);

		assert_int_equal(answer.sa, udp4.index);
		assert_int_equal(answer.verdict, ESPNIC_OK);
		assert_int_equal(answer.len, 120);
	}
	espnic_rtl_remove(&rtl, &out);
	espnic_rtl_remove(&rtl, &in4);
	espnic_rtl_remove(&rtl, &in6);
	espnic_rtl_remove(&rtl, &udp4);
	/* Gone is gone: nobody finds it. */
	push(IN, &esp, 0, false);
	assert_int_equal(pull(IN).verdict, ESPNIC_NO_SA);
}

/* As many as there is room for, each with a place of its own: every one is found, and none is after its end. */
static void test_many(void **state)
{
	enum { MANY = 400 };
	static struct espnic_rtl_sa in[MANY];
	struct espnic_rtl_sa out;
	struct espnic_sa_params p;
	struct packet esp;
	uint8_t dst[16] = { 10, 0, 0, 1 };

	(void)state;
	default_params(&p, ESPNIC_DIR_OUT);
	set_place(NULL, false);
	install(&out, &p);
	p.dir = ESPNIC_DIR_IN;
	for (unsigned int i = 0; i < MANY; i++) {
		espnic_put16(dst + 2, (uint16_t)i);
		set_place(dst, false);
		install(&in[i], &p);
	}
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < MANY; i++) {
			struct espnic_rtl_answer answer;
			bool gone = round && i % 2;

			espnic_put16(dst + 2, (uint16_t)i);
			clear_packet(&esp, false, 20, dst);
			protect(&esp, &out);
			push(IN, &esp, 0, false);
			answer = pull(IN);
			assert_int_equal(answer.verdict, gone ? ESPNIC_NO_SA : ESPNIC_OK);
			assert_int_equal(answer.sa, gone ? 0 : in[i].index);
		}
		for (unsigned int i = !round; i < MANY; i += 2)
			espnic_rtl_remove(&rtl, &in[i]);
	}
	espnic_rtl_remove(&rtl, &out);
}

/*
 * An SA is deleted at any point of a stream of its packets: those in front are finished, those behind refused, none is lost; and
 * what takes its entry afterwards has nothing of it.
 */
static void delete_at(unsigned int clocks, unsigned int dir, unsigned int *good, unsigned int *refused)
{
	struct espnic_rtl_sa out, in, next;
	struct espnic_sa_params p;
	static struct packet esp[PACKETS];
	const struct espnic_rtl_sa *sa = dir == OUT ? &out : &in;
	struct espnic_rtl_hot hot;
	bool gone = false;

	default_params(&p, ESPNIC_DIR_OUT);
	set_place(NULL, false);
	install(&out, &p);
	p.dir = ESPNIC_DIR_IN;
	install(&in, &p);
	for (unsigned int i = 0; i < PACKETS; i++) {
		clear_packet(&esp[i], false, 20 + 13 * i, dst4);
		if (dir == IN)
			protect(&esp[i], &out);
	}
	for (unsigned int i = 0; i < PACKETS; i++)
		push(dir, &esp[i], sa->index, true);
	for (unsigned int i = 0; i < clocks; i++)
		ops.step(rtl.model, 1);
	espnic_rtl_remove(&rtl, dir == OUT ? &out : &in);
	/* Read behind the end: what the last packet left. */
	espnic_rtl_read_hot(&rtl, &in, false, &hot);
	*good = *refused = 0;
	for (unsigned int i = 0; i < PACKETS; i++) {
		struct espnic_rtl_answer answer = pull(dir);

		assert_int_equal(answer.sa, sa->index);
		if (answer.verdict == ESPNIC_OK) {
			assert_false(gone);
			assert_int_equal(answer.seq, i + 1);
			++*good;
		} else {
			assert_int_equal(answer.verdict, ESPNIC_NO_SA);
			gone = true;
			++*refused;
		}
	}
	if (dir == IN)
		assert_int_equal(hot.packets, *good);
	assert_int_equal(espnic_rtl_read_count(&rtl, sa, ESPNIC_OK), *good);
	assert_int_equal(espnic_rtl_read_count(&rtl, sa, ESPNIC_NO_SA), *refused);

	/* The entry's next SA has another key: what the first made is not for it, and it counts from 0. */
	p.dir = dir == OUT ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	p.enc_key[0] ^= 0xff;
	install(&next, &p);
	assert_int_equal(next.index, sa->index);
	push(dir, &esp[0], next.index, true);
	assert_int_equal(pull(dir).verdict, dir == OUT ? ESPNIC_OK : ESPNIC_INTEGRITY);
	assert_int_equal(espnic_rtl_read_count(&rtl, &next, ESPNIC_NO_SA), 0);
	espnic_rtl_remove(&rtl, &next);
	espnic_rtl_remove(&rtl, dir == OUT ? &in : &out);
}

static void test_delete_in_flight(void **state)
{
	(void)state;
	for (unsigned int dir = OUT; dir <= IN; dir++) {
		unsigned int both = 0, good, refused;

		for (unsigned int clocks = 0; clocks < 2600; clocks += 97) {
			delete_at(clocks, dir, &good, &refused);
			assert_int_equal(good + refused, PACKETS);
			both += good && refused;
		}
		assert_true(both > 10);
	}
}

static uint32_t try_install(uint32_t sa, const struct espnic_sa_params *p, void (*spoil)(void))
{
	struct espnic_rtl_sa made;
	uint32_t error;

	/* The body's own way fills the registers; then once more with one of them changed. */
	install(&made, p);
	espnic_rtl_remove(&rtl, &made);
	if (spoil)
		spoil();
	error = command(sa, ESPNIC_RTL_CMD_INSTALL);
	if (error == ESPNIC_RTL_ERR_NONE)
		assert_int_equal(command(sa, ESPNIC_RTL_CMD_DELETE), ESPNIC_RTL_ERR_NONE);
	return error;
}

static void no_spi(void)
{
	real->write(rtl.model, ESPNIC_RTL_REG_STATIC, 0);
}

static void all_ones(void)
{
	for (unsigned int i = 1; i < ESPNIC_RTL_WORDS_STATIC; i++)
		real->write(rtl.model, ESPNIC_RTL_REG_STATIC + 4 * i, UINT32_MAX);
}

static void test_refusals(void **state)
{
	uint32_t sas = ops.read(rtl.model, ESPNIC_RTL_REG_SAS), words = ops.read(rtl.model, ESPNIC_RTL_REG_WINDOW_WORDS);
	struct espnic_rtl_sa out, in;
	struct espnic_sa_params p;

	(void)state;
	default_params(&p, ESPNIC_DIR_IN);
	set_place(NULL, false);
	assert_int_equal(try_install(77, &p, NULL), ESPNIC_RTL_ERR_NONE);
	assert_int_equal(try_install(0, &p, NULL), ESPNIC_RTL_ERR_NO_SA);
	assert_int_equal(try_install(sas, &p, NULL), ESPNIC_RTL_ERR_NO_SA);
	assert_int_equal(try_install(UINT32_MAX, &p, NULL), ESPNIC_RTL_ERR_NO_SA);
	assert_int_equal(try_install(77, &p, no_spi), ESPNIC_RTL_ERR_RECORD);
	assert_int_equal(try_install(77, &p, all_ones), ESPNIC_RTL_ERR_RECORD);

	install(&in, &p);
	p.dir = ESPNIC_DIR_OUT;
	install(&out, &p);
	assert_int_equal(command(out.index, ESPNIC_RTL_CMD_INSTALL), ESPNIC_RTL_ERR_EXISTS);
	assert_int_equal(command(out.index, 0), ESPNIC_RTL_ERR_COMMAND);
	assert_int_equal(command(out.index, 12), ESPNIC_RTL_ERR_COMMAND);
	assert_int_equal(command(out.index, 0x100 + ESPNIC_RTL_CMD_DELETE), ESPNIC_RTL_ERR_COMMAND);
	assert_int_equal(command(out.index, ESPNIC_RTL_CMD_WORD_READ), ESPNIC_RTL_ERR_COMMAND);
	assert_int_equal(command(in.index, ESPNIC_RTL_CMD_LEASE), ESPNIC_RTL_ERR_COMMAND);
	real->write(rtl.model, ESPNIC_RTL_REG_WORD_ADDR, words);
	assert_int_equal(command(in.index, ESPNIC_RTL_CMD_WORD_WRITE), ESPNIC_RTL_ERR_COMMAND);
	assert_int_equal(command(99, ESPNIC_RTL_CMD_DELETE), ESPNIC_RTL_ERR_NO_SA);
	espnic_rtl_remove(&rtl, &out);
	espnic_rtl_remove(&rtl, &in);
	assert_int_equal(command(in.index, ESPNIC_RTL_CMD_DELETE), ESPNIC_RTL_ERR_NO_SA);
}

/* Two SAs cannot be found by one place and SPI. */
static void test_twice(void **state)
{
	struct espnic_rtl_sa in, next;
	struct espnic_sa_params p;

	(void)state;
	default_params(&p, ESPNIC_DIR_IN);
	p.replay_window = 0;
	set_place(dst4, false);
	install(&in, &p);
	/* All registers but the key's still stand. */
	assert_int_equal(command(in.index + 1, ESPNIC_RTL_CMD_INSTALL), ESPNIC_RTL_ERR_TWICE);
	assert_int_equal(command(in.index + 1, ESPNIC_RTL_CMD_DELETE), ESPNIC_RTL_ERR_NO_SA);
	espnic_rtl_remove(&rtl, &in);
	install(&next, &p);
	espnic_rtl_remove(&rtl, &next);
}

/* Not one word of a key, or of the salt, can be read: not before the command, and not after it. */
static void test_keys_stay(void **state)
{
	struct espnic_rtl_sa sa;
	struct espnic_sa_params p;
	uint32_t secret[5];

	(void)state;
	default_params(&p, ESPNIC_DIR_OUT);
	set_place(NULL, false);
	memcpy(secret, p.salt, 4);
	memcpy(secret + 1, p.enc_key, 16);
	for (int round = 0; round < 2; round++) {
		if (round)
			install(&sa, &p);
		else
			for (unsigned int i = 0; i < 5; i++)
				real->write(rtl.model, ESPNIC_RTL_REG_KEY + 4 * i, secret[i]);
		for (uint32_t cmd = 0; cmd <= ESPNIC_RTL_CMD_COUNT; cmd++) {
			if (round && cmd > ESPNIC_RTL_CMD_DELETE)
				command(sa.index, cmd);
			for (uint32_t reg = 0; reg < 4096; reg += 4) {
				uint32_t value = ops.read(rtl.model, reg);

				for (unsigned int i = 0; i < 5; i++)
					assert_int_not_equal(value, secret[i]);
			}
		}
	}
	espnic_rtl_remove(&rtl, &sa);
}

/* Both directions at once, what the one makes going into the other, while SAs of others come and go. */
static void test_both_at_once(void **state)
{
	enum { ROUNDS = 400 };
	struct espnic_rtl_sa out, in, visitor;
	struct espnic_sa_params p, q;
	struct espnic_rtl_answer answer;
	struct espnic_rtl_hot hot;
	unsigned int made = 0, opened = 0;
	struct packet pkt;

	(void)state;
	default_params(&p, ESPNIC_DIR_OUT);
	set_place(NULL, false);
	install(&out, &p);
	p.dir = ESPNIC_DIR_IN;
	set_place(dst4, false);
	install(&in, &p);
	default_params(&q, ESPNIC_DIR_IN);
	q.spi++;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		clear_packet(&pkt, false, 1 + i * 37 % 1400, dst4);
		push(OUT, &pkt, out.index, true);
		if (i % 9 == 0)
			install(&visitor, &q);
		if (i % 9 == 5)
			espnic_rtl_remove(&rtl, &visitor);
		ops.step(rtl.model, 300);
		while (ops.pull(rtl.model, OUT, &answer)) {
			assert_int_equal(answer.verdict, ESPNIC_OK);
			memcpy(pkt.bytes, answer.data, answer.len);
			pkt.len = answer.len;
			made++;
			push(IN, &pkt, 0, false);
		}
		while (ops.pull(rtl.model, IN, &answer)) {
			assert_int_equal(answer.verdict, ESPNIC_OK);
			assert_int_equal(answer.seq, ++opened);
		}
	}
	while (made < ROUNDS) {
		answer = pull(OUT);
		memcpy(pkt.bytes, answer.data, answer.len);
		pkt.len = answer.len;
		made++;
		push(IN, &pkt, 0, false);
	}
	while (opened < ROUNDS)
		assert_int_equal(pull(IN).seq, ++opened);
	espnic_rtl_read_hot(&rtl, &in, false, &hot);
	assert_int_equal(hot.packets, ROUNDS);
	assert_int_equal(hot.seq, ROUNDS);
	espnic_rtl_remove(&rtl, &out);
	espnic_rtl_remove(&rtl, &in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_delete_in_flight),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_keys_stay),
		cmocka_unit_test(test_both_at_once),
	};

	return cmocka_run_group_tests_name("rtl/table", tests, open_model, close_model);
}
