/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the process that parses the network and holds no right, and the one that has the long-term keys and
 * the kernel: one message a datagram of a SOCK_SEQPACKET pair. What comes from the network's side is hostile: its lengths, counts and
 * words are checked here, and it names connections and children, whose configuration the other side takes from its own store.
 *
 * Numbers are in host order: both ends are one program on one machine.
 */
#ifndef ESPNIC_IKE_MAIN_IPC_H
#define ESPNIC_IKE_MAIN_IPC_H

#include "core/ike.h"

enum espnic_ipc_limits {
	ESPNIC_IPC_OCTETS = 16384, /* bytes of a key operation that are authenticated: a whole first message and more */
	ESPNIC_IPC_MESSAGE = 32768, /* bytes of any message */
};

enum espnic_ipc_type {
	ESPNIC_IPC_NONE = 0, /* no message at all */
	ESPNIC_IPC_KERNEL = 1, /* struct espnic_ike_kernel_op */
	ESPNIC_IPC_KERNEL_DONE, /* its answer */
	ESPNIC_IPC_KEY, /* struct espnic_ike_key_op */
	ESPNIC_IPC_KEY_DONE, /* its answer */
	ESPNIC_IPC_EVENT, /* struct espnic_ike_event */
	ESPNIC_IPC_ADDRESS, /* struct espnic_ike_address_op */
	/*
	 * From the side with the rights. Those with a number are answered by one RESULT of it; LIST by any number of SA, each
	 * with its CHILD behind it, and of COUNTERS, before that.
	 */
	ESPNIC_IPC_CONN, /* a connection begins: struct espnic_ike_conn without its children */
	ESPNIC_IPC_CHILD_CONF, /* one of its children */
	ESPNIC_IPC_LOAD, /* numbered: it is whole */
	ESPNIC_IPC_UNLOAD, /* numbered; @conn */
	ESPNIC_IPC_INPUT, /* struct espnic_ike_input: what no peer and no answer is */
	ESPNIC_IPC_LIST, /* numbered */
	ESPNIC_IPC_COUNT, /* numbered: COUNTERS alone */
	ESPNIC_IPC_CERT, /* numbered; its keyid comes back */
	ESPNIC_IPC_CERTS_CLEAR, /* numbered */
	ESPNIC_IPC_POOL, /* numbered; struct espnic_ike_pool_conf */
	ESPNIC_IPC_POOL_UNLOAD, /* numbered; its name */
	ESPNIC_IPC_POOL_LOOK, /* numbered; its name: POOL_INFO comes before the result */
	/* And back. */
	ESPNIC_IPC_RESULT,
	ESPNIC_IPC_SA, /* struct espnic_ike_sa_info; n_children of ESPNIC_IPC_CHILD follow */
	ESPNIC_IPC_CHILD, /* struct espnic_ike_child_info */
	ESPNIC_IPC_COUNTERS, /* struct espnic_ike_counters */
	ESPNIC_IPC_POOL_INFO, /* struct espnic_ike_pool_info */
};

/* A message taken apart. What its structs point to is in it, so it is not to be copied. */
struct espnic_ipc {
	enum espnic_ipc_type type;
	union {
		/* conf is NULL: the connection and the child are named, and looked up by whoever trusts its own store alone */
		struct espnic_ike_kernel_op kernel;
		struct espnic_ike_key_op key;
		struct espnic_ike_event event;
		struct espnic_ike_input done; /* kind KERNEL or KEY */
		struct espnic_ike_input input; /* any other than those and DATAGRAM */
		struct espnic_ike_conn conf; /* CONN */
		struct espnic_ike_child_conf child_conf;
		struct espnic_ike_sa_info sa; /* children NULL */
		struct espnic_ike_child_info info;
		struct espnic_ike_counters counters;
		struct espnic_ike_address_op address;
		struct espnic_ike_pool_conf pool;
		struct espnic_ike_pool_info pool_info;
		struct {
			enum espnic_ike_cert_kind kind;
			const uint8_t *der;
			size_t len;
		} cert;
		struct {
			bool ok; /* false: @text says why not */
		} result;
	};
	size_t len; /* of the message: no more of @data was written */
	uint32_t seq; /* the number of a request, and of what answers it */
	char conn[ESPNIC_IKE_NAME], child[ESPNIC_IKE_NAME], text[ESPNIC_IKE_TEXT];
	uint8_t encr[2][ESPNIC_IKE_ENCR_KEY], integ[2][ESPNIC_IKE_INTEG_KEY];
	struct espnic_ike_ts ts[2][ESPNIC_IKE_TS];
	struct espnic_ike_id id[3];
	struct espnic_ike_addr vips[ESPNIC_IKE_VIPS];
	uint8_t keyid[ESPNIC_IKE_KEYID];
	uint8_t sk[ESPNIC_IKE_PPK_KEYS][ESPNIC_IKE_MAC];
	uint8_t data[ESPNIC_IPC_OCTETS];
};

/* Each writes one message to @buf (ESPNIC_IPC_MESSAGE bytes) and returns its length; 0 if something in it is over its limit. */
size_t espnic_ipc_put_kernel(uint8_t *buf, const struct espnic_ike_kernel_op *op);
size_t espnic_ipc_put_key(uint8_t *buf, const struct espnic_ike_key_op *op);
size_t espnic_ipc_put_event(uint8_t *buf, const struct espnic_ike_event *e);
size_t espnic_ipc_put_address(uint8_t *buf, const struct espnic_ike_address_op *op);
/* @in: of kind ESPNIC_IKE_IN_KERNEL or ESPNIC_IKE_IN_KEY */
size_t espnic_ipc_put_done(uint8_t *buf, const struct espnic_ike_input *in);

/*
 * What goes from the side with the rights to the other. Strings of @in's are taken along; a connection is sent as it is in memory,
 * for it comes from whom the other side has to trust.
 */
size_t espnic_ipc_put_conn(uint8_t *buf, const struct espnic_ike_conn *conn);
size_t espnic_ipc_put_child_conf(uint8_t *buf, const struct espnic_ike_child_conf *conf);
/* LOAD, LIST, CERTS_CLEAR, or (with @name) UNLOAD, POOL_UNLOAD, POOL_LOOK */
size_t espnic_ipc_put_request(uint8_t *buf, enum espnic_ipc_type type, uint32_t seq, const char *name);
size_t espnic_ipc_put_cert(uint8_t *buf, uint32_t seq, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len);
size_t espnic_ipc_put_pool(uint8_t *buf, uint32_t seq, const struct espnic_ike_pool_conf *pool);
size_t espnic_ipc_put_input(uint8_t *buf, const struct espnic_ike_input *in);
/* And back. @keyid: ESPNIC_IKE_KEYID bytes, or NULL; @why: NULL if all is well. */
size_t espnic_ipc_put_result(uint8_t *buf, uint32_t seq, const char *why, const uint8_t *keyid);
size_t espnic_ipc_put_sa(uint8_t *buf, const struct espnic_ike_sa_info *sa);
size_t espnic_ipc_put_child(uint8_t *buf, const struct espnic_ike_child_info *child);
size_t espnic_ipc_put_pool_info(uint8_t *buf, const struct espnic_ike_pool_info *info);
size_t espnic_ipc_put_counters(uint8_t *buf, const struct espnic_ike_counters *n);

/* Take a message apart; false if it is malformed. It holds keys: wipe @out and @buf after use. */
bool espnic_ipc_get(const uint8_t *buf, size_t len, struct espnic_ipc *out);
/* Wipe @m, as far as espnic_ipc_get() has written it. */
void espnic_ipc_wipe(struct espnic_ipc *m);

#endif
