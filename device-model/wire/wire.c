// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kinds of wire by name.
 */
#include "wire/kinds.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct espnic_wire_ops *const kinds[] = {
	&espnic_wire_stream_ops,
	&espnic_wire_tap_ops,
	&espnic_wire_loopback_ops,
	&espnic_wire_pcap_ops,
};

struct espnic_wire *espnic_wire_open(const char *spec, char *err, size_t err_len)
{
	size_t name_len = strcspn(spec, ":");
	const char *arg = spec[name_len] ? spec + name_len + 1 : "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *name = kinds[i]->name;

		if (strlen(name) == name_len && !memcmp(name, spec, name_len))
			return kinds[i]->open(arg, err, err_len);
	}
	snprintf(err, err_len, "unknown wire \"%s\": use stream:connect:PATH, stream:listen:PATH, "
		 "tap:NAME, loopback or pcap:IN[,OUT]", spec);
	return NULL;
}

uint64_t espnic_wire_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void espnic_wire_sleep(int wake_fd, int timeout_ms)
{
	struct pollfd p = { .fd = wake_fd, .events = POLLIN };

	/* Interrupted or not, the caller looks again. poll() skips a negative fd. */
	(void)poll(&p, 1, timeout_ms);
}
