// SPDX-License-Identifier: BSD-2-Clause
#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fault.h"
#include "nic/nic.h"

enum control_limits {
	CLIENTS = 8, /* at once; more are turned away */
	LINE_MAX_LEN = 256, /* bytes of a request; a longer one is refused */
	BACKLOG = 8, /* connections not yet accepted */
	FAULT_WORDS = 3, /* NAME COUNT ARG */
	SEND_TIMEOUT_S = 1, /* seconds a client may leave its reply unread */
};

struct client {
	int fd; /* -1: free */
	size_t len; /* bytes of the line so far */
	bool skip; /* the line is too long: skipped to its end */
	char line[LINE_MAX_LEN];
};

struct espnic_control {
	struct espnic_nic *nic;
	struct espnic_faults *faults; /* NULL: none may be asked for */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listen_fd, signal_fd, end_fd;
	struct client client[CLIENTS];
	void (*stop)(void *ctx);
	void *ctx;
	pthread_t thread;
	bool started;
};

/* ---- replies ---- */

static const char *const counter_name[] = {
#define NAME(up, low, doc) #low,
	ESPNIC_COUNTER_LIST(NAME)
};

static const char *const queue_counter_name[] = { ESPNIC_QUEUE_COUNTER_LIST(NAME) };

static const char *const fatal_name[] = { ESPNIC_FATAL_LIST(NAME)
#undef NAME
};

static void put_counters(FILE *out, const char *const *names, const uint64_t *v, unsigned int n)
{
	unsigned int i;

	fprintf(out, "{");
	for (i = 0; i < n; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", names[i], v[i]);
	fprintf(out, "}");
}

static void put_stats(FILE *out, const struct espnic_nic_status *st)
{
	unsigned int i;

	fprintf(out, "{\"engine\":\"%s\",\"core\":\"%s\",\"firmware\":\"%u.%u.%u\",\"wire\":\"%s\"",
		st->engine, st->core, st->fw_version >> 16, st->fw_version >> 8 & 0xff,
		st->fw_version & 0xff, st->wire);
	fprintf(out, ",\"workers\":%u,\"sas\":%u,\"policies\":%u,\"counters\":", st->workers,
		st->sas, st->policies);
	put_counters(out, counter_name, st->counters, ESPNIC_COUNTER_COUNT);
	fprintf(out, ",\"queues\":[");
	for (i = 0; i < st->queues; i++) {
		fprintf(out, "%s{\"queue\":%u,\"running\":%s,\"counters\":", i ? "," : "", i,
			st->queue[i].running ? "true" : "false");
		put_counters(out, queue_counter_name, st->queue[i].counters,
			     ESPNIC_QUEUE_COUNTER_COUNT);
		fprintf(out, "}");
	}
	fprintf(out, "]}\n");
}

static const char *yes(uint32_t bit)
{
	return bit ? "true" : "false";
}

static void put_health(FILE *out, const struct espnic_nic_status *st)
{
	bool known = st->fatal < sizeof(fatal_name) / sizeof(fatal_name[0]);

	fprintf(out, "{\"ready\":%s,\"resetting\":%s,\"fatal\":\"%s\",\"link_up\":%s",
		yes(st->status & ESPNIC_STATUS_READY), yes(st->status & ESPNIC_STATUS_RESETTING),
		known ? fatal_name[st->fatal] : "unknown", yes(st->status & ESPNIC_STATUS_LINK_UP));
	fprintf(out, ",\"fw_alive\":%s,\"heartbeat\":%u,\"resets\":%" PRIu64 "}\n",
		yes(st->status & ESPNIC_STATUS_FW_ALIVE), st->heartbeat, st->resets);
}

/* Decimal, or hexadecimal with 0x. */
static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

/* `fault list`, or `fault NAME [COUNT [ARG]]`, of which @line is what follows the first word. */
static void put_fault(FILE *out, struct espnic_faults *faults, const char *line)
{
	char copy[LINE_MAX_LEN], *word[FAULT_WORDS + 1] = { NULL }, *rest = copy;
	uint64_t number[FAULT_WORDS] = { 0, 1, 0 }; /* by word; the first is the name */
	unsigned int n = 0, i;
	bool good;

	snprintf(copy, sizeof(copy), "%s", line);
	while (n <= FAULT_WORDS && (word[n] = strtok_r(rest, " ", &rest)))
		n++;
	good = n >= 1 && n <= FAULT_WORDS;
	for (i = 1; i < n && good; i++)
		good = parse_number(word[i], &number[i]);
	if (!faults)
		fprintf(out, "{\"error\":\"the device was started without --faults\"}\n");
	else if (!good || number[1] > INT32_MAX)
		fprintf(out, "{\"error\":\"fault list, or fault NAME [COUNT [ARG]]\"}\n");
	else if (!strcmp(word[0], "list"))
		espnic_fault_show(faults, out);
	else if (espnic_fault_arm(faults, word[0], (uint32_t)number[1], number[2]))
		fprintf(out, "{\"error\":\"no such fault; fault list has them\"}\n");
	else
		fprintf(out, "{\"ok\":true}\n");
}

/* The reply to @line; the caller frees it. NULL: out of memory. */
static char *answer(struct espnic_control *c, const char *line, size_t *len)
{
	struct espnic_nic_status st;
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	if (!strcmp(line, "stats")) {
		espnic_nic_get_status(c->nic, &st);
		put_stats(out, &st);
	} else if (!strcmp(line, "health")) {
		espnic_nic_get_status(c->nic, &st);
		put_health(out, &st);
	} else if (!strncmp(line, "fault ", strlen("fault "))) {
		put_fault(out, c->faults, line + strlen("fault "));
	} else {
		fprintf(out, "{\"error\":\"unknown request; there are: stats, health, fault\"}\n");
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- clients ---- */

static void drop_client(struct client *cl)
{
	close(cl->fd);
	cl->fd = -1;
}

static void reply(struct espnic_control *c, struct client *cl)
{
	size_t len = 0, done = 0;
	char *text;

	cl->line[cl->len] = '\0';
	if (cl->len && cl->line[cl->len - 1] == '\r')
		cl->line[cl->len - 1] = '\0';
	text = answer(c, cl->skip ? "" : cl->line, &len);
	while (text && done < len) {
		ssize_t n = send(cl->fd, text + done, len - done, MSG_NOSIGNAL);

		if (n <= 0) {
			drop_client(cl);
			break;
		}
		done += (size_t)n;
	}
	free(text);
}

static void read_client(struct espnic_control *c, struct client *cl)
{
	char buf[LINE_MAX_LEN];
	ssize_t n = recv(cl->fd, buf, sizeof(buf), 0), i;

	if (n <= 0) {
		drop_client(cl);
		return;
	}
	for (i = 0; i < n && cl->fd >= 0; i++) {
		if (buf[i] == '\n') {
			reply(c, cl);
			cl->len = 0;
			cl->skip = false;
		} else if (cl->len < sizeof(cl->line) - 1) {
			cl->line[cl->len++] = buf[i];
		} else {
			cl->skip = true;
		}
	}
}

static void accept_client(struct espnic_control *c)
{
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	unsigned int i;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	for (i = 0; i < CLIENTS; i++) {
		if (c->client[i].fd >= 0)
			continue;
		c->client[i] = (struct client){ .fd = fd };
		return;
	}
	close(fd);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	enum { END, SIGNAL, LISTEN, FIRST_CLIENT };
	struct espnic_control *c = arg;
	struct pollfd p[FIRST_CLIENT + CLIENTS];
	unsigned int i;

	for (;;) {
		p[END] = (struct pollfd){ .fd = c->end_fd, .events = POLLIN };
		p[SIGNAL] = (struct pollfd){ .fd = c->signal_fd, .events = POLLIN };
		p[LISTEN] = (struct pollfd){ .fd = c->listen_fd, .events = POLLIN };
		for (i = 0; i < CLIENTS; i++)
			p[FIRST_CLIENT + i] =
				(struct pollfd){ .fd = c->client[i].fd, .events = POLLIN };
		if (poll(p, FIRST_CLIENT + CLIENTS, -1) < 0)
			continue;
		if (p[END].revents)
			return NULL;
		if (p[SIGNAL].revents) {
			struct signalfd_siginfo info;

			if (read(c->signal_fd, &info, sizeof(info)) == sizeof(info))
				c->stop(c->ctx);
		}
		for (i = 0; i < CLIENTS; i++)
			if (c->client[i].fd >= 0 && p[FIRST_CLIENT + i].revents)
				read_client(c, &c->client[i]);
		if (p[LISTEN].revents)
			accept_client(c);
	}
}

/* A socket file nobody serves any more may be replaced. */
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int listen_on(struct espnic_control *c, const char *path, char *err, size_t err_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(err, err_len, "control socket %s: path is empty or too long", path);
		return -EINVAL;
	}
	memcpy(addr.sun_path, path, strlen(path));
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		goto fail;
	if (bind(c->listen_fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno != EADDRINUSE)
			goto fail;
		if (!is_stale(&addr)) {
			snprintf(err, err_len, "control socket %s: in use", path);
			return -EADDRINUSE;
		}
		unlink(path);
		if (bind(c->listen_fd, (struct sockaddr *)&addr, sizeof(addr)))
			goto fail;
	}
	memcpy(c->path, addr.sun_path, sizeof(c->path));
	if (!listen(c->listen_fd, BACKLOG))
		return 0;
fail:
	snprintf(err, err_len, "control socket %s: %s", path, strerror(errno));
	return -EIO;
}

struct espnic_control *espnic_control_open(const char *path, struct espnic_nic *nic,
					   struct espnic_faults *faults, char *err,
					   size_t err_len)
{
	struct espnic_control *c = calloc(1, sizeof(*c));
	sigset_t set;
	unsigned int i;

	if (!c) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	c->nic = nic;
	c->faults = faults;
	c->listen_fd = -1;
	for (i = 0; i < CLIENTS; i++)
		c->client[i].fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	c->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->signal_fd < 0 || c->end_fd < 0)
		snprintf(err, err_len, "signals: %s", strerror(errno));
	else if (!path || !listen_on(c, path, err, err_len))
		return c;
	espnic_control_close(c);
	return NULL;
}

int espnic_control_start(struct espnic_control *c, void (*stop)(void *ctx), void *ctx)
{
	int err;

	c->stop = stop;
	c->ctx = ctx;
	err = pthread_create(&c->thread, NULL, run, c);
	if (err)
		return -err;
	pthread_setname_np(c->thread, "espnic-control");
	c->started = true;
	return 0;
}

void espnic_control_close(struct espnic_control *c)
{
	unsigned int i;

	if (!c)
		return;
	if (c->started) {
		eventfd_write(c->end_fd, 1);
		pthread_join(c->thread, NULL);
	}
	for (i = 0; i < CLIENTS; i++)
		if (c->client[i].fd >= 0)
			close(c->client[i].fd);
	if (c->path[0])
		unlink(c->path);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->signal_fd >= 0)
		close(c->signal_fd);
	if (c->end_fd >= 0)
		close(c->end_fd);
	free(c);
}
