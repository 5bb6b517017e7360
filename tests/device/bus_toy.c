// SPDX-License-Identifier: BSD-2-Clause
/* The toy function and its server thread. */
#include "bus_toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfu_client.h"

enum {
	WAIT_MS = 5000,
	STEP_US = 200,
};

static uint32_t toy_read(void *fn, uint32_t off)
{
	struct espnic_toy *t = fn;

	return t->regs[off / 4];
}

static void toy_write(void *fn, uint32_t off, uint32_t value)
{
	struct espnic_toy *t = fn;

	t->regs[off / 4] = value;
	t->last_off[1] = t->last_off[0];
	t->last_off[0] = off;
	t->writes++;
}

static void toy_bad_access(void *fn)
{
	((struct espnic_toy *)fn)->bad_access++;
}

static void toy_dma_refused(void *fn)
{
	((struct espnic_toy *)fn)->dma_refused++;
}

static void toy_reset(void *fn)
{
	struct espnic_toy *t = fn;

	espnic_vfu_bus_ops.dma_gate(t->vfu, false);
	for (unsigned int i = 0; i < ESPNIC_TOY_REGS; i++)
		t->regs[i] = 0;
	t->resets++;
}

const struct espnic_fn_ops espnic_toy_ops = {
	.reg_read = toy_read,
	.reg_write = toy_write,
	.reg_bad_access = toy_bad_access,
	.dma_refused = toy_dma_refused,
	.reset = toy_reset,
};

static void *run(void *arg)
{
	return (void *)(intptr_t)espnic_vfu_run(arg);
}

int espnic_toy_start(struct espnic_toy *t)
{
	char err[256];

	memset(t, 0, sizeof(*t));
	strcpy(t->dir, "/tmp/espnic-bus-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/nic.sock", t->dir);
	t->vfu = espnic_vfu_new(t->path, &espnic_toy_ops, t, ESPNIC_TOY_VECTORS, err, sizeof(err));
	if (!t->vfu) {
		fprintf(stderr, "toy: %s\n", err);
		return -1;
	}
	espnic_toy_gate(t, true);
	return pthread_create(&t->thread, NULL, run, t->vfu) ? -1 : 0;
}

int espnic_toy_stop(struct espnic_toy *t)
{
	void *ret;

	espnic_vfu_stop(t->vfu);
	pthread_join(t->thread, &ret);
	espnic_vfu_free(t->vfu);
	t->vfu = NULL;
	rmdir(t->dir);
	return (int)(intptr_t)ret;
}

void espnic_toy_gate(struct espnic_toy *t, bool open)
{
	espnic_vfu_bus_ops.dma_gate(t->vfu, open);
}

bool espnic_toy_wait(atomic_uint *counter, unsigned int value)
{
	uint64_t end = espnic_now_ms() + WAIT_MS;

	while (*counter < value) {
		if (espnic_now_ms() > end)
			return false;
		usleep(STEP_US);
	}
	return true;
}
