// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP whose sender is held to what arrives: at most WINDOW datagrams are under way, as the receiver
 * tells every ACK_EACH of them how far it is. A flood without that measures how well the sender
 * starves the receiver, where both live on the same cores.
 *
 * Both ends hand the kernel a batch of datagrams at a time, for the NIC is what is measured here.
 * With ADDRESSES the datagrams go to that many consecutive addresses of the receiver in turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum limits {
	PORT = 5201,
	BATCH = 32,		 /* datagrams of one system call */
	ACK_EACH = 32,		 /* datagrams */
	WINDOW = 192,		 /* datagrams; fits the smallest receive ring of any NIC here, 256 */
	BYTES_MIN = 16,		 /* of payload: struct datagram */
	BYTES_MAX = 1472,	 /* an Ethernet frame */
	ADDRESSES_MAX = 65536,	 /* that take turns */
	SOCKET_BYTES = 16 << 20, /* of socket buffers: none of the loss is to be theirs */
	LOST_MS = 100,		 /* without an answer, what is under way is lost */
	TRIES = 20,		 /* for a first or a last answer */
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
};

/* Of the sender, and of the receiver in its answers; network byte order. */
struct datagram {
	uint32_t run;	/* which sender this is */
	uint32_t number; /* counts datagrams from 0; answer: of the last one seen */
	uint32_t ask;	/* 1: answer at once; answer: 0 */
	uint32_t got;	/* answer: datagrams of this run received */
};

struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	uint8_t data[BATCH][BYTES_MAX];
};

/* What the sender knows. */
struct sender {
	int fd;
	uint32_t run, next, acked, got, stalls;
	struct sockaddr_in first; /* of the receiver's addresses, which are consecutive */
	uint32_t addresses;
	struct batch out;
	struct sockaddr_in to[BATCH];
};

static void die(const char *what)
{
	fprintf(stderr, "window: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = SOCKET_BYTES;

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		die("socket buffers (root is needed)");
	return fd;
}

static void prepare(struct batch *b, unsigned int bytes)
{
	unsigned int i;

	memset(b, 0, sizeof(*b));
	for (i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->data[i], bytes };
		b->msgs[i].msg_hdr.msg_iov = &b->iov[i];
		b->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

/* ---- receiver ---- */

/* Counts the datagrams of @b; returns whether an answer is due, and makes it. */
static bool take(const struct batch *b, unsigned int n, struct datagram *state, uint32_t *since)
{
	bool due = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct datagram d;

		if (b->msgs[i].msg_len < sizeof(d))
			continue;
		memcpy(&d, b->data[i], sizeof(d));
		if (d.run != state->run) {
			*state = (struct datagram){ .run = d.run };
			*since = 0;
		}
		state->number = d.number;
		state->got = htonl(ntohl(state->got) + 1);
		due |= d.ask || ++*since >= ACK_EACH;
	}
	if (due)
		*since = 0;
	return due;
}

static void serve(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) }, peer;
	static struct batch in;
	struct datagram state = { 0 };
	uint32_t since = 0;
	int fd = open_socket();

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
	prepare(&in, BYTES_MAX);
	in.msgs[0].msg_hdr.msg_name = &peer;
	for (;;) {
		int n;

		in.msgs[0].msg_hdr.msg_namelen = sizeof(peer);
		n = recvmmsg(fd, in.msgs, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("recvmmsg");
		/* A lost answer is asked for again. */
		if (take(&in, (unsigned int)n, &state, &since))
			(void)sendto(fd, &state, sizeof(state), 0, (struct sockaddr *)&peer,
				     sizeof(peer));
	}
}

/* ---- sender ---- */

/* Takes the answers that are there. Returns whether there was one. */
static bool hear(struct sender *s)
{
	struct datagram d;
	bool any = false;

	while (recv(s->fd, &d, sizeof(d), MSG_DONTWAIT) == sizeof(d)) {
		if (d.run != htonl(s->run))
			continue;
		any = true;
		s->acked = ntohl(d.number) + 1;
		s->got = ntohl(d.got);
	}
	return any;
}

static bool wait_answer(struct sender *s)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	return poll(&pfd, 1, LOST_MS) > 0 && hear(s);
}

/* Sends @n datagrams, the last one asking for an answer if @ask. */
static void send_batch(struct sender *s, unsigned int n, bool ask)
{
	unsigned int i;
	int sent;

	for (i = 0; i < n; i++) {
		struct datagram d = {
			.run = htonl(s->run),
			.number = htonl(s->next + i),
			.ask = htonl(ask && i == n - 1),
		};

		memcpy(s->out.data[i], &d, sizeof(d));
		s->to[i].sin_addr.s_addr =
			htonl(ntohl(s->first.sin_addr.s_addr) + (s->next + i) % s->addresses);
	}
	sent = sendmmsg(s->fd, s->out.msgs, n, 0);
	if (sent > 0)
		s->next += (uint32_t)sent;
	else if (errno != ENOBUFS && errno != ECONNREFUSED && errno != EINTR)
		die("sendmmsg");
}

/* Asks until there is an answer for all that was sent; what it does not count is lost. */
static void settle(struct sender *s)
{
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		send_batch(s, 1, true);
		while (wait_answer(s))
			if (s->acked == s->next)
				return;
	}
	fprintf(stderr, "window: no answer in %d tries\n", TRIES);
	exit(1);
}

static void run(struct sender *s, uint64_t until_ns)
{
	while (now_ns() < until_ns) {
		uint32_t under_way = s->next - s->acked;

		if (under_way + BATCH <= WINDOW) {
			send_batch(s, BATCH, false);
			hear(s);
		} else if (!wait_answer(s)) {
			s->stalls++;
			settle(s);
		}
	}
}

/* One address is connected to, which spares Linux a look at routes and policies for each datagram; several are named by each. */
static void aim(struct sender *s, const char *address, unsigned int addresses)
{
	unsigned int i;

	s->first = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
	s->addresses = addresses;
	if (inet_pton(AF_INET, address, &s->first.sin_addr) != 1) {
		fprintf(stderr, "window: \"%s\" is no IPv4 address\n", address);
		exit(2);
	}
	s->fd = open_socket();
	if (addresses == 1 && connect(s->fd, (struct sockaddr *)&s->first, sizeof(s->first)))
		die("connect");
	for (i = 0; addresses > 1 && i < BATCH; i++) {
		s->to[i] = s->first;
		s->out.msgs[i].msg_hdr.msg_name = &s->to[i];
		s->out.msgs[i].msg_hdr.msg_namelen = sizeof(s->to[i]);
	}
}

static void send_for(const char *address, unsigned int bytes, unsigned int seconds, unsigned int addresses)
{
	static struct sender s;
	uint64_t begin, end;
	uint32_t sent, got;

	s.run = (uint32_t)now_ns() ^ (uint32_t)getpid();
	prepare(&s.out, bytes);
	aim(&s, address, addresses);
	settle(&s);
	sent = s.next;
	got = s.got;
	begin = now_ns();
	run(&s, begin + (uint64_t)seconds * NS_PER_S);
	settle(&s);
	end = now_ns();
	sent = s.next - sent;
	got = s.got - got;
	printf("{\"received\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"stalls\":%" PRIu32
	       ",\"seconds\":%.3f,\"pps\":%.1f,\"mbps\":%.3f}\n",
	       got, sent - got, s.stalls, (double)(end - begin) / NS_PER_S,
	       (double)got * NS_PER_S / (double)(end - begin),
	       (double)got * bytes * 8 * 1000 / (double)(end - begin));
}

static unsigned int number(const char *text, unsigned int min, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < min || value > max) {
		fprintf(stderr, "window: \"%s\" is no number from %u to %u\n", text, min, max);
		exit(2);
	}
	return (unsigned int)value;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "serve"))
		serve();
	if (argc < 5 || argc > 6 || strcmp(argv[1], "send") != 0) {
		fprintf(stderr, "usage: window serve | window send ADDRESS BYTES SECONDS [ADDRESSES]\n");
		return 2;
	}
	send_for(argv[2], number(argv[3], BYTES_MIN, BYTES_MAX), number(argv[4], 1, 3600),
		 argc == 6 ? number(argv[5], 1, ADDRESSES_MAX) : 1);
	return 0;
}
