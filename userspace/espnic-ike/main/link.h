/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One end of the SOCK_SEQPACKET pair between the two processes: never blocks, for each would wait for the other; what the socket does not
 * take waits here. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_LINK_H
#define ESPNIC_IKE_MAIN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum espnic_link_limits {
	ESPNIC_LINK_BACKLOG = 64 << 20, /* bytes that may wait: an end that takes nothing is dead */
	ESPNIC_LINK_BUSY = 1 << 20, /* so many, and nothing more should be begun that makes messages */
};

struct espnic_link {
	int fd; /* nonblocking; the user's to close */
	struct espnic_link_message *first, *last;
	size_t waiting; /* bytes */
	bool dead; /* the other end has gone, or takes nothing, or memory is out */
};

/* Send @len bytes, now or later; a @len of 0 (a message that could not be made) makes the link dead. */
void espnic_link_send(struct espnic_link *l, const uint8_t *message, size_t len);
/* Send what waits as far as that goes. */
void espnic_link_flush(struct espnic_link *l);
/* One message to @buf; its length, 0: there is none now, or the link is dead. */
size_t espnic_link_receive(struct espnic_link *l, uint8_t *buf, size_t room);
/* What to poll() for. */
short espnic_link_events(const struct espnic_link *l);
/* Wipe and free what waits. */
void espnic_link_drop(struct espnic_link *l);

#endif
