// SPDX-License-Identifier: BSD-2-Clause
/* Faults on demand: off unless asked for twice, and each does what it says, at its one place. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nic_common.h"
#include "nic_sa.h"

enum {
	LATE_MS = 300,
	REPLY = 16384,
	WILD = 0x1234,
	US_PER_MS = 1000,
	HEARTBEAT_MS = 3000, /* of silence that is no accident */
};

static char control[64];

static int open_with(void **state, const char *last)
{
	struct nic *n = calloc(1, sizeof(*n));
	const char *args[] = { "--wire", "loopback", "--queues", "1", "--mac", "02:e5:b0:00:00:01",
			       "--control", control, last, NULL };

	if (!n)
		return -1;
	snprintf(control, sizeof(control), "/tmp/espnic-faults-%d", (int)getpid());
	n->proc = espnic_proc_start(args);
	n->drv = n->proc ? espnic_drv_open(n->proc->socket) : NULL;
	*state = n;
	if (!n->drv)
		return -1;
	return espnic_drv_start(n->drv, NULL, 0, 1, NIC_LOG2, nic_mac);
}

static int open_faulty(void **state)
{
	return open_with(state, "--faults");
}

static int open_sound(void **state)
{
	return open_with(state, NULL);
}

/* The device's answer to one line. */
static const char *ask(const char *line)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	static char reply[REPLY];
	size_t len = 0;
	ssize_t n;

	strcpy(addr.sun_path, control);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(send(fd, line, strlen(line), 0), (ssize_t)strlen(line));
	assert_int_equal(send(fd, "\n", 1, 0), 1);
	while (len < REPLY - 1 && (n = recv(fd, reply + len, REPLY - 1 - len, 0)) > 0) {
		len += (size_t)n;
		if (reply[len - 1] == '\n')
			break;
	}
	reply[len] = '\0';
	close(fd);
	return reply;
}

static void arm(const char *line)
{
	assert_string_equal(ask(line), "{\"ok\":true}\n");
}

/* How often it struck, by `fault list`. */
static unsigned long struck(const char *name)
{
	const char *list = ask("fault list"), *at;
	char key[64];

	snprintf(key, sizeof(key), "\"%s\":{", name);
	at = strstr(list, key);
	assert_non_null(at);
	at = strstr(at, "\"struck\":");
	assert_non_null(at);
	return strtoul(at + strlen("\"struck\":"), NULL, 10);
}

static uint32_t send_one(struct nic *n)
{
	struct nic_flow flow = { .payload = 100, .sport = 1, .dport = 2 };
	uint8_t frame[NIC_FRAME_BUF];
	struct nic_layout at = nic_build(frame, &flow);

	assert_int_equal(espnic_drv_tx_frame(n->drv, 0, frame, at.len, 1, NULL), 0);
	return at.len;
}

static struct espnic_tx_cpl tx_cpl(struct nic *n)
{
	struct espnic_tx_cpl cpl;

	assert_int_equal(espnic_drv_tx_cpl(n->drv, 0, &cpl, NIC_WAIT_MS), 0);
	return cpl;
}

static struct espnic_rx_cpl rx_cpl(struct nic *n)
{
	struct espnic_rx_cpl cpl;

	assert_int_equal(espnic_drv_rx_cpl(n->drv, 0, &cpl, NIC_WAIT_MS), 0);
	return cpl;
}

static void no_more_tx(struct nic *n)
{
	struct espnic_tx_cpl cpl;

	assert_int_equal(espnic_drv_tx_cpl(n->drv, 0, &cpl, NIC_NOTHING_MS), -ETIMEDOUT);
}

static int nop(struct nic *n, struct espnic_cmd_cpl *cpl, int timeout_ms)
{
	int id = espnic_drv_cmd_issue(n->drv, ESPNIC_OPCODE_NOP, NULL, 0, 0, 0);

	assert_true(id >= 0);
	return espnic_drv_cmd_wait(n->drv, (uint16_t)id, cpl, timeout_ms);
}

/* ---- the control socket ---- */

static void a_sound_device_refuses(void **state)
{
	(void)state;
	assert_non_null(strstr(ask("fault list"), "without --faults"));
	assert_non_null(strstr(ask("fault fatal"), "without --faults"));
	assert_int_equal(nop(*state, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
}

static void nonsense_is_refused(void **state)
{
	static const char *const lines[] = { "fault ", "fault tx-late x", "fault tx-late -1",
					     "fault tx-late 1 2 3", "fault tx-late 9999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(ask(lines[i]), "\"error\":\"fault list, or"))
			fail_msg("'%s': %s", lines[i], ask(lines[i]));
	assert_non_null(strstr(ask("fault warp-core"), "no such fault"));
}

static void disarmed_does_not_strike(void **state)
{
	arm("fault cmd-mute 5");
	arm("fault cmd-mute 0");
	assert_int_equal(nop(*state, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(struck("cmd-mute"), 0);
}

/* ---- the bus ---- */

static void an_interrupt_is_lost(void **state)
{
	struct nic *n = *state;

	arm("fault lost-irq 1 1");
	espnic_drv_arm(n->drv, 0);
	send_one(n);
	tx_cpl(n);
	rx_cpl(n);
	/* The loopback gives two reasons for one; which of them was lost does not matter. */
	while (struck("lost-irq") != 1)
		;
	assert_true(espnic_drv_irq_wait(n->drv, 1, NIC_NOTHING_MS) <= 1);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_true(espnic_drv_irq_wait(n->drv, 0, NIC_WAIT_MS) >= 1);
}

static void a_packet_cannot_be_read(void **state)
{
	struct nic *n = *state;

	arm("fault dma-read 1 100"); /* no descriptor, no tail */
	send_one(n);
	assert_int_equal(le32toh(tx_cpl(n).reason), 1 + ESPNIC_COUNTER_TX_DROP_DMA);
	assert_int_equal(espnic_drv_counter(n->drv, ESPNIC_COUNTER_TX_DROP_DMA), 1);
}

static void a_packet_cannot_be_written(void **state)
{
	struct nic *n = *state;
	struct espnic_event ev;

	arm("fault dma-write 1 100");
	send_one(n);
	assert_int_equal(espnic_drv_event(n->drv, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(le16toh(ev.type), ESPNIC_EVENT_TYPE_QUEUE_ERROR);
	assert_int_equal(espnic_drv_counter(n->drv, ESPNIC_COUNTER_RX_DROP_DMA), 1);
}

/* ---- completions ---- */

static void tx_late(void **state)
{
	struct nic *n = *state;
	char line[64];

	snprintf(line, sizeof(line), "fault tx-late 1 %d", LATE_MS);
	arm(line);
	send_one(n);
	no_more_tx(n);
	tx_cpl(n);
}

static void tx_double(void **state)
{
	struct nic *n = *state;

	arm("fault tx-double");
	send_one(n);
	assert_int_equal(le32toh(tx_cpl(n).head), 1);
	assert_int_equal(le32toh(tx_cpl(n).head), 1);
	send_one(n);
	assert_int_equal(le32toh(tx_cpl(n).head), 2);
	no_more_tx(n);
}

static void tx_swap(void **state)
{
	struct nic *n = *state;

	arm("fault tx-swap");
	send_one(n);
	no_more_tx(n);
	send_one(n);
	assert_int_equal(le32toh(tx_cpl(n).head), 2);
	assert_int_equal(le32toh(tx_cpl(n).head), 1);
}

static void tx_wild(void **state)
{
	struct nic *n = *state;
	struct espnic_tx_cpl cpl;

	arm("fault tx-head 1 1000");
	arm("fault tx-reason 1 77");
	send_one(n);
	cpl = tx_cpl(n);
	assert_int_equal(le32toh(cpl.head), 1001);
	assert_int_equal(le32toh(cpl.reason), 77);
	assert_true(le32toh(cpl.flags) & ESPNIC_TX_CPL_DROPPED);
}

static void rx_late(void **state)
{
	struct nic *n = *state;
	struct espnic_rx_cpl cpl;
	char line[64];

	snprintf(line, sizeof(line), "fault rx-late 1 %d", LATE_MS);
	arm(line);
	send_one(n);
	assert_int_equal(espnic_drv_rx_cpl(n->drv, 0, &cpl, NIC_NOTHING_MS), -ETIMEDOUT);
	rx_cpl(n);
}

static void rx_double(void **state)
{
	struct nic *n = *state;

	arm("fault rx-double");
	send_one(n);
	assert_int_equal(le16toh(rx_cpl(n).index), 0);
	assert_int_equal(le16toh(rx_cpl(n).index), 0);
}

static void rx_swap(void **state)
{
	struct nic *n = *state;
	struct espnic_rx_cpl cpl;

	arm("fault rx-swap");
	send_one(n);
	assert_int_equal(espnic_drv_rx_cpl(n->drv, 0, &cpl, NIC_NOTHING_MS), -ETIMEDOUT);
	send_one(n);
	assert_int_equal(le16toh(rx_cpl(n).index), 1);
	assert_int_equal(le16toh(rx_cpl(n).index), 0);
}

static void rx_wild(void **state)
{
	static const char *const faults[] = {
		"fault rx-len 1 4660", "fault rx-frame-len 1 4661", "fault rx-index 1 7",
		"fault rx-buffers 1 9", "fault rx-queue 1 11", "fault rx-handle 1 0x1236",
		"fault rx-status 1 200",
	};
	struct nic *n = *state;
	struct espnic_rx_cpl cpl;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		arm(faults[i]);
	send_one(n);
	cpl = rx_cpl(n);
	assert_int_equal(le16toh(cpl.len), WILD);
	assert_int_equal(le16toh(cpl.frame_len), WILD + 1);
	assert_int_equal(le16toh(cpl.index), 7);
	assert_int_equal(cpl.buffers, 9);
	assert_int_equal(cpl.queue, 11);
	assert_int_equal(le32toh(cpl.sa_handle), WILD + 2);
	assert_true(le32toh(cpl.flags) & ESPNIC_RX_CPL_IPSEC);
	assert_int_equal(cpl.ipsec_status, 200);
	send_one(n);
	cpl = rx_cpl(n);
	assert_int_equal(cpl.queue, 0);
	assert_int_equal(le32toh(cpl.sa_handle), 0);
}

/* ---- firmware ---- */

static void an_answer_is_late(void **state)
{
	struct nic *n = *state;
	char line[64];

	snprintf(line, sizeof(line), "fault cmd-late 1 %d", LATE_MS);
	arm(line);
	assert_int_equal(nop(n, NULL, NIC_NOTHING_MS), -ETIMEDOUT);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
}

static void a_command_is_not_answered(void **state)
{
	char line[64];

	snprintf(line, sizeof(line), "fault cmd-mute 1 %d", ESPNIC_OPCODE_QUEUE_CREATE);
	arm(line);
	assert_int_equal(nop(*state, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(struck("cmd-mute"), 0);
	arm("fault cmd-mute");
	assert_int_equal(nop(*state, NULL, NIC_NOTHING_MS), -ETIMEDOUT);
	assert_int_equal(struck("cmd-mute"), 1);
}

static void an_answer_is_wild(void **state)
{
	struct espnic_cmd_cpl cpl;

	arm("fault cmd-status 1 999");
	arm("fault cmd-resp 1 0xffffffff");
	assert_int_equal(nop(*state, &cpl, NIC_WAIT_MS), 999);
	assert_int_equal(le32toh(cpl.resp_len), UINT32_MAX);
	arm("fault cmd-id 1 513");
	assert_int_equal(nop(*state, NULL, NIC_NOTHING_MS), -ETIMEDOUT);
	assert_int_equal(struck("cmd-id"), 1);
}

static void a_lease_is_not_written(void **state)
{
	struct nic *n = *state;
	struct espnic_cmd_sa_add sa = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET,
					     ESPNIC_CMD_SA_MODE_TRANSPORT, false);

	espnic_drv_alloc(n->drv, 8, 8, &sa.lease_addr);
	arm("fault lease");
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_DMA_ERROR);
	assert_int_equal(struck("lease"), 1);
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_OK);
}

/* A status that is told is a state of things, unlike one that is made up in an answer. */
static void an_sa_is_refused(void **state)
{
	struct nic *n = *state;
	struct espnic_cmd_sa_add sa = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET,
					     ESPNIC_CMD_SA_MODE_TRANSPORT, false);

	arm("fault sa-add 1 7");
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_NO_SPACE);
	assert_int_equal(nic_sa_del(n->drv, sa.handle), ESPNIC_CMD_STATUS_NOT_FOUND);
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_OK);
	arm("fault sa-del 1 9");
	assert_int_equal(nic_sa_del(n->drv, sa.handle), ESPNIC_CMD_STATUS_BUSY);
	assert_int_equal(nic_sa_query(n->drv, sa.handle).packets, 0);
	/* With a twin that would take over. */
	sa.handle++;
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_OK);
	arm("fault sa-del 1 9");
	assert_int_equal(nic_sa_del(n->drv, sa.handle - 1), ESPNIC_CMD_STATUS_BUSY);
	assert_true(nic_sa_query(n->drv, sa.handle).flags & 8);
	assert_int_equal(nic_sa_del(n->drv, sa.handle - 1), ESPNIC_CMD_STATUS_OK);
	assert_false(nic_sa_query(n->drv, sa.handle).flags & 8);
}

/* It is told, and not so. */
static void a_dormant_sa_is_said_to_be_awake(void **state)
{
	struct nic *n = *state;
	struct espnic_cmd_sa_add sa = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET,
					     ESPNIC_CMD_SA_MODE_TRANSPORT, false);
	struct espnic_event ev;

	arm("fault awake 1 77");
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(struck("awake"), 0);
	sa.handle++;
	assert_int_equal(nic_sa_add(n->drv, &sa), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(espnic_drv_event(n->drv, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(le16toh(ev.type), ESPNIC_EVENT_TYPE_SA_AWAKE);
	assert_int_equal(le32toh(ev.handle), sa.handle);
	assert_int_equal(le64toh(ev.value), 77);
	assert_true(nic_sa_query(n->drv, sa.handle).flags & 8);
}

static void an_event_is_wild(void **state)
{
	struct nic *n = *state;
	struct espnic_event ev;

	arm("fault event 1 0x1234abcd");
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
	assert_int_equal(espnic_drv_event(n->drv, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(le16toh(ev.type), 0xabcd);
	assert_int_equal(le32toh(ev.handle), WILD);
}

static void the_firmware_hangs(void **state)
{
	struct nic *n = *state;

	arm("fault fw-hang 1 1");
	assert_int_equal(nop(n, NULL, NIC_NOTHING_MS), -ETIMEDOUT);
	assert_int_equal(nop(n, NULL, HEARTBEAT_MS), -ETIMEDOUT);
	assert_int_equal(espnic_drv_reset(n->drv), 0);
	assert_int_equal(espnic_drv_start(n->drv, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
}

/* Fail closed: what the firmware looks after no more passes no more, by hardware alone. */
static void the_watchdog_bites(void **state)
{
	struct nic *n = *state;
	int left = NIC_WAIT_MS;

	arm("fault fw-hang");
	assert_int_equal(nop(n, NULL, NIC_NOTHING_MS), -ETIMEDOUT);
	while (espnic_drv_wait_ready(n->drv, 0) == 0 && left-- > 0)
		usleep(US_PER_MS);
	assert_int_equal(espnic_drv_wait_ready(n->drv, 0), -EIO);
	assert_int_equal(espnic_client_reg_read(n->drv->c, ESPNIC_REG_FATAL_CODE), ESPNIC_FATAL_FIRMWARE);
	assert_int_equal(espnic_drv_reset(n->drv), 0);
	assert_int_equal(espnic_drv_start(n->drv, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	assert_int_equal(nop(n, NULL, NIC_WAIT_MS), ESPNIC_CMD_STATUS_OK);
}

static void the_device_is_fatal(void **state)
{
	struct nic *n = *state;
	struct espnic_event ev;

	arm("fault fatal 1 1");
	nop(n, NULL, NIC_WAIT_MS);
	assert_int_equal(espnic_drv_event(n->drv, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(le16toh(ev.type), ESPNIC_EVENT_TYPE_FATAL);
	assert_int_equal(espnic_drv_wait_ready(n->drv, NIC_WAIT_MS), -EIO);
	assert_int_equal(espnic_drv_reset(n->drv), 0);
	assert_int_equal(espnic_drv_start(n->drv, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
}

int main(void)
{
#define FAULTY(name) cmocka_unit_test_setup_teardown(name, open_faulty, nic_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sound_device_refuses, open_sound, nic_close),
		FAULTY(nonsense_is_refused),
		FAULTY(disarmed_does_not_strike),
		FAULTY(an_interrupt_is_lost),
		FAULTY(a_packet_cannot_be_read),
		FAULTY(a_packet_cannot_be_written),
		FAULTY(tx_late),
		FAULTY(tx_double),
		FAULTY(tx_swap),
		FAULTY(tx_wild),
		FAULTY(rx_late),
		FAULTY(rx_double),
		FAULTY(rx_swap),
		FAULTY(rx_wild),
		FAULTY(an_answer_is_late),
		FAULTY(a_command_is_not_answered),
		FAULTY(an_answer_is_wild),
		FAULTY(a_lease_is_not_written),
		FAULTY(an_sa_is_refused),
		FAULTY(a_dormant_sa_is_said_to_be_awake),
		FAULTY(an_event_is_wild),
		FAULTY(the_firmware_hangs),
		FAULTY(the_watchdog_bites),
		FAULTY(the_device_is_fatal),
	};
#undef FAULTY

	return cmocka_run_group_tests(tests, NULL, NULL);
}
