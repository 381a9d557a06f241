/* table.c - uthash, made into a table of keys and values whose types are sizes.
 *
 * uthash links entries that are its user's. Here they come from chunks that grow by
 * doubling, so there is one malloc for many of them, and each has a position by which an
 * iteration finds it. One that is removed goes to a free list; one that is in use has its
 * hh.tbl set. A string key is a copy, and the entry holds the pointer.
 *
 * uthash drops its table with the last entry, and makes another for the next. So the
 * first entry of all is a dummy that stays, and equals no key. */
#include "std/table.h"
#include <limits.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) (oom = true)
#include "third_party/uthash.h"
/* How many buckets a table begins with: as many as entries are expected. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS      (1u << t->first_log2)
#define HASH_INITIAL_NUM_BUCKETS_LOG2 (t->first_log2)

enum { SMALLEST_LOG2 = 3, LARGEST_HINT_LOG2 = 26 };
#define NO_KEY UINT_MAX                 /* the length of the dummy's key */

struct mri_entry {
	UT_hash_handle hh;
	char data[];                    /* the key, and at value_at the value */
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

void mri_table_init(struct mri_table *t, struct mri_key_type key, size_t value_size,
		    size_t hint)
{
	memset(t, 0, sizeof *t);
	t->key = key;
	t->value_size = value_size;
	t->value_at = round_up(key.size, sizeof(void *));
	t->entry_size = sizeof(struct mri_entry) +
			round_up(t->value_at + value_size, sizeof(void *));
	t->first_log2 = SMALLEST_LOG2;
	/* One more than hint: the dummy. */
	while (t->first_log2 < LARGEST_HINT_LOG2 && (size_t)1 << t->first_log2 <= hint)
		t->first_log2++;
}

struct mri_look mri_table_look(const struct mri_table *t, const void *key)
{
	size_t n;
	const void *bytes = mri_key_bytes(t->key, key, &n);

	if (n >= NO_KEY)
		mri_panic("map: a string key of 4 GiB");
	return (struct mri_look){ bytes, (unsigned)n,
				  (unsigned)mri_hash_bytes(bytes, n, &t->seed) };
}

/* ------------------------------------------------------------------- entries -- */

static unsigned chunk_of(const struct mri_table *t, uint32_t pos)
{
	return 31 - (unsigned)__builtin_clz((pos >> t->first_log2) + 1);
}

static struct mri_entry *entry_at(const struct mri_table *t, uint32_t pos)
{
	unsigned i = chunk_of(t, pos);
	uint32_t first = ((1u << i) - 1) << t->first_log2;

	return (struct mri_entry *)(void *)(t->chunk[i] + (pos - first) * t->entry_size);
}

static struct mri_entry *entry_alloc(struct mri_table *t)
{
	struct mri_entry *e = t->free_list;
	unsigned i;

	if (e) {
		t->free_list = e->hh.next;
		return e;
	}
	if (t->used == UINT_MAX >> 1)
		return NULL;
	i = chunk_of(t, t->used);
	if (!t->chunk[i])
		t->chunk[i] = malloc(t->entry_size << (t->first_log2 + i));
	return t->chunk[i] ? entry_at(t, t->used++) : NULL;
}

/* Of a string key the entry has, as the program, the pointer. */
static char **text_of(struct mri_entry *e)
{
	return (char **)(void *)e->data;
}

static void entry_free(struct mri_table *t, struct mri_entry *e)
{
	if (t->key.kind == MR_KEY_STRING)
		free(*text_of(e));
	e->hh.tbl = NULL;
	e->hh.next = t->free_list;
	t->free_list = e;
}

static struct mri_entry *find(const struct mri_table *t, struct mri_look k)
{
	struct mri_entry *e = NULL;

	HASH_FIND_BYHASHVALUE(hh, t->head, k.bytes, k.len, k.hash, e);
	return e;
}

/* Links e, whose key is at k.bytes for as long as it is linked. False: out of memory. */
static bool add(struct mri_table *t, struct mri_entry *e, struct mri_look k)
{
	bool oom = false;

	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->head, k.bytes, k.len, k.hash, e);
	return !oom;
}

static bool add_dummy(struct mri_table *t)
{
	struct mri_entry *e = entry_alloc(t);

	if (e && add(t, e, (struct mri_look){ NULL, NO_KEY, 0 }))
		return true;
	t->head = NULL;
	t->used = 0;
	return false;
}

/* -------------------------------------------------------------- the interface -- */

const void *mri_table_find(const struct mri_table *t, struct mri_look k)
{
	struct mri_entry *e = find(t, k);

	return e ? e->data + t->value_at : NULL;
}

/* The bytes that e will be found by: its own copy. NULL: out of memory. */
static const void *own_key(const struct mri_table *t, struct mri_entry *e,
			   struct mri_look k)
{
	char *text;

	if (t->key.kind != MR_KEY_STRING)
		return memcpy(e->data, k.bytes, k.len);
	text = malloc((size_t)k.len + 1);
	*text_of(e) = text;
	if (!text)
		return NULL;
	text[k.len] = '\0';
	return memcpy(text, k.bytes, k.len);
}

void *mri_table_put(struct mri_table *t, struct mri_look k)
{
	struct mri_entry *e = find(t, k);

	if (e)
		return e->data + t->value_at;
	if ((!t->head && !add_dummy(t)) || (e = entry_alloc(t)) == NULL)
		return NULL;
	memset(e, 0, t->entry_size);
	k.bytes = own_key(t, e, k);
	if (!k.bytes || !add(t, e, k)) {
		entry_free(t, e);
		return NULL;
	}
	t->count++;
	return e->data + t->value_at;
}

static void unlink_entry(struct mri_table *t, struct mri_entry *e)
{
	mri_assert(t->head && t->head != e);    /* the dummy is first, and stays */
	HASH_DELETE(hh, t->head, e);
	entry_free(t, e);
	t->count--;
}

bool mri_table_remove(struct mri_table *t, struct mri_look k)
{
	struct mri_entry *e = find(t, k);

	if (e)
		unlink_entry(t, e);
	return e != NULL;
}

/* In use, and not the dummy. */
static struct mri_entry *live_at(const struct mri_table *t, uint32_t pos)
{
	struct mri_entry *e = pos ? entry_at(t, pos) : NULL;

	return e && e->hh.tbl ? e : NULL;
}

void mri_table_clear(struct mri_table *t)
{
	struct mri_entry *e;

	for (uint32_t pos = 0; pos < t->used; pos++)
		if ((e = live_at(t, pos)) != NULL)
			unlink_entry(t, e);
	/* All are free: begin again, so that walks are short. */
	t->free_list = NULL;
	t->used = t->used ? 1 : 0;
}

void mri_table_free(struct mri_table *t)
{
	mri_table_clear(t);
	HASH_CLEAR(hh, t->head);
	for (int i = 0; i < MRI_TABLE_CHUNKS; i++)
		free(t->chunk[i]);
}

bool mri_table_at(const struct mri_table *t, uint32_t pos, const void **key,
		  const void **value)
{
	const struct mri_entry *e = live_at(t, pos);

	if (!e)
		return false;
	*key = e->hh.key;
	*value = e->data + t->value_at;
	return true;
}
