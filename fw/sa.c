// SPDX-License-Identifier: BSD-2-Clause
/* SA commands: handles, life and death of SAs, what is reported of them. */
#include "internal.h"

#define UPDATE_FLAGS (ESPNIC_CMD_SA_UPDATE_L2 | ESPNIC_CMD_SA_UPDATE_DYING | \
		      ESPNIC_CMD_SA_UPDATE_LIMITS | ESPNIC_CMD_SA_UPDATE_ALIVE)

static bool bad(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
}

/* That @handle names a slot of the table; *@sa its book-keeping, whatever stands there. */
static bool check_handle(struct espnic_fw *fw, uint32_t handle, uint32_t off,
			 struct espnic_fw_sa **sa, struct espnic_fw_reply *r)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > fw->caps.sas)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_HANDLE, off);
	*sa = &fw->sa[index];
	return true;
}

static bool check_there(const struct espnic_fw_sa *sa, uint32_t handle, struct espnic_fw_reply *r)
{
	if (sa->handle != handle)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_NOT_FOUND, 0);
	return true;
}

struct espnic_fw_sa *espnic_fw_sa_by_handle(struct espnic_fw *fw, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > fw->caps.sas || fw->sa[index].handle != handle)
		return NULL;
	return &fw->sa[index];
}

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_sa_add, field)

/* What is already there forbids the SA, or makes it dormant: *@live its twin, else NULL. */
static bool check_others(struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			 const struct espnic_fw_names *names, struct espnic_fw_sa **live,
			 struct espnic_fw_reply *r)
{
	if (c->dir == ESPNIC_CMD_SA_DIR_IN && espnic_fw_place_taken(fw, names))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_EXISTS, OFF(spi));
	*live = espnic_fw_live(fw, names);
	if (!*live)
		return true;
	/*
	 * In crypto offload the host makes the numbers, in packet offload the device: neither could go
	 * on where the other stopped.
	 */
	if (!(fw->caps.ipsec & ESPNIC_CAP_IPSEC_DORMANT) ||
	    (c->dir == ESPNIC_CMD_SA_DIR_OUT && (*live)->offload != c->offload))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_EXISTS, OFF(enc_key));
	return true;
}

/*
 * In crypto offload the host makes the numbers, and would make again what a deleted SA of that key
 * has sent. Where a twin lives, it is the host's to begin behind that one.
 */
static bool check_spent(struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			const struct espnic_fw_names *names, const struct espnic_fw_sa *live,
			struct espnic_fw_reply *r)
{
	if (c->dir == ESPNIC_CMD_SA_DIR_OUT && c->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO &&
	    !live && espnic_fw_spent(fw, names) > c->seq)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, OFF(seq));
	return true;
}

/* The number the SA begins at: not below what was ever sent with its key, as far as that is known. */
static void raise_seq(struct espnic_fw *fw, const struct espnic_fw_names *names,
		      struct espnic_hal_sa *hal)
{
	uint64_t last = espnic_fw_last_seq(hal->esn);
	uint64_t spent;

	if (hal->dir != ESPNIC_CMD_SA_DIR_OUT || hal->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET)
		return;
	spent = espnic_fw_spent(fw, names);
	if (spent > last)
		spent = last;
	if (spent > hal->seq)
		hal->seq = spent;
}

void espnic_fw_sa_add(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_sa_add *c = &fw->entry.cmd.body.sa_add;
	struct espnic_hal_sa hal = { 0 };
	struct espnic_fw_names names;
	struct espnic_fw_sa *sa, *live, new = { 0 };
	uint32_t verdict = 0;

	if (!check_handle(fw, c->handle, OFF(handle), &sa, r) ||
	    !espnic_fw_check_sa(fw, c, &hal, r))
		return;
	if (sa->handle) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_EXISTS, OFF(handle));
		return;
	}
	names = espnic_fw_names_of(fw, c);
	if (!check_others(fw, c, &names, &live, r) || !check_spent(fw, c, &names, live, r))
		return;
	raise_seq(fw, &names, &hal);
	new.handle = c->handle;
	new.names = names;
	new.dir = c->dir;
	new.offload = c->offload;
	new.mode = c->mode;
	new.esn = hal.esn;
	new.dormant = live;
	new.lease_addr = c->lease_addr;
	if (!espnic_fw_lease_first(fw, &new, &hal, live, r))
		return;
	hal.dormant = new.dormant;
	r->status = (uint16_t)fw->hal->sa_add(fw->ctx, &hal, &verdict);
	if (r->status != ESPNIC_CMD_STATUS_OK) {
		r->detail = verdict;
		return;
	}
	*sa = new;
	espnic_fw_names_keep(fw, sa, live);
	fw->sa_count++;
	r->value = new.dormant;
}
#undef OFF

/* Of SA_DEL and SA_QUERY: *@sa the SA. */
static bool check_sa(struct espnic_fw *fw, struct espnic_fw_sa **sa, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_sa *c = &fw->entry.cmd.body.sa;

	return check_handle(fw, c->handle, ESPNIC_FW_OFF(espnic_cmd_sa, handle), sa, r) &&
	       espnic_fw_check_zero(&c->reserved, sizeof(c->reserved),
				    ESPNIC_FW_OFF(espnic_cmd_sa, reserved), r) &&
	       check_there(*sa, c->handle, r);
}

/* Writes what the hardware said of @sa as the response. */
static void respond_report(struct espnic_fw *fw, const struct espnic_fw_sa *sa,
			   const struct espnic_hal_sa_report *hal, struct espnic_fw_reply *r)
{
	struct espnic_sa_report rep = {
		.packets = hal->packets,
		.bytes = hal->bytes,
		.seq = hal->seq,
		.integrity_failed = hal->integrity_failed,
		.replay = hal->replay,
		.dropped = hal->dropped,
		.replay_window = hal->replay_window,
		.flags = (uint32_t)hal->soft | (uint32_t)hal->hard << 1 |
			 (uint32_t)hal->seq_used_up << 2 | (uint32_t)sa->dormant << 3 |
			 (uint32_t)hal->has_peer << 4,
	};

	if (hal->has_peer) {
		memcpy(rep.peer_addr, hal->peer_addr, sizeof(rep.peer_addr));
		rep.peer_port = hal->peer_port;
	}
	espnic_fw_respond(fw, r, &rep, sizeof(rep));
}

/* @old goes and @heir, its newest twin, takes over; its lease is ahead before it sends. */
static bool succeed(struct espnic_fw *fw, struct espnic_fw_sa *old, struct espnic_fw_sa *heir,
		    struct espnic_hal_sa_report *last, struct espnic_fw_reply *r)
{
	struct espnic_hal_event awake = { .type = ESPNIC_EVENT_TYPE_SA_AWAKE, .handle = heir->handle };

	if (heir->lease_addr &&
	    fw->hal->sa_query(fw->ctx, old->handle, last) == ESPNIC_CMD_STATUS_OK)
		espnic_fw_lease_ahead(fw, heir, last->seq);
	r->status = (uint16_t)fw->hal->sa_succeed(fw->ctx, old->handle, heir->handle, last,
						  &awake.value);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return false;
	heir->dormant = false;
	/* The old one may have sent on meanwhile. */
	if (heir->lease_addr)
		espnic_fw_lease_ahead(fw, heir, awake.value);
	if (fw->state == ESPNIC_FW_RUNNING)
		espnic_fw_event_post(fw, &awake);
	return true;
}

static bool delete(struct espnic_fw *fw, struct espnic_fw_sa *sa,
		   struct espnic_hal_sa_report *last, struct espnic_fw_reply *r)
{
	r->status = (uint16_t)fw->hal->sa_del(fw->ctx, sa->handle, last);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return false;
	if (sa->dir == ESPNIC_CMD_SA_DIR_OUT && !sa->dormant)
		espnic_fw_spent_keep(fw, &sa->names, last->seq);
	return true;
}

void espnic_fw_sa_del(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	struct espnic_hal_sa_report last = { 0 };
	struct espnic_fw_sa *sa, *heir;

	if (!check_sa(fw, &sa, r))
		return;
	heir = sa->dormant ? NULL : espnic_fw_heir(fw, sa);
	if (heir ? !succeed(fw, sa, heir, &last, r) : !delete(fw, sa, &last, r))
		return;
	if (fw->caps.ipsec & ESPNIC_CAP_IPSEC_LAST_REPORT)
		respond_report(fw, sa, &last, r);
	/* The SA is gone, whether or not its report could be written. */
	r->status = ESPNIC_CMD_STATUS_OK;
	r->detail = 0;
	espnic_fw_lease_drop(fw, sa);
	espnic_fw_names_drop(fw, sa);
	espnic_fw_wipe(sa, sizeof(*sa));
	fw->sa_count--;
}

void espnic_fw_sa_query(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	struct espnic_hal_sa_report hal = { 0 };
	struct espnic_fw_sa *sa;

	if (!check_sa(fw, &sa, r))
		return;
	r->status = (uint16_t)fw->hal->sa_query(fw->ctx, sa->handle, &hal);
	if (r->status == ESPNIC_CMD_STATUS_OK)
		respond_report(fw, sa, &hal, r);
}

void espnic_fw_sa_window(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	struct espnic_hal_window hal = { 0 };
	struct espnic_window_report rep = { 0 };
	struct espnic_fw_sa *sa;

	if (!check_sa(fw, &sa, r))
		return;
	if (!(fw->caps.ipsec & ESPNIC_CAP_IPSEC_SA_WINDOW)) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED,
				 ESPNIC_FW_OFF(espnic_cmd_sa, handle));
		return;
	}
	/* In crypto offload the window is the host's. */
	if (sa->dir != ESPNIC_CMD_SA_DIR_IN || sa->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET) {
		bad(r, ESPNIC_FW_OFF(espnic_cmd_sa, handle));
		return;
	}
	r->status = (uint16_t)fw->hal->sa_window(fw->ctx, sa->handle, &hal);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return;
	rep.top = hal.top;
	rep.size = hal.size;
	memcpy(rep.bitmap, hal.bitmap, sizeof(rep.bitmap));
	espnic_fw_respond(fw, r, &rep, sizeof(rep));
}

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_sa_update, field)

/* The dying mark: set, taken back, or left as it is. */
static bool check_dying(const struct espnic_fw *fw, uint32_t flags, struct espnic_hal_sa_update *u,
			struct espnic_fw_reply *r)
{
	const uint32_t both = ESPNIC_CMD_SA_UPDATE_DYING | ESPNIC_CMD_SA_UPDATE_ALIVE;

	if ((flags & both) == both)
		return bad(r, OFF(flags));
	if (flags & ESPNIC_CMD_SA_UPDATE_ALIVE && !(fw->caps.ipsec & ESPNIC_CAP_IPSEC_REVIVE))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, OFF(flags));
	if (flags & ESPNIC_CMD_SA_UPDATE_DYING)
		u->what |= ESPNIC_HAL_SA_DYING;
	if (flags & ESPNIC_CMD_SA_UPDATE_ALIVE)
		u->what |= ESPNIC_HAL_SA_ALIVE;
	return true;
}

static bool check_update(struct espnic_fw *fw, const struct espnic_cmd_sa_update *c,
			 const struct espnic_fw_sa *sa, struct espnic_hal_sa_update *u,
			 struct espnic_fw_reply *r)
{
	if (c->flags & ~UPDATE_FLAGS)
		return bad(r, OFF(flags));
	if (!espnic_fw_check_zero(&c->reserved, sizeof(c->reserved), OFF(reserved), r) ||
	    !espnic_fw_check_zero(&c->reserved1, sizeof(c->reserved1), OFF(reserved1), r) ||
	    !check_there(sa, c->handle, r))
		return false;
	if (c->flags & ESPNIC_CMD_SA_UPDATE_L2) {
		if (sa->dir != ESPNIC_CMD_SA_DIR_OUT || sa->mode != ESPNIC_CMD_SA_MODE_TUNNEL ||
		    sa->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET)
			return bad(r, OFF(flags));
		if (!espnic_fw_check_mac(c->dst_mac, OFF(dst_mac), r) ||
		    !espnic_fw_check_mac(c->src_mac, OFF(src_mac), r))
			return false;
		u->what |= ESPNIC_HAL_SA_L2;
		memcpy(u->dst_mac, c->dst_mac, sizeof(u->dst_mac));
		memcpy(u->src_mac, c->src_mac, sizeof(u->src_mac));
	}
	if (c->flags & ESPNIC_CMD_SA_UPDATE_LIMITS) {
		if (!espnic_fw_check_limits(fw, &c->limits, OFF(limits), sa->offload,
					    &u->limits, r))
			return false;
		u->what |= ESPNIC_HAL_SA_LIMITS;
	}
	return check_dying(fw, c->flags, u, r);
}

void espnic_fw_sa_update(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_sa_update *c = &fw->entry.cmd.body.sa_update;
	struct espnic_hal_sa_update u = { 0 };
	struct espnic_fw_sa *sa;
	uint32_t verdict = 0;

	if (!check_handle(fw, c->handle, OFF(handle), &sa, r) || !check_update(fw, c, sa, &u, r))
		return;
	r->status = (uint16_t)fw->hal->sa_update(fw->ctx, c->handle, &u, &verdict);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		r->detail = verdict;
}
#undef OFF
