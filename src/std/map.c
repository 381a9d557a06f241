/* map.c - maps: a table, and the detection of goroutines that use one at the same time.
 *
 * m->writer says who is changing the map. A change begins by a CAS from nobody to me, so
 * two never overlap: the second ends the process before it has touched anything. Whoever
 * reads looks at the word before and after, and thus sees a change that overlaps with
 * either end of the read, as Go does. Both are nothing but detection: a correct program
 * finds the word 0 always, and what orders its uses of the map is its own.
 *
 * A race detector is told of an access in three places: change_begin (a write of *m),
 * read_begin (a read) and nowhere else; a step of an iteration is a read, too. */
#include "base/hooks.h"
#include "os/os.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include "std/table.h"
#include <stdlib.h>

enum { TRACE = 64 };
#define MAX_SIZE ((size_t)1 << 30)      /* of a key or a value */

struct mri_map {
	/* atomic: the id of the goroutine that changes the map, less than 0: minus the
	 * id of the thread that does; 0: nobody */
	int64_t writer;
	struct mri_table table;
};

static struct mri_map *map_of(const volatile void *m)
{
	mri_init_check_fork();
	return (struct mri_map *)(uintptr_t)m;
}

/* ------------------------------------------------------------------ detection -- */

static int64_t my_id(void)
{
	struct g *g = mri_self();

	return g->is_thread ? -(int64_t)mri_os_tid() : g->id;
}

struct named {
	struct mri_out *o;
	int64_t id;
};
static bool print_if_it(struct g *g, void *arg)
{
	struct named *who = arg;

	/* Relaxed: a snapshot, for a report. */
	if (atomic_get(&g->id, relaxed) != who->id)
		return true;
	mri_panic_created(who->o, g);
	return false;
}

/* Whoever was changing the map when we came. He has not stopped: of him there is only
 * what he is, and who started him. */
static void print_other(struct mri_out *o, int64_t id)
{
	struct named who = { o, id };

	if (id < 0) {
		mri_out_fmt(o, "\nthread %lld was changing the map\n", (long long)-id);
		return;
	}
	mri_out_fmt(o, "\ngoroutine %lld was changing the map\n", (long long)id);
	mri_stack_each(print_if_it, &who);
}

noreturn_fn static void mri_map_conflict(const char *what, int64_t writer)
{
	struct mri_out o;
	void *pcs[TRACE];
	int n = mri_hooks.capture ? mri_hooks.capture(pcs, TRACE) : 0;

	mri_panic_report_begin(&o);
	mri_out_fmt(&o, "fatal error: %s\n\n", what);
	mri_panic_describe(&o, mri_self_or_null(), pcs, n);
	print_other(&o, writer);
	if (mri_config.crash) {
		mri_out_flush(&o);
		abort();
	}
	mri_panic_report_end(&o);
}

static void change_begin(struct mri_map *m)
{
	int64_t writer = 0;

	/* Relaxed, here and below: nothing is published by this word. */
	if (unlikely(!atomic_cas(&m->writer, &writer, my_id(), relaxed)))
		mri_map_conflict("concurrent map writes", writer);
}
static void change_end(struct mri_map *m)
{
	atomic_set(&m->writer, 0, relaxed);
}

static void check_reader(struct mri_map *m, const char *what)
{
	int64_t writer = atomic_get(&m->writer, relaxed);

	if (unlikely(writer != 0))
		mri_map_conflict(what, writer);
}
static void read_begin(struct mri_map *m, const char *what)
{
	check_reader(m, what);
}

static const char reading[] = "concurrent map read and map write";
static const char iterating[] = "concurrent map iteration and map write";

/* -------------------------------------------------------------- make and free -- */

void *mr_map_new(size_t key_size, size_t value_size, int kind, size_t hint)
{
	struct mri_key_type key = { key_size, (uint8_t)kind };
	struct mri_map *m;

	mri_init_check_fork();
	if (key_size > MAX_SIZE || value_size > MAX_SIZE ||
	    (kind == MR_KEY_INT && key_size > sizeof(int64_t)))
		mri_panic("makemap: size out of range");
	m = mri_try_alloc(sizeof *m);
	if (!m)
		mri_panic("makemap: out of memory");
	mri_table_init(&m->table, key, value_size, hint);
	m->table.seed.word[0] = mri_choice_secret();
	m->table.seed.word[1] = mri_choice_secret();
	return m;
}

void mr_map_free(const volatile void *map)
{
	struct mri_map *m = (struct mri_map *)(uintptr_t)map;

	/* The child of a fork may return from main, through deferred calls of this. */
	if (!m || unlikely(mri_forked))
		return;
	mri_race_write(m, sizeof *m);
	change_begin(m);
	mri_table_free(&m->table);
	free(m);
}

/* ------------------------------------------------------------- read and change -- */

void mr_map_set_from(const volatile void *map, const void *key, const void *value)
{
	struct mri_map *m = map_of(map);
	struct mri_look k;
	void *to;

	if (!m)
		mri_panic("assignment to entry in nil map");
	k = mri_table_look(&m->table, key);
	mri_race_write(m, sizeof *m);
	change_begin(m);
	to = mri_table_put(&m->table, k);
	if (to)
		memcpy(to, value, m->table.value_size);
	change_end(m);
	if (!to)
		mri_panic("map: out of memory");
}

bool mr_map_get_into(const volatile void *map, const void *key, void *value, size_t size)
{
	struct mri_map *m = map_of(map);
	const void *from = NULL;

	if (m) {
		struct mri_look k = mri_table_look(&m->table, key);

		mri_race_read(m, sizeof *m);
		read_begin(m, reading);
		from = mri_table_find(&m->table, k);
		if (from && value)
			memcpy(value, from, size);
		check_reader(m, reading);
	}
	if (!from && value)
		memset(value, 0, size);
	return from != NULL;
}

bool mr_map_delete_key(const volatile void *map, const void *key)
{
	struct mri_map *m = map_of(map);
	struct mri_look k;
	bool found;

	if (!m)
		return false;
	k = mri_table_look(&m->table, key);
	mri_race_write(m, sizeof *m);
	change_begin(m);
	found = mri_table_remove(&m->table, k);
	change_end(m);
	return found;
}

size_t mr_map_len(const volatile void *map)
{
	struct mri_map *m = map_of(map);

	if (!m)
		return 0;
	mri_race_read(m, sizeof *m);
	read_begin(m, reading);
	return m->table.count;
}

void mr_map_clear(const volatile void *map)
{
	struct mri_map *m = map_of(map);

	if (!m)
		return;
	mri_race_write(m, sizeof *m);
	change_begin(m);
	mri_table_clear(&m->table);
	change_end(m);
}

/* ------------------------------------------------------------------- iteration -- */

/* Positions from a random one upwards, and then those below it. Entries that are added
 * beyond mr_used are not visited, or a loop that adds one each round would not end. */
mr_map_iter mr_map_iter_make(const volatile void *map)
{
	struct mri_map *m = map_of(map);
	mr_map_iter it = { .mr_map = map };

	if (!m)
		return it;
	mri_race_read(m, sizeof *m);
	read_begin(m, iterating);
	it.mr_used = it.mr_left = m->table.used;
	it.mr_at = it.mr_used ? mri_choice_below(mri_self()->m, it.mr_used) : 0;
	return it;
}

/* The text is copied, so that the loop may remove the entry and go on using its key. */
static void copy_text(mr_map_iter *it, const char *text, char **key)
{
	size_t n = strlen(text) + 1;

	if (n > it->mr_room) {
		char *room = realloc(it->mr_text, n + n / 2);

		if (!room)
			mri_panic("map: out of memory");
		it->mr_text = room;
		it->mr_room = n + n / 2;
	}
	*key = memcpy(it->mr_text, text, n);
}

/* The entry at the next position, if there is one. */
static bool take(mr_map_iter *it, struct mri_table *t, void *key, void *value)
{
	const void *its_key, *its_value;
	uint32_t at = it->mr_at;

	it->mr_left--;
	it->mr_at = at + 1 < it->mr_used ? at + 1 : 0;
	if (!mri_table_at(t, at, &its_key, &its_value))
		return false;
	if (t->key.kind == MR_KEY_STRING)
		copy_text(it, its_key, key);
	else
		memcpy(key, its_key, t->key.size);
	memcpy(value, its_value, t->value_size);
	return true;
}

bool mr_map_iter_next(mr_map_iter *it, void *key, void *value)
{
	struct mri_map *m = map_of(it->mr_map);
	bool found = false;

	if (!m)
		return false;
	mri_race_read(m, sizeof *m);
	read_begin(m, iterating);
	while (!found && it->mr_left > 0)
		found = take(it, &m->table, key, value);
	check_reader(m, iterating);
	return found;
}

void mr_map_iter_end(mr_map_iter *it)
{
	free(it->mr_text);
	it->mr_text = NULL;
	it->mr_room = 0;
}
