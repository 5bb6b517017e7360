// SPDX-License-Identifier: BSD-2-Clause
#include "ctl/status.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/vici.h"
#include "main/daemon.h"

enum {
	LENGTH = 4, /* bytes in front of a packet */
	PATIENCE_SECONDS = 30,
	VALUE = 256, /* bytes of a value that is shown, cut if it is longer */
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "espnic-ike status: %s: %s\n", what, why);
	return 1;
}

/* ---- packets ---- */

static int connected(const char *path)
{
	const struct timeval wait = { .tv_sec = PATIENCE_SECONDS };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static bool ask(int fd, enum espnic_vici_packet type, const char *name)
{
	struct espnic_vici_writer w;
	bool ok;

	espnic_vici_begin(&w, type, name);
	ok = espnic_vici_finish(&w) && send(fd, w.data, w.len, MSG_NOSIGNAL) == (ssize_t)w.len;
	free(w.data);
	return ok;
}

/* One packet without its length, to be freed; NULL: there is none. */
static uint8_t *hear(int fd, size_t *len)
{
	uint8_t head[LENGTH], *packet;

	if (recv(fd, head, LENGTH, MSG_WAITALL) != LENGTH)
		return NULL;
	*len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (!*len || *len > ESPNIC_VICI_PACKET)
		return NULL;
	packet = malloc(*len);
	if (packet && recv(fd, packet, *len, MSG_WAITALL) != (ssize_t)*len) {
		free(packet);
		packet = NULL;
	}
	return packet;
}

/* ---- as JSON: sections are objects, lists arrays, values texts ---- */

static void json_text(const char *p, size_t len)
{
	size_t i;

	putchar('"');
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c >= ' ' && c <= '~')
			putchar(c);
		else
			printf("\\u%04x", c);
	}
	putchar('"');
}

static void json_name(const struct espnic_vici_item *item, bool *first)
{
	if (!*first)
		putchar(',');
	*first = false;
	json_text(item->name, item->name_len);
	putchar(':');
}

static void json(const uint8_t *message, size_t len)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;
	bool first = true;

	putchar('{');
	espnic_vici_read(&r, message, len);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD) {
		switch (e) {
		case ESPNIC_VICI_SECTION_START:
		case ESPNIC_VICI_LIST_START:
			json_name(&item, &first);
			putchar(e == ESPNIC_VICI_LIST_START ? '[' : '{');
			first = true;
			break;
		case ESPNIC_VICI_SECTION_END:
		case ESPNIC_VICI_LIST_END:
			putchar(e == ESPNIC_VICI_LIST_END ? ']' : '}');
			first = false;
			break;
		case ESPNIC_VICI_KEY_VALUE:
			json_name(&item, &first);
			json_text(item.value, item.value_len);
			break;
		default:
			if (!first)
				putchar(',');
			first = false;
			json_text(item.value, item.value_len);
		}
	}
	putchar('}');
}

/* ---- for eyes ---- */

/* The last value of @name in the message's sections @depth deep, from @at on till that section's end. */
static const char *value(struct espnic_vici_reader at, const char *name, char out[VALUE])
{
	unsigned int depth = at.depth;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	snprintf(out, VALUE, "-");
	while ((e = espnic_vici_next(&at, &item)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD && at.depth >= depth)
		if (e == ESPNIC_VICI_KEY_VALUE && at.depth == depth && item.name_len == strlen(name) &&
		    !memcmp(item.name, name, item.name_len))
			snprintf(out, VALUE, "%.*s", (int)item.value_len, item.value);
	return out;
}

static void ike_line(const struct espnic_vici_item *item, struct espnic_vici_reader at)
{
	char v[7][VALUE];

	printf("%.*s #%s %s %s [%s] ... %s [%s]\n", (int)item->name_len, item->name, value(at, "uniqueid", v[0]), value(at, "state", v[1]),
	       value(at, "local-host", v[2]), value(at, "local-id", v[3]), value(at, "remote-host", v[4]), value(at, "remote-id", v[5]));
}

static void child_line(struct espnic_vici_reader at)
{
	char v[8][VALUE];

	printf("  %s #%s %s %s offload %s (asked: %s) device %s%s\n", value(at, "name", v[0]), value(at, "uniqueid", v[1]),
	       value(at, "state", v[2]), value(at, "mode", v[3]), value(at, "hw-offload", v[4]), value(at, "hw-offload-asked", v[5]),
	       value(at, "hw-device", v[6]), strcmp(value(at, "hw-lost", v[7]), "yes") ? "" : " LOST");
	if (strcmp(value(at, "hw-note", v[0]), "-") != 0)
		printf("    why: %s\n", v[0]);
	if (strcmp(value(at, "moved", v[0]), "-") != 0)
		printf("    moved: %s\n", v[0]);
	printf("    in %s: %s packets, %s bytes; out %s: %s packets, %s bytes\n", value(at, "spi-in", v[0]), value(at, "packets-in", v[1]),
	       value(at, "bytes-in", v[2]), value(at, "spi-out", v[3]), value(at, "packets-out", v[4]), value(at, "bytes-out", v[5]));
	printf("    dropped: %s replayed, %s out of the window, %s not authentic\n", value(at, "replayed", v[0]),
	       value(at, "out-of-window", v[1]), value(at, "not-authentic", v[2]));
}

enum { IKE_DEPTH = 1, CHILD_DEPTH = 3 }; /* connection { child-sas { child { */

static void lines(const uint8_t *message, size_t len)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	espnic_vici_read(&r, message, len);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD) {
		if (e == ESPNIC_VICI_SECTION_START && r.depth == IKE_DEPTH)
			ike_line(&item, r);
		else if (e == ESPNIC_VICI_SECTION_START && r.depth == CHILD_DEPTH)
			child_line(r);
	}
}

/* ---- the word ---- */

/* Events till the reply; false: the daemon has hung up. */
static bool show(int fd, bool as_json)
{
	unsigned int n = 0;
	uint8_t *packet;
	size_t len, name;

	while ((packet = hear(fd, &len))) {
		if (packet[0] != ESPNIC_VICI_EVENT || len < 2 || len - 2 < packet[1]) {
			free(packet);
			return true;
		}
		name = 2 + (size_t)packet[1];
		if (as_json && n++)
			putchar(',');
		if (as_json)
			json(packet + name, len - name);
		else
			lines(packet + name, len - name);
		free(packet);
	}
	return false;
}

static int status(const char *path, bool as_json)
{
	int fd = connected(path), rc = 0;
	uint8_t *confirm = NULL;
	size_t len = 0;

	if (fd < 0)
		return fail(path, fd == -ENOENT || fd == -ECONNREFUSED ? "no daemon listens there (espnic-ike run)" : strerror(-fd));
	if (!ask(fd, ESPNIC_VICI_EVENT_REGISTER, "list-sa") || !(confirm = hear(fd, &len)) || confirm[0] != ESPNIC_VICI_EVENT_CONFIRM ||
	    !ask(fd, ESPNIC_VICI_CMD_REQUEST, "list-sas")) {
		rc = fail(path, "what answers there is not espnic-ike");
	} else {
		if (as_json)
			putchar('[');
		if (!show(fd, as_json))
			rc = fail(path, "the daemon has hung up");
		if (as_json)
			puts("]");
	}
	free(confirm);
	close(fd);
	return rc;
}

int espnic_status_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 }
	};
	const char *path = ESPNIC_RUN_SOCKET;
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's') {
			path = optarg;
		} else if (option == 'j') {
			as_json = true;
		} else {
			fprintf(stderr, "usage: espnic-ike status [--json] [--socket PATH]\n");
			return 2;
		}
	}
	return status(path, as_json);
}
