/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware's files share among themselves. */
#ifndef ESPNIC_FW_INTERNAL_H
#define ESPNIC_FW_INTERNAL_H

#include <string.h>

#include "fw.h"

/* What a command is answered with. Zeroed: OK. */
struct espnic_fw_reply {
	uint16_t status;	/* enum espnic_cmd_status */
	uint32_t detail;
	uint32_t resp_len;	/* bytes written to resp_addr */
	uint64_t value;		/* the command's own result */
	bool pending;		/* it is answered later, by espnic_fw_complete() */
};

/* Byte offset of a body's field in the command entry: what `detail` names. */
#define ESPNIC_FW_OFF(type, field) \
	((uint32_t)(offsetof(struct espnic_cmd_entry, body) + offsetof(struct type, field)))

/* Fills in a refusal; returns false, so that checks can say `return espnic_fw_refuse(...)`. */
static inline bool espnic_fw_refuse(struct espnic_fw_reply *r, enum espnic_cmd_status status,
				    uint32_t detail)
{
	r->status = status;
	r->detail = detail;
	return false;
}

/* check.c: validation shared by commands. All return false with *@r filled in. */
bool espnic_fw_is_zero(const void *p, uint32_t len);
bool espnic_fw_check_zero(const void *p, uint32_t len, uint32_t off, struct espnic_fw_reply *r);
/* A selector as it stands in a command, its own offset in the entry @off; converts it to *@out. */
bool espnic_fw_check_selector(const struct espnic_cmd_selector *s, uint32_t off,
			      struct espnic_hal_selector *out, struct espnic_fw_reply *r);
/* An IPv4 (bytes 4 to 15 zero) or IPv6 address. */
bool espnic_fw_check_addr(uint8_t family, const uint8_t addr[16], uint32_t off,
			  struct espnic_fw_reply *r);
/* An SA as it stands in SA_ADD; fills in *@sa, whose key pointers then point into @c. */
bool espnic_fw_check_sa(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			struct espnic_hal_sa *sa, struct espnic_fw_reply *r);
/* transform.c: transforms, lengths and what is behind the keys of SA_ADD. False and *@r, or true. */
bool espnic_fw_check_transform(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			       struct espnic_fw_reply *r);
/* Limits at offset @off of the entry, for an SA of that kind of offload. */
bool espnic_fw_check_limits(const struct espnic_fw *fw, const struct espnic_sa_limits *l,
			    uint32_t off, uint8_t offload, struct espnic_hal_limits *out,
			    struct espnic_fw_reply *r);
/* A unicast MAC address, not zero. */
bool espnic_fw_check_mac(const uint8_t mac[ESPNIC_ETH_ALEN], uint32_t off, struct espnic_fw_reply *r);

/* cmd.c */
/* Looks at CMD_ENABLE and takes the rings into use. */
void espnic_fw_cmd_start(struct espnic_fw *fw);
/* Some commands; true when there are more. */
bool espnic_fw_cmd_poll(struct espnic_fw *fw);
/* Writes a completion. */
void espnic_fw_complete(struct espnic_fw *fw, uint16_t id, uint16_t opcode,
			const struct espnic_fw_reply *r);
/* Writes the response of the command in fw->entry, cut to its resp_len; or DMA_ERROR in *@r. */
void espnic_fw_respond(struct espnic_fw *fw, struct espnic_fw_reply *r, const void *buf, uint32_t len);

/* Handlers, by opcode; they read fw->entry. */
void espnic_fw_queue_create(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_queue_destroy(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_queue_moderation(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_queue_stats(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_port_set(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_rss_set(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_sa_add(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_sa_del(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_sa_query(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_sa_update(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_sa_window(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_policy_add(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_policy_del(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_policy_query(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_spd_commit(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_self_test(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_get_info(struct espnic_fw *fw, struct espnic_fw_reply *r);
void espnic_fw_get_stats(struct espnic_fw *fw, struct espnic_fw_reply *r);

/* sa.c: the SA of exactly this handle, or NULL. */
struct espnic_fw_sa *espnic_fw_sa_by_handle(struct espnic_fw *fw, uint32_t handle);

/* twin.c */
struct espnic_fw_names espnic_fw_names_of(const struct espnic_fw *fw,
					  const struct espnic_cmd_sa_add *c);
/* @sa (its names and direction) can be found from now on; @live: its live twin, NULL: none. */
void espnic_fw_names_keep(struct espnic_fw *fw, struct espnic_fw_sa *sa, struct espnic_fw_sa *live);
void espnic_fw_names_drop(struct espnic_fw *fw, struct espnic_fw_sa *sa);
/* Whether an inbound SA of another key, live or dormant, has this place. */
bool espnic_fw_place_taken(struct espnic_fw *fw, const struct espnic_fw_names *n);
/* The live SA of that direction, key and salt, or NULL. */
struct espnic_fw_sa *espnic_fw_live(struct espnic_fw *fw, const struct espnic_fw_names *n);
/* The newest dormant twin of the live SA @live, or NULL. */
struct espnic_fw_sa *espnic_fw_heir(struct espnic_fw *fw, const struct espnic_fw_sa *live);
/* The last number sent by a deleted outbound SA of that key and salt; 0: not known. */
uint64_t espnic_fw_spent(struct espnic_fw *fw, const struct espnic_fw_names *n);
/* An outbound SA is gone that had come to @seq; the oldest of ESPNIC_FW_SPENT is forgotten. */
void espnic_fw_spent_keep(struct espnic_fw *fw, const struct espnic_fw_names *n, uint64_t seq);

/* All of this is forgotten, and the SAs with it. */
void espnic_fw_names_wipe(struct espnic_fw *fw);

/* lease.c */
/* The last sequence number of an SA. */
uint64_t espnic_fw_last_seq(bool esn);
/*
 * The first lease of @sa, which is to be added as @hal, @live its live twin or NULL. True and the
 * lease is in both, or there is to be none; false: the word could not be written, *@r says so.
 */
bool espnic_fw_lease_first(struct espnic_fw *fw, struct espnic_fw_sa *sa, struct espnic_hal_sa *hal,
			   const struct espnic_fw_sa *live, struct espnic_fw_reply *r);
/* @sa, which has a lease, has come to @seq: half a lease must be ahead, at once or when it can be. */
void espnic_fw_lease_ahead(struct espnic_fw *fw, struct espnic_fw_sa *sa, uint64_t seq);
/* The hardware says that @handle has come to @seq, half of its lease. */
void espnic_fw_lease_low(struct espnic_fw *fw, uint32_t handle, uint64_t seq);
/* @sa is gone. */
void espnic_fw_lease_drop(struct espnic_fw *fw, struct espnic_fw_sa *sa);
/* Tries again what failed; @now in milliseconds. */
void espnic_fw_lease_poll(struct espnic_fw *fw, uint64_t now);

/* policy.c: deletions under way; @now in milliseconds. */
void espnic_fw_drain_poll(struct espnic_fw *fw, uint64_t now);

/* event.c: some events; true when there are more. */
bool espnic_fw_event_poll(struct espnic_fw *fw);
/* Writes one event, or counts it as lost. */
void espnic_fw_event_post(struct espnic_fw *fw, const struct espnic_hal_event *ev);

/* selftest.c */
enum espnic_fw_test { ESPNIC_FW_TEST_MORE, ESPNIC_FW_TEST_PASSED, ESPNIC_FW_TEST_FAILED };
enum { ESPNIC_FW_KAT_PAYLOAD = 48 };	/* bytes behind the IPv4 header of the clear packet */

/* A known-answer packet: transport mode over IPv4. */
struct espnic_fw_kat {
	struct espnic_hal_sa sa;	/* transform, keys, ESN, SPI, the number before its own; the rest is filled in */
	const uint8_t *iv;		/* explicit IV */
	const uint8_t *text;		/* payload and trailer, encrypted; NULL: in clear */
	const uint8_t *icv;
	uint8_t iv_len, text_len;	/* bytes */
};

/* Protects, unprotects, and unprotects with one bit wrong: MORE, or FAILED and *@verdict. */
enum espnic_fw_test espnic_fw_kat_run(struct espnic_fw *fw, struct espnic_fw_kat *k, uint32_t *verdict);
/* selftest_suites.c: as espnic_fw_self_test_step(), of what is not AES-GCM. */
enum espnic_fw_test espnic_fw_suite_test_step(struct espnic_fw *fw, uint32_t step, uint32_t *verdict);
/* Runs test number @step; *@verdict: what the engine said when it failed. */
enum espnic_fw_test espnic_fw_self_test_step(struct espnic_fw *fw, uint32_t step, uint32_t *verdict);

/* digest.c: SipHash-2-4 with 128 bits of output. */
struct espnic_fw_digest espnic_fw_digest(const uint8_t key[16], const uint8_t *p, uint32_t len);

/* health.c */
/* The device has stopped for good: nothing passes, keys are gone, FATAL_CODE says why. */
void espnic_fw_fatal(struct espnic_fw *fw, enum espnic_fatal code);
/* What a failed access to the host's rings means: a reset, or the end. */
void espnic_fw_dma_failed(struct espnic_fw *fw, uint32_t dma);
/* Zeroes @len bytes at @p; never optimised away. */
void espnic_fw_wipe(void *p, uint32_t len);

#endif
