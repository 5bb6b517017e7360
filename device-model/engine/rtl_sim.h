/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RTL engine (rtl-ref/rtl/espnic_esp_engine.sv), Verilated, as a library of its own: what rtl-ref/sim/sim.cpp offers to body
 * rtl and to tests. A model's clock stands still but in these calls, and packets go on in each of them.
 */
#ifndef ESPNIC_ENGINE_RTL_SIM_H
#define ESPNIC_ENGINE_RTL_SIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum espnic_rtl_limits {
	ESPNIC_RTL_SIM_VERSION = 2,	/* of struct espnic_rtl_sim_ops */
	ESPNIC_RTL_IV = 8,		/* bytes of an explicit IV */
};

struct espnic_rtl_model;			/* one; not for two threads at once */

struct espnic_rtl_sim_config {
	const char *trace;		/* FST file to write, or NULL; libraries built for it alone can */
	uint64_t trace_from;		/* the first clock that goes into it */
	uint64_t stalls;		/* other than 0: both ends of all streams stall at random, of this seed */
};

/* A packet to go in. Outbound named is not looked at, inbound use_seq and use_iv. */
struct espnic_rtl_packet {
	const uint8_t *data;		/* from the IP header on; copied */
	uint32_t len;			/* bytes, at least 1 */
	uint32_t sa;			/* index in the table */
	bool named;			/* inbound: sa is its SA, else it is looked up */
	bool use_seq, use_iv;
	uint64_t seq;
	uint8_t iv[ESPNIC_RTL_IV];
};

/* What became of one. */
struct espnic_rtl_answer {
	uint32_t sa;
	uint32_t verdict;		/* enum espnic_verdict */
	bool event, dummy;
	uint64_t seq;			/* with ESPNIC_OK */
	const uint8_t *data;		/* likewise, and not for a dummy; until the next pull */
	uint32_t len;
};

struct espnic_rtl_sim_ops {
	uint32_t version;

	/*
	 * A model, reset and ready for commands. NULL: cannot be, *@why is a constant text. A failed assertion of the RTL ends
	 * the program, in this and every call.
	 */
	struct espnic_rtl_model *(*open)(const struct espnic_rtl_sim_config *cfg, const char **why);
	void (*close)(struct espnic_rtl_model *model);

	/* Registers of rtl-ref/data/records.yaml (espnic_rtl_records.h), by their offset in bytes. */
	void (*write)(struct espnic_rtl_model *model, uint32_t reg, uint32_t value);
	uint32_t (*read)(struct espnic_rtl_model *model, uint32_t reg);

	/* Queues a packet; direction 0 is outbound, 1 inbound. Answers of a direction come in the order of its packets. */
	void (*push)(struct espnic_rtl_model *model, unsigned int dir, const struct espnic_rtl_packet *pkt);
	/* The next answer, if it and its bytes are there. */
	bool (*pull)(struct espnic_rtl_model *model, unsigned int dir, struct espnic_rtl_answer *answer);
	/* Up to @clocks clocks; stops behind one in which an answer or a packet became whole. */
	void (*step)(struct espnic_rtl_model *model, unsigned int clocks);
	/* Clocks since the model was made. */
	uint64_t (*clocks)(const struct espnic_rtl_model *model);
};

/* The library's one symbol. */
#define ESPNIC_RTL_SIM_SYMBOL "espnic_rtl_sim"
extern const struct espnic_rtl_sim_ops espnic_rtl_sim;

#ifdef __cplusplus
}
#endif

#endif
