// SPDX-License-Identifier: BSD-2-Clause
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"

struct espnic_conf {
	struct espnic_arena arena;
	struct espnic_conf_node root;
	unsigned int nodes;
};

/* A template a section takes from: an absolute dotted path. */
struct espnic_conf_ref {
	struct espnic_conf_ref *next;
	const char *path;
	unsigned int line;
};

/* espnic_conf_node.resolve */
enum { UNRESOLVED, RESOLVING, RESOLVED };

/* One text being read. */
struct source {
	struct espnic_conf *conf;
	struct espnic_conf_error *err;
	const char *p, *end;
	const char *file; /* in the arena */
	unsigned int line, mode;
	unsigned int includes; /* how many files have led here */
	bool has_folder;
	char *value; /* room for one value, ESPNIC_CONF_VALUE bytes */
};

/* ---- errors ---- */

const char *espnic_conf_path(const struct espnic_conf_node *node, char *out, size_t len)
{
	size_t used;

	out[0] = 0;
	if (!node->parent)
		return out;
	espnic_conf_path(node->parent, out, len);
	used = strlen(out);
	snprintf(out + used, len - used, "%s%s", used ? "." : "", node->name);
	return out;
}

int espnic_conf_fail(struct espnic_conf_error *err, const struct espnic_conf_node *node,
		     const char *fmt, ...)
{
	char path[ESPNIC_CONF_ERROR / 2], text[ESPNIC_CONF_ERROR / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	espnic_conf_path(node, path, sizeof(path));
	snprintf(err->text, sizeof(err->text), "%.200s:%u: %.200s%s%.230s",
		 node->file ? node->file : "?", node->line, path, path[0] ? ": " : "", text);
	return -1;
}

static int fail_at(struct source *s, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail_at(struct source *s, unsigned int line, const char *fmt, ...)
{
	char text[ESPNIC_CONF_ERROR / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(s->err->text, sizeof(s->err->text), "%.300s:%u: %s", s->file, line, text);
	return -1;
}

/* ---- the tree ---- */

const struct espnic_conf_node *espnic_conf_root(const struct espnic_conf *conf)
{
	return &conf->root;
}

static struct espnic_conf_node *find(const struct espnic_conf_node *section, const char *name,
				     size_t len, bool is_section)
{
	struct espnic_conf_node *n;

	for (n = section->first; n; n = n->next)
		if (!n->value == is_section && strlen(n->name) == len && !memcmp(n->name, name, len))
			return n;
	return NULL;
}

const struct espnic_conf_node *espnic_conf_section(const struct espnic_conf_node *section,
						   const char *name)
{
	return find(section, name, strlen(name), true);
}

/* NULL when the tree is full or memory is out. */
static struct espnic_conf_node *add(struct espnic_conf *conf, struct espnic_conf_node *parent)
{
	struct espnic_conf_node *n;

	if (conf->nodes >= ESPNIC_CONF_NODES)
		return NULL;
	n = espnic_arena_alloc(&conf->arena, sizeof(*n));
	if (!n)
		return NULL;
	conf->nodes++;
	n->parent = parent;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

static struct espnic_conf_node *node_for(struct source *s, struct espnic_conf_node *parent,
					 const char *name, size_t len, bool is_section)
{
	struct espnic_conf_node *n = find(parent, name, len, is_section);

	if (!n) {
		n = add(s->conf, parent);
		if (n)
			n->name = espnic_arena_copy(&s->conf->arena, name, len);
		if (!n || !n->name) {
			fail_at(s, s->line, "more than %d sections and keys", ESPNIC_CONF_NODES);
			return NULL;
		}
		n->file = s->file;
		n->line = s->line;
		n->mode = s->mode;
	}
	return n;
}

/* ---- reading ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct source *s)
{
	while (s->p < s->end && blank(*s->p))
		s->p++;
}

/* Blanks, comments and ends of lines. */
static void skip_space(struct source *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '#')
			while (s->p + 1 < s->end && s->p[1] != '\n')
				s->p++;
		else if (*s->p == '\n')
			s->line++;
		else if (!blank(*s->p))
			return;
	}
}

static bool name_char(char c)
{
	return !blank(c) && c != '\n' && c && !strchr("#{}:,=\"", c);
}

/* Length of the name at the read position; -1 with an error if there is none, or not a fit one. */
static int take_name(struct source *s, const char **name)
{
	const char *from = s->p;
	int len;

	*name = from;
	while (s->p < s->end && name_char(*s->p))
		s->p++;
	if (s->p - from > ESPNIC_CONF_NAME)
		return fail_at(s, s->line, "a name longer than %d bytes", ESPNIC_CONF_NAME);
	len = (int)(s->p - from);
	if (!len && s->p < s->end && *s->p >= ' ' && *s->p <= '~')
		return fail_at(s, s->line, "a name was expected, not '%c'", *s->p);
	if (!len)
		return fail_at(s, s->line, "a name was expected");
	return len;
}

/* What stands in quotes, which may go over lines; the read position is behind the first quote. */
static int take_quoted(struct source *s, size_t *len)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	unsigned int line = s->line;
	const char *special;
	char c;

	for (; s->p < s->end && *s->p != '"'; s->p++) {
		c = *s->p;
		if (c == '\n')
			s->line++;
		if (c == '\\' && s->p + 1 < s->end) {
			c = *++s->p;
			if (c == '\n') {
				s->line++;
				continue;
			}
			special = c ? strchr(from, c) : NULL;
			if (special)
				c = to[special - from];
		}
		if (*len >= ESPNIC_CONF_VALUE - 1)
			return fail_at(s, line, "a value longer than %d bytes",
				       ESPNIC_CONF_VALUE - 1);
		s->value[(*len)++] = c;
	}
	if (s->p == s->end)
		return fail_at(s, line, "the quotes opened here are never closed");
	s->p++;
	return 0;
}

/* The value behind =, to the end of its line or its section: words, joined by one space each. */
static int take_value(struct source *s, size_t *len, bool *given)
{
	bool space = false;

	*len = 0;
	*given = false;
	for (;;) {
		while (s->p < s->end && blank(*s->p)) {
			s->p++;
			space = true;
		}
		if (s->p == s->end || *s->p == '\n' || *s->p == '#' || *s->p == '}')
			break;
		if (*len >= ESPNIC_CONF_VALUE - 2)
			return fail_at(s, s->line, "a value longer than %d bytes",
				       ESPNIC_CONF_VALUE - 1);
		if (space && *given)
			s->value[(*len)++] = ' ';
		space = false;
		*given = true;
		if (*s->p == '"') {
			s->p++;
			if (take_quoted(s, len))
				return -1;
		} else {
			s->value[(*len)++] = *s->p++;
		}
	}
	s->value[*len] = 0;
	return 0;
}

static int read_key(struct source *s, struct espnic_conf_node *section, const char *name, int len)
{
	struct espnic_conf_node *n = node_for(s, section, name, (size_t)len, false);
	size_t value_len;
	bool given;

	if (!n)
		return -1;
	n->file = s->file;
	n->line = s->line;
	n->mode = s->mode;
	if (take_value(s, &value_len, &given))
		return -1;
	n->unset = !given;
	n->value = espnic_arena_copy(&s->conf->arena, s->value, value_len);
	explicit_bzero(s->value, value_len);
	return n->value ? 0 : fail_at(s, s->line, "out of memory");
}

static int read_refs(struct source *s, struct espnic_conf_node *section)
{
	struct espnic_conf_ref *ref, **end = &section->refs;
	const char *name;
	int len;

	while (*end)
		end = &(*end)->next;
	do {
		s->p++; /* the colon, or a comma */
		skip_space(s);
		len = take_name(s, &name);
		if (len < 0)
			return -1;
		ref = espnic_arena_alloc(&s->conf->arena, sizeof(*ref));
		if (ref)
			ref->path = espnic_arena_copy(&s->conf->arena, name, (size_t)len);
		if (!ref || !ref->path)
			return fail_at(s, s->line, "out of memory");
		ref->line = s->line;
		*end = ref;
		end = &ref->next;
		skip_space(s);
	} while (s->p < s->end && *s->p == ',');
	return 0;
}

static int read_body(struct source *s, struct espnic_conf_node *section, unsigned int depth,
		     bool whole);
static int read_file(struct source *from, const char *path, struct espnic_conf *conf,
		     struct espnic_conf_node *section, unsigned int depth,
		     struct espnic_conf_error *err);

static int read_section(struct source *s, struct espnic_conf_node *parent, const char *name,
			int len, unsigned int depth)
{
	struct espnic_conf_node *n;

	if (memchr(name, '.', (size_t)len))
		return fail_at(s, s->line, "the name of section '%.*s' has a dot", len, name);
	if (depth >= ESPNIC_CONF_DEPTH)
		return fail_at(s, s->line, "more than %d sections in one another",
			       ESPNIC_CONF_DEPTH);
	n = node_for(s, parent, name, (size_t)len, true);
	if (!n || (*s->p == ':' && read_refs(s, n)))
		return -1;
	if (s->p == s->end || *s->p != '{')
		return fail_at(s, s->line, "'{' was expected after section '%s'", n->name);
	s->p++;
	return read_body(s, n, depth + 1, false);
}

/* include PATTERN: files in the order of their names; a pattern without wildcards must be there. */
static int read_include(struct source *s, struct espnic_conf_node *section, unsigned int depth)
{
	char pattern[PATH_MAX], folder[PATH_MAX];
	unsigned int line = s->line;
	size_t len, i;
	bool given;
	glob_t found;
	int rc = 0;

	if (take_value(s, &len, &given))
		return -1;
	if (!len)
		return fail_at(s, line, "include names no file");
	if (!s->has_folder)
		return fail_at(s, line, "include is not possible here");
	if (s->includes >= ESPNIC_CONF_INCLUDES)
		return fail_at(s, line, "more than %d files include one another",
			       ESPNIC_CONF_INCLUDES);
	snprintf(folder, sizeof(folder), "%s", s->file);
	if ((size_t)snprintf(pattern, sizeof(pattern), "%s%s%s",
			     s->value[0] == '/' ? "" : dirname(folder),
			     s->value[0] == '/' ? "" : "/", s->value) >= sizeof(pattern))
		return fail_at(s, line, "include: a path longer than %d bytes", PATH_MAX - 1);
	rc = glob(pattern, 0, NULL, &found);
	if (rc == GLOB_NOMATCH)
		return strpbrk(pattern, "*?[") ? 0 : fail_at(s, line, "include: no file '%s'", pattern);
	if (rc)
		return fail_at(s, line, "include: can't search for '%s'", pattern);
	for (i = 0; i < found.gl_pathc && !rc; i++)
		rc = read_file(s, found.gl_pathv[i], s->conf, section, depth, s->err);
	globfree(&found);
	return rc;
}

/* `include` without = or { behind it names files. */
static bool is_include(const struct source *s, const char *name, int len)
{
	return len == 7 && !memcmp(name, "include", 7) && s->p > name + len && s->p < s->end &&
	       !strchr("={:", *s->p);
}

/* One key, section or include; its name is read already. */
static int read_statement(struct source *s, struct espnic_conf_node *section, unsigned int depth,
			  const char *name, int len)
{
	skip_blanks(s);
	if (is_include(s, name, len))
		return read_include(s, section, depth);
	if (s->p < s->end && *s->p == '=') {
		s->p++;
		if (memchr(name, '.', (size_t)len))
			return fail_at(s, s->line, "the name of key '%.*s' has a dot", len, name);
		return read_key(s, section, name, len);
	}
	skip_space(s);
	if (s->p == s->end || (*s->p != '{' && *s->p != ':'))
		return fail_at(s, s->line, "'=' or '{' was expected after '%.*s'", len, name);
	return read_section(s, section, name, len, depth);
}

/* What stands in a section, up to and with its }; or, of a @whole file, up to its end. */
static int read_body(struct source *s, struct espnic_conf_node *section, unsigned int depth,
		     bool whole)
{
	const unsigned int opened = s->line;
	const char *name = NULL;
	int len;

	for (;;) {
		skip_space(s);
		if (s->p == s->end)
			return whole ? 0 :
				       fail_at(s, opened, "section '%s', opened here, is never closed",
					       section->name);
		if (*s->p == '}') {
			if (whole)
				return fail_at(s, s->line, "'}' closes no section");
			s->p++;
			return 0;
		}
		len = take_name(s, &name);
		if (len < 0 || read_statement(s, section, depth, name, len))
			return -1;
	}
}

static int read_text(struct source *s, struct espnic_conf_node *section, unsigned int depth)
{
	const void *zero = memchr(s->p, 0, (size_t)(s->end - s->p));
	int rc;

	if (zero)
		return fail_at(s, 1, "a byte 0: this is no text file");
	s->value = malloc(ESPNIC_CONF_VALUE);
	if (!s->value)
		return fail_at(s, 1, "out of memory");
	rc = read_body(s, section, depth, true);
	explicit_bzero(s->value, ESPNIC_CONF_VALUE);
	free(s->value);
	return rc;
}

/* The bytes of a regular file, to be wiped and freed; NULL with @err written. */
static char *slurp(const char *path, size_t *len, unsigned int *mode, struct espnic_conf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	struct stat st = { 0 };
	char *text = NULL;
	ssize_t n;

	*len = 0;
	if (fd < 0 || fstat(fd, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a regular file";
	else if (st.st_size > ESPNIC_CONF_FILE_BYTES)
		why = "larger than 16 MiB";
	else if (!(text = malloc((size_t)st.st_size + 1)))
		why = "out of memory";
	while (!why && *len < (size_t)st.st_size) {
		n = read(fd, text + *len, (size_t)st.st_size - *len);
		if (n < 0)
			why = strerror(errno);
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (!why) {
		*mode = st.st_mode & 07777;
		return text;
	}
	if (text)
		explicit_bzero(text, *len);
	free(text);
	snprintf(err->text, sizeof(err->text), "%.300s: %.200s", path, why);
	return NULL;
}

/* @from: the file that includes this one, or NULL. */
static int read_file(struct source *from, const char *path, struct espnic_conf *conf,
		     struct espnic_conf_node *section, unsigned int depth,
		     struct espnic_conf_error *err)
{
	struct source s = { .conf = conf, .err = err, .line = 1, .has_folder = true };
	char *text;
	size_t len;
	int rc;

	s.includes = from ? from->includes + 1 : 0;
	s.file = espnic_arena_copy(&conf->arena, path, strlen(path));
	if (!s.file) {
		snprintf(err->text, sizeof(err->text), "out of memory");
		return -1;
	}
	text = slurp(path, &len, &s.mode, err);
	if (!text)
		return -1;
	s.p = text;
	s.end = text + len;
	rc = read_text(&s, section, depth);
	explicit_bzero(text, len);
	free(text);
	return rc;
}

/* ---- templates ---- */

static struct espnic_conf_node *lookup(struct espnic_conf *conf, const char *path)
{
	struct espnic_conf_node *n = &conf->root;
	size_t len;

	for (; n && *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		n = find(n, path, len, true);
	}
	return n == &conf->root ? NULL : n;
}

static int too_many(struct espnic_conf_node *n, struct espnic_conf_error *err)
{
	return espnic_conf_fail(err, n, "with what its templates bring, more than %d sections and keys",
				ESPNIC_CONF_NODES);
}

/* Give @to what @from has and @to lacks. */
static int inherit(struct espnic_conf *conf, struct espnic_conf_node *to,
		   const struct espnic_conf_node *from, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;
	struct espnic_conf_node *have;

	for (n = from->first; n; n = n->next) {
		have = find(to, n->name, strlen(n->name), !n->value);
		if (!have) {
			have = add(conf, to);
			if (!have)
				return too_many(to, err);
			have->name = n->name;
			have->value = n->value;
			have->unset = n->unset;
			have->file = n->file;
			have->line = n->line;
			have->mode = n->mode;
			have->resolve = RESOLVED;
		}
		if (!n->value && inherit(conf, have, n, err))
			return -1;
	}
	return 0;
}

/* Resolve what @n and its subsections refer to, each before it is taken from. */
static int resolve(struct espnic_conf *conf, struct espnic_conf_node *n,
		   struct espnic_conf_error *err)
{
	const struct espnic_conf_ref *ref;
	struct espnic_conf_node *other, *c, *up;

	if (n->resolve == RESOLVED)
		return 0;
	if (n->resolve == RESOLVING)
		return espnic_conf_fail(err, n, "a section can't be its own template");
	n->resolve = RESOLVING;
	for (c = n->first; c; c = c->next)
		if (!c->value && resolve(conf, c, err))
			return -1;
	for (ref = n->refs; ref; ref = ref->next) {
		other = lookup(conf, ref->path);
		if (!other)
			return espnic_conf_fail(err, n, "no section '%s' to take from", ref->path);
		for (up = n; up; up = up->parent)
			if (up == other)
				return espnic_conf_fail(err, n, "a section can't be its own template");
		other->template = true;
		if (resolve(conf, other, err) || inherit(conf, n, other, err))
			return -1;
	}
	n->resolve = RESOLVED;
	return 0;
}

/* ---- whole configurations ---- */

static struct espnic_conf *new_conf(struct espnic_conf_error *err)
{
	struct espnic_conf *conf = calloc(1, sizeof(*conf));

	if (conf)
		conf->root.name = "";
	else
		snprintf(err->text, sizeof(err->text), "out of memory");
	return conf;
}

/* A node of the root that has templates is resolved from the root down, which is never a template. */
static struct espnic_conf *finish(struct espnic_conf *conf, int rc, struct espnic_conf_error *err)
{
	if (!rc && !resolve(conf, &conf->root, err))
		return conf;
	espnic_conf_free(conf);
	return NULL;
}

struct espnic_conf *espnic_conf_load(const char *path, struct espnic_conf_error *err)
{
	struct espnic_conf *conf = new_conf(err);

	if (!conf)
		return NULL;
	conf->root.file = espnic_arena_copy(&conf->arena, path, strlen(path));
	conf->root.line = 1;
	return finish(conf, read_file(NULL, path, conf, &conf->root, 0, err), err);
}

struct espnic_conf *espnic_conf_parse(const char *name, const char *text, size_t len,
				      struct espnic_conf_error *err)
{
	struct source s = { .err = err, .line = 1, .p = text, .end = text + len };
	struct espnic_conf *conf = new_conf(err);

	if (!conf)
		return NULL;
	s.conf = conf;
	s.file = espnic_arena_copy(&conf->arena, name, strlen(name));
	if (!s.file) {
		snprintf(err->text, sizeof(err->text), "out of memory");
		return finish(conf, -1, err);
	}
	conf->root.file = s.file;
	conf->root.line = 1;
	return finish(conf, read_text(&s, &conf->root, 0), err);
}

/* ---- trees built by hand ---- */

struct espnic_conf *espnic_conf_new(const char *name, struct espnic_conf_error *err)
{
	return espnic_conf_parse(name, "", 0, err);
}

struct espnic_conf_node *espnic_conf_top(struct espnic_conf *conf)
{
	return &conf->root;
}

struct espnic_conf_node *espnic_conf_add(struct espnic_conf *conf, struct espnic_conf_node *parent, const char *name,
					 size_t name_len, const char *value, size_t value_len,
					 struct espnic_conf_error *err)
{
	struct source s = { .conf = conf, .err = err, .file = conf->root.file, .line = 1 };
	struct espnic_conf_node *n;
	size_t i;

	for (i = 0; i < name_len && name_char(name[i]) && name[i] != '.'; i++)
		;
	if (!name_len || i < name_len || name_len > ESPNIC_CONF_NAME) {
		fail_at(&s, 1, "a name that is none");
		return NULL;
	}
	if (value && (value_len >= ESPNIC_CONF_VALUE || memchr(value, 0, value_len))) {
		fail_at(&s, 1, "'%.*s': a value that is no text, or longer than %d bytes", (int)name_len, name,
			ESPNIC_CONF_VALUE - 1);
		return NULL;
	}
	n = node_for(&s, parent, name, name_len, !value);
	if (n && value) {
		n->value = espnic_arena_copy(&conf->arena, value, value_len);
		n->unset = false;
		if (!n->value) {
			fail_at(&s, 1, "out of memory");
			return NULL;
		}
	}
	return n;
}

void espnic_conf_free(struct espnic_conf *conf)
{
	if (!conf)
		return;
	espnic_arena_free(&conf->arena);
	free(conf);
}
