// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every field of every command out of its range: one line a case. A lawful command is
 * taken, one field overwritten, and the refusal must carry exactly that status and byte
 * offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

static struct fake fake, fresh_fake;
static struct espnic_fw fw, fresh_fw;

enum prep {
	P_NONE,
	P_TRANSPORT,		/* SA: transport mode, no L2, no source needed */
	P_CRYPTO,		/* SA: crypto offload */
	P_IN,			/* SA: inbound tunnel */
	P_NO_ESN,
	P_ENCAP,		/* SA: UDP encapsulation */
	P_BLOCK,		/* policy: DISCARD, no template */
	P_POLICY_TRANSPORT,	/* policy: transport template */
	P_SPORT,		/* policy: source ports from 1 on */
	P_CAPS_NONE,		/* CAP_IPSEC, CAP_TRANSFORMS, CAP_OFFLOAD are 0 */
	P_SA_IN,		/* the SA that is there is inbound */
	P_SA_CRYPTO,		/* the SA that is there is of crypto offload */
	P_NOT_THERE,		/* the object was not made before */
	P_TWICE,		/* the command was done once before */
	P_NO_DORMANT,		/* the same, and the device knows no dormant SAs */
	P_CCM, P_CHACHA, P_GMAC,	/* SA: of that AEAD */
	P_CBC,			/* SA: AES-CBC with HMAC-SHA2-256-128 */
	P_NULL,			/* SA: NULL with AES-CMAC-96 */
	P_OPAQUE,		/* selector: OPAQUE protocol and ports */
};

struct row {
	const char *name;
	uint16_t opcode;
	enum prep prep;
	uint32_t off;		/* in the entry */
	uint32_t width;		/* bytes; 0: overwrite nothing */
	uint64_t value;
	enum espnic_cmd_status status;
	uint32_t detail;
};

#define B(type, field) (32 + (uint32_t)offsetof(struct espnic_cmd_##type, field))
#define W(type, field) (uint32_t)sizeof(((struct espnic_cmd_##type *)0)->field)
/* Field @field of command @op (body @type) set to @value is refused with @st and its own offset. */
#define BAD(op, type, prep, field, value, st) \
	{ #op " " #field "=" #value " (" #prep ")", ESPNIC_OPCODE_##op, prep, B(type, field), \
	  W(type, field), value, ESPNIC_CMD_STATUS_##st, B(type, field) }
/* The first byte of an array field. */
#define BADBYTE(op, type, prep, field, index, value, st, det) \
	{ #op " " #field "[" #index "]=" #value " (" #prep ")", ESPNIC_OPCODE_##op, prep, \
	  B(type, field) + index, 1, value, ESPNIC_CMD_STATUS_##st, B(type, field) + det }
#define OTHER(op, type, prep, field, value, st, det) \
	{ #op " " #field "=" #value " (" #prep ")", ESPNIC_OPCODE_##op, prep, B(type, field), \
	  W(type, field), value, ESPNIC_CMD_STATUS_##st, det }
#define HDR(op, field, value, st, det) \
	{ #op " hdr." #field "=" #value, ESPNIC_OPCODE_##op, P_NONE, \
	  offsetof(struct espnic_cmd_hdr, field), sizeof(((struct espnic_cmd_hdr *)0)->field), \
	  value, ESPNIC_CMD_STATUS_##st, det }

static const struct row rows[] = {
	/* Header */
	HDR(NOP, opcode, 0x0004, BAD_OPCODE, 0),
	HDR(NOP, opcode, 0xffff, BAD_OPCODE, 0),
	HDR(NOP, len, 481, BAD_LENGTH, 0),
	HDR(NOP, len, 0xffff, BAD_LENGTH, 0),
	HDR(NOP, flags, 1, BAD_FIELD, 6),
	HDR(NOP, reserved0, 1, BAD_FIELD, 20),
	HDR(NOP, reserved1, 1ull << 63, BAD_FIELD, 24),
	HDR(SA_ADD, len, 335, BAD_LENGTH, 336),
	HDR(SA_DEL, len, 7, BAD_LENGTH, 8),
	HDR(SA_QUERY, len, 0, BAD_LENGTH, 8),
	HDR(SA_WINDOW, len, 7, BAD_LENGTH, 8),
	HDR(SA_UPDATE, len, 63, BAD_LENGTH, 64),
	HDR(POLICY_ADD, len, 159, BAD_LENGTH, 160),
	HDR(POLICY_DEL, len, 7, BAD_LENGTH, 8),
	HDR(POLICY_QUERY, len, 7, BAD_LENGTH, 8),
	HDR(QUEUE_CREATE, len, 63, BAD_LENGTH, 64),
	HDR(QUEUE_DESTROY, len, 7, BAD_LENGTH, 8),
	HDR(QUEUE_MODERATION, len, 23, BAD_LENGTH, 24),
	HDR(QUEUE_STATS, len, 7, BAD_LENGTH, 8),
	HDR(PORT_SET, len, 15, BAD_LENGTH, 16),
	HDR(RSS_SET, len, 183, BAD_LENGTH, 184),
	/* Responses that cannot be written */
	HDR(GET_INFO, resp_addr, 0x1000, DMA_ERROR, 0),
	HDR(GET_STATS, resp_addr, UINT64_MAX - 3, DMA_ERROR, 0),
	HDR(SA_QUERY, resp_addr, FAKE_BASE + FAKE_MEM_SIZE - 127, DMA_ERROR, 0),
	HDR(POLICY_QUERY, resp_addr, FAKE_BASE - 1, DMA_ERROR, 0),
	HDR(QUEUE_STATS, resp_addr, 0, DMA_ERROR, 0),

	/* QUEUE_CREATE */
	BAD(QUEUE_CREATE, queue_create, P_NONE, queue, FAKE_QUEUES, BAD_HANDLE),
	BAD(QUEUE_CREATE, queue_create, P_NONE, queue, 0xffffffff, BAD_HANDLE),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_log2, 5, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_log2, 13, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_log2, 255, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, rx_log2, 5, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, rx_log2, 13, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, vector, FAKE_QUEUES + 1, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_addr, 0x10800, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_addr, 0xfffffffffffff000, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, tx_cpl_addr, 0x10001, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, rx_addr, 0x10020, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, rx_cpl_addr, 0x10010, BAD_FIELD),
	BAD(QUEUE_CREATE, queue_create, P_NONE, ctrl_addr, 0x50040, BAD_FIELD),
	BADBYTE(QUEUE_CREATE, queue_create, P_NONE, reserved, 15, 1, BAD_FIELD, 0),
	OTHER(QUEUE_CREATE, queue_create, P_TWICE, queue, 2, EXISTS, B(queue_create, queue)),

	/* QUEUE_DESTROY, QUEUE_STATS */
	BAD(QUEUE_DESTROY, queue, P_NONE, queue, FAKE_QUEUES, BAD_HANDLE),
	BAD(QUEUE_DESTROY, queue, P_NONE, reserved, 1, BAD_FIELD),
	OTHER(QUEUE_DESTROY, queue, P_NONE, queue, 1, NOT_FOUND, 0),
	BAD(QUEUE_STATS, queue, P_NONE, queue, 0x80000000, BAD_HANDLE),
	BAD(QUEUE_STATS, queue, P_NONE, reserved, 0x80000000, BAD_FIELD),
	OTHER(QUEUE_STATS, queue, P_NOT_THERE, queue, 2, NOT_FOUND, 0),

	/* QUEUE_MODERATION */
	BAD(QUEUE_MODERATION, queue_moderation, P_NONE, queue, FAKE_QUEUES, BAD_HANDLE),
	BAD(QUEUE_MODERATION, queue_moderation, P_NONE, tx_usecs, 10001, BAD_FIELD),
	BAD(QUEUE_MODERATION, queue_moderation, P_NONE, rx_usecs, 10001, BAD_FIELD),
	BAD(QUEUE_MODERATION, queue_moderation, P_NONE, reserved, 1, BAD_FIELD),
	BAD(QUEUE_MODERATION, queue_moderation, P_CAPS_NONE, tx_usecs, 1, UNSUPPORTED),
	OTHER(QUEUE_MODERATION, queue_moderation, P_NONE, queue, 0, NOT_FOUND, 0),

	/* PORT_SET */
	BAD(PORT_SET, port_set, P_NONE, flags, 4, BAD_FIELD),
	BAD(PORT_SET, port_set, P_NONE, mtu, 67, BAD_FIELD),
	BAD(PORT_SET, port_set, P_NONE, mtu, 9601, BAD_FIELD),
	BAD(PORT_SET, port_set, P_NONE, reserved, 1, BAD_FIELD),
	BADBYTE(PORT_SET, port_set, P_NONE, mac, 0, 0x03, BAD_FIELD, 0),
	{ "PORT_SET mac zero", ESPNIC_OPCODE_PORT_SET, P_NONE, B(port_set, mac), 6, 0,
	  ESPNIC_CMD_STATUS_BAD_FIELD, B(port_set, mac) },

	/* RSS_SET */
	BAD(RSS_SET, rss_set, P_NONE, flags, 4, BAD_FIELD),
	BAD(RSS_SET, rss_set, P_CAPS_NONE, flags, 1, UNSUPPORTED),
	BADBYTE(RSS_SET, rss_set, P_NONE, table, 0, FAKE_QUEUES, BAD_FIELD, 0),
	BADBYTE(RSS_SET, rss_set, P_NONE, table, 127, 0xff, BAD_FIELD, 127),
	BADBYTE(RSS_SET, rss_set, P_NONE, reserved, 11, 1, BAD_FIELD, 0),

	/* SA_ADD */
	BAD(SA_ADD, sa_add, P_NONE, handle, 0, BAD_HANDLE),
	BAD(SA_ADD, sa_add, P_NONE, handle, 0xfff00000, BAD_HANDLE),
	BAD(SA_ADD, sa_add, P_NONE, handle, FAKE_SAS + 1, BAD_HANDLE),
	BAD(SA_ADD, sa_add, P_TWICE, handle, 9 << 20 | 1, EXISTS),
	OTHER(SA_ADD, sa_add, P_TWICE, handle, 2, OK, 0), /* a twin */
	OTHER(SA_ADD, sa_add, P_NO_DORMANT, handle, 2, EXISTS, B(sa_add, enc_key)),
	BAD(SA_ADD, sa_add, P_NONE, spi, 255, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, spi, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, flags, 0x40, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, flags, 0x80000000, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_TRANSPORT, flags, ESPNIC_CMD_SA_ADD_L2, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_IN, flags, ESPNIC_CMD_SA_ADD_L2, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CRYPTO, flags, ESPNIC_CMD_SA_ADD_SELECTOR, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CRYPTO, flags, ESPNIC_CMD_SA_ADD_UDP_ENCAP, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, dir, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, dir, 3, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, offload, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, offload, 3, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CAPS_NONE, offload, 2, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CAPS_NONE, offload, 1, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, mode, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, mode, 3, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, proto, 51, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, proto, 108, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, family, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, family, 5, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, enc_alg, 0, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, enc_alg, 9, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, enc_alg, 255, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, enc_key_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, enc_key_len, 20, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, enc_key_len, 33, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, enc_key_len, 255, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, icv_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, icv_len, 10, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, icv_len, 17, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, auth_alg, 1, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, auth_key_len, 20, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, salt_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, salt_len, 8, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CCM, salt_len, 4, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_CCM, salt, 3, 1, BAD_FIELD, 3),
	OTHER(SA_ADD, sa_add, P_CCM, icv_len, 8, OK, 0),
	BAD(SA_ADD, sa_add, P_CCM, icv_len, 4, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CCM, enc_key_len, 19, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CHACHA, enc_key_len, 16, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CHACHA, enc_key_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CHACHA, icv_len, 12, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_GMAC, icv_len, 8, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_GMAC, auth_alg, ESPNIC_AUTH_ALG_HMAC_SHA1_96, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CBC, auth_alg, ESPNIC_AUTH_ALG_NONE, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, auth_alg, 8, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CBC, auth_alg, 255, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CBC, auth_key_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, auth_key_len, 31, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, auth_key_len, 65, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, icv_len, 12, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, icv_len, 32, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, enc_key_len, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CBC, salt_len, 4, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_CBC, salt, 0, 1, BAD_FIELD, 0),
	BADBYTE(SA_ADD, sa_add, P_CBC, auth_key, 32, 1, BAD_FIELD, 32),
	BAD(SA_ADD, sa_add, P_NULL, enc_key_len, 16, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_NULL, enc_key, 0, 1, BAD_FIELD, 0),
	BAD(SA_ADD, sa_add, P_NULL, auth_alg, ESPNIC_AUTH_ALG_NONE, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, ttl, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, dscp, 64, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, df, 3, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, mtu, 67, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, mtu, 9601, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_NONE, enc_key, 16, 1, BAD_FIELD, 16),
	BADBYTE(SA_ADD, sa_add, P_NONE, enc_key, 31, 1, BAD_FIELD, 16),
	BADBYTE(SA_ADD, sa_add, P_NONE, salt, 4, 1, BAD_FIELD, 4),
	BADBYTE(SA_ADD, sa_add, P_NONE, auth_key, 63, 1, BAD_FIELD, 0),
	BADBYTE(SA_ADD, sa_add, P_NONE, saddr, 4, 1, BAD_FIELD, 0),
	BADBYTE(SA_ADD, sa_add, P_NONE, daddr, 15, 1, BAD_FIELD, 0),
	{ "SA_ADD saddr zero", ESPNIC_OPCODE_SA_ADD, P_NONE, B(sa_add, saddr), 4, 0,
	  ESPNIC_CMD_STATUS_BAD_FIELD, B(sa_add, saddr) },
	{ "SA_ADD daddr zero", ESPNIC_OPCODE_SA_ADD, P_NONE, B(sa_add, daddr), 4, 0,
	  ESPNIC_CMD_STATUS_BAD_FIELD, B(sa_add, daddr) },
	BAD(SA_ADD, sa_add, P_NONE, encap_sport, 4500, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, encap_dport, 4500, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_ENCAP, encap_sport, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_ENCAP, encap_dport, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_IN, replay_window, 31, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_IN, replay_window, 4097, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, replay_window, 0x80000000, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NO_ESN, seq, 0x100000000, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_NONE, dst_mac, 0, 0x01, BAD_FIELD, 0),
	BADBYTE(SA_ADD, sa_add, P_NONE, src_mac, 0, 0xff, BAD_FIELD, 0),
	{ "SA_ADD dst_mac zero", ESPNIC_OPCODE_SA_ADD, P_NONE, B(sa_add, dst_mac), 6, 0,
	  ESPNIC_CMD_STATUS_BAD_FIELD, B(sa_add, dst_mac) },
	BADBYTE(SA_ADD, sa_add, P_TRANSPORT, dst_mac, 5, 1, BAD_FIELD, 0),
	BADBYTE(SA_ADD, sa_add, P_TRANSPORT, src_mac, 5, 1, BAD_FIELD, 0),
	BAD(SA_ADD, sa_add, P_NONE, sel.family, 5, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, sel.src_plen, 129, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, sel.dst_plen, 255, BAD_FIELD),
	OTHER(SA_ADD, sa_add, P_NONE, sel.family, 4, BAD_FIELD, B(sa_add, sel.src_plen)),
	OTHER(SA_ADD, sa_add, P_NONE, sel.family, 0, BAD_FIELD, B(sa_add, sel.src_plen)),
	BAD(SA_ADD, sa_add, P_NONE, sel.dport_max, 3999, BAD_FIELD),
	OTHER(SA_ADD, sa_add, P_NONE, sel.dport_min, 5001, BAD_FIELD, B(sa_add, sel.dport_max)),
	BADBYTE(SA_ADD, sa_add, P_NONE, sel.reserved, 3, 1, BAD_FIELD, 0),
	OTHER(SA_ADD, sa_add, P_OPAQUE, sel.sport_min, 65534, BAD_FIELD, B(sa_add, sel.sport_max)),
	BAD(SA_ADD, sa_add, P_OPAQUE, sel.dport_max, 1, BAD_FIELD),
	OTHER(SA_ADD, sa_add, P_OPAQUE, sel.family, 4, BAD_FIELD, B(sa_add, sel.proto)),
	OTHER(SA_ADD, sa_add, P_OPAQUE, sel.family, 0, OK, 0),
	BAD(SA_ADD, sa_add, P_NONE, limits.soft_packets, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, limits.hard_packets, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, limits.soft_bytes, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, limits.hard_bytes, 0, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CRYPTO, limits.soft_packets, 1, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_CRYPTO, limits.hard_bytes, 1000, UNSUPPORTED),
	BAD(SA_ADD, sa_add, P_NONE, reserved0, 1, BAD_FIELD),
	BADBYTE(SA_ADD, sa_add, P_NONE, reserved, 47, 1, BAD_FIELD, 0),
	BAD(SA_ADD, sa_add, P_NONE, lease_addr, FAKE_RESP + 4, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, lease_addr, 1, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_IN, lease_addr, FAKE_RESP, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_CRYPTO, lease_addr, FAKE_RESP, BAD_FIELD),
	BAD(SA_ADD, sa_add, P_NONE, lease_addr, 8, DMA_ERROR),
	BAD(SA_ADD, sa_add, P_NONE, lease_addr, 0xfffffffffffffff8, DMA_ERROR),
	OTHER(SA_ADD, sa_add, P_NONE, lease_addr, FAKE_RESP, OK, 0),

	/* SA_DEL, SA_QUERY */
	BAD(SA_DEL, sa, P_NONE, handle, 0, BAD_HANDLE),
	BAD(SA_DEL, sa, P_NONE, handle, FAKE_SAS + 1, BAD_HANDLE),
	BAD(SA_DEL, sa, P_NONE, reserved, 1, BAD_FIELD),
	OTHER(SA_DEL, sa, P_NONE, handle, 8 << 20 | 1, NOT_FOUND, 0),
	OTHER(SA_DEL, sa, P_NONE, handle, 1, NOT_FOUND, 0),
	OTHER(SA_DEL, sa, P_NONE, handle, 7 << 20 | 2, NOT_FOUND, 0),
	BAD(SA_QUERY, sa, P_NONE, handle, 0x000fffff, BAD_HANDLE),
	BAD(SA_QUERY, sa, P_NONE, reserved, 0x100, BAD_FIELD),
	OTHER(SA_QUERY, sa, P_NOT_THERE, handle, 7 << 20 | 1, NOT_FOUND, 0),
	BAD(SA_WINDOW, sa, P_SA_IN, handle, FAKE_SAS + 1, BAD_HANDLE),
	BAD(SA_WINDOW, sa, P_SA_IN, reserved, 1, BAD_FIELD),
	OTHER(SA_WINDOW, sa, P_SA_IN, handle, 7 << 20 | 2, NOT_FOUND, 0),
	BAD(SA_WINDOW, sa, P_NONE, handle, 7 << 20 | 1, BAD_FIELD),
	BAD(SA_WINDOW, sa, P_SA_CRYPTO, handle, 7 << 20 | 1, BAD_FIELD),

	/* SA_UPDATE */
	BAD(SA_UPDATE, sa_update, P_NONE, handle, 0, BAD_HANDLE),
	OTHER(SA_UPDATE, sa_update, P_NONE, handle, 6 << 20 | 1, NOT_FOUND, 0),
	BAD(SA_UPDATE, sa_update, P_NONE, flags, 16, BAD_FIELD),
	BAD(SA_UPDATE, sa_update, P_NONE, flags,
	    ESPNIC_CMD_SA_UPDATE_DYING | ESPNIC_CMD_SA_UPDATE_ALIVE, BAD_FIELD),
	BAD(SA_UPDATE, sa_update, P_SA_IN, flags, ESPNIC_CMD_SA_UPDATE_L2, BAD_FIELD),
	BADBYTE(SA_UPDATE, sa_update, P_NONE, dst_mac, 0, 1, BAD_FIELD, 0),
	BADBYTE(SA_UPDATE, sa_update, P_NONE, src_mac, 0, 1, BAD_FIELD, 0),
	BAD(SA_UPDATE, sa_update, P_NONE, reserved, 1, BAD_FIELD),
	BAD(SA_UPDATE, sa_update, P_NONE, reserved1, 1, BAD_FIELD),
	BAD(SA_UPDATE, sa_update, P_NONE, limits.soft_packets, 0, BAD_FIELD),
	BAD(SA_UPDATE, sa_update, P_NONE, limits.hard_bytes, 0, BAD_FIELD),
	OTHER(SA_UPDATE, sa_update, P_SA_CRYPTO, flags, ESPNIC_CMD_SA_UPDATE_LIMITS, UNSUPPORTED,
	      B(sa_update, limits.soft_packets)),

	/* POLICY_ADD */
	BAD(POLICY_ADD, policy_add, P_NONE, id, 0, BAD_HANDLE),
	BAD(POLICY_ADD, policy_add, P_NONE, id, FAKE_POLICIES + 1, BAD_HANDLE),
	BAD(POLICY_ADD, policy_add, P_TWICE, id, 3, EXISTS),
	BAD(POLICY_ADD, policy_add, P_NONE, dir, 0, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, dir, 4, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_CAPS_NONE, dir, ESPNIC_CMD_POLICY_DIR_FWD, UNSUPPORTED),
	BAD(POLICY_ADD, policy_add, P_NONE, action, 0, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, action, 4, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_CAPS_NONE, action, ESPNIC_CMD_POLICY_ACTION_PROTECT, UNSUPPORTED),
	OTHER(POLICY_ADD, policy_add, P_NONE, action, ESPNIC_CMD_POLICY_ACTION_BYPASS, BAD_FIELD,
	      B(policy_add, tmpl_mode)),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_mode, 0, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_mode, 3, BAD_FIELD),
	OTHER(POLICY_ADD, policy_add, P_NONE, tmpl_mode, ESPNIC_CMD_SA_MODE_TRANSPORT, BAD_FIELD,
	      B(policy_add, tmpl_family)),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_proto, 51, UNSUPPORTED),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_proto, 0, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_family, 0, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_family, 7, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, tmpl_spi, 255, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, tmpl_saddr, 4, 1, BAD_FIELD, 0),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, tmpl_daddr, 15, 1, BAD_FIELD, 0),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, reserved0, 2, 1, BAD_FIELD, 0),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, reserved1, 55, 1, BAD_FIELD, 0),
	BAD(POLICY_ADD, policy_add, P_BLOCK, tmpl_mode, 1, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_BLOCK, tmpl_proto, 50, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_BLOCK, tmpl_family, 4, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_BLOCK, tmpl_reqid, 1, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_BLOCK, tmpl_spi, 256, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_BLOCK, tmpl_saddr, 0, 1, BAD_FIELD, 0),
	BADBYTE(POLICY_ADD, policy_add, P_BLOCK, tmpl_daddr, 0, 1, BAD_FIELD, 0),
	BAD(POLICY_ADD, policy_add, P_POLICY_TRANSPORT, tmpl_family, 4, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_POLICY_TRANSPORT, tmpl_daddr, 3, 1, BAD_FIELD, 0),
	BAD(POLICY_ADD, policy_add, P_NONE, sel.family, 1, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, sel.src_plen, 33, BAD_FIELD),
	BAD(POLICY_ADD, policy_add, P_NONE, sel.dst_plen, 33, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, sel.saddr, 4, 1, BAD_FIELD, 0),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, sel.daddr, 4, 1, BAD_FIELD, 0),
	BAD(POLICY_ADD, policy_add, P_POLICY_TRANSPORT, sel.dst_plen, 1, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_POLICY_TRANSPORT, sel.daddr, 0, 1, BAD_FIELD, 0),
	OTHER(POLICY_ADD, policy_add, P_POLICY_TRANSPORT, sel.sport_max, 0, OK, 0),
	BAD(POLICY_ADD, policy_add, P_SPORT, sel.sport_max, 0, BAD_FIELD),
	BADBYTE(POLICY_ADD, policy_add, P_NONE, sel.reserved, 0, 1, BAD_FIELD, 0),
	BAD(POLICY_ADD, policy_add, P_OPAQUE, sel.sport_max, 65534, BAD_FIELD),
	OTHER(POLICY_ADD, policy_add, P_OPAQUE, sel.dport_min, 1, BAD_FIELD, B(policy_add, sel.dport_max)),
	OTHER(POLICY_ADD, policy_add, P_OPAQUE, sel.family, 4, BAD_FIELD, B(policy_add, sel.proto)),

	/* POLICY_DEL, POLICY_QUERY */
	BAD(POLICY_DEL, policy, P_NONE, id, 0, BAD_HANDLE),
	BAD(POLICY_DEL, policy, P_NONE, id, FAKE_POLICIES + 1, BAD_HANDLE),
	BAD(POLICY_DEL, policy, P_NONE, reserved, 1, BAD_FIELD),
	OTHER(POLICY_DEL, policy, P_NONE, id, 4, NOT_FOUND, 0),
	BAD(POLICY_QUERY, policy, P_NONE, id, 0xffffffff, BAD_HANDLE),
	BAD(POLICY_QUERY, policy, P_NONE, reserved, 1, BAD_FIELD),
	OTHER(POLICY_QUERY, policy, P_NOT_THERE, id, 3, NOT_FOUND, 0),
};

/* The suite of these transforms, with keys that fit. */
static void suite(struct espnic_cmd_sa_add *c, uint8_t enc, uint8_t auth)
{
	static const struct {
		uint8_t key_len, salt_len, icv_len;
	} encs[] = {
		[ESPNIC_ENC_ALG_AES_GCM] = { 16, 4, 16 }, [ESPNIC_ENC_ALG_AES_GMAC] = { 24, 4, 16 },
		[ESPNIC_ENC_ALG_AES_CCM] = { 16, 3, 16 },
		[ESPNIC_ENC_ALG_CHACHA20_POLY1305] = { 32, 4, 16 },
		[ESPNIC_ENC_ALG_AES_CBC] = { 32, 0, 0 }, [ESPNIC_ENC_ALG_AES_CTR] = { 16, 4, 0 },
		[ESPNIC_ENC_ALG_DES3_CBC] = { 24, 0, 0 }, [ESPNIC_ENC_ALG_NULL] = { 0, 0, 0 },
	};
	static const uint8_t auth_key[] = { 0, 16, 20, 32, 48, 64, 16, 16 };
	static const uint8_t auth_icv[] = { 0, 12, 12, 16, 24, 32, 12, 12 };

	c->enc_alg = enc;
	c->enc_key_len = encs[enc].key_len;
	c->salt_len = encs[enc].salt_len;
	c->auth_alg = auth;
	c->auth_key_len = auth_key[auth];
	c->icv_len = auth ? auth_icv[auth] : encs[enc].icv_len;
	memset(c->enc_key, 0, sizeof(c->enc_key));
	memset(c->enc_key, 0x11, c->enc_key_len);
	memset(c->salt, 0, sizeof(c->salt));
	memset(c->salt, 0x22, c->salt_len);
	memset(c->auth_key, 0, sizeof(c->auth_key));
	memset(c->auth_key, 0x33, c->auth_key_len);
}

static void opaque(struct espnic_cmd_selector *s)
{
	memset(s, 0, sizeof(*s));
	s->family = 6;
	s->proto = 255;
	s->sport_min = s->dport_min = UINT16_MAX;
}

static void prepare_sa(struct espnic_cmd_sa_add *c, enum prep prep)
{
	switch (prep) {
	case P_CCM:
		suite(c, ESPNIC_ENC_ALG_AES_CCM, ESPNIC_AUTH_ALG_NONE);
		break;
	case P_CHACHA:
		suite(c, ESPNIC_ENC_ALG_CHACHA20_POLY1305, ESPNIC_AUTH_ALG_NONE);
		break;
	case P_GMAC:
		suite(c, ESPNIC_ENC_ALG_AES_GMAC, ESPNIC_AUTH_ALG_NONE);
		break;
	case P_CBC:
		suite(c, ESPNIC_ENC_ALG_AES_CBC, ESPNIC_AUTH_ALG_HMAC_SHA256_128);
		break;
	case P_NULL:
		suite(c, ESPNIC_ENC_ALG_NULL, ESPNIC_AUTH_ALG_AES_CMAC_96);
		break;
	case P_OPAQUE:
		opaque(&c->sel);
		break;
	case P_TRANSPORT:
	case P_CRYPTO:
	case P_SA_CRYPTO:
		c->mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
		c->flags = 0;
		memset(c->dst_mac, 0, sizeof(c->dst_mac));
		memset(c->src_mac, 0, sizeof(c->src_mac));
		if (prep == P_TRANSPORT)
			break;
		c->offload = ESPNIC_CMD_SA_OFFLOAD_CRYPTO;
		memset(&c->limits, 0xff, sizeof(c->limits));
		break;
	case P_IN:
	case P_SA_IN:
		c->dir = ESPNIC_CMD_SA_DIR_IN;
		c->flags &= ~ESPNIC_CMD_SA_ADD_L2;
		memset(c->dst_mac, 0, sizeof(c->dst_mac));
		memset(c->src_mac, 0, sizeof(c->src_mac));
		c->replay_window = 64;
		break;
	case P_NO_ESN:
		c->flags &= ~ESPNIC_CMD_SA_ADD_ESN;
		break;
	case P_ENCAP:
		c->flags |= ESPNIC_CMD_SA_ADD_UDP_ENCAP;
		c->encap_sport = 4500;
		c->encap_dport = 4500;
		break;
	default:
		break;
	}
}

static void prepare_policy(struct espnic_cmd_policy_add *c, enum prep prep)
{
	if (prep == P_SPORT)
		c->sel.sport_min = 1;
	if (prep == P_OPAQUE)
		opaque(&c->sel);
	if (prep != P_BLOCK && prep != P_POLICY_TRANSPORT)
		return;
	c->tmpl_family = 0;
	memset(c->tmpl_saddr, 0, sizeof(c->tmpl_saddr));
	memset(c->tmpl_daddr, 0, sizeof(c->tmpl_daddr));
	if (prep == P_POLICY_TRANSPORT) {
		c->tmpl_mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
		c->sel.family = 0;
		c->sel.dst_plen = 0;
		memset(c->sel.daddr, 0, sizeof(c->sel.daddr));
		return;
	}
	c->action = ESPNIC_CMD_POLICY_ACTION_DISCARD;
	c->tmpl_mode = 0;
	c->tmpl_proto = 0;
	c->tmpl_reqid = 0;
	c->tmpl_spi = 0;
}

static void run_good(uint16_t opcode, enum prep prep)
{
	struct espnic_cmd_entry e;

	fake_good(&e, opcode);
	if (opcode == ESPNIC_OPCODE_SA_ADD)
		prepare_sa(FAKE_BODY(&e, espnic_cmd_sa_add), prep);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
}

/* The state a command needs to be lawful. */
static void prepare_state(const struct row *r)
{
	uint16_t needs = 0;

	fake = fresh_fake;
	fw = fresh_fw;
	fw.ctx = &fake;
	run_good(ESPNIC_OPCODE_SPD_COMMIT, P_NONE);
	switch (r->opcode) {
	case ESPNIC_OPCODE_QUEUE_DESTROY:
	case ESPNIC_OPCODE_QUEUE_STATS:
	case ESPNIC_OPCODE_QUEUE_MODERATION:
		needs = ESPNIC_OPCODE_QUEUE_CREATE;
		break;
	case ESPNIC_OPCODE_SA_DEL:
	case ESPNIC_OPCODE_SA_QUERY:
	case ESPNIC_OPCODE_SA_UPDATE:
	case ESPNIC_OPCODE_SA_WINDOW:
		needs = ESPNIC_OPCODE_SA_ADD;
		break;
	case ESPNIC_OPCODE_POLICY_DEL:
	case ESPNIC_OPCODE_POLICY_QUERY:
		needs = ESPNIC_OPCODE_POLICY_ADD;
		break;
	default:
		break;
	}
	if (needs && r->prep != P_NOT_THERE)
		run_good(needs, r->prep);
	if (r->prep == P_TWICE || r->prep == P_NO_DORMANT)
		run_good(r->opcode, P_NONE);
	if (r->prep == P_NO_DORMANT)
		fw.caps.ipsec &= ~ESPNIC_CAP_IPSEC_DORMANT;
	if (r->prep == P_CAPS_NONE)
		fw.caps.ipsec = fw.caps.transforms = fw.caps.offload = 0;
}

static void make(const struct row *r, struct espnic_cmd_entry *e)
{
	fake_good(e, r->opcode);
	if (r->opcode == ESPNIC_OPCODE_SA_ADD)
		prepare_sa(FAKE_BODY(e, espnic_cmd_sa_add), r->prep);
	if (r->opcode == ESPNIC_OPCODE_POLICY_ADD)
		prepare_policy(FAKE_BODY(e, espnic_cmd_policy_add), r->prep);
}

static void test_bad_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct espnic_cmd_entry e;
		struct espnic_cmd_cpl c;

		prepare_state(r);
		make(r, &e);
		memcpy((uint8_t *)&e + r->off, &r->value, r->width);
		c = fake_run(&fake, &fw, &e);
		if (c.status != r->status || c.detail != r->detail || c.resp_len)
			fail_msg("%s: status %u detail %u, expected %u %u", r->name, c.status,
				 c.detail, r->status, r->detail);
		assert_true(fake.reg[ESPNIC_REG_STATUS / 4] & ESPNIC_STATUS_READY);
	}
}

/* That a row's lawful command without its bad field is lawful: else the row proves nothing. */
static void test_rows_are_lawful(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct espnic_cmd_entry e;
		struct espnic_cmd_cpl c;

		if (r->prep == P_CAPS_NONE || r->prep == P_NOT_THERE || r->prep == P_TWICE ||
		    r->prep == P_NO_DORMANT || r->prep == P_SA_IN || r->prep == P_SA_CRYPTO ||
		    r->opcode == ESPNIC_OPCODE_SA_WINDOW)
			continue;
		prepare_state(r);
		make(r, &e);
		c = fake_run(&fake, &fw, &e);
		if (c.status != ESPNIC_CMD_STATUS_OK)
			fail_msg("%s: unchanged it is refused: status %u detail %u", r->name,
				 c.status, c.detail);
	}
}

static void check_cap(uint32_t *caps, uint32_t bits, uint16_t opcode, uint32_t detail, uint8_t len)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;

	*caps &= ~bits;
	fake_good(&e, opcode);
	if (len) {
		FAKE_BODY(&e, espnic_cmd_sa_add)->enc_key_len = len;
		memset(FAKE_BODY(&e, espnic_cmd_sa_add)->enc_key, 1, len);
	}
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
	assert_int_equal(c.detail, detail);
	*caps |= bits;
}

/* What this device could lack, one capability at a time. */
static void test_lacking_capability(void **state)
{
	struct row r = { .opcode = ESPNIC_OPCODE_NOP };
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;

	(void)state;
	prepare_state(&r);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_PACKET, ESPNIC_OPCODE_SA_ADD, B(sa_add, offload), 0);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_TUNNEL, ESPNIC_OPCODE_SA_ADD, B(sa_add, mode), 0);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_ESN, ESPNIC_OPCODE_SA_ADD, B(sa_add, flags), 0);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_LIFETIME, ESPNIC_OPCODE_SA_ADD, B(sa_add, limits), 0);
	check_cap(&fw.caps.transforms, ESPNIC_CAP_TRANSFORMS_AES_GCM_128, ESPNIC_OPCODE_SA_ADD,
		  B(sa_add, enc_key_len), 16);
	check_cap(&fw.caps.transforms, ESPNIC_CAP_TRANSFORMS_AES_GCM_192, ESPNIC_OPCODE_SA_ADD,
		  B(sa_add, enc_key_len), 24);
	check_cap(&fw.caps.transforms, ESPNIC_CAP_TRANSFORMS_AES_GCM_256, ESPNIC_OPCODE_SA_ADD,
		  B(sa_add, enc_key_len), 32);
	check_cap(&fw.caps.transforms, ESPNIC_CAP_TRANSFORMS_ICV_16, ESPNIC_OPCODE_SA_ADD,
		  B(sa_add, icv_len), 0);
	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	FAKE_BODY(&e, espnic_cmd_sa_add)->lease_addr = FAKE_RESP;
	fw.caps.ipsec &= ~ESPNIC_CAP_IPSEC_SEQ_LEASE;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
	assert_int_equal(c.detail, B(sa_add, lease_addr));
	fake_good(&e, ESPNIC_OPCODE_SA_UPDATE);
	FAKE_BODY(&e, espnic_cmd_sa_update)->flags = ESPNIC_CMD_SA_UPDATE_ALIVE;
	run_good(ESPNIC_OPCODE_SA_ADD, P_NONE);
	fw.caps.ipsec &= ~ESPNIC_CAP_IPSEC_REVIVE;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
	assert_int_equal(c.detail, B(sa_update, flags));
	run_good(ESPNIC_OPCODE_SA_DEL, P_NONE);
	run_good(ESPNIC_OPCODE_SA_ADD, P_IN);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_SA_WINDOW, ESPNIC_OPCODE_SA_WINDOW, B(sa, handle), 0);
	check_cap(&fw.caps.ipsec, ESPNIC_CAP_IPSEC_TUNNEL, ESPNIC_OPCODE_POLICY_ADD,
		  B(policy_add, tmpl_mode), 0);
}

static struct espnic_cmd_cpl add_suite(uint8_t enc, uint8_t auth, uint8_t offload)
{
	struct row r = { .opcode = ESPNIC_OPCODE_SA_ADD };
	struct espnic_cmd_entry e;
	uint32_t caps = fw.caps.transforms;

	prepare_state(&r);
	fw.caps.transforms = caps;
	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	if (offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO)
		prepare_sa(FAKE_BODY(&e, espnic_cmd_sa_add), P_CRYPTO);
	suite(FAKE_BODY(&e, espnic_cmd_sa_add), enc, auth);
	return fake_run(&fake, &fw, &e);
}

/* Each pair of encryption transform and authenticator, in both kinds of offload. */
static void test_suites(void **state)
{
	(void)state;
	fw = fresh_fw;
	for (uint8_t enc = ESPNIC_ENC_ALG_AES_GCM; enc <= ESPNIC_ENC_ALG_NULL; enc++)
		for (uint8_t auth = 0; auth <= ESPNIC_AUTH_ALG_AES_CMAC_96; auth++)
			for (uint8_t offload = 1; offload <= 2; offload++) {
				bool aead = enc <= ESPNIC_ENC_ALG_CHACHA20_POLY1305;
				bool crypto = offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO;
				bool good = aead ? !auth : auth && !crypto;
				struct espnic_cmd_cpl c = add_suite(enc, auth, offload);

				if ((c.status == ESPNIC_CMD_STATUS_OK) != good)
					fail_msg("enc %u auth %u offload %u: status %u detail %u", enc,
						 auth, offload, c.status, c.detail);
				if (!aead && crypto) {
					assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
					assert_int_equal(c.detail, B(sa_add, enc_alg));
				}
				if (!good)
					continue;
				/* What the HAL was given is what was asked for. */
				assert_int_equal(fake.sa[1].sa.enc_alg, enc);
				assert_int_equal(fake.sa[1].sa.auth_alg, auth);
				for (uint32_t i = 0; i < sizeof(fake.sa[1].auth_key); i++)
					assert_int_equal(fake.sa[1].auth_key[i],
							 i < fake.sa[1].sa.auth_key_len ? 0x33 : 0);
			}
}

/* A suite whose capability bit is not set is refused, by the field that names it. */
static void test_lacking_transform(void **state)
{
	static const struct {
		uint8_t enc, auth;
		uint32_t cap, detail;
	} rows[] = {
#define ENC(name, with) { ESPNIC_ENC_ALG_##name, ESPNIC_AUTH_ALG_##with, ESPNIC_CAP_TRANSFORMS_##name, \
			  B(sa_add, enc_alg) }
#define AUTH(name) { ESPNIC_ENC_ALG_NULL, ESPNIC_AUTH_ALG_##name, ESPNIC_CAP_TRANSFORMS_##name, \
		     B(sa_add, auth_alg) }
		ENC(AES_GMAC, NONE), ENC(AES_CCM, NONE), ENC(CHACHA20_POLY1305, NONE),
		ENC(AES_CBC, HMAC_SHA1_96), ENC(AES_CTR, HMAC_SHA1_96), ENC(DES3_CBC, HMAC_SHA1_96),
		ENC(NULL, HMAC_SHA1_96), AUTH(HMAC_MD5_96), AUTH(HMAC_SHA1_96),
		AUTH(HMAC_SHA256_128), AUTH(HMAC_SHA384_192), AUTH(HMAC_SHA512_256),
		AUTH(AES_XCBC_96), AUTH(AES_CMAC_96),
		{ ESPNIC_ENC_ALG_AES_CCM, ESPNIC_AUTH_ALG_NONE, ESPNIC_CAP_TRANSFORMS_ICV_16,
		  B(sa_add, icv_len) },
#undef ENC
#undef AUTH
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct espnic_cmd_cpl c;

		fw = fresh_fw;
		fw.caps.transforms = rows[i].cap ^ fresh_fw.caps.transforms;
		c = add_suite(rows[i].enc, rows[i].auth, ESPNIC_CMD_SA_OFFLOAD_PACKET);
		assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
		assert_int_equal(c.detail, rows[i].detail);
		/* With it, it is taken. */
		fw.caps.transforms = fresh_fw.caps.transforms;
		c = add_suite(rows[i].enc, rows[i].auth, ESPNIC_CMD_SA_OFFLOAD_PACKET);
		assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	}
}

static int boot(void **state)
{
	(void)state;
	fake_boot(&fresh_fake, &fresh_fw);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_lawful),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_lacking_capability),
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_lacking_transform),
	};

	return cmocka_run_group_tests_name("fw fields", tests, boot, NULL);
}
