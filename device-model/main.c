// SPDX-License-Identifier: BSD-2-Clause
/* espnic-device: one NIC as a process. Puts the parts together and takes them apart again. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "engine/engine.h"
#include "fault.h"
#include "nic/nic.h"
#include "nic/pcap.h"
#include "vfio-user/server.h"
#include "wire/wire.h"

enum exit_codes {
	EXIT_FINE = 0,
	EXIT_RUN_TIME = 1,
	EXIT_USAGE = 2,
};

enum defaults {
	DEFAULT_QUEUES = 4,
	DEFAULT_WORKERS_MAX = 4, /* TX threads; half the CPUs at most */
	ERR_LEN = 256, /* bytes of a message */
};

struct options {
	const char *socket, *wire, *engine, *pcap, *control;
	unsigned int queues, workers;
	bool has_mac, trace, faults;
	struct espnic_caps hidden;
	uint8_t mac[ESPNIC_ETH_ALEN];
};

/* Everything that is open, for one way out. */
struct device {
	struct espnic_wire *wire;
	struct espnic_pcap *pcap;
	struct espnic_nic *nic;
	struct espnic_vfu *vfu;
	struct espnic_control *control;
	struct espnic_faults *faults;
};

static const char help[] =
	"usage: espnic-device --socket PATH --wire SPEC [options]\n"
	"Serves one espnic NIC to QEMU's vfio-user-pci on the unix socket PATH.\n"
	"\n"
	"  --socket PATH    vfio-user socket to make\n"
	"  --wire SPEC      stream:connect:PATH, stream:listen:PATH (QEMU's -netdev stream),\n"
	"                   tap:NAME, loopback, pcap:IN[,OUT]\n"
	"  --engine NAME    ref, fast, rtl or auto (default: fast where the CPU has it, else ref)\n"
	"  --queues N       queue pairs, 1 to 16 (default 4)\n"
	"  --workers N      transmit threads, 1 to the number of queue pairs\n"
	"  --mac MAC        permanent address (default: made of the socket's path)\n"
	"  --pcap FILE      record wire and host side to a pcapng file\n"
	"  --control PATH   unix socket that answers `stats` and `health` with a line of JSON\n"
	"  --faults         for tests: the control socket takes `fault NAME [COUNT [ARG]]` too, and\n"
	"                   the device then breaks in that way; `fault list` has the names\n"
	"  --hide-caps NAME[,NAME]...  be like a device that lacks these capabilities: flags of\n"
	"                   CAP_OFFLOAD, CAP_IPSEC and CAP_TRANSFORMS (docs/registers.md)\n"
	"  --trace          name what happens, on stderr\n"
	"  --version, --help\n";

static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "espnic-device: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* ---- options ---- */

static bool parse_number(const char *text, const char *flag, unsigned int max, unsigned int *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || v < 1 || v > max) {
		complain("%s: \"%s\" is no number from 1 to %u", flag, text, max);
		return false;
	}
	*out = (unsigned int)v;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[ESPNIC_ETH_ALEN])
{
	unsigned int v[ESPNIC_ETH_ALEN], i;
	int used = 0;
	bool zero = true;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
		   &used) != ESPNIC_ETH_ALEN ||
	    text[used] || strlen(text) != 17)
		goto bad;
	for (i = 0; i < ESPNIC_ETH_ALEN; i++) {
		mac[i] = (uint8_t)v[i];
		zero &= !v[i];
	}
	if (!zero && !(mac[0] & 1))
		return true;
bad:
	complain("--mac: \"%s\" is no unicast address like 02:00:00:00:00:01", text);
	return false;
}

/*
 * An address of its own for each device on a machine, the same at each start: FNV-1a of the path.
 */
static void default_mac(const char *path, uint8_t mac[ESPNIC_ETH_ALEN])
{
	uint32_t hash = 2166136261u;

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 16777619u;
	mac[0] = 0x02; /* locally administered, unicast */
	mac[1] = ESPNIC_PCI_DEVICE >> 8;
	mac[2] = ESPNIC_PCI_DEVICE & 0xff;
	mac[3] = (uint8_t)(hash >> 16);
	mac[4] = (uint8_t)(hash >> 8);
	mac[5] = (uint8_t)hash;
}

static unsigned int default_workers(unsigned int queues)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = cpus > 2 ? (unsigned int)cpus / 2 : 1;

	if (n > DEFAULT_WORKERS_MAX)
		n = DEFAULT_WORKERS_MAX;
	return n < queues ? n : queues;
}

static bool known_engine(const char *name)
{
	static const char *const names[] = { "auto", "ref", "fast", "rtl" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	complain("--engine: \"%s\" is none of ref, fast, rtl, auto", name);
	return false;
}

static bool parse_caps(const char *list, struct espnic_caps *hidden)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");
		int err = espnic_caps_hide(hidden, list, len);

		if (err) {
			complain(err == -ENXIO ? "--hide-caps: the device has no \"%.*s\" to hide"
					       : "--hide-caps: \"%.*s\" is no capability",
				 (int)len, list);
			return false;
		}
		list += len;
		if (!*list)
			return true;
	}
}

static bool check_options(struct options *o)
{
	if (!o->socket || !*o->socket) {
		complain("--socket PATH is missing");
		return false;
	}
	if (!o->wire || !*o->wire) {
		complain("--wire SPEC is missing");
		return false;
	}
	if (o->faults && !o->control) {
		complain("--faults needs --control, by which faults are asked for");
		return false;
	}
	if (!o->workers)
		o->workers = default_workers(o->queues);
	if (o->workers > o->queues) {
		complain("--workers: %u workers for %u queue pairs", o->workers, o->queues);
		return false;
	}
	if (!o->has_mac)
		default_mac(o->socket, o->mac);
	return known_engine(o->engine);
}

enum option_ids {
	SOCKET = 1,
	WIRE,
	ENGINE,
	QUEUES,
	WORKERS,
	MAC,
	PCAP,
	CONTROL,
	FAULTS,
	HIDE_CAPS,
	TRACE,
	VERSION,
	HELP
};

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, SOCKET },
		{ "wire", required_argument, NULL, WIRE },
		{ "engine", required_argument, NULL, ENGINE },
		{ "queues", required_argument, NULL, QUEUES },
		{ "workers", required_argument, NULL, WORKERS },
		{ "mac", required_argument, NULL, MAC },
		{ "pcap", required_argument, NULL, PCAP },
		{ "control", required_argument, NULL, CONTROL },
		{ "faults", no_argument, NULL, FAULTS },
		{ "hide-caps", required_argument, NULL, HIDE_CAPS },
		{ "trace", no_argument, NULL, TRACE },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int id;

	*o = (struct options){ .engine = "auto", .queues = DEFAULT_QUEUES };
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		bool ok = true;

		switch (id) {
		case SOCKET:
			o->socket = optarg;
			break;
		case WIRE:
			o->wire = optarg;
			break;
		case ENGINE:
			o->engine = optarg;
			break;
		case PCAP:
			o->pcap = optarg;
			break;
		case CONTROL:
			o->control = optarg;
			break;
		case FAULTS:
			o->faults = true;
			break;
		case TRACE:
			o->trace = true;
			break;
		case QUEUES:
			ok = parse_number(optarg, "--queues", ESPNIC_MAX_QUEUE_PAIRS, &o->queues);
			break;
		case WORKERS:
			ok = parse_number(optarg, "--workers", ESPNIC_MAX_QUEUE_PAIRS, &o->workers);
			break;
		case MAC:
			ok = o->has_mac = parse_mac(optarg, o->mac);
			break;
		case HIDE_CAPS:
			ok = parse_caps(optarg, &o->hidden);
			break;
		case VERSION:
			printf("espnic-device %s, interface %d.%d\n", ESPNIC_VERSION,
			       ESPNIC_VERSION_MAJOR_VALUE, ESPNIC_VERSION_MINOR_VALUE);
			return EXIT_FINE;
		case HELP:
			fputs(help, stdout);
			return EXIT_FINE;
		case ':':
			complain("%s needs a value (see --help)", argv[optind - 1]);
			return EXIT_USAGE;
		default:
			complain("%s: no such option (see --help)", argv[optind - 1]);
			return EXIT_USAGE;
		}
		if (!ok)
			return EXIT_USAGE;
	}
	if (optind < argc) {
		complain("%s: what is that? (see --help)", argv[optind]);
		return EXIT_USAGE;
	}
	return check_options(o) ? -1 : EXIT_USAGE;
}

/* ---- the device ---- */

/* False: one line was printed. */
static bool open_device(struct device *d, const struct options *o)
{
	struct espnic_nic_config cfg = {
		.queues = o->queues,
		.workers = o->workers,
		.hidden = o->hidden,
		.trace = o->trace,
	};
	const char *why = "";
	char err[ERR_LEN] = "";

	memcpy(cfg.mac, o->mac, sizeof(cfg.mac));
	cfg.engine = espnic_engine_get(o->engine, &why);
	if (!cfg.engine) {
		complain("engine %s: %s", o->engine, why ? why : "not available");
		return false;
	}
	cfg.wire = d->wire = espnic_wire_open(o->wire, err, sizeof(err));
	if (!d->wire)
		goto fail;
	if (o->pcap) {
		cfg.pcap = d->pcap = espnic_pcap_open(o->pcap, err, sizeof(err));
		if (!d->pcap)
			goto fail;
	}
	if (o->faults) {
		cfg.faults = d->faults = espnic_faults_new();
		if (!d->faults) {
			snprintf(err, sizeof(err), "out of memory");
			goto fail;
		}
	}
	d->nic = espnic_nic_create(&cfg);
	if (!d->nic) {
		snprintf(err, sizeof(err), "out of memory or file descriptors");
		goto fail;
	}
	d->vfu = espnic_vfu_new(o->socket, &espnic_nic_fn_ops, d->nic, ESPNIC_MAX_VECTORS, err,
				sizeof(err));
	if (!d->vfu)
		goto fail;
	d->control = espnic_control_open(o->control, d->nic, d->faults, err, sizeof(err));
	if (!d->control)
		goto fail;
	return true;
fail:
	complain("%s", err);
	return false;
}

static void stop_bus(void *ctx)
{
	espnic_vfu_stop(ctx);
}

/* Serves until a signal comes. */
static bool serve(struct device *d, const struct options *o)
{
	int err = espnic_nic_start(d->nic, &espnic_vfu_bus_ops, d->vfu);

	if (!err)
		err = espnic_control_start(d->control, stop_bus, d->vfu);
	if (err) {
		complain("threads: %s", strerror(-err));
		return false;
	}
	printf("espnic-device: ready on %s\n", o->socket);
	fflush(stdout);
	err = espnic_vfu_run(d->vfu);
	if (err)
		complain("%s: %s", o->socket, strerror(-err));
	return !err;
}

static bool close_device(struct device *d)
{
	int err;

	espnic_control_close(d->control);
	if (d->nic)
		espnic_nic_stop(d->nic);
	if (d->vfu)
		espnic_vfu_free(d->vfu);
	espnic_nic_destroy(d->nic);
	espnic_faults_free(d->faults);
	if (d->wire)
		d->wire->ops->close(d->wire);
	err = espnic_pcap_close(d->pcap);
	if (err)
		complain("recording: %s", strerror(-err));
	return !err;
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	struct options o;
	sigset_t set;
	int status = parse_options(argc, argv, &o);
	bool ok;

	if (status >= 0)
		return status;
	/* The control thread alone takes the signals that end the process. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	ok = open_device(&d, &o) && serve(&d, &o);
	ok &= close_device(&d);
	return ok ? EXIT_FINE : EXIT_RUN_TIME;
}
