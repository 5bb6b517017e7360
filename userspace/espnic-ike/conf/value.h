/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of keys, and tables of keys: a table says which keys and subsections a section may have,
 * how each is read and where it goes. What is in no table is an error with file and line, and what is
 * known and left out on purpose is one that says why.
 */
#ifndef ESPNIC_IKE_CONF_VALUE_H
#define ESPNIC_IKE_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "conf/tree.h"
#include "kernel/addr.h"

/*
 * Reads @node's value into @field. @arg is the table's. Returns 0, or -1 with @err written; a text
 * never repeats the value of a key that holds a secret.
 */
typedef int espnic_conf_reader(const struct espnic_conf_node *node, void *field,
			       const void *arg, struct espnic_conf_error *err);

enum espnic_conf_kind {
	ESPNIC_CONF_KEY, /* a key of this name */
	ESPNIC_CONF_SUB, /* a subsection of this name */
	ESPNIC_CONF_SUBS, /* subsections whose names begin so ("" for any) */
};

struct espnic_conf_entry {
	const char *name;
	enum espnic_conf_kind kind;
	espnic_conf_reader *read; /* NULL: refused, for the reason in @arg (a string) */
	size_t offset; /* of the field in the object */
	const void *arg;
};

/*
 * Read all keys and subsections of @section into @object by @table, which ends with an entry
 * without a name. Fields of keys that aren't there stay as they are. Stops at the first error.
 */
int espnic_conf_fill(const struct espnic_conf_node *section, const struct espnic_conf_entry *table,
		     void *object, struct espnic_conf_error *err);

/* ---- readers; the type behind -> is that of the field ---- */

/* yes, true, enabled, 1, no, false, disabled, 0 -> bool */
espnic_conf_reader espnic_conf_bool;

/* A number, decimal or 0x..., within @arg -> uint32_t */
struct espnic_conf_range {
	uint32_t min, max;
};
espnic_conf_reader espnic_conf_u32;

/* A count with k, M or G (1024 and so on) behind it, or not -> uint64_t */
espnic_conf_reader espnic_conf_count;

/* Seconds, or with s, m, h, d behind: 90, 90s, 1h -> uint64_t seconds */
espnic_conf_reader espnic_conf_seconds;

/* One of the names in @arg (an array of struct espnic_conf_choice, one without a name last) -> int */
struct espnic_conf_choice {
	const char *name;
	int value;
	const char *refuse; /* why this one can't be had; NULL: it can */
};
espnic_conf_reader espnic_conf_enum;

/* The text itself, owned by the tree -> const char * */
espnic_conf_reader espnic_conf_string;

/* An IPv4 or IPv6 address -> struct espnic_addr */
espnic_conf_reader espnic_conf_addr;

/* An address with /BITS or without -> struct espnic_prefix */
espnic_conf_reader espnic_conf_prefix;

/* VALUE or VALUE/MASK, the mask all ones if not there -> struct espnic_mark */
struct espnic_mark {
	uint32_t value, mask;
};
espnic_conf_reader espnic_conf_mark;

/* 0x and hexadecimal digits, or 0s and base64 (RFC 4648) -> struct espnic_secret */
enum { ESPNIC_SECRET_BYTES = 256 };
struct espnic_secret {
	uint16_t len; /* bytes; 0: not given */
	uint8_t bytes[ESPNIC_SECRET_BYTES];
};
espnic_conf_reader espnic_conf_secret;

#endif
