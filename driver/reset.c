// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers, health, reset. There is one way back from any failure: reset the function, then
 * write what the driver knows (queues, port, SAs, policies) into it again.
 *
 * Whoever finds a failure only asks for it; the service task does it, under RTNL. Between
 * espnic_reset_begin() and _finish() the net_device is detached, so that no operation reaches a
 * device without state, and ESPNIC_DEV_RESETTING keeps registers from being judged.
 */
#include <linux/delay.h>
#include <linux/rtnetlink.h>

#include "espnic.h"

#define ESPNIC_ALL_ONES		(~0u)
#define ESPNIC_READY_POLL_MS	5

u32 espnic_read(struct espnic_dev *edev, u32 reg)
{
	u32 value;

	if (espnic_gone(edev))
		return ESPNIC_ALL_ONES;
	value = readl(edev->bar + reg);
	/*
	 * All-ones may be a value of some register, but never of ID. A device that the PCI core has
	 * frozen for an error may come back: error_detected() is under way.
	 */
	if (value == ESPNIC_ALL_ONES && !test_bit(ESPNIC_DEV_RESETTING, &edev->flags) &&
	    edev->pdev->error_state != pci_channel_io_frozen &&
	    readl(edev->bar + ESPNIC_REG_ID) == ESPNIC_ALL_ONES)
		espnic_set_gone(edev);
	return value;
}

void espnic_write(struct espnic_dev *edev, u32 reg, u32 value)
{
	if (!espnic_gone(edev))
		writel(value, edev->bar + reg);
}

static void espnic_service_in(struct espnic_dev *edev, unsigned int ms)
{
	if (!test_bit(ESPNIC_DEV_REMOVING, &edev->flags))
		mod_delayed_work(edev->wq, &edev->service, msecs_to_jiffies(ms));
}

void espnic_service_now(struct espnic_dev *edev)
{
	espnic_service_in(edev, 0);
}

void espnic_set_gone(struct espnic_dev *edev)
{
	if (test_and_set_bit(ESPNIC_DEV_GONE, &edev->flags))
		return;
	dev_err(edev->dev, "the device is gone\n");
	WRITE_ONCE(edev->reset_reason, "the device is gone");
	espnic_cmd_abort(edev);
	espnic_service_now(edev);
}

void espnic_request_reset(struct espnic_dev *edev, const char *why)
{
	if (espnic_gone(edev) || test_and_set_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags))
		return;
	WRITE_ONCE(edev->reset_reason, why);
	dev_err(edev->dev, "%s: to be reset\n", why);
	espnic_service_in(edev, ESPNIC_RECOVERY_DELAY_MS);
}

void espnic_request_restart(struct espnic_dev *edev)
{
	if (!espnic_gone(edev) && !test_and_set_bit(ESPNIC_DEV_RESTART_WANTED, &edev->flags))
		espnic_service_in(edev, ESPNIC_RECOVERY_DELAY_MS);
}

void espnic_master_off(struct espnic_dev *edev)
{
	pci_clear_master(edev->pdev);
	set_bit(ESPNIC_DEV_QUIET, &edev->flags);
}

void espnic_silence(struct espnic_dev *edev)
{
	espnic_master_off(edev);
	espnic_cmd_abort(edev);
	espnic_request_reset(edev, "the device did not let go of a queue");
}

static int espnic_wait_ready(struct espnic_dev *edev)
{
	unsigned long end = jiffies + msecs_to_jiffies(ESPNIC_RESET_TIMEOUT_MS);
	u32 status;

	do {
		status = readl(edev->bar + ESPNIC_REG_STATUS);
		if (status != ESPNIC_ALL_ONES) {
			if (status & ESPNIC_STATUS_FATAL) {
				dev_err(edev->dev, "the device failed its start, fatal code %u\n",
					readl(edev->bar + ESPNIC_REG_FATAL_CODE));
				return -EIO;
			}
			if (status & ESPNIC_STATUS_READY)
				return 0;
		}
		msleep(ESPNIC_READY_POLL_MS);
	} while (time_before(jiffies, end));

	if (status == ESPNIC_ALL_ONES) {
		espnic_set_gone(edev);
		return -ENODEV;
	}
	dev_err(edev->dev, "not ready in time, status %#x\n", status);
	return -ETIMEDOUT;
}

int espnic_hw_reset(struct espnic_dev *edev)
{
	if (espnic_gone(edev))
		return -ENODEV;
	writel(ESPNIC_CTRL_RESET, edev->bar + ESPNIC_REG_CTRL);
	return espnic_wait_ready(edev);
}

int espnic_read_caps(struct espnic_dev *edev)
{
	u32 version = espnic_read(edev, ESPNIC_REG_VERSION);
	u32 id = espnic_read(edev, ESPNIC_REG_ID);
	struct espnic_caps *caps = &edev->caps;
	u32 cmd, queues, replay;
	u8 vectors;

	if (espnic_gone(edev))
		return -ENODEV;
	if (id != ESPNIC_ID_VALUE) {
		dev_err(edev->dev, "identity %#x instead of %#x\n", id, ESPNIC_ID_VALUE);
		return -ENODEV;
	}
	if (FIELD_GET(ESPNIC_VERSION_MAJOR, version) != ESPNIC_VERSION_MAJOR_VALUE) {
		dev_err(edev->dev, "interface version %u.%u, this driver knows %u.x\n",
			FIELD_GET(ESPNIC_VERSION_MAJOR, version),
			FIELD_GET(ESPNIC_VERSION_MINOR, version), ESPNIC_VERSION_MAJOR_VALUE);
		return -EPROTO;
	}

	queues = espnic_read(edev, ESPNIC_REG_CAP_QUEUES);
	replay = espnic_read(edev, ESPNIC_REG_CAP_REPLAY);
	cmd = espnic_read(edev, ESPNIC_REG_CAP_CMD);
	vectors = FIELD_GET(ESPNIC_CAP_QUEUES_VECTORS, queues);
	caps->pairs = min(FIELD_GET(ESPNIC_CAP_QUEUES_PAIRS, queues), ESPNIC_MAX_QUEUE_PAIRS);
	caps->pairs = min_t(u8, caps->pairs, vectors ? vectors - 1 : 0);
	caps->ring_log2_min = FIELD_GET(ESPNIC_CAP_QUEUES_LOG2_MIN, queues);
	caps->ring_log2_max = FIELD_GET(ESPNIC_CAP_QUEUES_LOG2_MAX, queues);
	caps->tx_segs = FIELD_GET(ESPNIC_CAP_QUEUES_TX_SEGS, queues);
	caps->mtu = min(espnic_read(edev, ESPNIC_REG_CAP_MTU), ESPNIC_MAX_MTU);
	caps->tso_len = espnic_read(edev, ESPNIC_REG_CAP_TSO_LEN);
	caps->offload = espnic_read(edev, ESPNIC_REG_CAP_OFFLOAD);
	caps->ipsec = espnic_read(edev, ESPNIC_REG_CAP_IPSEC);
	/* What waits in a qdisc while its policy is deleted would leave in clear. */
	if (!(caps->ipsec & ESPNIC_CAP_IPSEC_TX_PROTECT))
		caps->ipsec &= ~ESPNIC_CAP_IPSEC_PACKET;
	caps->transforms = espnic_read(edev, ESPNIC_REG_CAP_TRANSFORMS);
	caps->sas = min(espnic_read(edev, ESPNIC_REG_CAP_SAS), ESPNIC_SA_INDEX_MASK);
	caps->policies = espnic_read(edev, ESPNIC_REG_CAP_POLICIES);
	caps->replay_min = FIELD_GET(ESPNIC_CAP_REPLAY_MIN, replay);
	caps->replay_max = FIELD_GET(ESPNIC_CAP_REPLAY_MAX, replay);
	caps->counters = espnic_read(edev, ESPNIC_REG_CAP_COUNTERS);
	if (espnic_gone(edev))
		return -ENODEV;

	/* A device that lacks what this driver cannot do without, or contradicts itself. */
	if (!caps->pairs || !caps->tx_segs || caps->mtu < ETH_DATA_LEN ||
	    caps->tso_len < caps->mtu + ESPNIC_L2_LEN ||
	    caps->ring_log2_min < ESPNIC_RING_LOG2_MIN ||
	    caps->ring_log2_max > ESPNIC_RING_LOG2_MAX ||
	    caps->ring_log2_min > caps->ring_log2_max ||
	    FIELD_GET(ESPNIC_CAP_CMD_CMD_MIN, cmd) > ESPNIC_CMD_LOG2 ||
	    FIELD_GET(ESPNIC_CAP_CMD_CMD_MAX, cmd) < ESPNIC_CMD_LOG2 ||
	    FIELD_GET(ESPNIC_CAP_CMD_EVQ_MIN, cmd) > ESPNIC_EVQ_LOG2 ||
	    FIELD_GET(ESPNIC_CAP_CMD_EVQ_MAX, cmd) < ESPNIC_EVQ_LOG2) {
		dev_err(edev->dev, "unusable capabilities: queues %#x, MTU %u, commands %#x\n",
			queues, caps->mtu, cmd);
		return -EPROTO;
	}
	return 0;
}

int espnic_bring_up(struct espnic_dev *edev)
{
	struct espnic_cmd_req commit = { .opcode = ESPNIC_OPCODE_SPD_COMMIT };
	int err;

	err = espnic_ipsec_restore(edev->enet);
	if (err) {
		dev_err(edev->dev, "SAs and policies could not be restored: %d\n", err);
		return err;
	}
	err = espnic_cmd_exec(edev, &commit);
	if (err)
		dev_err(edev->dev, "SPD_COMMIT: %d\n", err);
	return err;
}

/* Is it a sound device that is to be reset, so that it can be asked before? */
static bool espnic_answers(struct espnic_dev *edev)
{
	const u32 sound = ESPNIC_STATUS_READY | ESPNIC_STATUS_CMD_ENABLED | ESPNIC_STATUS_FW_ALIVE;
	u32 status;

	if (edev->pdev->error_state != pci_channel_io_normal || edev->heartbeat_misses)
		return false;
	status = espnic_read(edev, ESPNIC_REG_STATUS);
	return !espnic_gone(edev) && (status & (sound | ESPNIC_STATUS_FATAL)) == sound;
}

void espnic_reset_begin(struct espnic_dev *edev)
{
	struct espnic_queue_set *set = edev->enet->set;
	bool answers = espnic_answers(edev);
	int i;

	set_bit(ESPNIC_DEV_RESETTING, &edev->flags);
	netif_device_detach(edev->enet->netdev);
	if (set && answers) {
		/* It counts what passes, and forgets it. */
		espnic_queues_stop(edev->enet);
		espnic_ipsec_save(edev->enet);
	}
	if (set) {
		espnic_queues_quiesce(edev->enet);
		for (i = 0; i < set->params.pairs; i++)
			set->queues[i]->created = false;
	}
	espnic_cmd_abort(edev);
	/* The thread of vector 0 must not see the rings while they start anew. */
	disable_irq(pci_irq_vector(edev->pdev, 0));
	espnic_master_off(edev);
	/* What was wanted, also while this stopped the queues, begins here. */
	clear_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags);
	clear_bit(ESPNIC_DEV_REPORTED, &edev->flags);
}

static int espnic_reset_revive(struct espnic_dev *edev)
{
	const struct espnic_caps before = edev->caps;
	struct espnic_net *enet = edev->enet;
	int err;

	err = espnic_wait_ready(edev);
	if (err)
		return err;
	err = espnic_read_caps(edev);
	if (err)
		return err;
	/* What was promised to the stack on the old capabilities must still hold. */
	if (memcmp(&before, &edev->caps, sizeof(before))) {
		dev_err(edev->dev, "capabilities changed over a reset\n");
		edev->caps = before;
		return -EPROTO;
	}

	if (enet->set)
		espnic_queues_drain(enet);
	espnic_cmd_stop(edev);
	pci_set_master(edev->pdev);
	err = espnic_cmd_start(edev);
	enable_irq(pci_irq_vector(edev->pdev, 0));
	if (!err)
		err = espnic_bring_up(edev);
	if (!err && enet->set)
		err = espnic_queues_start(enet);
	/* For the next try, or for nobody. */
	if (err)
		disable_irq(pci_irq_vector(edev->pdev, 0));
	return err;
}

int espnic_reset_finish(struct espnic_dev *edev)
{
	struct espnic_net *enet = edev->enet;
	int err;

	err = espnic_reset_revive(edev);
	atomic_inc(&edev->resets);
	if (!err) {
		edev->reset_tries = 0;
		edev->heartbeat_misses = 0;
		clear_bit(ESPNIC_DEV_RESTART_WANTED, &edev->flags);
		clear_bit(ESPNIC_DEV_RESETTING, &edev->flags);
		netif_device_attach(enet->netdev);
		espnic_net_link(enet, espnic_read(edev, ESPNIC_REG_STATUS) & ESPNIC_STATUS_LINK_UP);
		espnic_health_good(edev);
		dev_info(edev->dev, "reset done\n");
		return 0;
	}

	espnic_cmd_abort(edev);
	espnic_master_off(edev);
	enable_irq(pci_irq_vector(edev->pdev, 0));
	if (espnic_gone(edev))
		return -ENODEV;
	edev->reset_tries++;
	dev_err(edev->dev, "reset failed (%d), try %u of %u\n", err, edev->reset_tries,
		ESPNIC_RESET_TRIES);
	if (edev->reset_tries < ESPNIC_RESET_TRIES)
		set_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags);
	else
		espnic_set_gone(edev);
	return err;
}

void espnic_reset_if_not_yet(struct espnic_dev *edev)
{
	u32 status;

	if (espnic_gone(edev))
		return;
	status = readl(edev->bar + ESPNIC_REG_STATUS);
	if (status != ESPNIC_ALL_ONES && (status & ESPNIC_STATUS_CMD_ENABLED))
		writel(ESPNIC_CTRL_RESET, edev->bar + ESPNIC_REG_CTRL);
}

int espnic_reset(struct espnic_dev *edev)
{
	espnic_reset_begin(edev);
	if (!espnic_gone(edev))
		writel(ESPNIC_CTRL_RESET, edev->bar + ESPNIC_REG_CTRL);
	return espnic_reset_finish(edev);
}

/* Queues that stopped or that gave impossible completions: new ones, the SAs stay. */
static void espnic_restart(struct espnic_dev *edev)
{
	struct espnic_net *enet = edev->enet;

	if (!enet->set)
		return;
	atomic_inc(&edev->restarts);
	netif_device_detach(enet->netdev);
	espnic_queues_stop(enet);
	if (espnic_queues_start(enet)) {
		espnic_request_reset(edev, "queues did not start again");
		return;
	}
	netif_device_attach(enet->netdev);
}

static void espnic_check_health(struct espnic_dev *edev)
{
	u32 status = espnic_read(edev, ESPNIC_REG_STATUS);
	u32 heartbeat = espnic_read(edev, ESPNIC_REG_FW_HEARTBEAT);

	if (espnic_gone(edev))
		return;
	if (status & ESPNIC_STATUS_FATAL) {
		dev_err(edev->dev, "fatal code %u\n", espnic_read(edev, ESPNIC_REG_FATAL_CODE));
		espnic_request_reset(edev, "the device stopped with a fatal error");
		return;
	}
	/* Reset by somebody behind our back: it knows no SA any more. */
	if (!(status & ESPNIC_STATUS_CMD_ENABLED)) {
		espnic_request_reset(edev, "the device has lost its state");
		return;
	}
	edev->heartbeat_misses = heartbeat == edev->heartbeat ? edev->heartbeat_misses + 1 : 0;
	edev->heartbeat = heartbeat;
	if (edev->heartbeat_misses >= ESPNIC_HEARTBEAT_MISSES)
		espnic_request_reset(edev, "the firmware has no heartbeat");
}

/* RTNL. */
static void espnic_look_after(struct espnic_dev *edev)
{
	if (test_bit(ESPNIC_DEV_FROZEN, &edev->flags))
		return;
	/* RESETTING here: a reset failed, and the next try is due. The first was reported. */
	if (test_bit(ESPNIC_DEV_RESETTING, &edev->flags)) {
		if (test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags))
			espnic_reset(edev);
		return;
	}
	/* Of a device that has failed nothing is expected until it is recovered. */
	if (!test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags)) {
		espnic_check_health(edev);
		espnic_cmd_look(edev);
		espnic_queues_look(edev->enet);
	}
	/* Not to be waited for. The service is called again, for the end. */
	if (espnic_gone(edev) || test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags))
		return;
	if (test_and_clear_bit(ESPNIC_DEV_RESTART_WANTED, &edev->flags))
		espnic_restart(edev);
}

void espnic_service(struct work_struct *work)
{
	struct espnic_dev *edev = container_of(to_delayed_work(work), struct espnic_dev, service);
	struct espnic_net *enet = edev->enet;

	if (espnic_gone(edev)) {
		rtnl_lock();
		netif_device_detach(enet->netdev);
		netif_carrier_off(enet->netdev);
		rtnl_unlock();
		espnic_cmd_reap(edev);
		espnic_health_report(edev);
		return;
	}

	rtnl_lock();
	espnic_look_after(edev);
	rtnl_unlock();
	if (test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags) &&
	    !test_bit(ESPNIC_DEV_RESETTING, &edev->flags))
		espnic_health_report(edev);

	espnic_cmd_reap(edev);
	/* Not mod_: a request that came meanwhile is due earlier. */
	if (!test_bit(ESPNIC_DEV_REMOVING, &edev->flags))
		queue_delayed_work(edev->wq, &edev->service, msecs_to_jiffies(ESPNIC_SERVICE_MS));
}
