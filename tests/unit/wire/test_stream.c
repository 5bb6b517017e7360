// SPDX-License-Identifier: BSD-2-Clause
/* The stream wire against a peer that speaks QEMU's framing by hand, well and badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/ip.h"
#include "espnic_regs.h"
#include "wire/kinds.h"

enum {
	PATIENCE_MS = 5000,	/* no step takes this long unless it has failed */
	TICK_MS = 20,
};

static char dir[] = "/tmp/espnic-stream-XXXXXX";
static char path[128];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/wire", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct espnic_wire *wire_open(const char *how)
{
	char spec[256], err[256] = "";
	struct espnic_wire *w;

	snprintf(spec, sizeof(spec), "stream:%s:%s", how, path);
	w = espnic_wire_open(spec, err, sizeof(err));
	if (!w)
		fail_msg("%s", err);
	return w;
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, strlen(path) + 1);
	return a;
}

static int peer_listen(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int peer_connect(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* One turn of the receiving thread's loop. */
static int turn(struct espnic_wire *w, struct espnic_wire_frame *f, unsigned int n)
{
	int got = w->ops->recv(w, f, n);

	if (got)
		return got;
	w->ops->wait_readable(w, -1, TICK_MS);
	return w->ops->recv(w, f, n);
}

static void wait_link(struct espnic_wire *w, bool up)
{
	uint64_t end = espnic_wire_now_ms() + PATIENCE_MS;
	struct espnic_wire_frame f;

	while (w->ops->link_up(w) != up && espnic_wire_now_ms() < end)
		assert_int_equal(turn(w, &f, 1), 0);
	assert_int_equal(w->ops->link_up(w), up);
}

/* Waits for one frame. */
static struct espnic_wire_frame wait_frame(struct espnic_wire *w)
{
	uint64_t end = espnic_wire_now_ms() + PATIENCE_MS;
	struct espnic_wire_frame f;

	while (!turn(w, &f, 1))
		assert_true(espnic_wire_now_ms() < end);
	return f;
}

static void write_all(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
}

static void read_all(int fd, void *p, size_t len)
{
	assert_int_equal(recv(fd, p, len, MSG_WAITALL), len);
}

/* A frame that can be told from any other, behind its length at @p; returns the bytes of both. */
static size_t put_frame(uint8_t *p, uint32_t len, uint32_t number)
{
	espnic_put32(p, len);
	for (uint32_t i = 0; i < len; i++)
		p[4 + i] = (uint8_t)(number * 31 + i);
	return 4 + len;
}

static void check_frame(const uint8_t *p, uint32_t len, uint32_t number)
{
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(p[i], (uint8_t)(number * 31 + i));
}

static uint32_t length_of(uint32_t number)
{
	static const uint32_t lengths[] = { 1, 14, 60, 1514, 3, ESPNIC_MAX_FRAME, 64, 255, 256 };

	return lengths[number % (sizeof(lengths) / sizeof(lengths[0]))];
}

/* The same stream in pieces of every size: the same frames. */
static void test_partial_reads(void **state)
{
	enum { N = 40 };
	static const size_t pieces[] = { 1, 2, 3, 5, 63, 1500, 4096, 1 << 20 };
	static uint8_t stream[N * (4 + ESPNIC_MAX_FRAME)];
	size_t len = 0;

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		len += put_frame(stream + len, length_of(i), i);
	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		struct espnic_wire *w = wire_open("listen");
		int fd = peer_connect();
		struct espnic_wire_frame f[7];
		uint32_t next = 0;
		size_t done = 0;

		wait_link(w, true);
		while (next < N) {
			size_t piece = len - done < pieces[k] ? len - done : pieces[k];
			ssize_t sent =
				piece ? send(fd, stream + done, piece, MSG_NOSIGNAL | MSG_DONTWAIT)
				      : 0;
			int got;

			if (sent > 0)
				done += (size_t)sent;
			while ((got = w->ops->recv(w, f, 7)) > 0) {
				for (int i = 0; i < got; i++, next++) {
					assert_int_equal(f[i].len, length_of(next));
					check_frame(f[i].data, f[i].len, next);
				}
			}
		}
		assert_int_equal(done, len);
		assert_int_equal(atomic_load(&w->rx_skipped), 0);
		close(fd);
		wait_link(w, false);
		w->ops->close(w);
	}
}

/* The thread that receives, and does nothing but what the wire asks of it. */
struct receiver {
	struct espnic_wire *w;
	atomic_bool stop;
	int wake_fd;
};

static void *receive(void *arg)
{
	struct receiver *r = arg;
	struct espnic_wire_frame f;

	while (!atomic_load(&r->stop)) {
		r->w->ops->recv(r->w, &f, 1);
		r->w->ops->wait_readable(r->w, r->wake_fd, 2 * PATIENCE_MS);
	}
	return NULL;
}

/*
 * A peer that does not read, until the socket is full; with the largest frames in large batches, in
 * the middle of one. Frames are taken whole or not at all, and the rest of the last one goes
 * without a further send.
 */
static void test_partial_writes(void **state)
{
	enum { BATCH = 60, LEN = ESPNIC_MAX_FRAME };
	static uint8_t frames[BATCH][4 + ESPNIC_MAX_FRAME], got[ESPNIC_MAX_FRAME];
	struct espnic_wire_frame f[BATCH];
	struct receiver r = { .w = wire_open("listen"), .wake_fd = eventfd(0, EFD_CLOEXEC) };
	struct espnic_wire *w = r.w;
	int fd = peer_connect(), n;
	pthread_t thread;
	uint64_t start;
	uint32_t sent = 0;

	(void)state;
	wait_link(w, true);
	pthread_create(&thread, NULL, receive, &r);
	/* It shall be asleep when the socket fills, and when it empties. */
	usleep(5 * TICK_MS * 1000);
	do {
		for (uint32_t i = 0; i < BATCH; i++) {
			f[i] = (struct espnic_wire_frame){ frames[i] + 4, LEN };
			put_frame(frames[i], LEN, sent + i);
		}
		n = w->ops->send(w, f, BATCH);
		assert_true(n >= 0);
		sent += (uint32_t)n;
	} while (n);
	assert_true(sent > 10);
	usleep(5 * TICK_MS * 1000);
	start = espnic_wire_now_ms();
	for (uint32_t i = 0; i < sent; i++) {
		uint8_t head[4];

		read_all(fd, head, 4);
		assert_int_equal(espnic_get32(head), LEN);
		read_all(fd, got, LEN);
		check_frame(got, LEN, i);
	}
	assert_true(espnic_wire_now_ms() - start < PATIENCE_MS);
	assert_int_equal(recv(fd, got, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	w->ops->wait_writable(w, PATIENCE_MS);
	assert_int_equal(w->ops->send(w, f, 1), 1);
	atomic_store(&r.stop, true);
	assert_int_equal(eventfd_write(r.wake_fd, 1), 0);
	pthread_join(thread, NULL);
	close(r.wake_fd);
	close(fd);
	w->ops->close(w);
}

/* More frames in one call than one system call takes. */
static void test_batch(void **state)
{
	enum { N = 300, LEN = 60 };
	static uint8_t frames[N][4 + LEN], got[4 + LEN];
	struct espnic_wire *w = wire_open("listen");
	struct espnic_wire_frame f[N];
	int fd = peer_connect();

	(void)state;
	wait_link(w, true);
	for (uint32_t i = 0; i < N; i++) {
		put_frame(frames[i], LEN, i);
		f[i] = (struct espnic_wire_frame){ frames[i] + 4, LEN };
	}
	assert_int_equal(w->ops->send(w, f, N), N);
	for (uint32_t i = 0; i < N; i++) {
		read_all(fd, got, sizeof(got));
		assert_memory_equal(got, frames[i], sizeof(got));
	}
	close(fd);
	w->ops->close(w);
}

struct bad_length {
	const char *name;
	uint32_t len;
};

static void test_bad_lengths(void **state)
{
	static const struct bad_length cases[] = {
		{ "zero", 0 },
		{ "all ones", UINT32_MAX },
		{ "sign bit", 0x80000000 },
		{ "64 KiB", 65536 },
		{ "slightly too much", ESPNIC_MAX_FRAME + 1000 },
		{ "text", 0x47455420 },
	};
	struct espnic_wire *w = wire_open("listen");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t good[4 + 60], head[4], more[100] = { 0 };
		struct espnic_wire_frame f;
		int fd = peer_connect();

		print_message("%s\n", cases[i].name);
		wait_link(w, true);
		write_all(fd, good, put_frame(good, 60, 1));
		espnic_put32(head, cases[i].len);
		write_all(fd, head, 4);
		write_all(fd, more, sizeof(more));
		/* What came before it counts. */
		f = wait_frame(w);
		assert_int_equal(f.len, 60);
		check_frame(f.data, 60, 1);
		wait_link(w, false);
		assert_int_equal(w->ops->send(w, &(struct espnic_wire_frame){ good, 60 }, 1),
				 -ENOLINK);
		close(fd);
	}
	w->ops->close(w);
}

/* A little too long is a frame, only not one for us. */
static void test_oversized(void **state)
{
	static uint8_t big[4 + ESPNIC_MAX_FRAME + 1];
	struct espnic_wire *w = wire_open("listen");
	int fd = peer_connect();
	uint8_t good[4 + 60];
	struct espnic_wire_frame f;

	(void)state;
	wait_link(w, true);
	write_all(fd, big, put_frame(big, ESPNIC_MAX_FRAME + 1, 1));
	write_all(fd, good, put_frame(good, 60, 2));
	f = wait_frame(w);
	assert_int_equal(f.len, 60);
	check_frame(f.data, 60, 2);
	assert_int_equal(atomic_load(&w->rx_skipped), 1);
	assert_true(w->ops->link_up(w));
	close(fd);
	w->ops->close(w);
}

/* Connecting: nobody there, then somebody, gone, back. */
static void test_reconnect(void **state)
{
	struct espnic_wire *w;
	uint8_t frame[4 + 60], got[4 + 60];
	int listener, fd;

	(void)state;
	unlink(path);
	w = wire_open("connect");
	assert_false(w->ops->link_up(w));
	assert_int_equal(w->ops->send(w, &(struct espnic_wire_frame){ frame, 60 }, 1), -ENOLINK);
	for (int i = 0; i < 3; i++) {
		listener = peer_listen();
		wait_link(w, true);
		fd = accept(listener, NULL, NULL);
		close(listener);
		put_frame(frame, 60, (uint32_t)i);
		assert_int_equal(w->ops->send(w, &(struct espnic_wire_frame){ frame + 4, 60 }, 1),
				 1);
		read_all(fd, got, sizeof(got));
		assert_memory_equal(got, frame, sizeof(got));
		/* In the middle of a frame: the next connection begins anew. */
		write_all(fd, frame, 30);
		close(fd);
		wait_link(w, false);
	}
	w->ops->close(w);
}

/* Listening: one peer after another; a second waits for the first to go. */
static void test_accept_again(void **state)
{
	struct espnic_wire *w = wire_open("listen");
	uint8_t frame[4 + 60];
	struct espnic_wire_frame f;
	int one, two;

	(void)state;
	one = peer_connect();
	wait_link(w, true);
	two = peer_connect();
	write_all(two, frame, put_frame(frame, 60, 2));
	assert_int_equal(turn(w, &f, 1), 0);
	write_all(one, frame, put_frame(frame, 60, 1));
	check_frame(wait_frame(w).data, 60, 1);
	close(one);
	check_frame(wait_frame(w).data, 60, 2);
	assert_true(w->ops->link_up(w));
	close(two);
	wait_link(w, false);
	w->ops->close(w);
	/* The socket file goes with the wire. */
	assert_int_equal(access(path, F_OK), -1);
}

/* The peer is gone and only a sender notices. */
static void test_send_to_nobody(void **state)
{
	struct espnic_wire *w = wire_open("listen");
	uint8_t frame[60] = { 0 };
	int fd = peer_connect();

	(void)state;
	wait_link(w, true);
	close(fd);
	assert_int_equal(w->ops->send(w, &(struct espnic_wire_frame){ frame, 60 }, 1), -ENOLINK);
	assert_false(w->ops->link_up(w));
	fd = peer_connect();
	wait_link(w, true);
	close(fd);
	w->ops->close(w);
}

static void test_open_errors(void **state)
{
	char spec[256], err[256];
	struct espnic_wire *w = wire_open("listen");
	struct sockaddr_un a = address();
	int fd;

	(void)state;
	snprintf(spec, sizeof(spec), "stream:listen:%s", path);
	assert_null(espnic_wire_open(spec, err, sizeof(err)));
	assert_non_null(strstr(err, "in use"));
	w->ops->close(w);
	/* A socket file that nobody listens on is taken over. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	w = espnic_wire_open(spec, err, sizeof(err));
	assert_non_null(w);
	w->ops->close(w);
	snprintf(spec, sizeof(spec), "stream:listen:%s/no/such/folder", dir);
	assert_null(espnic_wire_open(spec, err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
	snprintf(spec, sizeof(spec), "stream:connect:%0*d", 200, 1);
	assert_null(espnic_wire_open(spec, err, sizeof(err)));
	assert_non_null(strstr(err, "the path must have"));
	assert_null(espnic_wire_open("stream:connect:", err, sizeof(err)));
	assert_null(espnic_wire_open("stream:dial:/x", err, sizeof(err)));
	assert_null(espnic_wire_open("stream", err, sizeof(err)));
	assert_null(strchr(err, '\n'));
}

static void test_wake(void **state)
{
	struct espnic_wire *w = wire_open("listen");
	int fd = eventfd(1, EFD_CLOEXEC);
	uint64_t start = espnic_wire_now_ms();

	(void)state;
	w->ops->wait_readable(w, fd, PATIENCE_MS);
	assert_true(espnic_wire_now_ms() - start < PATIENCE_MS / 2);
	close(fd);
	w->ops->close(w);
}

/* Several senders, one receiver, a peer that returns everything. */
enum { SENDERS = 4, EACH = 2000, ECHO_LEN = 200 };

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	uint8_t buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t done = 0, r; done < n; done += r)
			if ((r = send(fd, buf + done, (size_t)(n - done), MSG_NOSIGNAL)) <= 0)
				return NULL;
	return NULL;
}

static void *sender(void *arg)
{
	struct espnic_wire *w = arg;
	uint8_t frame[4 + ECHO_LEN];
	struct espnic_wire_frame f = { frame + 4, ECHO_LEN };

	for (uint32_t i = 0; i < EACH;) {
		int n;

		put_frame(frame, ECHO_LEN, i);
		n = w->ops->send(w, &f, 1);
		if (n < 0)
			break;
		if (!n)
			w->ops->wait_writable(w, TICK_MS);
		i += (uint32_t)n;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct espnic_wire *w = wire_open("listen");
	pthread_t peer, senders[SENDERS];
	int fd = peer_connect();
	uint64_t end = espnic_wire_now_ms() + 10 * PATIENCE_MS;
	unsigned int got = 0;

	(void)state;
	wait_link(w, true);
	pthread_create(&peer, NULL, echo, &fd);
	for (int i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, sender, w);
	while (got < SENDERS * EACH && espnic_wire_now_ms() < end) {
		struct espnic_wire_frame f[32];
		int n = turn(w, f, 32);

		for (int i = 0; i < n; i++) {
			assert_int_equal(f[i].len, ECHO_LEN);
			/* Whole frames, whichever sender's. */
			for (uint32_t k = 1; k < ECHO_LEN; k++)
				assert_int_equal(f[i].data[k], (uint8_t)(f[i].data[0] + k));
		}
		got += (unsigned int)n;
	}
	assert_int_equal(got, SENDERS * EACH);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	shutdown(fd, SHUT_RDWR);
	pthread_join(peer, NULL);
	close(fd);
	w->ops->close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial_reads),
		cmocka_unit_test(test_partial_writes),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_bad_lengths),
		cmocka_unit_test(test_oversized),
		cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_accept_again),
		cmocka_unit_test(test_send_to_nobody),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
