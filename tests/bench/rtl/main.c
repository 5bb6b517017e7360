// SPDX-License-Identifier: BSD-2-Clause
/*
 * How fast the Verilated RTL engine runs on one core: clocks and packets a second, and bits of clear packets a clock, by size and
 * direction. One line of JSON a row, as build/bench files have them.
 *
 * usage: rtl-bench SECONDS (for each row)
 *        rtl-bench sas PACKETS
 *
 * The second form says how many clocks a packet takes by the number of SAs, each packet of any of them, as drawn: what lies past the cache of a
 * library made with RTL_CACHE=1.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ip.h"
#include "engine/rtl.h"
#include "espnic_rtl_records.h"

enum {
	LEN_MAX = 9600,
	BATCH = 32,			/* packets queued at once */
	STEP = 4096,			/* clocks */
	WINDOWLESS = 0,			/* inbound packets come again and again */
	SAS_MOST = 500,			/* in each direction */
	UNDER_WAY = 64,			/* packets queued and not answered */
};

static struct espnic_rtl rtl;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "rtl-bench: %s\n", what);
	exit(1);
}

static void open_model(void)
{
	static const struct espnic_rtl_sim_config cfg = { 0 };
	const char *path = getenv("ESPNIC_RTL_LIB"), *why = "";
	void *lib = dlopen(path ? path : "build/rtl/lib/libespnic-rtl.so", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		die(dlerror());
	rtl.ops = dlsym(lib, ESPNIC_RTL_SIM_SYMBOL);
	rtl.model = rtl.ops ? rtl.ops->open(&cfg, &why) : NULL;
	if (!rtl.model)
		die(why);
	espnic_rtl_table_init(&rtl);
}

static void install(struct espnic_rtl_sa *sa, enum espnic_sa_dir dir, uint32_t n)
{
	struct espnic_sa_params p;
	const char *why = "";

	espnic_sa_params_init(&p);
	p.dir = dir;
	p.spi = 0x1000 + n;
	p.enc = ESPNIC_ENC_AES_GCM;
	p.enc_key_len = 16;
	p.salt_len = 4;
	p.icv_len = 16;
	p.replay_window = WINDOWLESS;
	*sa = (struct espnic_rtl_sa){ .info = { .dir = (uint8_t)dir, .icv_len = p.icv_len } };
	if (!espnic_rtl_install(&rtl, sa, &p, &why))
		die(why);
}

static struct espnic_rtl_answer wait_for(unsigned int dir)
{
	struct espnic_rtl_answer answer;

	while (!rtl.ops->pull(rtl.model, dir, &answer))
		rtl.ops->step(rtl.model, STEP);
	if (answer.verdict != ESPNIC_OK)
		die(espnic_verdict_name((enum espnic_verdict)answer.verdict));
	return answer;
}

static uint32_t make(uint8_t *p, uint32_t len)
{
	memset(p, 0x5a, len);
	memset(p, 0, ESPNIC_IPV4_HLEN);
	p[0] = 0x45;
	p[9] = ESPNIC_IPPROTO_UDP;
	espnic_put16(p + ESPNIC_IPV4_LEN, (uint16_t)len);
	espnic_ipv4_csum(p);
	return len;
}

static void row(unsigned int dir, uint32_t len, double seconds, const struct espnic_rtl_sa sas[2])
{
	static uint8_t bytes[LEN_MAX + 100];
	struct espnic_rtl_packet p = { .data = bytes, .len = make(bytes, len), .sa = sas[0].index, .named = true };
	uint64_t clocks, packets = 0;
	double from, took;

	if (dir) {
		struct espnic_rtl_answer answer;

		rtl.ops->push(rtl.model, 0, &p);
		answer = wait_for(0);
		memcpy(bytes, answer.data, answer.len);
		p.len = answer.len;
		p.sa = sas[1].index;
	}
	clocks = rtl.ops->clocks(rtl.model);
	from = now();
	do {
		for (int i = 0; i < BATCH; i++)
			rtl.ops->push(rtl.model, dir, &p);
		for (int i = 0; i < BATCH; i++)
			wait_for(dir);
		packets += BATCH;
		took = now() - from;
	} while (took < seconds);
	clocks = rtl.ops->clocks(rtl.model) - clocks;
	printf("{\"direction\":\"%s\",\"bytes\":%u,\"clocks_per_s\":%.0f,\"packets_per_s\":%.0f,\"bits_per_clock\":%.1f}\n",
	       dir ? "in" : "out", len, (double)clocks / took, (double)packets / took, (double)packets * len * 8 / (double)clocks);
}

/* ---- clocks by the number of SAs ---- */

static uint32_t below(uint32_t n)
{
	static uint64_t x = 1;

	x = x * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((x >> 33) % n);
}

/* One packet of each SA as it goes into @dir, of @len clear bytes. */
static void make_each(unsigned int dir, uint32_t len, const struct espnic_rtl_sa *sas, unsigned int n, struct espnic_rtl_packet *pkts)
{
	static uint8_t bytes[SAS_MOST][LEN_MAX + 100];

	for (unsigned int i = 0; i < n; i++) {
		pkts[i] = (struct espnic_rtl_packet){ .data = bytes[i], .len = make(bytes[i], len), .sa = sas[i].index, .named = true };
		if (dir) {
			struct espnic_rtl_answer answer;

			rtl.ops->push(rtl.model, 0, &pkts[i]);
			answer = wait_for(0);
			memcpy(bytes[i], answer.data, answer.len);
			pkts[i].len = answer.len;
		}
	}
}

static void sas_row(unsigned int dir, uint32_t len, unsigned int n, unsigned int packets, const struct espnic_rtl_sa *out,
		    const struct espnic_rtl_sa *in)
{
	static struct espnic_rtl_packet pkts[SAS_MOST];
	unsigned int pushed = 0;
	uint64_t clocks;

	make_each(dir, len, out, n, pkts);
	for (unsigned int i = 0; dir && i < n; i++)
		pkts[i].sa = in[i].index;
	clocks = rtl.ops->clocks(rtl.model);
	for (unsigned int pulled = 0; pulled < packets; pulled++) {
		for (; pushed < packets && pushed < pulled + UNDER_WAY; pushed++)
			rtl.ops->push(rtl.model, dir, &pkts[below(n)]);
		wait_for(dir);
	}
	clocks = rtl.ops->clocks(rtl.model) - clocks;
	printf("{\"direction\":\"%s\",\"bytes\":%u,\"sas\":%u,\"clocks_per_packet\":%.1f}\n", dir ? "in" : "out", len, n,
	       (double)clocks / packets);
}

static void by_sas(unsigned int packets)
{
	static const uint32_t lens[] = { 64, 1420 };
	static const unsigned int counts[] = { 1, 16, 48, 64, 80, 96, 128, 256, SAS_MOST };
	static struct espnic_rtl_sa sas[2][SAS_MOST];

	for (uint32_t i = 0; i < SAS_MOST; i++) {
		install(&sas[0][i], ESPNIC_DIR_OUT, i);
		install(&sas[1][i], ESPNIC_DIR_IN, i);
	}
	for (unsigned int dir = 0; dir < 2; dir++)
		for (unsigned int l = 0; l < sizeof(lens) / sizeof(lens[0]); l++)
			for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
				sas_row(dir, lens[l], counts[i], packets, sas[0], sas[1]);
}

int main(int argc, char **argv)
{
	static const uint32_t lens[] = { 64, 256, 1420, 9000 };
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct espnic_rtl_sa sas[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	open_model();
	if (argc > 2 && !strcmp(argv[1], "sas")) {
		by_sas((unsigned int)atoi(argv[2]));
		rtl.ops->close(rtl.model);
		return 0;
	}
	install(&sas[0], ESPNIC_DIR_OUT, 0);
	install(&sas[1], ESPNIC_DIR_IN, 0);
	for (unsigned int dir = 0; dir < 2; dir++)
		for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			row(dir, lens[i], seconds, sas);
	rtl.ops->close(rtl.model);
	return 0;
}
