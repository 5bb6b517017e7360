// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several threads on one SA: no sequence number twice, no packet through the window twice, no
 * packet more than a hard limit. Worth most under ThreadSanitizer.
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, PACKETS = 3000, LEN = 100, ROOM = 128 };

struct slot {
	uint8_t bytes[3 * ROOM + LEN];
	uint32_t len;
	uint32_t off;
};

struct job {
	const struct espnic_engine_ops *ops;
	struct espnic_sa *out, *in;
	struct slot *mine;		/* protected by this thread */
	struct slot *all;		/* PACKETS * THREADS of them: each thread unprotects all */
	uint64_t passed;
	pthread_barrier_t *barrier;
};

static void *work(void *arg)
{
	struct job *job = arg;
	struct espnic_engine_thread *t = job->ops->thread_new();

	for (uint32_t n = 0; n < PACKETS; n++) {
		struct slot *s = &job->mine[n];
		struct espnic_pkt pkt = {
			.data = s->bytes + ROOM, .len = LEN, .headroom = ROOM,
			.tailroom = 2 * ROOM, .sa = job->out,
		};

		make_ip(ESPNIC_IPV4, pkt.data, LEN - 20);
		job->ops->protect(t, &pkt, 1);
		/* The hard limit is the number of all packets: none may be refused. */
		if (pkt.verdict != ESPNIC_OK)
			abort();
		s->off = (uint32_t)(pkt.data - s->bytes);
		s->len = pkt.len;
	}
	pthread_barrier_wait(job->barrier);
	for (uint32_t n = 0; n < PACKETS * THREADS; n++) {
		uint8_t copy[3 * ROOM + LEN];
		struct espnic_pkt pkt = { .data = copy, .len = job->all[n].len, .sa = job->in };

		memcpy(copy, job->all[n].bytes + job->all[n].off, pkt.len);
		job->ops->unprotect(t, &pkt, 1);
		job->passed += pkt.verdict == ESPNIC_OK;
		if (pkt.verdict != ESPNIC_OK && pkt.verdict != ESPNIC_REPLAY &&
		    pkt.verdict != ESPNIC_TOO_OLD)
			abort();
	}
	job->ops->thread_free(t);
	return NULL;
}

static int by_number(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	uint32_t m = espnic_get32(x->bytes + x->off + 24);
	uint32_t n = espnic_get32(y->bytes + y->off + 24);

	return m < n ? -1 : m > n;
}

static void one_sa(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct slot *slots = calloc(PACKETS * THREADS, sizeof(*slots));
		struct job jobs[THREADS];
		pthread_t threads[THREADS];
		pthread_barrier_t barrier;
		struct espnic_sa_params p;
		struct espnic_sa_state st;
		uint64_t passed = 0;
		struct espnic_sa *out, *in;

		assert_non_null(slots);
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		p.hard_packets = PACKETS * THREADS;
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		p.replay_window = 4096;
		/* Threads that run one after the other let every packet pass: a limit would end the SA. */
		p.hard_packets = 0;
		in = sa_must(body(i), &p);
		pthread_barrier_init(&barrier, NULL, THREADS);
		for (int n = 0; n < THREADS; n++) {
			jobs[n] = (struct job){ .ops = body(i), .out = out, .in = in,
						.mine = slots + n * PACKETS, .all = slots,
						.barrier = &barrier };
			assert_int_equal(pthread_create(&threads[n], NULL, work, &jobs[n]), 0);
		}
		for (int n = 0; n < THREADS; n++) {
			pthread_join(threads[n], NULL);
			passed += jobs[n].passed;
		}
		qsort(slots, PACKETS * THREADS, sizeof(*slots), by_number);
		for (uint32_t n = 0; n < PACKETS * THREADS; n++)
			assert_int_equal(espnic_get32(slots[n].bytes + slots[n].off + 24), n + 1);
		assert_true(passed <= PACKETS * THREADS);
		body(i)->sa_query(in, &st);
		assert_true(st.packets == passed);
		assert_true(st.seq == PACKETS * THREADS);
		body(i)->sa_query(out, &st);
		assert_true(st.packets == PACKETS * THREADS);
		pthread_barrier_destroy(&barrier);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
		free(slots);
	}
}

enum { RACERS = 2, RACES = 2000, RACE_LEN = 1000, SPINS = 1000 };

struct sealed {
	uint8_t bytes[2 * RACE_LEN];
	uint32_t len;
};

struct race {
	const struct espnic_engine_ops *ops;
	struct espnic_sa *in;
	const struct sealed *sealed;
	atomic_uint *arrived;
	uint64_t passed;
};

/* The same packet at the same moment, again and again: between the two looks at the window. */
static void *race(void *arg)
{
	struct espnic_engine_thread *t;
	struct race *r = arg;
	uint8_t copy[2 * RACE_LEN];

	t = r->ops->thread_new();
	for (unsigned int n = 0; n < RACES; n++) {
		struct espnic_pkt pkt = { .data = copy, .len = r->sealed[n].len, .sa = r->in };

		memcpy(copy, r->sealed[n].bytes, pkt.len);
		atomic_fetch_add(r->arrived, 1);
		for (unsigned int tries = 1; atomic_load(r->arrived) < RACERS * (n + 1); tries++)
			if (tries % SPINS == 0)
				sched_yield();
		r->ops->unprotect(t, &pkt, 1);
		r->passed += pkt.verdict == ESPNIC_OK;
	}
	r->ops->thread_free(t);
	return NULL;
}

static void same_packet(void **state)
{
	struct sealed *sealed = calloc(RACES, sizeof(*sealed));
	static struct buf b;

	(void)state;
	assert_non_null(sealed);
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		struct race races[RACERS];
		pthread_t threads[RACERS];
		atomic_uint arrived = 0;
		uint8_t packet[RACE_LEN];
		uint32_t len = make_ip(4, packet, RACE_LEN - 20);

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		p.replay_window = 64;
		in = sa_must(body(i), &p);
		for (unsigned int n = 0; n < RACES; n++) {
			buf_set(&b, packet, len, out);
			assert_verdict(protect(i, &b), ESPNIC_OK);
			sealed[n].len = b.pkt.len;
			memcpy(sealed[n].bytes, b.pkt.data, b.pkt.len);
		}
		for (unsigned int n = 0; n < RACERS; n++) {
			races[n] = (struct race){ .ops = body(i), .in = in, .sealed = sealed,
						  .arrived = &arrived };
			assert_int_equal(pthread_create(&threads[n], NULL, race, &races[n]), 0);
		}
		for (unsigned int n = 0; n < RACERS; n++)
			pthread_join(threads[n], NULL);
		assert_int_equal(races[0].passed + races[1].passed, RACES);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
	free(sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sa),
		cmocka_unit_test(same_packet),
	};

	return cmocka_run_group_tests_name("engine/threads", tests, NULL, NULL);
}
