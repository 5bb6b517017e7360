// SPDX-License-Identifier: BSD-2-Clause
#include "main/run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/daemon.h"

static const char help[] =
	"usage: espnic-ike run [OPTION]...\n"
	"  --config FILE      a swanctl.conf with connections and secrets; read again on SIGHUP\n"
	"                     (without: swanctl --load-all brings them)\n"
	"  --socket PATH      where clients (swanctl --uri unix://PATH, espnic-ike status) connect\n"
	"                     (" ESPNIC_RUN_SOCKET ")\n"
	"  --port N           UDP port of IKE (500)\n"
	"  --natt-port N      the same behind a NAT, with ESP in UDP (4500)\n"
	"  --kernel linux|none  none: no IPsec is put into the kernel, for tests of load\n"
	"  --cookies auto|never  never: however many are half open, no peer is asked for a cookie, for tests of load\n"
	"  --log text|json    the form of a line (text)\n"
	"  --log-times        each line with the time (not needed under systemd)\n";

enum { PORTS = 65536 };

static int port(const char *text, uint16_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || !n || n >= PORTS) {
		fprintf(stderr, "espnic-ike run: '%s' is no port\n", text);
		return -1;
	}
	*out = (uint16_t)n;
	return 0;
}

/* Which of two words @text is: 0, 1; -1: neither, and that is said. */
static int either(const char *option, const char *text, const char *zero, const char *one)
{
	if (!strcmp(text, zero))
		return 0;
	if (!strcmp(text, one))
		return 1;
	fprintf(stderr, "espnic-ike run: --%s is %s or %s\n", option, zero, one);
	return -1;
}

static int take(struct espnic_run_options *opt, int option, const char *value)
{
	int which;

	switch (option) {
	case 'c':
		opt->config = value;
		return 0;
	case 's':
		opt->socket = value;
		return 0;
	case 'p':
		return port(value, &opt->port);
	case 'n':
		return port(value, &opt->natt);
	case 'k':
		which = either("kernel", value, "none", "linux");
		opt->kernel = which == 1;
		return which < 0 ? -1 : 0;
	case 'o':
		which = either("cookies", value, "auto", "never");
		opt->no_cookies = which == 1;
		return which < 0 ? -1 : 0;
	case 'l':
		which = either("log", value, "text", "json");
		opt->form = which == 1 ? ESPNIC_LOG_JSON : ESPNIC_LOG_TEXT;
		return which < 0 ? -1 : 0;
	case 't':
		opt->times = true;
		return 0;
	default:
		return -1;
	}
}

int espnic_run_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "socket", required_argument, NULL, 's' },
		{ "port", required_argument, NULL, 'p' },   { "natt-port", required_argument, NULL, 'n' },
		{ "kernel", required_argument, NULL, 'k' }, { "log", required_argument, NULL, 'l' },
		{ "log-times", no_argument, NULL, 't' },    { "cookies", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 }
	};
	struct espnic_run_options opt = {
		.socket = ESPNIC_RUN_SOCKET, .port = ESPNIC_IKE_PORT, .natt = ESPNIC_IKE_PORT_NATT, .kernel = true,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (take(&opt, option, optarg))
			return 2;
	}
	if (optind < argc || opt.port == opt.natt) {
		fprintf(stderr, "espnic-ike run: %s\n", optind < argc ? "an argument too many" : "the two ports must differ");
		return 2;
	}
	return espnic_daemon_run(&opt);
}
