// SPDX-License-Identifier: BSD-2-Clause
/*
 * Body rtl: the engine in SystemVerilog (rtl-ref/), Verilated, behind the same contract as the others. Nothing of ESP is done
 * here: SAs go into the RTL's table, packets into its streams, and what comes out goes into the caller's buffers.
 *
 * The model is a library of its own (make rtl-engine), loaded when the body is first asked for: beside the program,
 * in ../rtl/lib of its folder, or where ESPNIC_RTL_LIB says (build/bin/NAME says it). ESPNIC_RTL_TRACE names an FST file to write (make RTL_TRACE=1
 * rtl-engine), ESPNIC_RTL_TRACE_FROM the first clock of it, ESPNIC_RTL_STALLS the seed of random stalls at all ends of its streams.
 */
#include "engine/rtl.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/bodies.h"
#include "engine/ip.h"
#include "engine/pipeline.h"
#include "engine/sa.h"
#include "engine/wipe.h"

enum {
	ESP_PAD_MAX = 3,		/* bytes: AES-GCM pads to 4 */
	/* Clocks without an answer, while a burst is under way: far more than any packet takes. */
	SILENCE_MAX = 1000000,
	STEP = 4096,			/* clocks given at once */
	WINDOW_WORDS_MAX = 2 * ESPNIC_WINDOW_MAX / ESPNIC_WINDOW_WORD,
};

static const char library[] = "libespnic-rtl.so";
static const char not_built[] = "rtl: not built (make rtl-engine)";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing = not_built;	/* NULL: the model runs */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct espnic_rtl rtl;		/* guarded by lock */

/* ---- the library ---- */

static void *load(void)
{
	static const char *const places[] = { "", "../rtl/lib/", "../../rtl/lib/" };
	const char *said = getenv("ESPNIC_RTL_LIB");
	char exe[PATH_MAX], path[PATH_MAX + sizeof(library) + 32];
	ssize_t len;
	void *lib;

	if (said)
		return dlopen(said, RTLD_NOW | RTLD_LOCAL);
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (len <= 0)
		return NULL;
	exe[len] = '\0';
	dirname(exe);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", exe, places[i], library);
		lib = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
		if (lib)
			return lib;
	}
	return NULL;
}

/* 0 where it is not set. */
static uint64_t env_number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : 0;
}

static void start(void)
{
	const struct espnic_rtl_sim_config cfg = {
		.trace = getenv("ESPNIC_RTL_TRACE"),
		.trace_from = env_number("ESPNIC_RTL_TRACE_FROM"),
		.stalls = env_number("ESPNIC_RTL_STALLS"),
	};
	void *lib = load();

	if (!lib)
		return;
	rtl.ops = dlsym(lib, ESPNIC_RTL_SIM_SYMBOL);
	if (!rtl.ops || rtl.ops->version != ESPNIC_RTL_SIM_VERSION) {
		missing = "rtl: the library is of another version (make rtl-engine)";
		return;
	}
	missing = "rtl: the model does not start";
	rtl.model = rtl.ops->open(&cfg, &missing);
	if (!rtl.model)
		return;
	espnic_rtl_table_init(&rtl);
	missing = NULL;
}

static const char *rtl_unavailable(void)
{
	pthread_once(&once, start);
	return missing;
}

uint64_t espnic_rtl_clocks(void)
{
	uint64_t clocks;

	if (rtl_unavailable())
		return 0;
	pthread_mutex_lock(&lock);
	clocks = rtl.ops->clocks(rtl.model);
	pthread_mutex_unlock(&lock);
	return clocks;
}

const struct espnic_transforms espnic_transforms_rtl = {
	.body = "rtl",
	.unavailable = rtl_unavailable,
};

static struct espnic_engine_thread *rtl_thread_new(void)
{
	return rtl_unavailable() ? NULL : espnic_thread_new();
}

/* ---- SAs ---- */

static struct espnic_rtl_sa *own(struct espnic_sa *sa)
{
	return (struct espnic_rtl_sa *)sa;
}

/* What the RTL lacks of what is lawful, or NULL. */
static const char *lacks(const struct espnic_sa_params *p)
{
	if (p->proto != ESPNIC_PROTO_ESP)
		return "rtl: AH";
	if (p->offload != ESPNIC_OFFLOAD_PACKET)
		return "rtl: crypto offload";
	if ((p->enc != ESPNIC_ENC_AES_GCM && p->enc != ESPNIC_ENC_AES_GMAC) || p->auth != ESPNIC_AUTH_NONE)
		return "rtl: transforms other than AES-GCM and AES-GMAC";
	return NULL;
}

static void set_info(struct espnic_rtl_sa *sa, const struct espnic_sa_params *p)
{
	uint32_t head = p->tunnel.family == ESPNIC_IPV4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;

	sa->info.spi = p->spi;
	sa->info.dir = (uint8_t)p->dir;
	sa->info.offload = (uint8_t)p->offload;
	sa->info.proto = (uint8_t)p->proto;
	sa->info.mode = (uint8_t)p->mode;
	sa->info.outer_family = p->mode == ESPNIC_MODE_TUNNEL ? p->tunnel.family : ESPNIC_IP_ANY;
	sa->info.icv_len = espnic_sa_icv_len(p);
	sa->info.iv_len = espnic_sa_iv_len(p);
	sa->info.esn = p->esn;
	sa->info.udp_encap = p->udp_encap;
	sa->info.owner = p->owner;
	sa->front = (p->mode == ESPNIC_MODE_TUNNEL ? head : 0) + (p->udp_encap ? ESPNIC_UDP_HLEN : 0) + ESPNIC_ESP_HLEN +
		    sa->info.iv_len;
	sa->back = p->tfc_len + ESP_PAD_MAX + ESPNIC_ESP_TRAILER + sa->info.icv_len;
}

static enum espnic_verdict rtl_sa_add(const struct espnic_sa_params *p, struct espnic_sa **out, const char **why)
{
	enum espnic_verdict verdict;
	struct espnic_rtl_sa *sa;
	const char *ignored;
	bool there;

	*out = NULL;
	if (!why)
		why = &ignored;
	*why = rtl_unavailable();
	if (*why)
		return ESPNIC_UNSUPPORTED;
	verdict = espnic_sa_check(p, why);
	if (verdict != ESPNIC_OK)
		return verdict;
	*why = lacks(p);
	if (*why)
		return ESPNIC_UNSUPPORTED;
	sa = calloc(1, sizeof(*sa));
	if (!sa) {
		*why = "out of memory";
		return ESPNIC_UNSUPPORTED;
	}
	set_info(sa, p);
	pthread_mutex_lock(&lock);
	there = espnic_rtl_install(&rtl, sa, p, why);
	pthread_mutex_unlock(&lock);
	if (!there) {
		free(sa);
		return ESPNIC_UNSUPPORTED;
	}
	*out = (struct espnic_sa *)sa;
	return ESPNIC_OK;
}

static enum espnic_verdict rtl_sa_update(struct espnic_sa *sa, const struct espnic_sa_update *u)
{
	if (u->what & ESPNIC_UPDATE_SEQ && !own(sa)->info.esn && u->seq > UINT32_MAX)
		return ESPNIC_BAD_SA;
	pthread_mutex_lock(&lock);
	espnic_rtl_update(&rtl, own(sa), u);
	pthread_mutex_unlock(&lock);
	return ESPNIC_OK;
}

static void rtl_sa_del(struct espnic_sa *sa)
{
	if (!sa)
		return;
	pthread_mutex_lock(&lock);
	espnic_rtl_remove(&rtl, own(sa));
	pthread_mutex_unlock(&lock);
	free(sa);
}

static void rtl_sa_query(struct espnic_sa *sa, struct espnic_sa_state *st)
{
	struct espnic_rtl_hot hot;

	pthread_mutex_lock(&lock);
	espnic_rtl_read_hot(&rtl, own(sa), true, &hot);
	for (int v = 0; v < ESPNIC_VERDICTS; v++)
		st->verdicts[v] = espnic_rtl_read_count(&rtl, own(sa), (enum espnic_verdict)v);
	st->verdicts[ESPNIC_MTU] += own(sa)->no_room;
	pthread_mutex_unlock(&lock);
	st->seq = hot.seq;
	st->packets = hot.packets;
	st->bytes = hot.bytes;
	st->events = hot.events;
}

static void rtl_sa_window(struct espnic_sa *sa, struct espnic_sa_window *w)
{
	uint64_t seen[WINDOW_WORDS_MAX] = { 0 };
	struct espnic_window window;

	pthread_mutex_lock(&lock);
	espnic_rtl_read_window(&rtl, own(sa), &window, seen);
	pthread_mutex_unlock(&lock);
	espnic_window_read(&window, w);
}

static void rtl_sa_inherit(struct espnic_sa *heir, struct espnic_sa *old)
{
	uint64_t seen[WINDOW_WORDS_MAX] = { 0 }, old_seen[WINDOW_WORDS_MAX] = { 0 };
	struct espnic_sa_update u = { .what = ESPNIC_UPDATE_SEQ };
	struct espnic_window window, old_window;
	struct espnic_rtl_hot hot;

	pthread_mutex_lock(&lock);
	if (own(heir)->info.dir == ESPNIC_DIR_OUT) {
		espnic_rtl_read_hot(&rtl, own(old), false, &hot);
		u.seq = hot.seq;
		espnic_rtl_update(&rtl, own(heir), &u);
	} else {
		espnic_rtl_read_window(&rtl, own(heir), &window, seen);
		espnic_rtl_read_window(&rtl, own(old), &old_window, old_seen);
		espnic_window_join(&window, &old_window);
		espnic_rtl_write_window(&rtl, own(heir), &window);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- packets ---- */

/* A frame of nothing is as malformed as one of a single zero byte, which a stream can carry. */
static void push(unsigned int dir, const struct espnic_pkt *pkt)
{
	static const uint8_t nothing;
	struct espnic_rtl_packet p = {
		.data = pkt->len ? pkt->data : &nothing,
		.len = pkt->len ? pkt->len : 1,
		.sa = own(pkt->sa)->index,
		.named = true,
		.use_seq = pkt->flags & ESPNIC_PKT_SEQ,
		.seq = pkt->seq,
		.use_iv = pkt->iv,
	};

	if (pkt->iv)
		memcpy(p.iv, pkt->iv, sizeof(p.iv));
	rtl.ops->push(rtl.model, dir, &p);
}

/* The next answer of @dir, and clocks until it is there. */
static void pull(unsigned int dir, struct espnic_rtl_answer *answer)
{
	uint64_t from = rtl.ops->clocks(rtl.model);

	while (!rtl.ops->pull(rtl.model, dir, answer)) {
		if (rtl.ops->clocks(rtl.model) - from > SILENCE_MAX) {
			fprintf(stderr, "rtl: a packet is not answered\n");
			abort();
		}
		rtl.ops->step(rtl.model, STEP);
	}
}

static void take_flags(struct espnic_pkt *pkt, const struct espnic_rtl_answer *answer)
{
	pkt->verdict = (enum espnic_verdict)answer->verdict;
	if (answer->event)
		pkt->flags |= ESPNIC_PKT_EVENT;
	if (answer->dummy)
		pkt->flags |= ESPNIC_PKT_DUMMY;
	if (pkt->verdict == ESPNIC_OK)
		pkt->seq = answer->seq;
}

/* @front bytes more in front; what stands behind the packet is the buffer's as before. */
static void give_back(struct espnic_pkt *pkt, const struct espnic_rtl_answer *answer, uint32_t front)
{
	uint32_t room = front + pkt->len + pkt->tailroom;

	pkt->data -= front;
	pkt->headroom -= front;
	if (answer->len)
		memcpy(pkt->data, answer->data, answer->len);
	pkt->len = answer->len;
	pkt->tailroom = room - answer->len;
}

/* The RTL knows no buffers, so there must be room for the most that it may add. */
static bool has_room(const struct espnic_pkt *pkt)
{
	const struct espnic_rtl_sa *sa = own(pkt->sa);

	return sa->info.dir != ESPNIC_DIR_OUT || (sa->front <= pkt->headroom && sa->back <= pkt->tailroom);
}

static void rtl_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct espnic_rtl_answer answer;

	(void)t;
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < n; i++) {
		if (has_room(&pkts[i]))
			push(ESPNIC_DIR_OUT, &pkts[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct espnic_pkt *pkt = &pkts[i];

		pkt->flags &= ESPNIC_PKT_SEQ;
		if (!has_room(pkt)) {
			own(pkt->sa)->no_room++;
			pkt->verdict = ESPNIC_MTU;
			continue;
		}
		pull(ESPNIC_DIR_OUT, &answer);
		take_flags(pkt, &answer);
		if (pkt->verdict == ESPNIC_OK)
			give_back(pkt, &answer, own(pkt->sa)->front);
	}
	pthread_mutex_unlock(&lock);
}

static void rtl_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct espnic_rtl_answer answer;

	(void)t;
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < n; i++) {
		pkts[i].flags = 0;
		push(ESPNIC_DIR_IN, &pkts[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		pull(ESPNIC_DIR_IN, &answer);
		take_flags(&pkts[i], &answer);
		if (pkts[i].verdict == ESPNIC_OK)
			give_back(&pkts[i], &answer, 0);
	}
	pthread_mutex_unlock(&lock);
}

/* No SA of crypto offload is ever made. */
static void rtl_crypt(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	(void)t;
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = ESPNIC_NO_SA;
}

const struct espnic_engine_ops espnic_engine_rtl = {
	.name = "rtl",
	.thread_new = rtl_thread_new,
	.thread_free = espnic_thread_free,
	.sa_add = rtl_sa_add,
	.sa_update = rtl_sa_update,
	.sa_del = rtl_sa_del,
	.sa_query = rtl_sa_query,
	.sa_window = rtl_sa_window,
	.sa_inherit = rtl_sa_inherit,
	.protect = rtl_protect,
	.unprotect = rtl_unprotect,
	.crypt_out = rtl_crypt,
	.crypt_in = rtl_crypt,
};
