// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command ring: fetches each entry once, checks its header, runs its handler,
 * writes its completion.
 */
#include "internal.h"

struct command {
	uint16_t opcode;
	uint16_t len;			/* bytes of the body */
	void (*run)(struct espnic_fw *fw, struct espnic_fw_reply *r);
};

static void nop(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	(void)fw;
	(void)r;
}

static const struct command commands[] = {
	{ ESPNIC_OPCODE_NOP, 0, nop },
	{ ESPNIC_OPCODE_GET_INFO, 0, espnic_fw_get_info },
	{ ESPNIC_OPCODE_GET_STATS, 0, espnic_fw_get_stats },
	{ ESPNIC_OPCODE_SELF_TEST, 0, espnic_fw_self_test },
	{ ESPNIC_OPCODE_QUEUE_CREATE, sizeof(struct espnic_cmd_queue_create), espnic_fw_queue_create },
	{ ESPNIC_OPCODE_QUEUE_DESTROY, sizeof(struct espnic_cmd_queue), espnic_fw_queue_destroy },
	{ ESPNIC_OPCODE_QUEUE_MODERATION, sizeof(struct espnic_cmd_queue_moderation),
	  espnic_fw_queue_moderation },
	{ ESPNIC_OPCODE_QUEUE_STATS, sizeof(struct espnic_cmd_queue), espnic_fw_queue_stats },
	{ ESPNIC_OPCODE_PORT_SET, sizeof(struct espnic_cmd_port_set), espnic_fw_port_set },
	{ ESPNIC_OPCODE_RSS_SET, sizeof(struct espnic_cmd_rss_set), espnic_fw_rss_set },
	{ ESPNIC_OPCODE_SA_ADD, sizeof(struct espnic_cmd_sa_add), espnic_fw_sa_add },
	{ ESPNIC_OPCODE_SA_DEL, sizeof(struct espnic_cmd_sa), espnic_fw_sa_del },
	{ ESPNIC_OPCODE_SA_QUERY, sizeof(struct espnic_cmd_sa), espnic_fw_sa_query },
	{ ESPNIC_OPCODE_SA_UPDATE, sizeof(struct espnic_cmd_sa_update), espnic_fw_sa_update },
	{ ESPNIC_OPCODE_SA_WINDOW, sizeof(struct espnic_cmd_sa), espnic_fw_sa_window },
	{ ESPNIC_OPCODE_POLICY_ADD, sizeof(struct espnic_cmd_policy_add), espnic_fw_policy_add },
	{ ESPNIC_OPCODE_POLICY_DEL, sizeof(struct espnic_cmd_policy), espnic_fw_policy_del },
	{ ESPNIC_OPCODE_POLICY_QUERY, sizeof(struct espnic_cmd_policy), espnic_fw_policy_query },
	{ ESPNIC_OPCODE_SPD_COMMIT, 0, espnic_fw_spd_commit },
};

static uint64_t read_addr(struct espnic_fw *fw, uint32_t lo)
{
	uint64_t hi = fw->hal->reg_read(fw->ctx, lo + 4);

	return hi << 32 | fw->hal->reg_read(fw->ctx, lo);
}

static bool ring_ok(uint64_t addr, uint32_t log2, uint32_t min, uint32_t max, uint32_t entry)
{
	uint64_t bytes;

	if (log2 < min || log2 > max || (addr & (ESPNIC_FW_RING_ALIGN - 1)))
		return false;
	bytes = (uint64_t)entry << log2;
	return addr <= UINT64_MAX - (bytes - 1);
}

void espnic_fw_cmd_start(struct espnic_fw *fw)
{
	uint32_t cfg, cmd_log2, evq_log2;
	const uint8_t *cap = (const uint8_t *)&fw->caps.cmd; /* cmd min, max, event min, max */

	if (!(fw->hal->reg_read(fw->ctx, ESPNIC_REG_CMD_ENABLE) & ESPNIC_CMD_ENABLE_ENABLE))
		return;
	cfg = fw->hal->reg_read(fw->ctx, ESPNIC_REG_CMD_CFG);
	cmd_log2 = (cfg & ESPNIC_CMD_CFG_CMD_LOG2) >> ESPNIC_CMD_CFG_CMD_LOG2_SHIFT;
	evq_log2 = (cfg & ESPNIC_CMD_CFG_EVQ_LOG2) >> ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT;
	fw->sq_addr = read_addr(fw, ESPNIC_REG_CMD_SQ_LO);
	fw->cq_addr = read_addr(fw, ESPNIC_REG_CMD_CQ_LO);
	fw->evq_addr = read_addr(fw, ESPNIC_REG_EVQ_LO);

	/* The register file has checked this before it let CMD_ENABLE be set. */
	if (!ring_ok(fw->sq_addr, cmd_log2, cap[0], cap[1], sizeof(struct espnic_cmd_entry)) ||
	    !ring_ok(fw->cq_addr, cmd_log2, cap[0], cap[1], sizeof(struct espnic_cmd_cpl)) ||
	    !ring_ok(fw->evq_addr, evq_log2, cap[2], cap[3], sizeof(struct espnic_event))) {
		espnic_fw_fatal(fw, ESPNIC_FATAL_INTERNAL);
		return;
	}
	fw->cmd_size = 1u << cmd_log2;
	fw->evq_size = 1u << evq_log2;
	fw->state = ESPNIC_FW_RUNNING;
	fw->hal->status_set(fw->ctx, ESPNIC_STATUS_CMD_ENABLED);
}

void espnic_fw_complete(struct espnic_fw *fw, uint16_t id, uint16_t opcode,
			const struct espnic_fw_reply *r)
{
	uint32_t slot = fw->cq_tail & (fw->cmd_size - 1);
	uint32_t phase = fw->cq_tail & fw->cmd_size ? 0 : ESPNIC_CMD_CPL_PHASE;
	uint64_t addr = fw->cq_addr + slot * (uint32_t)sizeof(struct espnic_cmd_cpl);
	struct espnic_cmd_cpl c = {
		.id = id, .opcode = opcode, .status = r->status,
		.detail = r->detail, .resp_len = r->resp_len, .value = r->value,
	};
	uint32_t dma;

	dma = fw->hal->dma_write(fw->ctx, addr, &c, offsetof(struct espnic_cmd_cpl, flags));
	if (dma == ESPNIC_HAL_DMA_OK)
		dma = fw->hal->dma_store32(fw->ctx, addr + offsetof(struct espnic_cmd_cpl, flags),
					   phase);
	if (dma != ESPNIC_HAL_DMA_OK) {
		espnic_fw_dma_failed(fw, dma);
		return;
	}
	fw->cq_tail++;
	fw->notify = true;
	fw->hal->count(fw->ctx, r->status == ESPNIC_CMD_STATUS_OK ? ESPNIC_COUNTER_CMD_DONE
								   : ESPNIC_COUNTER_CMD_REFUSED, 1);
}

void espnic_fw_respond(struct espnic_fw *fw, struct espnic_fw_reply *r, const void *buf, uint32_t len)
{
	const struct espnic_cmd_hdr *h = &fw->entry.cmd.hdr;

	if (len > h->resp_len)
		len = h->resp_len;
	if (!len)
		return;
	if (fw->hal->dma_write(fw->ctx, h->resp_addr, buf, len) != ESPNIC_HAL_DMA_OK) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_DMA_ERROR, 0);
		return;
	}
	r->resp_len = len;
}

static const struct command *find(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

static bool check_header(const struct espnic_cmd_hdr *h, const struct command *c,
			 struct espnic_fw_reply *r)
{
	if (!c)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_OPCODE, 0);
	/* The detail is the length that is needed: it helps whoever writes a driver. */
	if (h->len < c->len || h->len > sizeof(((struct espnic_cmd_entry *)0)->body))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_LENGTH, c->len);
	return espnic_fw_check_zero(&h->flags, sizeof(h->flags),
				    offsetof(struct espnic_cmd_hdr, flags), r) &&
	       espnic_fw_check_zero(&h->reserved0, sizeof(h->reserved0),
				    offsetof(struct espnic_cmd_hdr, reserved0), r) &&
	       espnic_fw_check_zero(&h->reserved1, sizeof(h->reserved1),
				    offsetof(struct espnic_cmd_hdr, reserved1), r);
}

/* Fetches and runs the command at sq_head. */
static void one(struct espnic_fw *fw)
{
	uint32_t slot = fw->sq_head & (fw->cmd_size - 1);
	uint64_t addr = fw->sq_addr + slot * (uint32_t)sizeof(struct espnic_cmd_entry);
	const struct espnic_cmd_hdr *h = &fw->entry.cmd.hdr;
	struct espnic_fw_reply r = { 0 };
	const struct command *c;
	uint16_t id, opcode;
	uint32_t dma;

	dma = fw->hal->dma_read(fw->ctx, addr, &fw->entry, sizeof(fw->entry));
	if (dma != ESPNIC_HAL_DMA_OK) {
		espnic_fw_dma_failed(fw, dma);
		return;
	}
	fw->sq_head++;
	id = h->id;
	opcode = h->opcode;
	c = find(opcode);
	if (check_header(h, c, &r))
		c->run(fw, &r);
	/* Refused ones too: they may have held keys. */
	espnic_fw_wipe(&fw->entry, sizeof(fw->entry));
	if (fw->state == ESPNIC_FW_RUNNING && !r.pending)
		espnic_fw_complete(fw, id, opcode, &r);
}

bool espnic_fw_cmd_poll(struct espnic_fw *fw)
{
	uint32_t tail = fw->hal->reg_read(fw->ctx, ESPNIC_REG_CMD_DOORBELL);

	/*
	 * Counted from what was answered, not from what was fetched: as many commands as
	 * there are completion slots may be under way, so no completion is ever overwritten.
	 */
	if (tail - fw->cq_tail > fw->cmd_size || tail - fw->cq_tail < fw->sq_head - fw->cq_tail) {
		espnic_fw_fatal(fw, ESPNIC_FATAL_CMD_TAIL);
		return false;
	}
	for (uint32_t n = 0; n < ESPNIC_FW_CMDS_PER_PASS; n++) {
		if (fw->sq_head == tail)
			return false;
		one(fw);
		if (fw->state != ESPNIC_FW_RUNNING)
			return false;
	}
	return fw->sq_head != tail;
}
