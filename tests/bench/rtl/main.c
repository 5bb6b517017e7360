// SPDX-License-Identifier: BSD-2-Clause
/*
 * How fast the Verilated RTL engine runs on one core: clocks and packets a second, and bits of clear packets a clock, by size and
 * direction. One line of JSON a row, as build/bench files have them.
 *
 * usage: rtl-bench SECONDS (for each row)
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

static void install(struct espnic_rtl_sa *sa, enum espnic_sa_dir dir)
{
	struct espnic_sa_params p;
	const char *why = "";

	espnic_sa_params_init(&p);
	p.dir = dir;
	p.spi = 0x1000;
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

int main(int argc, char **argv)
{
	static const uint32_t lens[] = { 64, 256, 1420, 9000 };
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct espnic_rtl_sa sas[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	open_model();
	install(&sas[0], ESPNIC_DIR_OUT);
	install(&sas[1], ESPNIC_DIR_IN);
	for (unsigned int dir = 0; dir < 2; dir++)
		for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			row(dir, lens[i], seconds, sas);
	rtl.ops->close(rtl.model);
	return 0;
}
