// SPDX-License-Identifier: BSD-2-Clause
#include "main/daemon.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/address.h"
#include "kernel/sweep.h"
#include "main/confine.h"
#include "main/net.h"

enum {
	LINK_BUFFER = 1 << 20, /* bytes between the processes in the kernel */
	GOODBYE_MS = 3000, /* for peers to answer that their SAs end */
	LONGEST_WAIT_MS = 60000,
	LINE_BUFFER = 4096, /* bytes of a line of the log, in one system call */
};

enum { FD_LINK, FD_VICI, FD_SIGNALS, FD_XFRM, FD_ROUTE, FDS };

uint64_t espnic_daemon_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t seconds(void)
{
	return espnic_daemon_now() / 1000;
}

static uint64_t wall_seconds(void)
{
	return (uint64_t)time(NULL);
}

/* ---- beginning ---- */

static int signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
	return sigprocmask(SIG_BLOCK, set, NULL);
}

static void settings(const struct espnic_run_options *opt, struct espnic_ike_settings *set)
{
	espnic_ike_settings_init(set);
	set->reqid_base = ESPNIC_REQID_CORE;
	set->reqids = ESPNIC_REQID_CORES;
	if (opt->no_cookies)
		set->cookie_threshold = set->half_open_addr = UINT32_MAX;
}

/* The process on the network begins before anything secret is read; of the kernel it keeps its UDP sockets alone. */
static int begin_other(struct espnic_daemon *d, char *err)
{
	struct espnic_ike_settings set;
	int pair[2], bytes = LINK_BUFFER, i;
	struct espnic_udp udp;

	settings(&d->opt, &set);
	if (espnic_udp_open(&udp, d->opt.port, d->opt.natt, d->opt.kernel, err))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
		snprintf(err, ESPNIC_IKE_TEXT, "%s", strerror(errno));
		espnic_udp_close(&udp);
		return -1;
	}
	for (i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	fflush(NULL);
	d->other = fork();
	if (!d->other) {
		close(pair[0]);
		espnic_notify_close(&d->notify);
		espnic_watch_close(&d->watch);
		espnic_xfrm_close(&d->xfrm);
		_exit(espnic_net_run(&udp, pair[1], &set, true));
	}
	close(pair[1]);
	espnic_udp_close(&udp);
	d->link.fd = pair[0];
	if (d->other < 0)
		snprintf(err, ESPNIC_IKE_TEXT, "%s", strerror(errno));
	return d->other < 0 ? -1 : 0;
}

static int begin_kernel(struct espnic_daemon *d, char *err)
{
	char text[ESPNIC_XFRM_TEXT] = "";
	unsigned int swept = 0;
	int rc;

	if (!d->opt.kernel)
		return 0;
	if (espnic_xfrm_open(&d->xfrm, text) || espnic_watch_open(&d->watch, text) ||
	    espnic_sweep(&d->xfrm, ESPNIC_REQID_OURS, ESPNIC_REQID_SHIFT, &swept, text)) {
		snprintf(err, ESPNIC_IKE_TEXT, "%.*s", ESPNIC_IKE_TEXT - 1, text);
		return -1;
	}
	rc = espnic_own_routes_sweep();
	if (!rc)
		rc = espnic_addresses_sweep();
	if (rc)
		espnic_log_note(&d->log, "kernel", "routes and addresses of a daemon that died: %s", strerror(-rc));
	if (swept)
		espnic_log_note(&d->log, "kernel", "%u states and policies of a daemon that died are taken out", swept);
	d->rights.xfrm = d->standing.xfrm = &d->xfrm;
	return 0;
}

static void wire_up(struct espnic_daemon *d)
{
	d->rights.store = &d->store;
	d->rights.log = d->standing.log = &d->log;
	d->rights.keys = &d->keys;
	d->rights.sas = &d->sas;
	d->standing.sas = &d->sas;
	d->standing.device_of = espnic_device_of;
	d->rights.standing = &d->standing;
	d->rights.vips = &d->vips;
	d->rights.routes = &d->routes;
	d->routes.kernel = d->opt.kernel;
	d->vips.set = d->opt.kernel ? espnic_address_set : NULL;
	d->rights.event = espnic_daemon_event;
	d->rights.ctx = d;
	d->standing.ports[0] = d->opt.port;
	d->standing.ports[1] = d->opt.natt;
	d->ctl = (struct espnic_ctl){ .store = &d->store, .started = wall_seconds(), .ops = &espnic_daemon_ops, .ctx = d };
	d->watch.fd[ESPNIC_WATCH_XFRM] = d->watch.fd[ESPNIC_WATCH_ROUTE] = -1;
	d->link.fd = d->signals = -1;
	d->reorder_at = UINT64_MAX;
}

static int begin(struct espnic_daemon *d, char *err)
{
	static char line[LINE_BUFFER];
	struct espnic_conf_error why;
	sigset_t set;

	/* the standard error begins without a buffer: each character would be a system call */
	setvbuf(stderr, line, _IOLBF, sizeof(line));
	d->log_limit.seconds = seconds;
	d->log = (struct espnic_log){ stderr, d->opt.form, d->opt.times ? wall_seconds : NULL, &d->log_limit };
	wire_up(d);
	espnic_notify_open(&d->notify);
	/* the kernel before the sockets, whose own policies need its module */
	if (signals(&set) || begin_kernel(d, err) || begin_other(d, err))
		return -1;
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals < 0) {
		snprintf(err, ESPNIC_IKE_TEXT, "%s", strerror(errno));
		return -1;
	}
	d->server = espnic_ctl_listen(d->opt.socket, &d->ctl, &why);
	if (d->server && espnic_confine_rights(err))
		return -1;
	if (d->server && !espnic_daemon_reload(d, &why))
		return 0;
	snprintf(err, ESPNIC_IKE_TEXT, "%.*s", ESPNIC_IKE_TEXT - 1, why.text);
	return -1;
}

/* ---- the loop ---- */

static void reload(struct espnic_daemon *d)
{
	struct espnic_conf_error err;

	espnic_notify_say(&d->notify, "RELOADING=1");
	if (espnic_daemon_reload(d, &err))
		espnic_log_note(&d->log, "config", "%s", err.text);
	espnic_notify_say(&d->notify, "READY=1");
}

static void take_signals(struct espnic_daemon *d)
{
	struct signalfd_siginfo s;

	while (read(d->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGHUP)
			reload(d);
		else if (s.ssi_signo != SIGCHLD)
			d->end = true;
		/* who it was is seen by the end of its socket */
	}
}

static void take_events(struct espnic_daemon *d, enum espnic_watch_socket which)
{
	if (!espnic_watch_read(&d->watch, which, espnic_daemon_kernel_event, d))
		espnic_daemon_look_again(d);
}

/* A sign of life is of both processes: the other one is asked first. */
static uint64_t watchdog(struct espnic_daemon *d, uint64_t due)
{
	struct espnic_ike_counters n;

	if (!d->notify.watchdog_ms)
		return UINT64_MAX;
	if (espnic_daemon_now() < due)
		return due;
	if (!espnic_daemon_look(d, NULL, NULL, &n))
		espnic_notify_say(&d->notify, "WATCHDOG=1");
	return espnic_daemon_now() + d->notify.watchdog_ms;
}

static int wait_ms(uint64_t until)
{
	uint64_t now = espnic_daemon_now();

	if (until <= now)
		return 0;
	return until - now > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)(until - now);
}

static void turn(struct espnic_daemon *d, uint64_t until)
{
	struct pollfd fds[FDS] = {
		[FD_LINK] = { d->link.fd, espnic_link_events(&d->link), 0 },
		[FD_VICI] = { espnic_ctl_fd(d->server), POLLIN, 0 },
		[FD_SIGNALS] = { d->signals, POLLIN, 0 },
		[FD_XFRM] = { d->watch.fd[ESPNIC_WATCH_XFRM], POLLIN, 0 },
		[FD_ROUTE] = { d->watch.fd[ESPNIC_WATCH_ROUTE], POLLIN, 0 },
	};

	if (poll(fds, FDS, wait_ms(until)) < 0 && errno != EINTR)
		d->end = d->failed = true;
	if (fds[FD_LINK].revents & POLLOUT)
		espnic_link_flush(&d->link);
	if (fds[FD_LINK].revents & ~POLLOUT)
		espnic_daemon_messages(d);
	if (fds[FD_ROUTE].revents)
		take_events(d, ESPNIC_WATCH_ROUTE);
	if (fds[FD_XFRM].revents)
		take_events(d, ESPNIC_WATCH_XFRM);
	if (fds[FD_VICI].revents)
		espnic_ctl_work(d->server);
	if (fds[FD_SIGNALS].revents)
		take_signals(d);
}

/* The core is to answer to a peer's PPK if there is one to answer with. */
static void tell_ppks(struct espnic_daemon *d)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_PPKS, .ppks.any = d->store.n_ppks };

	if (in.ppks.any == d->ppks)
		return;
	d->ppks = in.ppks.any;
	espnic_daemon_input(d, &in);
}

/* The table has grown, if it was to, by the time that this is due. */
static uint64_t reorder(struct espnic_daemon *d)
{
	char text[ESPNIC_XFRM_TEXT];
	int rc;

	if (espnic_daemon_now() < d->reorder_at)
		return d->reorder_at;
	d->reorder_at = UINT64_MAX;
	rc = espnic_xfrm_reorder(&d->xfrm, text);
	if (rc)
		espnic_log_note(&d->log, "kernel", "the order of policies: %s", text[0] ? text : strerror(-rc));
	return UINT64_MAX;
}

static void loop(struct espnic_daemon *d)
{
	uint64_t dog = 0, order, next;

	while (!d->end) {
		tell_ppks(d);
		dog = watchdog(d, dog);
		order = reorder(d);
		next = espnic_daemon_waiters(d);
		if (order < next)
			next = order;
		turn(d, next < dog ? next : dog);
	}
}

/* ---- ending ---- */

/* Peers are told that their SAs end, and given a moment to answer. */
static void say_goodbye(struct espnic_daemon *d)
{
	const struct espnic_ike_input all = { .kind = ESPNIC_IKE_IN_TERMINATE };
	uint64_t until = espnic_daemon_now() + GOODBYE_MS;
	struct espnic_ike_counters n = { 0 };

	d->end = false;
	espnic_daemon_input(d, &all);
	while (!d->end && espnic_daemon_now() < until && !espnic_daemon_look(d, NULL, NULL, &n) && n.sas) {
		struct pollfd fd = { d->link.fd, POLLIN, 0 };

		poll(&fd, 1, 50);
		espnic_daemon_messages(d);
	}
	d->end = true;
}

static void forget(void *ctx, struct espnic_sa *sa)
{
	struct espnic_daemon *d = ctx;

	espnic_rights_forget(&d->rights, sa, sa->policies);
}

/* After a fault, states go and policies stay: what they protected is not sent until somebody looks. */
static void close_states(void *ctx, struct espnic_sa *sa)
{
	struct espnic_daemon *d = ctx;
	struct espnic_ike_kernel_op op = espnic_sas_op(sa, ESPNIC_IKE_KERNEL_DELETE);
	struct espnic_child_result result;

	op.policies = false;
	if (d->rights.xfrm)
		espnic_child_run(d->rights.xfrm, &op, sa->ifindex, &result);
}

static void end(struct espnic_daemon *d)
{
	if (d->failed) {
		espnic_sas_each(&d->sas, close_states, d);
	} else {
		say_goodbye(d);
		espnic_sas_each(&d->sas, forget, d);
		espnic_standing_end(&d->standing);
	}
	espnic_routes_end(&d->routes);
	espnic_vips_end(&d->vips);
	espnic_daemon_drop_waiters(d);
}

static void release(struct espnic_daemon *d)
{
	/* the other process ends when its socket does */
	if (d->link.fd >= 0)
		close(d->link.fd);
	if (d->other > 0)
		waitpid(d->other, NULL, 0);
	espnic_link_drop(&d->link);
	espnic_ctl_close(d->server);
	espnic_store_free(&d->store);
	espnic_keys_clear(&d->keys);
	espnic_certs_free(&d->certs);
	espnic_sas_free(&d->sas);
	espnic_watch_close(&d->watch);
	espnic_xfrm_close(&d->xfrm);
	espnic_notify_close(&d->notify);
	if (d->signals >= 0)
		close(d->signals);
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

int espnic_daemon_run(const struct espnic_run_options *opt)
{
	struct espnic_daemon *d = calloc(1, sizeof(*d));
	char err[ESPNIC_IKE_TEXT] = "";
	int rc;

	if (!d) {
		fprintf(stderr, "espnic-ike: out of memory\n");
		return 1;
	}
	d->opt = *opt;
	if (begin(d, err)) {
		fprintf(stderr, "espnic-ike: %s\n", err);
		if (d->standing.xfrm)
			espnic_standing_end(&d->standing);
		release(d);
		return 1;
	}
	espnic_log_note(&d->log, "ready", "espnic-ike %s, ports %u and %u, clients at %s", ESPNIC_VERSION, opt->port, opt->natt, opt->socket);
	espnic_notify_say(&d->notify, "READY=1");
	loop(d);
	espnic_notify_say(&d->notify, "STOPPING=1");
	rc = d->failed;
	end(d);
	release(d);
	return rc;
}
