// SPDX-License-Identifier: BSD-2-Clause
/* espnic-ike manual: the program's part of manual keying. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "kernel/device.h"
#include "manual/manual.h"

enum status {
	STATUS_DONE = 0, /* diff: nothing differs */
	STATUS_DIFFERS = 1, /* diff alone */
	STATUS_TROUBLE = 2,
};

static int find_device(const struct espnic_conf_node *node, const char *name, uint32_t *ifindex,
		       struct espnic_conf_error *err)
{
	struct espnic_device dev;
	int rc = espnic_device_probe(name, &dev);

	if (rc == -ENODEV)
		return espnic_conf_fail(err, node, "no interface '%s'", name);
	if (rc)
		return espnic_conf_fail(err, node, "interface '%s': %s", name, strerror(-rc));
	/* Linux takes offloaded states and policies out when it goes down, and would not say so. */
	if (!dev.up)
		return espnic_conf_fail(err, node, "interface '%s' is down: Linux keeps no offload there", name);
	if (!dev.esp)
		return espnic_conf_fail(err, node, "interface '%s' has no ESP offload (ethtool -k: esp-hw-offload)",
					name);
	*ifindex = dev.ifindex;
	return 0;
}

int espnic_manual_devices(struct espnic_manual *m, struct espnic_conf_error *err)
{
	unsigned int i;

	for (i = 0; i < m->n_states; i++)
		if (m->states[i].device[0] &&
		    find_device(m->states[i].node, m->states[i].device, &m->states[i].sa.ifindex, err))
			return -1;
	for (i = 0; i < m->n_policies; i++)
		if (m->policies[i].device[0] &&
		    find_device(m->policies[i].node, m->policies[i].device,
				&m->policies[i].policy.ifindex, err))
			return -1;
	return 0;
}

/* What is lawful and should be known. */
static void warn(const struct espnic_manual *m)
{
	const struct espnic_manual_state *s;
	unsigned int i;

	for (i = 0; i < m->n_states; i++) {
		s = &m->states[i];
		if (s->weak)
			fprintf(stderr, "warning: %s:%u: states.%s: an algorithm that is not to be used any more (RFC 8221)\n",
				s->node->file, s->node->line, s->node->name);
		if (s->counter && s->sa.dir == XFRM_SA_DIR_OUT)
			fprintf(stderr, "warning: %s:%u: states.%s: this cipher must never meet a number twice under one key: "
				"after a delete or a boot, give it a new key\n",
				s->node->file, s->node->line, s->node->name);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: espnic-ike manual apply|diff|delete|check FILE\n"
			"  apply   make the kernel have the states and policies of FILE, all or nothing\n"
			"  diff    say what apply would do; status 1 if anything, 2 if it can't\n"
			"  delete  take the states and policies of FILE out of the kernel\n"
			"  check   read FILE alone\n");
	return STATUS_TROUBLE;
}

/* Has it policies that block underneath others? */
static bool blocks(const struct espnic_manual *m)
{
	for (unsigned int i = 0; i < m->n_policies; i++)
		if (m->policies[i].block)
			return true;
	return false;
}

static int run(struct espnic_manual *m, enum espnic_manual_command command)
{
	struct espnic_conf_error err;
	char text[ESPNIC_XFRM_TEXT];
	struct espnic_xfrm x;
	int rc;

	/* What goes need not have its device any more. */
	if (command != ESPNIC_MANUAL_DELETE && espnic_manual_devices(m, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return STATUS_TROUBLE;
	}
	if (command == ESPNIC_MANUAL_APPLY)
		warn(m);
	rc = espnic_xfrm_open(&x, text) ? -1 : 0;
	if (!rc) {
		rc = espnic_manual_run(m, command, &x, stdout, text);
		if (rc > 0 && command == ESPNIC_MANUAL_APPLY && blocks(m)) {
			poll(NULL, 0, ESPNIC_XFRM_REORDER_MS);
			rc = espnic_xfrm_reorder(&x, text) ? -1 : rc;
		}
		espnic_xfrm_close(&x);
	}
	if (rc < 0) {
		fprintf(stderr, "%s\n", text);
		return STATUS_TROUBLE;
	}
	return rc && command == ESPNIC_MANUAL_DIFF ? STATUS_DIFFERS : STATUS_DONE;
}

int espnic_manual_main(int argc, char **argv)
{
	static const char *const names[] = { "apply", "diff", "delete", "check" };
	struct espnic_conf_error err;
	struct espnic_manual m;
	int command, rc;

	for (command = 0; argc == 3 && command < 4 && strcmp(argv[1], names[command]) != 0; command++)
		;
	if (argc != 3 || command == 4)
		return usage();
	if (espnic_manual_load(argv[2], &m, &err)) {
		fprintf(stderr, "%s\n", err.text);
		rc = STATUS_TROUBLE;
	} else if (command == 3) {
		warn(&m);
		rc = STATUS_DONE;
	} else {
		rc = run(&m, (enum espnic_manual_command)command);
	}
	espnic_manual_free(&m);
	return rc;
}
