// SPDX-License-Identifier: BSD-2-Clause
/*
 * nic-bench SIZE [--clear] [--packets N]
 *
 * The whole way of a frame through espnic-device, without a VM: descriptor, payload by DMA, policy, SA, ESP, wire
 * (looped back), SA, ESP, policy, buffer by DMA, completion. A driver in user space (tests/device/hostdrv.h) sends bursts
 * of frames with IP packets of SIZE bytes, IPv4 in IPv4, AES-128-GCM, and takes them back. Prints one JSON object: CPU
 * time of the device's process for each packet sent and received, all its threads together.
 */
#include "device/nic_sa.h"

#include <stdlib.h>
#include <time.h>

enum {
	BURST = 64,			/* frames; in flight at once */
	RX_BUFFER = 2048,		/* bytes */
	HEADERS = 20 + 8,		/* bytes: IPv4, UDP */
	KEY_128 = 16,
	WAIT_MS = 5000,
	SIZE_MAX_BYTES = 1420,		/* protected it fits an Ethernet frame */
	WARM = 20,			/* bursts before the clock starts */
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "nic-bench: %s\n", what);
	exit(1);
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		die("no CPU clock of the device");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Policies both ways, an SA for each. */
static void protect_all(struct espnic_drv *d)
{
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	struct espnic_cmd_sa_add out = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct espnic_cmd_sa_add in = nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);

	out.enc_key_len = in.enc_key_len = KEY_128;
	memset(out.enc_key + KEY_128, 0, sizeof(out.enc_key) - KEY_128);
	memset(in.enc_key + KEY_128, 0, sizeof(in.enc_key) - KEY_128);
	if (espnic_drv_cmd(d, ESPNIC_OPCODE_SA_ADD, &out, sizeof(out), NULL, 0, NULL) ||
	    espnic_drv_cmd(d, ESPNIC_OPCODE_SA_ADD, &in, sizeof(in), NULL, 0, NULL))
		die("the device refused an SA");
}

static void burst(struct espnic_drv *d, const uint8_t *frame, uint32_t len)
{
	static uint8_t got[RX_BUFFER];

	for (unsigned int i = 0; i < BURST; i++) {
		if (espnic_drv_tx_frame(d, 0, frame, len, 1, NULL))
			die("the TX ring is full");
	}
	for (unsigned int i = 0; i < BURST; i++) {
		if (espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, WAIT_MS) != (int)len ||
		    memcmp(got + len - HEADERS, frame + len - HEADERS, HEADERS) != 0)
			die("a frame did not come back as it was");
	}
	if (espnic_drv_tx_flush(d, 0, WAIT_MS))
		die("a frame was dropped");
	espnic_drv_rx_fill(d, 0, BURST, RX_BUFFER);
}

static void run(struct espnic_drv *d, clockid_t clock, uint32_t size, bool clear, uint64_t packets)
{
	const struct nic_flow flow = { .sport = 9, .dport = 10, .payload = size - HEADERS };
	static uint8_t frame[ESPNIC_MAX_FRAME];
	struct nic_layout at = nic_build(frame, &flow);
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT,
			   ESPNIC_CMD_SA_MODE_TUNNEL, false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT,
			   ESPNIC_CMD_SA_MODE_TUNNEL, false),
	};
	uint64_t bursts = packets / BURST, from;

	if (espnic_drv_start(d, clear ? NULL : pol, clear ? 0 : 2, 1, NIC_LOG2, nic_mac))
		die("the device does not start");
	if (!clear)
		protect_all(d);
	for (unsigned int i = 0; i < WARM; i++)
		burst(d, frame, at.len);
	from = cpu_ns(clock);
	for (uint64_t i = 0; i < bursts; i++)
		burst(d, frame, at.len);
	printf("{\"size\": %u, \"mode\": \"%s\", \"burst\": %d, \"packets\": %llu, \"cpu_ns\": %.1f, \"protected\": %llu}\n", size,
	       clear ? "clear" : "esp", BURST, (unsigned long long)(bursts * BURST),
	       (double)(cpu_ns(clock) - from) / (double)(bursts * BURST),
	       (unsigned long long)espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED));
}

int main(int argc, char **argv)
{
	static const char *const args[] = { "--wire", "loopback", "--mac", "02:e5:b0:00:00:01", NULL };
	uint64_t packets = 100000;
	struct espnic_proc *proc;
	struct espnic_drv *drv;
	bool clear = false;
	clockid_t clock;
	uint32_t size;

	if (argc < 2)
		die("usage: nic-bench SIZE [--clear] [--packets N]");
	size = (uint32_t)strtoul(argv[1], NULL, 10);
	if (size < HEADERS || size > SIZE_MAX_BYTES)
		die("SIZE is 28 to 1420 bytes");
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--clear"))
			clear = true;
		else if (!strcmp(argv[i], "--packets") && i + 1 < argc)
			packets = strtoull(argv[++i], NULL, 10);
		else
			die("unknown option");
	}
	if (packets < BURST)
		die("--packets is a burst of 64 or more");
	proc = espnic_proc_start(args);
	if (!proc)
		return 1;
	drv = espnic_drv_open(proc->socket);
	if (!drv || clock_getcpuclockid(proc->pid, &clock)) {
		espnic_proc_stop(proc);
		die("the device cannot be driven");
	}
	run(drv, clock, size, clear, packets);
	espnic_drv_close(drv);
	return espnic_proc_stop(proc);
}
