/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCIe function: registers, queue pairs, the threads that serve them. It is
 * made, joined to a bus, started, and then lives by itself until stopped.
 */
#ifndef ESPNIC_NIC_NIC_H
#define ESPNIC_NIC_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "espnic_regs.h"
#include "nic/bus.h"
#include "nic/caps.h"
#include "wire/wire.h"

struct espnic_faults;
struct espnic_nic;
struct espnic_pcap;

/*
 * What a NIC is made of. All of it is borrowed: the caller keeps it alive, and closes it after
 * destroy.
 */
struct espnic_nic_config {
	const struct espnic_engine_ops *engine;
	struct espnic_wire *wire;
	struct espnic_pcap *pcap;		/* NULL: no recording */
	struct espnic_faults *faults;		/* NULL: none, whatever happens */
	unsigned int queues;			/* 1 to ESPNIC_MAX_QUEUE_PAIRS */
	unsigned int workers;			/* TX threads, 1 to queues */
	uint8_t mac[ESPNIC_ETH_ALEN];		/* the permanent address */
	struct espnic_caps hidden;		/* capabilities the device is to lack */
	bool trace;				/* named events to stderr */
};

/* NULL: out of memory. Free with espnic_nic_destroy. */
struct espnic_nic *espnic_nic_create(const struct espnic_nic_config *cfg);
void espnic_nic_destroy(struct espnic_nic *nic);

/* What the bus is given, with the NIC as its context. */
extern const struct espnic_fn_ops espnic_nic_fn_ops;

/*
 * Joins the NIC to @bus (context @ctx) and starts its threads: the first thing they do is a
 * reset. 0 or a negative errno, then nothing runs.
 */
int espnic_nic_start(struct espnic_nic *nic, const struct espnic_bus_ops *bus, void *ctx);

/*
 * Stops all threads, wipes SAs, keys and policies. The bus must not call the NIC any more. Also
 * right when espnic_nic_start failed or was never called.
 */
void espnic_nic_stop(struct espnic_nic *nic);

/* For people and tests; no secrets. Any thread. */
struct espnic_nic_status {
	uint64_t counters[ESPNIC_COUNTER_COUNT];
	uint32_t status;			/* ESPNIC_STATUS_* */
	uint32_t fatal;				/* enum espnic_fatal */
	uint32_t fw_version;			/* as in FW_VERSION */
	uint32_t heartbeat;
	uint64_t resets;			/* since the start, the first one included */
	uint32_t sas, policies;
	const char *engine, *core, *wire;
	unsigned int queues, workers;
	struct {
		bool running;
		uint64_t counters[ESPNIC_QUEUE_COUNTER_COUNT];
	} queue[ESPNIC_MAX_QUEUE_PAIRS];
};

void espnic_nic_get_status(struct espnic_nic *nic, struct espnic_nic_status *st);

#endif
