// SPDX-License-Identifier: BSD-2-Clause
#include "engine/classify.h"

#include <errno.h>
#include <string.h>

#include "engine/selector.h"

enum { PORT_BITS = 16 };

/* ---- rank, and trees by it ---- */

/* Whether @a comes before @b: the order of policies. */
static bool before(const struct espnic_spd_policy *a, const struct espnic_spd_policy *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->age < b->age;
}

/* Which of the two trees a policy stands in within a classifier. */
enum tree { TREE_CELL, TREE_TUPLE };

static uint32_t *left(const struct espnic_classifier *c, enum tree t, uint32_t id)
{
	struct espnic_spd_place *p = &c->policies[id].place[c->view];

	return t == TREE_CELL ? &p->left : &p->tuple_left;
}

static uint32_t *right(const struct espnic_classifier *c, enum tree t, uint32_t id)
{
	struct espnic_spd_place *p = &c->policies[id].place[c->view];

	return t == TREE_CELL ? &p->right : &p->tuple_right;
}

static bool precedes(const struct espnic_classifier *c, uint32_t a, uint32_t b)
{
	return before(&c->policies[a], &c->policies[b]);
}

static bool above(const struct espnic_classifier *c, uint32_t a, uint32_t b)
{
	return c->policies[a].shake > c->policies[b].shake;
}

static enum espnic_ports_kind ports_kind(uint16_t min, uint16_t max)
{
	if (espnic_ports_any(min, max))
		return ESPNIC_PORTS_ANY;
	return espnic_ports_opaque(min, max) ? ESPNIC_PORTS_OPAQUE : ESPNIC_PORTS_RANGE;
}

static void hull_own(struct espnic_spd_policy *p)
{
	const struct espnic_selector *s = &p->sel;

	p->hull = (struct espnic_spd_hull){
		.min = { s->sport_min, s->dport_min }, .max = { s->sport_max, s->dport_max },
	};
}

static void hull_add(struct espnic_spd_hull *h, const struct espnic_spd_hull *more)
{
	for (int s = 0; s < 2; s++) {
		if (more->min[s] < h->min[s])
			h->min[s] = more->min[s];
		if (more->max[s] > h->max[s])
			h->max[s] = more->max[s];
	}
}

/* What stands below @id has changed. Only where ports are seen do they tell policies of a cell apart. */
static void tree_pull(const struct espnic_classifier *c, enum tree t, uint32_t id)
{
	struct espnic_spd_policy *p = &c->policies[id];
	const struct espnic_spd_place *place = &p->place[c->view];

	if (t != TREE_CELL || c->view != ESPNIC_SPD_SEEN)
		return;
	hull_own(p);
	if (place->left)
		hull_add(&p->hull, &c->policies[place->left].hull);
	if (place->right)
		hull_add(&p->hull, &c->policies[place->right].hull);
}

/*
 * The trees are treaps (Seidel, Aragon: "Randomized search trees"): in the order of rank from left
 * to right, of `shake` from top to bottom; so their depth, and that of recursion, is logarithmic but with a
 * probability that no number of policies makes matter.
 */

/* What is below @root, in what comes before @id and what comes after. */
static void tree_split(const struct espnic_classifier *c, enum tree t, uint32_t root, uint32_t id,
		       uint32_t *low, uint32_t *high)
{
	if (!root) {
		*low = 0;
		*high = 0;
		return;
	}
	if (precedes(c, root, id)) {
		*low = root;
		tree_split(c, t, *right(c, t, root), id, right(c, t, root), high);
	} else {
		*high = root;
		tree_split(c, t, *left(c, t, root), id, low, left(c, t, root));
	}
	tree_pull(c, t, root);
}

static void tree_insert(const struct espnic_classifier *c, enum tree t, uint32_t *link, uint32_t id)
{
	uint32_t root = *link;

	if (!root || !above(c, root, id)) {
		tree_split(c, t, root, id, left(c, t, id), right(c, t, id));
		*link = id;
		tree_pull(c, t, id);
		return;
	}
	tree_insert(c, t, precedes(c, id, root) ? left(c, t, root) : right(c, t, root), id);
	tree_pull(c, t, root);
}

/* All of @low comes before all of @high. */
static uint32_t tree_join(const struct espnic_classifier *c, enum tree t, uint32_t low, uint32_t high)
{
	uint32_t root;

	if (!low || !high)
		return low ? low : high;
	if (above(c, low, high)) {
		root = low;
		*right(c, t, low) = tree_join(c, t, *right(c, t, low), high);
	} else {
		root = high;
		*left(c, t, high) = tree_join(c, t, low, *left(c, t, high));
	}
	tree_pull(c, t, root);
	return root;
}

static void tree_remove(const struct espnic_classifier *c, enum tree t, uint32_t *link, uint32_t id)
{
	uint32_t root = *link;

	if (root == id) {
		*link = tree_join(c, t, *left(c, t, id), *right(c, t, id));
		return;
	}
	tree_remove(c, t, precedes(c, id, root) ? left(c, t, root) : right(c, t, root), id);
	tree_pull(c, t, root);
}

/* ---- made and undone ---- */

static size_t tuples_bytes(const struct espnic_classifier *c)
{
	return ((size_t)c->capacity + 1) * sizeof(c->tuples[0]);
}

static size_t cells_bytes(const struct espnic_classifier *c)
{
	return ((size_t)c->capacity + 1) * sizeof(c->cells[0]);
}

static size_t order_bytes(const struct espnic_classifier *c)
{
	return (size_t)c->capacity * sizeof(c->order[0][0]);
}

int espnic_classifier_init(struct espnic_classifier *c, enum espnic_spd_view view,
			   struct espnic_spd_policy *policies, uint32_t capacity)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->view = view;
	c->policies = policies;
	c->capacity = capacity;
	err = espnic_hindex_init(&c->tuple_index, capacity);
	if (!err)
		err = espnic_hindex_init(&c->cell_index, capacity);
	if (err)
		return err;
	/* Each policy is in one tuple and one cell: there are never more of them than policies. */
	c->tuples = espnic_table_alloc(tuples_bytes(c));
	c->cells = espnic_table_alloc(cells_bytes(c));
	if (!c->tuples || !c->cells)
		return -ENOMEM;
	for (int d = 0; d < ESPNIC_SPD_DIRS; d++) {
		c->order[d] = espnic_table_alloc(order_bytes(c));
		if (!c->order[d])
			return -ENOMEM;
	}
	return 0;
}

void espnic_classifier_free(struct espnic_classifier *c)
{
	espnic_hindex_free(&c->tuple_index);
	espnic_hindex_free(&c->cell_index);
	espnic_table_free(c->tuples, tuples_bytes(c));
	espnic_table_free(c->cells, cells_bytes(c));
	for (int d = 0; d < ESPNIC_SPD_DIRS; d++)
		espnic_table_free(c->order[d], order_bytes(c));
}

void espnic_classifier_clear(struct espnic_classifier *c)
{
	espnic_hindex_clear(&c->tuple_index);
	espnic_hindex_clear(&c->cell_index);
	c->tuples_used = 0;
	c->tuples_free = 0;
	c->cells_used = 0;
	c->cells_free = 0;
	memset(c->n_order, 0, sizeof(c->n_order));
}

/* ---- tuples ---- */

/* Bits that all ports of the range have in common: the block of these holds it. */
static uint8_t block_bits(uint16_t min, uint16_t max)
{
	unsigned int differ = (unsigned int)(min ^ max);

	if (espnic_ports_opaque(min, max))
		return 0;
	return differ ? (uint8_t)(__builtin_clz(differ) - (32 - PORT_BITS)) : PORT_BITS;
}

static uint16_t block(uint16_t port, uint8_t bits)
{
	return bits ? (uint16_t)(port >> (PORT_BITS - bits)) : 0;
}

/* What of @p this view of packets can tell. */
static struct espnic_tuple shape_of(const struct espnic_classifier *c,
				    const struct espnic_spd_policy *p)
{
	const struct espnic_selector *s = &p->sel;
	bool any = s->family == ESPNIC_IP_ANY;
	struct espnic_tuple t = {
		.dir = p->dir, .family = s->family,
		.src_len = any ? 0 : s->src_prefix, .dst_len = any ? 0 : s->dst_prefix,
	};

	if (c->view != ESPNIC_SPD_NO_PROTO)
		t.proto = s->proto != ESPNIC_PROTO_ANY;
	if (c->view == ESPNIC_SPD_SEEN) {
		t.sport_bits = block_bits(s->sport_min, s->sport_max);
		t.dport_bits = block_bits(s->dport_min, s->dport_max);
		t.ports[0] = ports_kind(s->sport_min, s->sport_max);
		t.ports[1] = ports_kind(s->dport_min, s->dport_max);
	}
	return t;
}

static uint64_t shape_word(const struct espnic_tuple *t)
{
	return (uint64_t)t->dir | (uint64_t)t->family << 8 | (uint64_t)t->src_len << 16 |
	       (uint64_t)t->dst_len << 24 | (uint64_t)t->proto << 32 |
	       (uint64_t)t->sport_bits << 40 | (uint64_t)t->dport_bits << 48 |
	       (uint64_t)t->ports[0] << 56 | (uint64_t)t->ports[1] << 60;
}

static uint32_t tuple_find(const struct espnic_classifier *c, uint64_t shape, uint64_t hash)
{
	struct espnic_hcursor at = espnic_hindex_find(&c->tuple_index, hash);
	uint32_t id;

	while ((id = espnic_hindex_next(&at)))
		if (shape_word(&c->tuples[id]) == shape)
			return id;
	return 0;
}

static uint32_t tuple_get(struct espnic_classifier *c, const struct espnic_spd_policy *p)
{
	struct espnic_tuple shape = shape_of(c, p);
	uint64_t word = shape_word(&shape);
	uint64_t hash = espnic_hindex_hash(&c->tuple_index, &word, 1);
	uint32_t id = tuple_find(c, word, hash);

	if (id)
		return id;
	id = c->tuples_free;
	if (id)
		c->tuples_free = c->tuples[id].root;
	else
		id = ++c->tuples_used;
	c->tuples[id] = shape;
	espnic_hindex_insert(&c->tuple_index, hash, id);
	return id;
}

static void tuple_drop(struct espnic_classifier *c, uint32_t id)
{
	uint64_t word = shape_word(&c->tuples[id]);

	espnic_hindex_remove(&c->tuple_index, espnic_hindex_hash(&c->tuple_index, &word, 1), id);
	c->tuples[id].root = c->tuples_free;
	c->tuples_free = id;
}

/* How many tuples of direction @dir have a best policy before policy @id. */
static uint32_t order_place(const struct espnic_classifier *c, uint8_t dir, uint32_t id)
{
	uint32_t low = 0, high = c->n_order[dir];

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (precedes(c, c->tuples[c->order[dir][mid]].best, id))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The first of the tree of @t may be another one now: moves @t to where it belongs. */
static void tuple_reorder(struct espnic_classifier *c, uint32_t id)
{
	struct espnic_tuple *t = &c->tuples[id];
	uint32_t *v = c->order[t->dir], best = t->root, at;

	while (best && *left(c, TREE_TUPLE, best))
		best = *left(c, TREE_TUPLE, best);
	if (best == t->best)
		return;
	if (t->best) {
		at = order_place(c, t->dir, t->best);
		memmove(&v[at], &v[at + 1], (--c->n_order[t->dir] - at) * sizeof(v[0]));
	}
	t->best = best;
	if (best) {
		at = order_place(c, t->dir, best);
		memmove(&v[at + 1], &v[at], (c->n_order[t->dir]++ - at) * sizeof(v[0]));
		v[at] = id;
	}
}

/* ---- cells ---- */

static uint64_t cell_hash(const struct espnic_classifier *c, const struct espnic_cell *cell)
{
	const uint64_t w[2] = {
		cell->src_id | (uint64_t)cell->dst_id << 32,
		cell->tuple | (uint64_t)cell->proto << 24 | (uint64_t)cell->sport << 32 |
			(uint64_t)cell->dport << 48,
	};

	return espnic_hindex_hash(&c->cell_index, w, 2);
}

/* Numbers of tuples leave the high bits of the word to the protocol. */
_Static_assert(ESPNIC_SPD_CAPACITY_MAX < 1 << 24, "a tuple's number has 24 bits");

static uint32_t cell_find(const struct espnic_classifier *c, const struct espnic_cell *key,
			  uint64_t hash)
{
	struct espnic_hcursor at = espnic_hindex_find(&c->cell_index, hash);
	uint32_t id;

	while ((id = espnic_hindex_next(&at))) {
		const struct espnic_cell *have = &c->cells[id];

		ESPNIC_TOUCH(have, sizeof(*have));
		if (have->tuple == key->tuple && have->src_id == key->src_id &&
		    have->dst_id == key->dst_id && have->proto == key->proto &&
		    have->sport == key->sport && have->dport == key->dport)
			return id;
	}
	return 0;
}

static uint32_t cell_get(struct espnic_classifier *c, const struct espnic_spd_policy *p, uint32_t tuple)
{
	const struct espnic_tuple *t = &c->tuples[tuple];
	struct espnic_cell key = {
		.tuple = tuple, .src_id = p->src_id, .dst_id = p->dst_id,
		.proto = t->proto ? p->sel.proto : 0,
		.sport = block(p->sel.sport_min, t->sport_bits),
		.dport = block(p->sel.dport_min, t->dport_bits),
	};
	uint64_t hash = cell_hash(c, &key);
	uint32_t id = cell_find(c, &key, hash);

	if (id)
		return id;
	id = c->cells_free;
	if (id)
		c->cells_free = c->cells[id].root;
	else
		id = ++c->cells_used;
	c->cells[id] = key;
	espnic_hindex_insert(&c->cell_index, hash, id);
	return id;
}

static void cell_drop(struct espnic_classifier *c, uint32_t id)
{
	espnic_hindex_remove(&c->cell_index, cell_hash(c, &c->cells[id]), id);
	c->cells[id].root = c->cells_free;
	c->cells_free = id;
}

void espnic_classifier_insert(struct espnic_classifier *c, struct espnic_spd_policy *p)
{
	struct espnic_spd_place *place = &p->place[c->view];

	place->tuple = tuple_get(c, p);
	place->cell = cell_get(c, p, place->tuple);
	tree_insert(c, TREE_CELL, &c->cells[place->cell].root, p->id);
	tree_insert(c, TREE_TUPLE, &c->tuples[place->tuple].root, p->id);
	tuple_reorder(c, place->tuple);
}

void espnic_classifier_remove(struct espnic_classifier *c, struct espnic_spd_policy *p)
{
	const struct espnic_spd_place *place = &p->place[c->view];

	tree_remove(c, TREE_CELL, &c->cells[place->cell].root, p->id);
	tree_remove(c, TREE_TUPLE, &c->tuples[place->tuple].root, p->id);
	tuple_reorder(c, place->tuple);
	if (!c->cells[place->cell].root)
		cell_drop(c, place->cell);
	if (!c->tuples[place->tuple].root)
		tuple_drop(c, place->tuple);
}

/* ---- lookup ---- */

/* Whether below @p there may be one that fits. */
static bool may_fit(const struct espnic_classifier *c, const struct espnic_spd_policy *p,
		    const struct espnic_flow *flow)
{
	const struct espnic_spd_hull *h = &p->hull;

	if (c->view != ESPNIC_SPD_SEEN || !(flow->flags & ESPNIC_FLOW_PORTS))
		return true;
	return h->min[0] <= flow->sport && flow->sport <= h->max[0] &&
	       h->min[1] <= flow->dport && flow->dport <= h->max[1];
}

/* The first below @root that fits and comes before @best (0: anything does), or 0. */
static uint32_t tree_first(const struct espnic_classifier *c, uint32_t root, uint32_t best,
			   const struct espnic_flow *flow)
{
	while (root) {
		const struct espnic_spd_policy *p = &c->policies[root];
		uint32_t found;

		ESPNIC_TOUCH(p, 2 * ESPNIC_TABLE_LINE);
		if (!may_fit(c, p, flow))
			return 0;
		found = tree_first(c, p->place[c->view].left, best, flow);
		if (found)
			return found;
		if (best && !precedes(c, root, best))
			return 0;
		if (espnic_selector_check_upper(&p->sel, flow) != ESPNIC_SELECTOR_NO)
			return root;
		root = p->place[c->view].right;
	}
	return 0;
}

/*
 * Whether some policy has the prefixes of lengths @src_len and @dst_len that cover the packet, and
 * which these are. Of all the pairs of prefixes that cover a packet policies have but a few.
 */
static bool covering(struct espnic_query *q, uint8_t src_len, uint8_t dst_len, uint32_t *src_id,
		     uint32_t *dst_id)
{
	const struct espnic_lengths *src = q->lengths[ESPNIC_SIDE_SRC];
	const struct espnic_lengths *dst = q->lengths[ESPNIC_SIDE_DST];
	uint8_t i = src->at[src_len], j = dst->at[dst_len];
	uint8_t *state = NULL;

	/* A length of another family may be none of this one's. */
	if (!src->refs[src_len] || !dst->refs[dst_len])
		return false;
	*src_id = q->ids[ESPNIC_SIDE_SRC][i];
	*dst_id = q->ids[ESPNIC_SIDE_DST][j];
	if (!*src_id || !*dst_id)
		return false;
	if (i < ESPNIC_QUERY_LENGTHS && j < ESPNIC_QUERY_LENGTHS)
		state = &q->pair[i][j];
	if (state && *state != ESPNIC_PAIR_UNASKED)
		return *state == ESPNIC_PAIR_YES;
	if (!espnic_pair_known(q->prefixes, *src_id, *dst_id)) {
		if (state)
			*state = ESPNIC_PAIR_NO;
		return false;
	}
	if (state)
		*state = ESPNIC_PAIR_YES;
	return true;
}

/* The cell of tuple @t that the packet would be in; false: it can be in none. */
static bool cell_of(const struct espnic_classifier *c, struct espnic_query *q, uint32_t tuple,
		    struct espnic_cell *key)
{
	const struct espnic_tuple *t = &c->tuples[tuple];
	const struct espnic_flow *f = q->flow;

	*key = (struct espnic_cell){ .tuple = tuple };
	if (t->family != ESPNIC_IP_ANY) {
		if (t->family != f->family ||
		    !covering(q, t->src_len, t->dst_len, &key->src_id, &key->dst_id))
			return false;
	}
	for (int s = 0; s < 2; s++)
		if (t->ports[s] != ESPNIC_PORTS_ANY &&
		    (t->ports[s] == ESPNIC_PORTS_RANGE) != !!(f->flags & ESPNIC_FLOW_PORTS))
			return false;
	/* Where the protocol is to be seen, it is not OPAQUE. */
	if (t->proto && f->proto == ESPNIC_PROTO_OPAQUE)
		return false;
	if (t->proto)
		key->proto = f->proto;
	key->sport = block(f->sport, t->sport_bits);
	key->dport = block(f->dport, t->dport_bits);
	return true;
}

void espnic_classify_prefetch(const struct espnic_classifier *c, struct espnic_query *q)
{
	const uint32_t *order = c->order[q->dir];
	struct espnic_cell key;

	q->n_hashes = 0;
	for (uint32_t i = 0; i < c->n_order[q->dir] && q->n_hashes < ESPNIC_QUERY_HASHES; i++) {
		if (!cell_of(c, q, order[i], &key))
			continue;
		q->hashes[q->n_hashes] = cell_hash(c, &key);
		espnic_hindex_prefetch(&c->cell_index, q->hashes[q->n_hashes++]);
	}
}

uint32_t espnic_classify(const struct espnic_classifier *c, struct espnic_query *q)
{
	const uint32_t *order = c->order[q->dir];
	unsigned int probes = 0;
	uint32_t best = 0;

	for (uint32_t i = 0; i < c->n_order[q->dir]; i++) {
		const struct espnic_tuple *t = &c->tuples[order[i]];
		struct espnic_cell key;
		uint32_t cell, found;
		uint64_t hash;

		ESPNIC_TOUCH(t, sizeof(*t));
		if (best && !precedes(c, t->best, best))
			break;
		if (!cell_of(c, q, order[i], &key))
			continue;
		hash = probes < q->n_hashes ? q->hashes[probes] : cell_hash(c, &key);
		probes++;
		cell = cell_find(c, &key, hash);
		if (!cell)
			continue;
		found = tree_first(c, c->cells[cell].root, best, q->flow);
		if (found)
			best = found;
	}
	return best;
}
