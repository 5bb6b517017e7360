// SPDX-License-Identifier: BSD-2-Clause
#include "nic/intr.h"

enum { NS_PER_US = 1000 };

void espnic_intr_init(struct espnic_intr *i)
{
	atomic_store_explicit(&i->usecs, 0, memory_order_relaxed);
	atomic_store_explicit(&i->frames, 0, memory_order_relaxed);
	i->pending = false;
}

bool espnic_intr_written(struct espnic_intr *i, uint32_t from, uint32_t to, uint32_t arm,
			 uint64_t now_ns)
{
	uint32_t usecs = atomic_load_explicit(&i->usecs, memory_order_relaxed);
	uint32_t frames = atomic_load_explicit(&i->frames, memory_order_relaxed);

	if (!i->pending) {
		if (arm - from >= to - from)
			return false;
		if (!usecs && !frames)
			return true;
		i->pending = true;
		i->first = arm;
		i->due_ns = now_ns + (uint64_t)(usecs ? usecs : ESPNIC_INTR_USECS_MAX) * NS_PER_US;
	}
	if ((frames && to - i->first >= frames) || now_ns >= i->due_ns) {
		i->pending = false;
		return true;
	}
	return false;
}

bool espnic_intr_due(struct espnic_intr *i, uint64_t now_ns)
{
	if (!i->pending || now_ns < i->due_ns)
		return false;
	i->pending = false;
	return true;
}
