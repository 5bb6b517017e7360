// SPDX-License-Identifier: BSD-2-Clause
/* From what the file says and what the kernel has to a list of changes, and that list carried out. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/commit.h"
#include "manual/manual.h"

enum {
	LINE = 512, /* bytes of one line about one object */
};

/* Changes in the order they are to be made, and a line for each that the user is told of. */
struct plan {
	struct espnic_xfrm_op *ops;
	char **lines; /* of the op of that number; NULL: it goes with another's */
	unsigned int n, told;
	/* Copies of states whose numbers go on; as many as there are states. */
	struct espnic_xfrm_sa *moved;
	unsigned int n_moved;
};

static void drop_plan(struct plan *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		free(p->lines[i]);
	if (p->moved)
		explicit_bzero(p->moved, p->n_moved * sizeof(*p->moved));
	free(p->moved);
	free(p->lines);
	free(p->ops);
}

/* @room: changes at the most */
static bool make_plan(struct plan *p, unsigned int room, unsigned int states)
{
	memset(p, 0, sizeof(*p));
	p->ops = calloc(room + 1, sizeof(*p->ops));
	p->lines = calloc(room + 1, sizeof(*p->lines));
	p->moved = calloc(states + 1, sizeof(*p->moved));
	return p->ops && p->lines && p->moved;
}

static void change(struct plan *p, enum espnic_xfrm_op_kind kind, const struct espnic_xfrm_sa *sa,
		   const struct espnic_xfrm_policy *policy, const char *line)
{
	p->ops[p->n].kind = kind;
	p->ops[p->n].sa = sa;
	p->ops[p->n].policy = policy;
	p->lines[p->n] = line ? strdup(line) : NULL;
	p->told += line != NULL;
	p->n++;
}

/* "+ state left-out: esp spi 0x1000 a -> b" */
static void state_line(const struct espnic_manual_state *s, char sign, const char *more, char line[LINE])
{
	char what[160];

	snprintf(line, LINE, "%c state %s: %s%s%s", sign, s->node->name,
		 espnic_xfrm_sa_text(&s->sa, what, sizeof(what)), *more ? ": " : "", more);
}

static void policy_line(const struct espnic_manual_policy *s, char sign, const char *more, char line[LINE])
{
	char what[160];

	snprintf(line, LINE, "%c %s %s: %s%s%s", sign, s->block ? "block under policy" : "policy",
		 s->node->name, espnic_xfrm_policy_text(&s->policy, what, sizeof(what)), *more ? ": " : "", more);
}

static bool absent(int rc)
{
	return rc == -ESRCH || rc == -ENOENT;
}

static bool same_key(const struct espnic_xfrm_key *a, const struct espnic_xfrm_key *b)
{
	return a->len == b->len && !strcmp(a->alg, b->alg) && !CRYPTO_memcmp(a->bytes, b->bytes, a->len);
}

/*
 * The state that takes the place of @have. Under the same key it goes on from that one's numbers:
 * none is sent twice, and none that was seen is taken again.
 */
static const struct espnic_xfrm_sa *successor(struct plan *p, const struct espnic_xfrm_sa *want,
					      const struct espnic_xfrm_sa *have)
{
	struct espnic_xfrm_sa *sa = &p->moved[p->n_moved++];

	*sa = *want;
	if (same_key(&want->aead, &have->aead) && same_key(&want->enc, &have->enc) &&
	    same_key(&want->auth, &have->auth)) {
		sa->oseq = have->oseq > want->oseq ? have->oseq : want->oseq;
		sa->iseq = have->iseq > want->iseq ? have->iseq : want->iseq;
	}
	return sa;
}

static int plan_state(struct plan *p, const struct espnic_manual_state *s, bool remove,
		      const struct espnic_xfrm *x, char *text)
{
	char line[LINE], differs[LINE / 2];
	struct espnic_xfrm_sa have;
	int rc = espnic_xfrm_read_sa(x, &s->sa, &have, text);

	if (rc && !absent(rc))
		return rc;
	if (remove && !rc) {
		state_line(s, '-', "", line);
		change(p, ESPNIC_XFRM_DEL_SA, &s->sa, NULL, line);
	} else if (!remove && rc) {
		state_line(s, '+', "", line);
		change(p, ESPNIC_XFRM_ADD_SA, &s->sa, NULL, line);
	} else if (!remove && !espnic_manual_same_sa(&s->sa, &have, differs, sizeof(differs))) {
		state_line(s, '~', differs, line);
		change(p, ESPNIC_XFRM_DEL_SA, &s->sa, NULL, NULL);
		change(p, ESPNIC_XFRM_ADD_SA, successor(p, &s->sa, &have), NULL, line);
	}
	explicit_bzero(&have, sizeof(have));
	return 0;
}

static int plan_policy(struct plan *p, const struct espnic_manual_policy *s, bool remove,
		       const struct espnic_xfrm *x, char *text)
{
	char line[LINE], differs[LINE / 2];
	struct espnic_xfrm_policy have;
	int rc = espnic_xfrm_read_policy(x, &s->policy, &have, text);

	if (rc && !absent(rc))
		return rc;
	if (remove && !rc) {
		policy_line(s, '-', "", line);
		change(p, ESPNIC_XFRM_DEL_POLICY, NULL, &s->policy, line);
	} else if (!remove && rc) {
		policy_line(s, '+', "", line);
		change(p, ESPNIC_XFRM_ADD_POLICY, NULL, &s->policy, line);
	} else if (!remove && !espnic_manual_same_policy(&s->policy, &have, differs, sizeof(differs))) {
		policy_line(s, '~', differs, line);
		change(p, ESPNIC_XFRM_SET_POLICY, NULL, &s->policy, line);
	}
	return 0;
}

/*
 * In with what blocks, then states, then policies that use them; out in reverse: nothing leaves in
 * clear that the whole would not let out.
 */
static int plan_all(struct plan *p, const struct espnic_manual *m, bool remove,
		    const struct espnic_xfrm *x, char *text)
{
	unsigned int i, pass;
	int rc = 0;

	for (pass = 0; pass < 3 && !rc; pass++) {
		bool states = pass == 1, blocks = pass == (remove ? 2 : 0);

		for (i = 0; states && i < m->n_states && !rc; i++)
			rc = plan_state(p, &m->states[i], remove, x, text);
		for (i = 0; !states && i < m->n_policies && !rc; i++)
			if (m->policies[i].block == blocks)
				rc = plan_policy(p, &m->policies[i], remove, x, text);
	}
	return rc;
}

static void tell(const struct plan *p, FILE *out)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->lines[i])
			fprintf(out, "%s\n", p->lines[i]);
}

int espnic_manual_run(const struct espnic_manual *m, enum espnic_manual_command command,
		      const struct espnic_xfrm *x, FILE *out, char *text)
{
	char why[ESPNIC_XFRM_TEXT] = "";
	struct plan p;
	int rc = -1, told;

	if (!make_plan(&p, 2 * m->n_states + m->n_policies, m->n_states)) {
		snprintf(text, ESPNIC_XFRM_TEXT, "out of memory");
		drop_plan(&p);
		return -1;
	}
	rc = plan_all(&p, m, command == ESPNIC_MANUAL_DELETE, x, why);
	if (rc)
		snprintf(text, ESPNIC_XFRM_TEXT, "can't read what the kernel has: %s%s%.200s", strerror(-rc),
			 *why ? ": " : "", why);
	else if (command != ESPNIC_MANUAL_DIFF)
		rc = espnic_xfrm_commit(x, p.ops, p.n, text);
	if (!rc)
		tell(&p, out);
	told = (int)p.told;
	drop_plan(&p);
	return rc ? -1 : told;
}
