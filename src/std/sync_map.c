/* sync_map.c - a map for many readers and few locks: none.
 *
 * A trie over the hash of the keys, 4 bits a level, as Go's sync.Map. A slot of a node is
 * empty, or holds an entry, or a node of the next level: two keys whose paths begin alike
 * share nodes until they differ. Entries never change: a new value is a new entry. So
 * every change is one CAS on one slot, and a load is some acquire loads and a copy.
 *
 * Who looks at slots is in a section (rt/epoch.h); a replaced entry is retired. Hence no
 * ABA either: an entry that is compared cannot be freed and made again meanwhile. Nodes
 * stay until the map is cleared, which replaces the root and retires the whole old tree,
 * with whatever is still put into it by those who found it before.
 *
 * Iteration is in the order of the paths. It leaves the section between two entries, and
 * goes on with the first one whose path is beyond that of the last key: so an entry comes
 * once at most, and one that is there all the time comes.
 *
 * A race detector needs two places: put() releases p.at, find() and next_after() acquire
 * what they read. */
#include "rt/epoch.h"
#include "std/key.h"
#include "base/hash.h"
#include <millrace/sync_map.h>
#include <stdlib.h>

enum { BITS = 4, FANOUT = 1 << BITS, LEVELS = 64 / BITS };
#define MAX_SIZE ((size_t)1 << 30)      /* of a key or a value */

/* A slot's word: 0, a struct entry *, or a struct node * + IS_NODE. */
typedef uintptr_t slot;
#define IS_NODE ((slot)1)

struct item {                           /* what an entry and a node begin with */
	struct mri_retired retired;
	bool is_node;
};
struct node {
	struct item item;
	slot slots[FANOUT];             /* atomic */
};
struct entry {
	struct item item;
	uint64_t hash;
	size_t key_len;
	char data[];                    /* the value, and after it the key's bytes */
};
struct mri_sync_map {
	struct node *root;              /* atomic */
	struct mri_limbo limbo;
	struct mri_key_type key;
	size_t value_size;
	struct mri_hash_seed seed;
};

/* A key as it is looked up: its bytes, and how its path begins. */
struct look {
	const void *bytes;
	size_t len;
	uint64_t hash;
};

static struct mri_sync_map *map_of(const volatile void *m)
{
	mri_init_check_fork();
	if (!m)
		mri_panic("sync_map: the map is NULL");
	return (struct mri_sync_map *)(uintptr_t)m;
}

static const char *key_of(const struct mri_sync_map *m, const struct entry *e)
{
	return e->data + m->value_size;
}
static struct look look_of(const struct mri_sync_map *m, const struct entry *e)
{
	return (struct look){ key_of(m, e), e->key_len, e->hash };
}
static struct look look(const struct mri_sync_map *m, const void *key)
{
	struct look k;

	k.bytes = mri_key_bytes(m->key, key, &k.len);
	k.hash = mri_hash_bytes(k.bytes, k.len, &m->seed);
	return k;
}
/* memcmp and memcpy, without a call for what most maps hold. */
static inline bool is_same(const void *a, const void *b, size_t n)
{
	uint64_t x, y;

	if (n != sizeof x)
		return memcmp(a, b, n) == 0;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x == y;
}
static inline void copy_value(void *to, const void *from, size_t n)
{
	if (n == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else
		memcpy(to, from, n);
}
static bool is_key(const struct mri_sync_map *m, const struct entry *e, struct look k)
{
	return e->hash == k.hash && e->key_len == k.len &&
	       is_same(key_of(m, e), k.bytes, k.len);
}

/* Where the path of a key goes at a level. It goes on when the hash is used up, with
 * another one: so two keys always part in the end. */
static unsigned step(const struct mri_sync_map *m, struct look k, unsigned level)
{
	unsigned round = level / LEVELS;
	uint64_t hash = k.hash;

	if (unlikely(round > 0)) {
		struct mri_hash_seed seed = m->seed;

		seed.word[1] += round * 0x9e3779b97f4a7c15u;
		hash = mri_hash_bytes(k.bytes, k.len, &seed);
	}
	return hash >> (64 - BITS - BITS * (level % LEVELS)) & (FANOUT - 1);
}

/* ------------------------------------------------------------ entries and nodes -- */

static struct node *node_of(slot s)
{
	return (struct node *)(s & ~IS_NODE);
}
static struct entry *entry_of(slot s)
{
	return (struct entry *)s;
}

static struct node *node_new(void)
{
	struct node *n = calloc(1, sizeof *n);

	if (n)
		n->item.is_node = true;
	return n;
}

static struct entry *entry_new(const struct mri_sync_map *m, struct look k,
			       const void *value)
{
	struct entry *e = malloc(sizeof *e + m->value_size + k.len);

	if (!e)
		mri_panic("sync_map: out of memory");
	e->item.is_node = false;
	e->hash = k.hash;
	e->key_len = k.len;
	memcpy(e->data, value, m->value_size);
	memcpy(e->data + m->value_size, k.bytes, k.len);
	return e;
}

/* n and all below it, which nobody can find any more. */
static void tree_free(struct node *n)
{
	for (int i = 0; i < FANOUT; i++) {
		/* Relaxed: whoever put it there has left his section. */
		slot s = atomic_get(&n->slots[i], relaxed);

		if (s & IS_NODE)
			tree_free(node_of(s));
		else
			free(entry_of(s));
	}
	free(n);
}

static void destroy(struct mri_retired *r)
{
	struct item *item = container_of(r, struct item, retired);

	if (item->is_node)
		tree_free(container_of(item, struct node, item));
	else
		free(item);
}

/* Nodes from `level` down to where the paths of two entries part. NULL: no memory. */
static struct node *branch(const struct mri_sync_map *m, struct entry *a, struct entry *b,
			   unsigned level)
{
	unsigned ia = step(m, look_of(m, a), level), ib = step(m, look_of(m, b), level);
	struct node *n = node_new(), *below;

	if (!n)
		return NULL;
	/* Relaxed, all three: the CAS that puts n into the tree publishes it. */
	if (ia != ib) {
		atomic_set(&n->slots[ia], (slot)a, relaxed);
		atomic_set(&n->slots[ib], (slot)b, relaxed);
		return n;
	}
	below = branch(m, a, b, level + 1);
	if (!below) {
		free(n);
		return NULL;
	}
	atomic_set(&n->slots[ia], (slot)below | IS_NODE, relaxed);
	return n;
}
static void branch_free(struct node *n)
{
	for (int i = 0; i < FANOUT; i++)
		/* Relaxed: never published. */
		if (atomic_get(&n->slots[i], relaxed) & IS_NODE)
			branch_free(node_of(atomic_get(&n->slots[i], relaxed)));
	free(n);
}

/* --------------------------------------------------------------- the operations -- */

/* Where the path of a key ends: a slot, and what was in it: nothing, or an entry. */
struct place {
	slot *at;
	struct entry *entry;
	unsigned level;
	bool match;             /* it is the key's */
};

static inline struct place find(struct mri_sync_map *m, struct look k)
{
	/* Z2: acquire, pairs with Z1. */
	struct node *n = atomic_get(&m->root, acquire);
	struct place p = { .level = 0 };
	slot s;

	for (;; p.level++) {
		p.at = &n->slots[step(m, k, p.level)];
		/* Z2: acquire, pairs with Z1: the entry or node, and what its maker did
		 * before. */
		s = atomic_get(p.at, acquire);
		if (!(s & IS_NODE))
			break;
		n = node_of(s);
	}
	p.entry = entry_of(s);
	p.match = p.entry && is_key(m, p.entry, k);
	if (p.match)
		mri_race_acquire(p.entry);
	return p;
}

enum when { ALWAYS, ABSENT, PRESENT };
struct change {
	enum when when;
	const void *only_if;    /* PRESENT: only if it has this value; NULL: any */
	struct entry *fresh;    /* what to put there; NULL: remove it */
	void *before;           /* gets the value that was there, if one was; NULL: no */
	bool was_there;
};

static bool applies(const struct mri_sync_map *m, const struct change *c, struct place p)
{
	if (c->when == ALWAYS)
		return true;
	if (!p.match || c->when == ABSENT)
		return !p.match && c->when == ABSENT;
	return !c->only_if || memcmp(p.entry->data, c->only_if, m->value_size) == 0;
}

enum put { PUT, LOST_RACE, NO_MEMORY };

/* Replace what was found at p, if it is still there. */
static enum put put(struct mri_sync_map *m, struct place p, struct entry *fresh)
{
	slot old = (slot)p.entry, new = (slot)fresh;
	struct node *n = NULL;

	if (p.entry && !p.match) {
		n = branch(m, p.entry, fresh, p.level + 1);
		if (!n)
			return NO_MEMORY;
		new = (slot)n | IS_NODE;
	}
	if (fresh)
		mri_race_release(fresh);
	/* Z1: release, pairs with Z2. */
	if (atomic_cas(p.at, &old, new, release))
		return PUT;
	if (n)
		branch_free(n);
	return LOST_RACE;
}

/* True if the change applied and was made. */
static bool change(struct mri_sync_map *m, struct look k, struct change *c)
{
	uint64_t *section = mri_epoch_enter();
	enum put result = LOST_RACE;
	struct place p;

	do {
		p = find(m, k);
		c->was_there = p.match;
		if (!applies(m, c, p))
			break;
		result = put(m, p, c->fresh);
	} while (result == LOST_RACE);
	if (p.match && c->before)
		memcpy(c->before, p.entry->data, m->value_size);
	mri_epoch_leave(section);
	if (result == PUT && p.match)
		mri_epoch_retire(&m->limbo, &p.entry->item.retired);
	else if (result != PUT)
		free(c->fresh);
	if (result == NO_MEMORY)
		mri_panic("sync_map: out of memory");
	return result == PUT;
}

/* ---------------------------------------------------------------- the interface -- */

void *mr_sync_map_new(size_t key_size, size_t value_size, int kind)
{
	struct mri_sync_map *m;

	mri_init_check_fork();
	if (key_size > MAX_SIZE || value_size > MAX_SIZE ||
	    (kind == MR_KEY_INT && key_size > sizeof(int64_t)))
		mri_panic("sync_map: size out of range");
	m = mri_try_alloc(sizeof *m);
	if (!m || (m->root = node_new()) == NULL) {
		free(m);
		mri_panic("sync_map: out of memory");
	}
	m->limbo.destroy = destroy;
	m->key = (struct mri_key_type){ key_size, (uint8_t)kind };
	m->value_size = value_size;
	m->seed.word[0] = mri_choice_secret();
	m->seed.word[1] = mri_choice_secret();
	return m;
}

void mr_sync_map_free(const volatile void *map)
{
	struct mri_sync_map *m = (struct mri_sync_map *)(uintptr_t)map;

	/* The child of a fork may return from main, through deferred calls of this. */
	if (!m || unlikely(mri_forked))
		return;
	mri_epoch_finish(&m->limbo);
	tree_free(m->root);
	free(m);
}

bool mr_sync_map_load_into(const volatile void *map, const void *key, void *value)
{
	struct mri_sync_map *m = map_of(map);
	struct look k = look(m, key);
	uint64_t *section = mri_epoch_enter();
	struct place p = find(m, k);

	if (p.match && value)
		copy_value(value, p.entry->data, m->value_size);
	mri_epoch_leave(section);
	if (!p.match && value)
		memset(value, 0, m->value_size);
	return p.match;
}

bool mr_sync_map_put(const volatile void *map, const void *key, const void *value,
		     void *before)
{
	struct mri_sync_map *m = map_of(map);
	struct look k = look(m, key);
	struct change c = { .when = ALWAYS, .before = before };

	c.fresh = entry_new(m, k, value);
	change(m, k, &c);
	if (!c.was_there && before)
		memset(before, 0, m->value_size);
	return c.was_there;
}

bool mr_sync_map_put_new(const volatile void *map, const void *key, const void *value,
			 void *actual)
{
	struct mri_sync_map *m = map_of(map);
	struct look k = look(m, key);
	struct change c = { .when = ABSENT, .before = actual };

	/* Mostly it is there: then nothing is allocated. */
	if (mr_sync_map_load_into(map, key, actual))
		return true;
	c.fresh = entry_new(m, k, value);
	change(m, k, &c);
	if (!c.was_there && actual)
		memcpy(actual, value, m->value_size);
	return c.was_there;
}

bool mr_sync_map_remove(const volatile void *map, const void *key, void *before)
{
	struct mri_sync_map *m = map_of(map);
	struct change c = { .when = PRESENT, .before = before };
	bool removed = change(m, look(m, key), &c);

	if (!removed && before)
		memset(before, 0, m->value_size);
	return removed;
}

bool mr_sync_map_exchange(const volatile void *map, const void *key, const void *old,
			  const void *value)
{
	struct mri_sync_map *m = map_of(map);
	struct look k = look(m, key);
	struct change c = { .when = PRESENT, .only_if = old };

	if (value)
		c.fresh = entry_new(m, k, value);
	return change(m, k, &c);
}

void mr_sync_map_clear(const volatile void *map)
{
	struct mri_sync_map *m = map_of(map);
	struct node *empty = node_new();

	if (!empty)
		mri_panic("sync_map: out of memory");
	/* Z1: acq_rel, pairs with Z2, and with itself: another clear's root. */
	empty = atomic_swap(&m->root, empty, acq_rel);
	mri_epoch_retire(&m->limbo, &empty->item.retired);
	/* It may be large. */
	mri_epoch_collect(&m->limbo);
}

/* --------------------------------------------------------------------- iteration -- */

/* The path of e, which is that of k up to `level`, is beyond it. */
static bool is_beyond(const struct mri_sync_map *m, const struct entry *e, struct look k,
		      unsigned level)
{
	unsigned its, other;

	if (is_key(m, e, k))
		return false;
	do {
		level++;
		its = step(m, look_of(m, e), level);
		other = step(m, k, level);
	} while (its == other);
	return its > other;
}

/* The first entry below n that is beyond the key; without one, the first of all. */
static struct entry *next_after(const struct mri_sync_map *m, const struct node *n,
				unsigned level, const struct look *after)
{
	for (unsigned i = after ? step(m, *after, level) : 0; i < FANOUT; i++) {
		/* Z2: acquire, pairs with Z1. */
		slot s = atomic_get(&n->slots[i], acquire);
		struct entry *e = NULL;

		if (s & IS_NODE)
			e = next_after(m, node_of(s), level + 1, after);
		else if (s && (!after || is_beyond(m, entry_of(s), *after, level)))
			e = entry_of(s);
		if (e)
			return e;
		after = NULL;   /* the slots that follow are beyond it as a whole */
	}
	return NULL;
}

mr_sync_map_iter mr_sync_map_iter_make(const volatile void *map)
{
	mr_sync_map_iter it = { .mr_map = map_of(map) };

	return it;
}

static void make_room(mr_sync_map_iter *it, size_t n)
{
	char *room = realloc(it->mr_key, n + n / 2);

	if (!room)
		mri_panic("sync_map: out of memory");
	it->mr_key = room;
	it->mr_room = n + n / 2;
}

/* One step, unless the key needs more room than there is: then that is returned. */
static size_t advance(mr_sync_map_iter *it, bool *found, void *value)
{
	struct mri_sync_map *m = map_of(it->mr_map);
	struct look k = { it->mr_key, it->mr_len, it->mr_hash };
	uint64_t *section = mri_epoch_enter();
	/* Z2: acquire, pairs with Z1. */
	struct node *root = atomic_get(&m->root, acquire);
	struct entry *e = next_after(m, root, 0, it->mr_begun ? &k : NULL);
	size_t need = e ? e->key_len + 1 : 0;

	*found = e != NULL;
	if (e && need <= it->mr_room) {
		mri_race_acquire(e);
		memcpy(it->mr_key, key_of(m, e), e->key_len);
		it->mr_key[e->key_len] = '\0';
		it->mr_len = e->key_len;
		it->mr_hash = e->hash;
		it->mr_begun = true;
		memcpy(value, e->data, m->value_size);
	}
	mri_epoch_leave(section);
	return need <= it->mr_room ? 0 : need;
}

bool mr_sync_map_iter_next(mr_sync_map_iter *it, void *key, void *value)
{
	struct mri_sync_map *m = map_of(it->mr_map);
	size_t need;
	bool found;

	while ((need = advance(it, &found, value)) != 0)
		make_room(it, need);
	if (!found)
		return false;
	if (m->key.kind == MR_KEY_STRING)
		memcpy(key, &it->mr_key, sizeof it->mr_key);
	else
		memcpy(key, it->mr_key, m->key.size);
	return true;
}

void mr_sync_map_iter_end(mr_sync_map_iter *it)
{
	free(it->mr_key);
	it->mr_key = NULL;
	it->mr_room = 0;
}
