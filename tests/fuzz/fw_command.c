// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile host against the firmware: commands lawful, spoiled and raw, lying doorbells and
 * heads, memory that goes away, queues that stand still. The fake HAL aborts when the firmware
 * asks for what it must not; here the books are compared with what the HAL holds.
 *
 * Run with file names the program replays them. An input is a row of steps, a byte each for
 * what to do, followed by what that needs.
 */
#include <stdlib.h>
#include <string.h>

#include "fw/internal.h"
#include "unit/fw/fake_hal.h"

enum step {
	STEP_LAWFUL,		/* opcode index, count, count * { offset16, value } */
	STEP_RAW,		/* length, bytes: the rest of the entry is zero */
	STEP_DOORBELL,		/* added to the tail without a command */
	STEP_EVQ_HEAD,		/* added to the head */
	STEP_EVENT,		/* type, handle, how far that SA has come */
	STEP_TX_BUSY,		/* whether tx_passed says no */
	STEP_TIME,		/* tens of milliseconds */
	STEP_ANSWER,		/* what the HAL answers next */
	STEP_MEMORY,		/* page of host memory that goes away, or none */
	STEP_RESET,
	STEPS
};

struct input {
	const uint8_t *p;
	size_t left;
};

static struct fake fake, fresh_fake;
static struct espnic_fw fw, fresh_fw;

static const uint16_t opcodes[] = {
	ESPNIC_OPCODE_NOP, ESPNIC_OPCODE_GET_INFO, ESPNIC_OPCODE_GET_STATS,
	ESPNIC_OPCODE_QUEUE_CREATE, ESPNIC_OPCODE_QUEUE_DESTROY, ESPNIC_OPCODE_QUEUE_MODERATION,
	ESPNIC_OPCODE_QUEUE_STATS, ESPNIC_OPCODE_PORT_SET, ESPNIC_OPCODE_RSS_SET,
	ESPNIC_OPCODE_SA_ADD, ESPNIC_OPCODE_SA_DEL, ESPNIC_OPCODE_SA_QUERY, ESPNIC_OPCODE_SA_UPDATE,
	ESPNIC_OPCODE_POLICY_ADD, ESPNIC_OPCODE_POLICY_DEL, ESPNIC_OPCODE_POLICY_QUERY,
	ESPNIC_OPCODE_SPD_COMMIT, ESPNIC_OPCODE_SA_WINDOW,
};

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static void restart(void)
{
	uint32_t spent = fw.spent_count < ESPNIC_FW_SPENT ? fw.spent_count : ESPNIC_FW_SPENT;

	fake = fresh_fake;
	/* The large tables are empty but for what this run can reach: copying them takes too long. */
	memset(fw.spent, 0, (spent + 1) * sizeof(fw.spent[0]));
	memset(fw.sa, 0, (FAKE_SAS + 1) * sizeof(fw.sa[0]));
	memcpy(&fw, &fresh_fw, offsetof(struct espnic_fw, spent));
	memcpy(&fw.policy_count, &fresh_fw.policy_count,
	       sizeof(fw) - offsetof(struct espnic_fw, policy_count));
	fw.ctx = &fake;
}

static void lawful(struct input *in)
{
	struct espnic_cmd_entry e;
	unsigned int n;

	fake_good(&e, opcodes[next(in) % (sizeof(opcodes) / sizeof(opcodes[0]))]);
	for (n = next(in) % 8; n; n--) {
		unsigned int off = next(in) | next(in) << 8;

		((uint8_t *)&e)[off % sizeof(e)] = next(in);
	}
	fake_submit(&fake, &e);
}

static void raw(struct input *in)
{
	struct espnic_cmd_entry e;
	size_t len = next(in) * 2u;

	memset(&e, 0, sizeof(e));
	for (size_t i = 0; i < len; i++)
		((uint8_t *)&e)[i] = next(in);
	/* The self-test by command is slow, and has nothing to find here. */
	if (e.hdr.opcode == ESPNIC_OPCODE_SELF_TEST)
		e.hdr.opcode = ESPNIC_OPCODE_NOP;
	fake_submit(&fake, &e);
}

/* How many SAs stand in the chains of kind @k; none twice, each with its neighbours. */
static uint32_t chained(const uint16_t *bucket, enum espnic_fw_chain k)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < ESPNIC_FW_ID_BUCKETS; b++) {
		uint32_t prev = 0;

		for (uint32_t i = bucket[b]; i; prev = i, i = fw.sa[i].link[k].next)
			if (++n > fw.sa_count || !fw.sa[i].handle || fw.sa[i].link[k].prev != prev)
				abort();
	}
	return n;
}

/* Of one key one SA is live, the first one that is found; the hardware agrees. */
static void check_twins(void)
{
	uint32_t inbound = 0, waiting = 0;

	if (!fw.sa_count && !fw.leases_waiting)
		return;

	for (uint32_t i = 1; i <= FAKE_SAS; i++) {
		struct espnic_fw_sa *sa = &fw.sa[i], *live;

		if (!sa->handle)
			continue;
		inbound += sa->dir == ESPNIC_CMD_SA_DIR_IN;
		waiting += sa->lease_waits;
		live = espnic_fw_live(&fw, &sa->names);
		if (!live || live->dormant || sa->dormant != (sa != live) ||
		    sa->dormant != fake.sa[i].dormant || espnic_fw_place_taken(&fw, &sa->names))
			abort();
		if (sa->lease_addr && fake.sa[i].lease_end != sa->lease_end)
			abort();
	}
	if (chained(fw.key_bucket, ESPNIC_FW_BY_KEY) != fw.sa_count ||
	    chained(fw.place_bucket, ESPNIC_FW_BY_PLACE) != inbound || fw.leases_waiting != waiting)
		abort();
}

static void check_books(void)
{
	uint32_t sas = 0, policies = 0;

	for (uint32_t i = 0; i <= FAKE_SAS; i++)
		sas += fake.sa[i].sa.handle != 0;
	for (uint32_t i = 0; i <= FAKE_POLICIES; i++)
		policies += fake.policy[i].there;
	if (fw.state == ESPNIC_FW_RUNNING &&
	    (fw.sa_count != sas || fw.policy_count != policies || fw.queues != fake.running))
		abort();
	if (fake.running && !(fake.reg[ESPNIC_REG_STATUS / 4] & ESPNIC_STATUS_SPD_COMMITTED))
		abort();
	/* No command is left behind, and none is answered twice. */
	if (fw.state == ESPNIC_FW_RUNNING &&
	    fw.sq_head - fw.cq_tail != fw.draining_now + fw.draining_next)
		abort();
	if (fw.state == ESPNIC_FW_FATAL && (fake.running || sas || policies))
		abort();
	for (size_t i = 0; i < sizeof(fw.entry); i++)
		if (((const uint8_t *)&fw.entry)[i])
			abort();
}

static void one_step(struct input *in)
{
	struct espnic_hal_event ev = { 0 };
	uint64_t page;

	switch (next(in) % STEPS) {
	case STEP_LAWFUL:
		lawful(in);
		break;
	case STEP_RAW:
		raw(in);
		break;
	case STEP_DOORBELL:
		fake.reg[ESPNIC_REG_CMD_DOORBELL / 4] += next(in);
		break;
	case STEP_EVQ_HEAD:
		fake.reg[ESPNIC_REG_EVQ_HEAD / 4] += next(in);
		break;
	case STEP_EVENT:
		ev.type = next(in) % (ESPNIC_EVENT_TYPE_SA_AWAKE + 2);
		if (ev.type > ESPNIC_EVENT_TYPE_SA_AWAKE)
			ev.type = ESPNIC_HAL_EVENT_LEASE;
		ev.handle = next(in);
		ev.value = (uint64_t)next(in) << 14;
		fake_raise(&fake, &ev);
		break;
	case STEP_TX_BUSY:
		fake.tx_busy = next(in) & 1;
		break;
	case STEP_TIME:
		fake.now += next(in) * 10u;
		break;
	case STEP_ANSWER:
		fake.answer = next(in) % (ESPNIC_CMD_STATUS_TIMEOUT + 1);
		break;
	case STEP_MEMORY:
		page = next(in);
		fake.bad_from = FAKE_BASE + page * 0x1000;
		fake.bad_to = page < FAKE_MEM_SIZE / 0x1000 ? fake.bad_from + 0x1000 : fake.bad_from;
		fake.bad_how = page & 1 ? ESPNIC_HAL_DMA_FAULT : ESPNIC_HAL_DMA_RESET;
		break;
	default:
		restart();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!fresh_fw.hal)
		fake_boot(&fresh_fake, &fresh_fw);
	restart();
	while (in.left) {
		one_step(&in);
		fake_settle(&fake, &fw);
		check_books();
	}
	if (fw.state == ESPNIC_FW_RUNNING)
		check_twins();
	return 0;
}
