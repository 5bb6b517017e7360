// SPDX-License-Identifier: BSD-2-Clause
/* What happened in the datapath, on its way to the firmware: marks set there, read here. */
#include <string.h>

#include "core/internal.h"

static uint32_t sa_index(uint32_t handle)
{
	return handle & ESPNIC_SA_INDEX_MASK;
}

/* Datapath threads: sets bit @i; only its first setting wakes the core. */
static void mark(struct espnic_core *core, _Atomic uint32_t *words, uint32_t i)
{
	uint32_t bit = 1u << i % 32;

	if (atomic_load_explicit(&words[i / 32], memory_order_relaxed) & bit)
		return;
	atomic_fetch_or(&words[i / 32], bit);
	atomic_store(&core->any_news, true);
	espnic_wake_up(&core->nic->core_wake);
}

void espnic_core_sa_event(void *ctx, uint32_t handle)
{
	struct espnic_core *core = ctx;

	mark(core, core->sa_news, sa_index(handle));
}

void espnic_core_policy_event(void *ctx, uint32_t id)
{
	struct espnic_core *core = ctx;

	mark(core, core->policy_news, id);
}

static void record(struct espnic_core_sa *sa, uint32_t events)
{
	sa->soft |= events & (ESPNIC_SA_SOFT_PACKETS | ESPNIC_SA_SOFT_BYTES);
	sa->hard |= events & (ESPNIC_SA_HARD_PACKETS | ESPNIC_SA_HARD_BYTES);
	sa->seq_used_up |= events & ESPNIC_SA_SEQ_EXHAUSTED;
	sa->untold |= events;
}

void espnic_core_note(struct espnic_core *core, uint32_t handle, uint32_t events)
{
	if (!events)
		return;
	record(&core->sa[sa_index(handle)], events);
	atomic_fetch_or(&core->sa_news[sa_index(handle) / 32], 1u << sa_index(handle) % 32);
	atomic_store(&core->any_news, true);
}

static bool is_of_sa(uint16_t type)
{
	switch (type) {
	case ESPNIC_EVENT_TYPE_SA_SOFT:
	case ESPNIC_EVENT_TYPE_SA_HARD:
	case ESPNIC_EVENT_TYPE_SA_SEQ:
	case ESPNIC_EVENT_TYPE_SA_REMAP:
	case ESPNIC_HAL_EVENT_LEASE:
		return true;
	default:
		return false;
	}
}

void espnic_core_forget_sa(struct espnic_core *core, uint32_t handle)
{
	uint32_t index = sa_index(handle);
	unsigned int i;

	memset(&core->sa[index], 0, sizeof(core->sa[index]));
	atomic_fetch_and(&core->sa_news[index / 32], ~(1u << index % 32));
	for (i = core->next_event; i < core->n_events; i++)
		if (core->event[i].handle == handle && is_of_sa(core->event[i].type))
			core->event[i].type = 0;
}

void espnic_core_forget_policy(struct espnic_core *core, uint32_t id)
{
	unsigned int i;

	core->no_sa_ms[id] = 0;
	atomic_fetch_and(&core->policy_news[id / 32], ~(1u << id % 32));
	for (i = core->next_event; i < core->n_events; i++)
		if (core->event[i].handle == id &&
		    core->event[i].type == ESPNIC_EVENT_TYPE_SA_NO_SA)
			core->event[i].type = 0;
}

void espnic_core_events_clear(struct espnic_core *core)
{
	unsigned int i;

	for (i = 0; i < ESPNIC_CORE_SA_WORDS; i++)
		atomic_store(&core->sa_news[i], 0);
	for (i = 0; i < ESPNIC_CORE_POLICY_WORDS; i++)
		atomic_store(&core->policy_news[i], 0);
	memset(core->sa, 0, sizeof(core->sa));
	memset(core->no_sa_ms, 0, sizeof(core->no_sa_ms));
	atomic_store(&core->any_news, false);
	core->n_events = core->next_event = 0;
}

/* False: no room. */
static bool push(struct espnic_core *core, uint16_t type, uint32_t handle, uint64_t value,
		 uint64_t arg)
{
	if (core->n_events == ESPNIC_CORE_EVENTS)
		return false;
	core->event[core->n_events++] = (struct espnic_hal_event){
		.type = type,
		.handle = handle,
		.value = value,
		.arg = arg,
	};
	return true;
}

/* Where the SA's peer went to. False: its last such event is too young. */
static bool push_remap(struct espnic_core *core, struct espnic_core_sa *sa)
{
	struct espnic_peers *peers = core->nic->steer.peers;
	uint64_t now = espnic_core_now_ms(core);
	uint8_t addr[16];
	uint16_t port;

	if (!espnic_peer_moved(peers, sa->handle, false))
		return true;
	if (sa->remap_ms && now - sa->remap_ms < ESPNIC_CORE_REMAP_MS)
		return false;
	/* First taken, then looked at: what comes between them is told again. */
	espnic_peer_moved(peers, sa->handle, true);
	if (espnic_peer_get(peers, sa->handle, addr, &port)) {
		sa->remap_ms = now;
		push(core, ESPNIC_EVENT_TYPE_SA_REMAP, sa->handle, port, 0);
	}
	return true;
}

/*
 * The events of the SA in slot @index; they fit, as the caller has seen. False: one is to be told
 * later, the mark stays.
 */
static bool push_sa(struct espnic_core *core, uint32_t index)
{
	struct espnic_core_sa *sa = &core->sa[index];
	struct espnic_sad_entry *e = espnic_sad_by_handle(core->nic->steer.sad, sa->handle);
	struct espnic_sa_state st;

	/* First the mark, then the look: what happens between them marks again. */
	atomic_fetch_and(&core->sa_news[index / 32], ~(1u << index % 32));
	if (!e)
		return true;
	core->nic->steer.engine->sa_query(e->sa, &st);
	record(sa, st.events);
	if (sa->untold & (ESPNIC_SA_SOFT_PACKETS | ESPNIC_SA_SOFT_BYTES))
		push(core, ESPNIC_EVENT_TYPE_SA_SOFT, e->handle, st.packets, st.bytes);
	if (sa->untold & (ESPNIC_SA_HARD_PACKETS | ESPNIC_SA_HARD_BYTES))
		push(core, ESPNIC_EVENT_TYPE_SA_HARD, e->handle, st.packets, st.bytes);
	if (sa->untold & ESPNIC_SA_SEQ_EXHAUSTED)
		push(core, ESPNIC_EVENT_TYPE_SA_SEQ, e->handle, st.seq, 0);
	if (sa->untold & ESPNIC_SA_LEASE_LOW)
		push(core, ESPNIC_HAL_EVENT_LEASE, e->handle, st.seq, 0);
	sa->untold = 0;
	if (push_remap(core, sa))
		return true;
	atomic_fetch_or(&core->sa_news[index / 32], 1u << index % 32);
	return false;
}

/* False: the policy's last event is too young, its mark stays. */
static bool push_policy(struct espnic_core *core, uint32_t id)
{
	uint64_t now = espnic_core_now_ms(core);

	if (core->no_sa_ms[id] && now - core->no_sa_ms[id] < ESPNIC_CORE_NO_SA_MS)
		return false;
	atomic_fetch_and(&core->policy_news[id / 32], ~(1u << id % 32));
	core->no_sa_ms[id] = now;
	push(core, ESPNIC_EVENT_TYPE_SA_NO_SA, id, 0, 0);
	return true;
}

static void gather_port_and_queues(struct espnic_core *core)
{
	struct espnic_nic *nic = core->nic;
	unsigned int i;

	if (atomic_fetch_and(&nic->news, ~(uint32_t)ESPNIC_NEWS_LINK) & ESPNIC_NEWS_LINK)
		push(core, ESPNIC_EVENT_TYPE_LINK, 0,
		     !!(atomic_load(&nic->status) & ESPNIC_STATUS_LINK_UP), 0);
	for (i = 0; i < nic->cfg.queues; i++)
		if (atomic_exchange(&nic->queue[i].error_news, false))
			push(core, ESPNIC_EVENT_TYPE_QUEUE_ERROR, i,
			     atomic_load(&nic->queue[i].error), 0);
}

static void gather_marks(struct espnic_core *core)
{
	enum { PER_SA = 5 }; /* events an SA may have at once */
	bool left = false;
	uint32_t i;

	if (!atomic_exchange(&core->any_news, false))
		return;
	for (i = 1; i <= ESPNIC_MAX_SAS; i++) {
		if (!atomic_load(&core->sa_news[i / 32])) {
			i |= 31;
			continue;
		}
		if (!(atomic_load(&core->sa_news[i / 32]) & 1u << i % 32))
			continue;
		if (core->n_events + PER_SA > ESPNIC_CORE_EVENTS) {
			left = true;
			break;
		}
		left |= !push_sa(core, i);
	}
	for (i = 1; i <= ESPNIC_MAX_POLICIES; i++) {
		if (!atomic_load(&core->policy_news[i / 32])) {
			i |= 31;
			continue;
		}
		if (!(atomic_load(&core->policy_news[i / 32]) & 1u << i % 32))
			continue;
		left |= core->n_events == ESPNIC_CORE_EVENTS || !push_policy(core, i);
	}
	if (left)
		atomic_store(&core->any_news, true);
}

static bool faulty_event(struct espnic_core *core, struct espnic_hal_event *ev)
{
	const struct espnic_sad_entry *dormant = espnic_dormant_any(core->nic->steer.dormant);
	struct espnic_faults *faults = core->nic->cfg.faults;
	uint64_t arg;

	if (dormant && espnic_fault_strikes(faults, ESPNIC_FAULT_AWAKE, &arg))
		*ev = (struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_SA_AWAKE,
						 .handle = dormant->handle, .value = arg };
	else if (espnic_fault_strikes(faults, ESPNIC_FAULT_FATAL, &arg))
		*ev = (struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_FATAL, .value = arg };
	else if (espnic_fault_strikes(faults, ESPNIC_FAULT_EVENT, &arg))
		*ev = (struct espnic_hal_event){
			.type = (uint16_t)arg,
			.handle = (uint32_t)(arg >> 16),
			.value = arg,
			.arg = ~arg,
		};
	else
		return false;
	return true;
}

bool espnic_core_event_next(void *ctx, struct espnic_hal_event *ev)
{
	struct espnic_core *core = ctx;

	if (core->nic->cfg.faults && faulty_event(core, ev))
		return true;
	if (core->next_event == core->n_events) {
		core->next_event = core->n_events = 0;
		gather_port_and_queues(core);
		gather_marks(core);
	}
	while (core->next_event < core->n_events) {
		*ev = core->event[core->next_event++];
		if (ev->type)
			return true;
	}
	return false;
}
