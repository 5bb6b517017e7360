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

#include "unit/fw/fake_hal.h"

enum step {
	STEP_LAWFUL,		/* opcode index, count, count * { offset16, value } */
	STEP_RAW,		/* length, bytes: the rest of the entry is zero */
	STEP_DOORBELL,		/* added to the tail without a command */
	STEP_EVQ_HEAD,		/* added to the head */
	STEP_EVENT,		/* type, handle */
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
	ESPNIC_OPCODE_SPD_COMMIT,
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
	fake = fresh_fake;
	fw = fresh_fw;
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

/* Every SA stands in one chain, and no chain is longer than there are SAs. */
static void check_chains(void)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < ESPNIC_FW_ID_BUCKETS; b++)
		for (uint32_t i = fw.id_bucket[b]; i; i = fw.sa[i].next)
			if (++n > fw.sa_count || !fw.sa[i].handle)
				abort();
	if (n != fw.sa_count)
		abort();
}

static void check_books(void)
{
	uint32_t sas = 0, policies = 0;

	if (fw.state == ESPNIC_FW_RUNNING)
		check_chains();

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
		ev.type = next(in) % (ESPNIC_EVENT_TYPE_SA_REMAP + 1);
		ev.handle = next(in);
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
	return 0;
}
