/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration language: sections and keys in the syntax of strongswan.conf(5) and
 * swanctl.conf(5), read into a tree in which every node knows its file and line.
 *
 *	section {
 *		key = value of several words   # comment
 *		name : template, other.template {	# takes what it lacks from these
 *		}
 *		include more.conf            # or a pattern: all files it matches
 *	}
 *
 * Sections of one name in one place are one section; of a key the last value counts. `key =` with
 * nothing behind it is as good as not there, and keeps a template's value out.
 */
#ifndef ESPNIC_IKE_CONF_TREE_H
#define ESPNIC_IKE_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum espnic_conf_limits {
	ESPNIC_CONF_DEPTH = 16, /* sections in sections */
	ESPNIC_CONF_INCLUDES = 10, /* files including files */
	ESPNIC_CONF_FILE_BYTES = 16 << 20, /* of one file */
	ESPNIC_CONF_NODES = 1 << 19, /* of the whole tree, what templates bring included */
	ESPNIC_CONF_NAME = 128, /* bytes of a section's or key's name */
	ESPNIC_CONF_VALUE = 65536, /* bytes of a value */
	ESPNIC_CONF_ERROR = 640, /* bytes of an error's text, its end included */
};

/* One line for the user, FILE:LINE: in front where there is one; no key material ever. */
struct espnic_conf_error {
	char text[ESPNIC_CONF_ERROR];
};

/* A section (@value is NULL) or a key. The tree owns all of it. */
struct espnic_conf_node {
	const char *name;
	const char *value;
	const char *file;
	unsigned int line;
	unsigned int mode; /* permission bits of the file it stands in; 0: of no file */
	bool unset; /* a key with nothing behind its = */
	bool template; /* a section that others refer to */
	char resolve; /* of templates: see tree.c */
	struct espnic_conf_node *parent, *next, *first, *last;
	struct espnic_conf_ref *refs;
};

struct espnic_conf;

/*
 * Read @path and all it includes. Returns the tree, to be given to espnic_conf_free(), or NULL with
 * @err written.
 */
struct espnic_conf *espnic_conf_load(const char *path, struct espnic_conf_error *err);

/*
 * The same of @len bytes at @text, called @name in errors. `include` is refused here: the text has
 * no folder.
 */
struct espnic_conf *espnic_conf_parse(const char *name, const char *text, size_t len,
				      struct espnic_conf_error *err);

/*
 * A tree to be built piece by piece, all of it said to stand in line 1 of @name. NULL with @err written.
 */
struct espnic_conf *espnic_conf_new(const char *name, struct espnic_conf_error *err);
/*
 * The section @name below @parent, made if there is none; or, with @value (@value_len bytes, none of them 0), the
 * key, which takes that value. Names as in a text. NULL with @err written.
 */
struct espnic_conf_node *espnic_conf_add(struct espnic_conf *conf, struct espnic_conf_node *parent, const char *name,
					 size_t name_len, const char *value, size_t value_len,
					 struct espnic_conf_error *err);
/* The root, to add to. */
struct espnic_conf_node *espnic_conf_top(struct espnic_conf *conf);

/* Wipes and frees the tree and all its strings; NULL is fine. */
void espnic_conf_free(struct espnic_conf *conf);

/* The section without a name that holds the file's own. */
const struct espnic_conf_node *espnic_conf_root(const struct espnic_conf *conf);

/* The subsection @name of @section, or NULL. */
const struct espnic_conf_node *espnic_conf_section(const struct espnic_conf_node *section,
						   const char *name);

/* Write "FILE:LINE: PATH: " and the text of @fmt to @err; returns -1, for the caller to return. */
int espnic_conf_fail(struct espnic_conf_error *err, const struct espnic_conf_node *node,
		     const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The dotted path of @node, as "connections.home.local", cut to @len bytes. Returns @out. */
const char *espnic_conf_path(const struct espnic_conf_node *node, char *out, size_t len);

#endif
