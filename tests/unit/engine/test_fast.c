// SPDX-License-Identifier: BSD-2-Clause
/*
 * Body fast against ref on the same bursts, in each way that this machine has: SSE, AVX2, AVX-512, libcrypto. Bytes, verdicts,
 * SA state. Every suite, every length from 0 to LEN_MAX, all alignments; suites mixed in a burst; packets flush against
 * memory that may not be touched, on either side.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes of payload. Under the sanitizer ref is slow, and past some blocks nothing new happens in memory. */
#ifdef __SANITIZE_ADDRESS__
#define LEN_MAX 384
#else
#define LEN_MAX 2048
#endif

enum {
	REF = 0, FAST = 1,
	BURST = 64,
	FRONT = ESPNIC_HEADROOM, BEHIND = ESPNIC_TAILROOM,
	SLOT = FRONT + ESPNIC_IPV6_HLEN + LEN_MAX + BEHIND + 64,
	ROUNDS = 200,			/* of mixed bursts */
};

static const char *const ways[] = { "", "sse", "avx2", "avx512", "libcrypto" };

/* A burst in one body. Room for a packet's buffer begins or ends where memory does. */
struct side {
	struct espnic_sa *out[BURST], *in[BURST];
	uint8_t *start[BURST];		/* of the buffer */
	struct espnic_pkt pkts[BURST];
};

static struct side sides[2];
static uint8_t packets[BURST][ESPNIC_IPV6_HLEN + LEN_MAX];
static uint32_t lens[BURST];

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* SLOT bytes between two pages that nobody may touch, at the end (@high) or the beginning. */
static uint8_t *guarded(bool high)
{
	size_t page = page_size();
	size_t inner = (SLOT + page - 1) / page * page;
	uint8_t *p = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p + page, inner, PROT_READ | PROT_WRITE), 0);
	return high ? p + page + inner - SLOT : p + page;
}

static void place(struct side *s, unsigned int k, bool high, unsigned int align)
{
	struct espnic_pkt *pkt = &s->pkts[k];
	uint8_t *data = high ? s->start[k] + SLOT - BEHIND - lens[k] : s->start[k] + FRONT + align;

	memset(pkt, 0, sizeof(*pkt));
	memset(s->start[k], 0, SLOT);
	memcpy(data, packets[k], lens[k]);
	pkt->data = data;
	pkt->len = lens[k];
	pkt->headroom = (uint32_t)(data - s->start[k]);
	pkt->tailroom = (uint32_t)(s->start[k] + SLOT - data) - lens[k];
}

static void same_packets(unsigned int n, const char *what)
{
	for (unsigned int k = 0; k < n; k++) {
		const struct espnic_pkt *a = &sides[REF].pkts[k], *b = &sides[FAST].pkts[k];

		if (a->verdict != b->verdict)
			fail_msg("%s: packet %u: ref %s, fast %s", what, k,
				 espnic_verdict_name(a->verdict), espnic_verdict_name(b->verdict));
		assert_int_equal(a->len, b->len);
		assert_int_equal(a->headroom, b->headroom);
		assert_int_equal(a->tailroom, b->tailroom);
		assert_int_equal(a->flags, b->flags);
		assert_true(a->seq == b->seq);
		if (a->verdict == ESPNIC_OK && memcmp(a->data, b->data, a->len))
			fail_msg("%s: packet %u of %u bytes differs", what, k, a->len);
	}
}

static void same_states(unsigned int n)
{
	for (unsigned int k = 0; k < n; k++) {
		struct espnic_sa_state a, b;

		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		body(REF)->sa_query(sides[REF].out[k], &a);
		body(FAST)->sa_query(sides[FAST].out[k], &b);
		assert_memory_equal(&a, &b, sizeof(a));
		body(REF)->sa_query(sides[REF].in[k], &a);
		body(FAST)->sa_query(sides[FAST].in[k], &b);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

/* SAs of one suite in both bodies, for packet @k; returns the suite's name. */
static const char *add_sas(unsigned int k, unsigned int suite, bool esn)
{
	const char *name;
	struct espnic_sa_params p;

	sa_defaults(&p, ESPNIC_DIR_OUT, chance() % 2 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
		    chance() % 2 ? ESPNIC_IPV4 : ESPNIC_IPV6);
	name = suite_params(suite, &p);
	p.esn = esn;
	p.seq = esn ? UINT32_MAX - 2 : 0;
	for (unsigned int i = 0; i < 2; i++) {
		p.dir = ESPNIC_DIR_OUT;
		p.replay_window = 0;
		sides[i].out[k] = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		p.replay_window = 64;
		sides[i].in[k] = sa_must(body(i), &p);
	}
	return name;
}

static void del_sas(unsigned int n)
{
	for (unsigned int k = 0; k < n; k++) {
		for (unsigned int i = 0; i < 2; i++) {
			body(i)->sa_del(sides[i].out[k]);
			body(i)->sa_del(sides[i].in[k]);
		}
	}
}

/* Protects the burst in both, spoils some of the packets, and unprotects them in both. */
static void there_and_back(unsigned int n, bool high, const char *what)
{
	unsigned int align = chance() % 64;

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int k = 0; k < n; k++) {
			place(&sides[i], k, high, align);
			sides[i].pkts[k].sa = sides[i].out[k];
		}
		body(i)->protect(body_thread(i), sides[i].pkts, n);
	}
	same_packets(n, what);
	for (unsigned int k = 0; k < n; k++) {
		uint32_t len = sides[REF].pkts[k].len;
		uint32_t at = len - 1 - chance() % 12;
		bool spoil = chance() % 4 == 0;

		assert_verdict(sides[REF].pkts[k].verdict, ESPNIC_OK);
		for (unsigned int i = 0; i < 2; i++) {
			if (spoil)
				sides[i].pkts[k].data[at] ^= 1;
			sides[i].pkts[k].sa = sides[i].in[k];
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		body(i)->unprotect(body_thread(i), sides[i].pkts, n);
	same_packets(n, what);
	/* Refused or not, nothing of a packet but what both have: no plaintext is left by one alone. */
	for (unsigned int k = 0; k < n; k++)
		assert_memory_equal(sides[REF].start[k], sides[FAST].start[k], SLOT);
}

/* Every suite, every length, bursts of one suite. */
static void lengths(void **state)
{
	(void)state;
	for (unsigned int suite = 0; suite < suites(); suite++) {
		const char *what = "";

		for (uint32_t len = 0; len <= LEN_MAX; len += BURST) {
			for (unsigned int k = 0; k < BURST; k++) {
				what = add_sas(k, suite, len / BURST % 2);
				lens[k] = make_ip(chance() % 2 ? ESPNIC_IPV4 : ESPNIC_IPV6, packets[k],
						  len + k <= LEN_MAX ? len + k : LEN_MAX);
			}
			there_and_back(BURST, len / BURST % 4 < 2, what);
			same_states(BURST);
			del_sas(BURST);
		}
	}
}

/* Suites of all kinds in one burst. */
static void mixed(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int n = 1 + chance() % BURST;

		for (unsigned int k = 0; k < n; k++) {
			add_sas(k, chance() % suites(), chance() % 2);
			lens[k] = make_ip(chance() % 2 ? ESPNIC_IPV4 : ESPNIC_IPV6, packets[k],
					  chance() % 300);
		}
		there_and_back(n, round % 2, "mixed");
		same_states(n);
		del_sas(n);
	}
}

static int setup(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int k = 0; k < BURST; k++)
			sides[i].start[k] = guarded(k % 2);
	}
	return 0;
}

/* Each way is chosen once a process. */
static int one_way(const char *way)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(mixed),
	};
	char name[32];

	if (way[0])
		setenv("ESPNIC_FAST", way, 1);
	else
		unsetenv("ESPNIC_FAST");
	if (!body(FAST)) {
		printf("# this machine has no fast/%s\n", way);
		return 0;
	}
	snprintf(name, sizeof(name), "engine/fast/%s", way[0] ? way : "auto");
	return cmocka_run_group_tests_name(name, tests, setup, NULL);
}

int main(void)
{
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		pid_t child = fork();
		int status = 1;

		if (child == 0)
			exit(one_way(ways[i]));
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			bad++;
	}
	return bad;
}
