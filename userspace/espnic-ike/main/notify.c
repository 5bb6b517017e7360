// SPDX-License-Identifier: BSD-2-Clause
#include "main/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	USEC_OF_HALF_MS = 2000, /* half of the manager's time, in milliseconds, is its microseconds through this */
};

static uint64_t watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	/* it may be another process's, inherited */
	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(usec, NULL, 10) / USEC_OF_HALF_MS;
}

void espnic_notify_open(struct espnic_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;

	*n = (struct espnic_notify){ .fd = -1 };
	if (len < 2 || len >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(a.sun_path, path, len);
	/* a name of the abstract name space begins with 0, and has no end */
	if (path[0] == '@')
		a.sun_path[0] = 0;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd < 0)
		return;
	if (connect(n->fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))) {
		espnic_notify_close(n);
		return;
	}
	n->watchdog_ms = watchdog();
}

void espnic_notify_say(const struct espnic_notify *n, const char *what)
{
	if (n->fd >= 0 && send(n->fd, what, strlen(what), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		fprintf(stderr, "the service manager can't be told: %s\n", strerror(errno));
}

void espnic_notify_close(struct espnic_notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	n->watchdog_ms = 0;
}
