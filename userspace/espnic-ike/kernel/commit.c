// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_TEXT = 160, /* bytes of a state's or policy's name, cut if it is longer */
};

static const char *name(const struct espnic_xfrm_op *op, char out[NAME_TEXT])
{
	char what[NAME_TEXT - 8];

	if (op->sa)
		snprintf(out, NAME_TEXT, "state %s", espnic_xfrm_sa_text(op->sa, what, sizeof(what)));
	else
		snprintf(out, NAME_TEXT, "policy %s",
			 espnic_xfrm_policy_text(op->policy, what, sizeof(what)));
	return out;
}

static bool gone(int rc)
{
	return rc == -ESRCH || rc == -ENOENT;
}

/* ---- doing ---- */

/* Remember the state that is to go, whole; 0 also if there is none. */
static int save_sa(const struct espnic_xfrm *x, struct espnic_xfrm_op *op, char *why)
{
	int rc;

	op->old_sa = calloc(1, sizeof(*op->old_sa));
	if (!op->old_sa)
		return -ENOMEM;
	rc = espnic_xfrm_read_sa(x, op->sa, op->old_sa, why);
	if (rc) {
		free(op->old_sa);
		op->old_sa = NULL;
	}
	return gone(rc) ? 0 : rc;
}

static int save_policy(const struct espnic_xfrm *x, struct espnic_xfrm_op *op, char *why)
{
	int rc;

	op->old_policy = calloc(1, sizeof(*op->old_policy));
	if (!op->old_policy)
		return -ENOMEM;
	rc = espnic_xfrm_read_policy(x, op->policy, op->old_policy, why);
	if (rc) {
		free(op->old_policy);
		op->old_policy = NULL;
	}
	return gone(rc) ? 0 : rc;
}

static int do_one(const struct espnic_xfrm *x, struct espnic_xfrm_op *op, char *why)
{
	int rc;

	switch (op->kind) {
	case ESPNIC_XFRM_ADD_SA:
		/* words that come with a success say why offload was left out */
		return espnic_xfrm_add_sa(x, op->sa, why);
	case ESPNIC_XFRM_DEL_SA:
		rc = save_sa(x, op, why);
		if (rc || !op->old_sa)
			return rc;
		rc = espnic_xfrm_del_sa(x, op->sa, why);
		return gone(rc) ? 0 : rc;
	case ESPNIC_XFRM_MOVE_SA:
		return espnic_xfrm_move_sa(x, op->was, op->sa, why);
	case ESPNIC_XFRM_ADD_POLICY:
		return espnic_xfrm_set_policy(x, XFRM_MSG_NEWPOLICY, op->policy, why);
	case ESPNIC_XFRM_SET_POLICY:
		rc = save_policy(x, op, why);
		return rc ? rc : espnic_xfrm_set_policy(x, XFRM_MSG_UPDPOLICY, op->policy, why);
	case ESPNIC_XFRM_DEL_POLICY:
		rc = save_policy(x, op, why);
		if (rc || !op->old_policy)
			return rc;
		rc = espnic_xfrm_del_policy(x, op->policy, why);
		return gone(rc) ? 0 : rc;
	}
	return -EINVAL;
}

/* ---- reading back ---- */

static int check_offload(struct espnic_xfrm_op *op, enum espnic_xfrm_offload want, uint32_t want_dev,
			 uint32_t got_dev, char *why)
{
	if (op->got == want && (want == ESPNIC_XFRM_SOFTWARE || got_dev == want_dev)) {
		op->note[0] = 0;
		return 0;
	}
	if (!op->note[0])
		snprintf(op->note, sizeof(op->note), "the driver left offload out and gave no reason");
	if (op->software_will_do)
		return 0;
	snprintf(why, ESPNIC_XFRM_TEXT, "not offloaded: %.280s", op->note);
	return -EOPNOTSUPP;
}

static int read_back(const struct espnic_xfrm *x, struct espnic_xfrm_op *op, char *why)
{
	struct espnic_xfrm_policy p;
	struct espnic_xfrm_sa sa;
	int rc;

	if (op->kind == ESPNIC_XFRM_DEL_SA || op->kind == ESPNIC_XFRM_DEL_POLICY)
		return 0;
	if (op->sa) {
		rc = espnic_xfrm_read_sa(x, op->sa, &sa, why);
		if (!rc) {
			op->got = sa.offload;
			rc = check_offload(op, op->sa->offload, op->sa->ifindex, sa.ifindex, why);
		}
		explicit_bzero(&sa, sizeof(sa));
		return rc;
	}
	rc = espnic_xfrm_read_policy(x, op->policy, &p, why);
	if (rc)
		return rc;
	op->got = p.offload;
	return check_offload(op, op->policy->offload, op->policy->ifindex, p.ifindex, why);
}

/* ---- undoing ---- */

static int undo_one(const struct espnic_xfrm *x, const struct espnic_xfrm_op *op, char *why)
{
	int rc = 0;

	switch (op->kind) {
	case ESPNIC_XFRM_ADD_SA:
		rc = espnic_xfrm_del_sa(x, op->sa, why);
		break;
	case ESPNIC_XFRM_DEL_SA:
		if (op->old_sa)
			rc = espnic_xfrm_add_sa(x, op->old_sa, why);
		break;
	case ESPNIC_XFRM_MOVE_SA:
		rc = espnic_xfrm_move_sa(x, op->sa, op->was, why);
		break;
	case ESPNIC_XFRM_ADD_POLICY:
		rc = espnic_xfrm_del_policy(x, op->policy, why);
		break;
	case ESPNIC_XFRM_SET_POLICY:
		if (op->old_policy)
			rc = espnic_xfrm_set_policy(x, XFRM_MSG_UPDPOLICY, op->old_policy, why);
		else
			rc = espnic_xfrm_del_policy(x, op->policy, why);
		break;
	case ESPNIC_XFRM_DEL_POLICY:
		if (op->old_policy)
			rc = espnic_xfrm_set_policy(x, XFRM_MSG_UPDPOLICY, op->old_policy, why);
		break;
	}
	return gone(rc) ? 0 : rc;
}

static void undo(const struct espnic_xfrm *x, struct espnic_xfrm_op *ops, unsigned int n, char *text)
{
	char why[ESPNIC_XFRM_TEXT], what[NAME_TEXT];
	size_t used;
	int rc;

	while (n--) {
		if (!ops[n].done)
			continue;
		ops[n].done = false;
		rc = undo_one(x, &ops[n], why);
		if (!rc)
			continue;
		used = strlen(text);
		snprintf(text + used, ESPNIC_XFRM_TEXT - used, "; could not undo %s: %s",
			 name(&ops[n], what), strerror(-rc));
	}
}

static void forget_old(struct espnic_xfrm_op *ops, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (ops[i].old_sa)
			explicit_bzero(ops[i].old_sa, sizeof(*ops[i].old_sa));
		free(ops[i].old_sa);
		free(ops[i].old_policy);
		ops[i].old_sa = NULL;
		ops[i].old_policy = NULL;
	}
}

static void describe(const struct espnic_xfrm_op *op, int rc, const char *why, char *text)
{
	char what[NAME_TEXT];

	if (rc == -EOPNOTSUPP && !strncmp(why, "not offloaded", 13))
		snprintf(text, ESPNIC_XFRM_TEXT, "%s: %s", name(op, what), why);
	else
		snprintf(text, ESPNIC_XFRM_TEXT, "%s: %s%s%s", name(op, what), strerror(-rc),
			 why[0] ? ": " : "", why);
}

int espnic_xfrm_commit(const struct espnic_xfrm *x, struct espnic_xfrm_op *ops, unsigned int n,
		       char *text)
{
	char why[ESPNIC_XFRM_TEXT] = "";
	unsigned int i;
	int rc = 0;

	text[0] = 0;
	for (i = 0; i < n; i++) {
		ops[i].done = false;
		ops[i].old_sa = NULL;
		ops[i].old_policy = NULL;
		ops[i].note[0] = 0;
	}
	for (i = 0; i < n && !rc; i++) {
		why[0] = 0;
		rc = do_one(x, &ops[i], why);
		ops[i].done = !rc;
		if (rc)
			describe(&ops[i], rc, why, text);
		else
			memcpy(ops[i].note, why, sizeof(ops[i].note));
	}
	for (i = 0; i < n && !rc; i++) {
		why[0] = 0;
		rc = read_back(x, &ops[i], why);
		if (rc)
			describe(&ops[i], rc, why, text);
	}
	if (rc)
		undo(x, ops, n, text);
	forget_old(ops, n);
	return rc;
}
