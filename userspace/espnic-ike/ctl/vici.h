/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VICI protocol's packets and messages (strongSwan, src/libcharon/plugins/vici/README.md), as bytes. A packet
 * is 4 bytes of length (network order, not counting themselves), a type, for some types a name, and a
 * message: sections, keys and lists. Names have up to 255 bytes, values up to 65535.
 */
#ifndef ESPNIC_IKE_CTL_VICI_H
#define ESPNIC_IKE_CTL_VICI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/tree.h"

enum espnic_vici_limits {
	ESPNIC_VICI_PACKET = 512 * 1024, /* bytes, the length not counted: the protocol's own bound */
	ESPNIC_VICI_DEPTH = 16, /* sections in sections */
	ESPNIC_VICI_NAME = 255,
};

enum espnic_vici_packet {
	ESPNIC_VICI_CMD_REQUEST, /* named */
	ESPNIC_VICI_CMD_RESPONSE,
	ESPNIC_VICI_CMD_UNKNOWN,
	ESPNIC_VICI_EVENT_REGISTER, /* named */
	ESPNIC_VICI_EVENT_UNREGISTER, /* named */
	ESPNIC_VICI_EVENT_CONFIRM,
	ESPNIC_VICI_EVENT_UNKNOWN,
	ESPNIC_VICI_EVENT, /* named */
};

enum espnic_vici_element {
	ESPNIC_VICI_END, /* of the message */
	ESPNIC_VICI_SECTION_START,
	ESPNIC_VICI_SECTION_END,
	ESPNIC_VICI_KEY_VALUE,
	ESPNIC_VICI_LIST_START,
	ESPNIC_VICI_LIST_ITEM,
	ESPNIC_VICI_LIST_END,
	ESPNIC_VICI_BAD, /* malformed: too short, a wrong order, a type nobody knows */
};

/* ---- reading ---- */

struct espnic_vici_reader {
	const uint8_t *p, *end;
	unsigned int depth;
	bool in_list;
};

/* One element; name and value point into the message and have no 0 behind. */
struct espnic_vici_item {
	const char *name, *value;
	size_t name_len, value_len;
};

void espnic_vici_read(struct espnic_vici_reader *r, const uint8_t *message, size_t len);
/* The next element; after END or BAD, the same again. */
enum espnic_vici_element espnic_vici_next(struct espnic_vici_reader *r, struct espnic_vici_item *item);

/* What stands in a connection as bytes: contents of certificates and keys. They are the message's. */
enum { ESPNIC_VICI_BLOBS = 32 };
#define ESPNIC_VICI_BLOB "vici:" /* and a number: what stands in the tree in the place of such bytes */
struct espnic_vici_blobs {
	unsigned int n;
	struct {
		const uint8_t *data;
		size_t len;
	} v[ESPNIC_VICI_BLOBS];
};

/*
 * The message as a tree, for the tables that read configurations: a list is a value whose words commas part.
 * NULL with @err written, FILE:LINE there being "vici:1".
 */
struct espnic_conf *espnic_vici_tree(const uint8_t *message, size_t len, struct espnic_vici_blobs *blobs, struct espnic_conf_error *err);

/* ---- writing ---- */

/* A packet being made; grows as it is written. After an error (memory, or over the limit) nothing more is taken. */
struct espnic_vici_writer {
	uint8_t *data; /* malloc()'s, of the caller to free */
	size_t len, room;
	bool failed;
};

/* Begin a packet; @name NULL for types without one. */
void espnic_vici_begin(struct espnic_vici_writer *w, enum espnic_vici_packet type, const char *name);
void espnic_vici_section(struct espnic_vici_writer *w, const char *name);
void espnic_vici_section_end(struct espnic_vici_writer *w);
void espnic_vici_bytes(struct espnic_vici_writer *w, const char *key, const void *value, size_t len);
void espnic_vici_value(struct espnic_vici_writer *w, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void espnic_vici_list(struct espnic_vici_writer *w, const char *name);
void espnic_vici_list_item(struct espnic_vici_writer *w, const char *value);
void espnic_vici_list_end(struct espnic_vici_writer *w);
/* Put the length in. False, and nothing to send, if anything failed. */
bool espnic_vici_finish(struct espnic_vici_writer *w);

#endif
