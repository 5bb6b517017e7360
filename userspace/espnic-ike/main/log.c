// SPDX-License-Identifier: BSD-2-Clause
#include "main/log.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
	NOTE_TEXT = 1024, /* bytes of a note, cut if it is longer */
};

/* A line being written. */
struct line {
	const struct espnic_log *log;
	bool json, any;
};

static struct line begin(const struct espnic_log *log)
{
	struct line l = { .log = log, .json = log->form == ESPNIC_LOG_JSON };

	if (l.json)
		fputc('{', log->out);
	return l;
}

/* Printable ASCII as it is; all else as \u00XX, which both forms have, byte for byte. The process has one thread: no lock for each. */
static void quoted(struct line *l, const char *text)
{
	FILE *out = l->log->out;
	const unsigned char *p;

	fputc('"', out);
	for (p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p >= ' ' && *p <= '~')
			putc_unlocked(*p, out);
		else
			fprintf(out, "\\u%04x", *p);
	}
	fputc('"', out);
}

static void key(struct line *l, const char *name)
{
	if (l->json)
		fprintf(l->log->out, "%s\"%s\":", l->any ? "," : "", name);
	else
		fprintf(l->log->out, "%s%s=", l->any ? " " : "", name);
	l->any = true;
}

static void put_text(struct line *l, const char *name, const char *text)
{
	if (!text)
		return;
	key(l, name);
	quoted(l, text);
}

static void put_number(struct line *l, const char *name, uint64_t v)
{
	key(l, name);
	fprintf(l->log->out, "%" PRIu64, v);
}

static void put_endpoint(struct line *l, const char *name, const struct espnic_ike_endpoint *e)
{
	char addr[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];

	if (!e->addr.family)
		return;
	espnic_ike_addr_text(&e->addr, addr, sizeof(addr));
	snprintf(text, sizeof(text), e->addr.family == 6 ? "[%s]:%u" : "%s:%u", addr, e->port);
	put_text(l, name, text);
}

static void end(struct line *l)
{
	fputs(l->json ? "}\n" : "\n", l->log->out);
	fflush(l->log->out);
}

static void put_time(struct line *l)
{
	if (l->log->now)
		put_number(l, "time", l->log->now());
}

static bool within(const struct espnic_log *log, struct espnic_log_limit *limit)
{
	uint64_t now = limit->seconds();
	unsigned int held = limit->held;

	if (now != limit->second) {
		limit->second = now;
		limit->lines = limit->held = 0;
		if (held)
			espnic_log_note(log, "held-back", "%u events more than %d in a second", held, ESPNIC_LOG_PER_SECOND);
	}
	if (limit->lines == ESPNIC_LOG_PER_SECOND) {
		limit->held++;
		return false;
	}
	limit->lines++;
	return true;
}

void espnic_log_event(const struct espnic_log *log, const struct espnic_ike_event *e)
{
	static const char *const words[] = {
		[ESPNIC_IKE_EV_IKE_UP] = "ike-up",
		[ESPNIC_IKE_EV_IKE_DOWN] = "ike-down",
		[ESPNIC_IKE_EV_IKE_REKEYED] = "ike-rekeyed",
		[ESPNIC_IKE_EV_CHILD_UP] = "child-up",
		[ESPNIC_IKE_EV_CHILD_DOWN] = "child-down",
		[ESPNIC_IKE_EV_CHILD_REKEYED] = "child-rekeyed",
		[ESPNIC_IKE_EV_IKE_FAILED] = "ike-failed",
		[ESPNIC_IKE_EV_CHILD_FAILED] = "child-failed",
		[ESPNIC_IKE_EV_PEER] = "peer",
		[ESPNIC_IKE_EV_NOTE] = "note",
	};
	struct line l;

	if (log->limit && !within(log, log->limit))
		return;
	l = begin(log);
	put_time(&l);
	put_text(&l, "event", e->kind < sizeof(words) / sizeof(words[0]) ? words[e->kind] : "note");
	put_text(&l, "conn", e->conn);
	put_text(&l, "child", e->child);
	if (e->ike_id)
		put_number(&l, "ike", e->ike_id);
	if (e->child_id)
		put_number(&l, "child-id", e->child_id);
	if (e->old_id)
		put_number(&l, "old", e->old_id);
	put_endpoint(&l, "remote", &e->remote);
	put_text(&l, "text", e->text);
	end(&l);
}

void espnic_log_note(const struct espnic_log *log, const char *word, const char *fmt, ...)
{
	struct line l = begin(log);
	char text[NOTE_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_time(&l);
	put_text(&l, "event", word);
	put_text(&l, "text", text);
	end(&l);
}
