// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a step leaves to be done: the list of actions, and the texts of its events.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	FIRST_ACTIONS = 16,
	SECOND_MS = 1000,
};

struct espnic_ike_text_block {
	struct espnic_ike_text_block *next;
	char text[ESPNIC_IKE_TEXT];
};

/* Where actions go that there is no memory for: nobody does them, and a counter tells. */
static struct espnic_ike_action *nowhere(struct espnic_ike *ike)
{
	static _Thread_local struct espnic_ike_action lost;

	ike->count.no_memory++;
	return &lost;
}

struct espnic_ike_action *espnic_ike_act(struct espnic_ike *ike, enum espnic_ike_action_kind kind)
{
	struct espnic_ike_action *a;

	if (ike->n_actions == ike->room_actions) {
		size_t room = ike->room_actions ? 2 * ike->room_actions : FIRST_ACTIONS;
		struct espnic_ike_action *more = realloc(ike->actions, room * sizeof(*more));

		if (!more)
			return nowhere(ike);
		ike->actions = more;
		ike->room_actions = room;
	}
	a = &ike->actions[ike->n_actions++];
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return a;
}

const char *espnic_ike_say(struct espnic_ike *ike, const char *fmt, ...)
{
	struct espnic_ike_text_block *b = malloc(sizeof(*b));
	va_list args;

	if (!b) {
		ike->count.no_memory++;
		return "no memory for the text";
	}
	va_start(args, fmt);
	vsnprintf(b->text, sizeof(b->text), fmt, args);
	va_end(args);
	b->next = ike->texts;
	ike->texts = b;
	return b->text;
}

void espnic_ike_texts_free(struct espnic_ike *ike)
{
	while (ike->texts) {
		struct espnic_ike_text_block *b = ike->texts;

		ike->texts = b->next;
		free(b);
	}
}

void espnic_ike_actions_reset(struct espnic_ike *ike)
{
	ike->n_actions = 0;
	espnic_ike_texts_free(ike);
}

struct espnic_ike_event *espnic_ike_event_sa(struct espnic_ike_sa *sa, enum espnic_ike_event_kind kind, const char *text)
{
	struct espnic_ike_event *e = &espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_EVENT)->event;

	*e = (struct espnic_ike_event){ .kind = kind, .ike_id = sa->id, .conn = sa->conn->name, .remote = sa->remote, .text = text };
	return e;
}

struct espnic_ike_event *espnic_ike_event_child(struct espnic_ike_child *child, enum espnic_ike_event_kind kind,
						const char *text)
{
	struct espnic_ike_event *e = &espnic_ike_act(child->sa->ike, ESPNIC_IKE_ACT_EVENT)->event;

	*e = (struct espnic_ike_event){
		.kind = kind, .ike_id = child->sa->id, .child_id = child->id, .conn = child->conn->name,
		.child = child->conf->name, .remote = child->sa->remote, .text = text,
	};
	return e;
}

void espnic_ike_event_peer(struct espnic_ike *ike, struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *remote,
			   const char *text)
{
	struct espnic_ike_event *e;

	if (ike->now / SECOND_MS != ike->log_second) {
		ike->log_second = ike->now / SECOND_MS;
		ike->log_left = ike->set.log_per_second;
	}
	if (!ike->log_left) {
		ike->count.events_held_back++;
		return;
	}
	ike->log_left--;
	e = &espnic_ike_act(ike, ESPNIC_IKE_ACT_EVENT)->event;
	*e = (struct espnic_ike_event){ .kind = ESPNIC_IKE_EV_PEER, .ike_id = sa ? sa->id : 0, .conn = sa ? sa->conn->name : NULL,
					.remote = *remote, .text = text };
}
