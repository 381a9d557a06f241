/* sync_map_test.c - many goroutines and threads on one sync_map: no value is ever torn,
 * lost or invented, and what is freed is not read (asan and tsan see to that).
 *
 * Each value carries the key and its own number, and a checksum over all of it. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 64 };
struct value { uint64_t key, number, filler[6], sum; };
typedef sync_map(uint64_t, struct value) value_map;

static uint64_t checksum(const struct value *v)
{
	uint64_t s = v->key * 31 + v->number;

	for (int i = 0; i < 6; i++)
		s = s * 0x9e3779b97f4a7c15u + v->filler[i];
	return s;
}
static struct value make(uint64_t key, uint64_t number)
{
	struct value v = { .key = key, .number = number };

	for (int i = 0; i < 6; i++)
		v.filler[i] = key * number + (uint64_t)i;
	v.sum = checksum(&v);
	return v;
}
static void check(uint64_t key, const struct value *v)
{
	CHECK(v->key == key && v->sum == checksum(v));
}

static uint64_t next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

static void walk(value_map m)
{
	bool seen[KEYS] = { false };
	struct value v;
	uint64_t k;

	sync_map_range(k, v, m) {
		check(k, &v);
		CHECK(!seen[k]);
		seen[k] = true;
	}
}

static void mix(value_map m, uint64_t seed, int rounds)
{
	uint64_t s = seed;
	struct value v;

	for (int i = 0; i < rounds; i++) {
		uint64_t k = next(&s) % KEYS, op = next(&s) % 100;

		if (op < 60) {
			if (sync_map_load(m, k, &v))
				check(k, &v);
		} else if (op < 75) {
			sync_map_store(m, k, make(k, next(&s)));
		} else if (op < 80) {
			if (sync_map_load_and_delete(m, k, &v))
				check(k, &v);
		} else if (op < 85) {
			sync_map_load_or_store(m, k, make(k, next(&s)), &v);
			check(k, &v);
		} else if (op < 90) {
			if (sync_map_swap(m, k, make(k, next(&s)), &v))
				check(k, &v);
		} else if (op < 97) {
			if (sync_map_load(m, k, &v))
				sync_map_compare_and_swap(m, k, v, make(k, next(&s)));
		} else if (op < 99) {
			walk(m);
		} else {
			sync_map_clear(m);
		}
	}
}

struct mixing { value_map m; uint64_t seed; int rounds; };
static void *mix_thread(void *arg)
{
	struct mixing *x = arg;

	mix(x->m, x->seed, x->rounds);
	return NULL;
}

TEST(sync_map, all_operations_at_once, .limit = 300)
{
	value_map m = sync_map_make(uint64_t, struct value);
	struct mixing x = { m, test_seed(), test_rounds(40000) };
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, mix_thread, &x), 0);
	for (uint64_t i = 1; i <= 6; i++)
		wg_go(&wg, mix, m, x.seed + i, x.rounds);
	wg_wait(&wg);
	pthread_join(t, NULL);
	walk(m);
	sync_map_free(m);
}

/* More threads at once than there are words for them. */
TEST(sync_map, many_threads, .limit = 300)
{
	enum { THREADS = 100 };
	value_map m = sync_map_make(uint64_t, struct value);
	struct mixing x = { m, test_seed(), test_rounds(500) };
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, mix_thread, &x), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	walk(m);
	sync_map_free(m);
}

/* -------------------------------------------------- what each key is owned by -- */

/* Keys k with k % owners == me are changed by me alone, so I know what is there. */
static void owns(sync_map(uint64_t, uint64_t) m, uint64_t me, int rounds)
{
	enum { OWNERS = 4, EACH = 500 };
	static const uint64_t none = UINT64_MAX;
	uint64_t want[EACH], s = me, v;

	for (int i = 0; i < EACH; i++)
		want[i] = none;
	for (int i = 0; i < rounds; i++) {
		uint64_t at = next(&s) % EACH, k = at * OWNERS + me;

		CHECK_EQ(sync_map_load(m, k, &v), want[at] != none);
		CHECK(want[at] == none || v == want[at]);
		if (next(&s) % 3) {
			want[at] = next(&s);
			sync_map_store(m, k, want[at]);
		} else {
			CHECK_EQ(sync_map_delete(m, k), want[at] != none);
			want[at] = none;
		}
	}
	for (uint64_t at = 0; at < EACH; at++) {
		CHECK_EQ(sync_map_load(m, at * OWNERS + me, &v), want[at] != none);
		sync_map_delete(m, at * OWNERS + me);
	}
}
TEST(sync_map, changes_of_others_do_not_matter, .limit = 300)
{
	sync_map(uint64_t, uint64_t) m = sync_map_make(uint64_t, uint64_t);
	waitgroup wg = { 0 };
	uint64_t k, v;

	for (uint64_t i = 0; i < 4; i++)
		wg_go(&wg, owns, m, i, test_rounds(100000));
	wg_wait(&wg);
	sync_map_range(k, v, m)
		FAIL("%llu is left", (unsigned long long)k);
	sync_map_free(m);
}

/* -------------------------------------------------------------------- walking -- */

static bool stop;
static void disturbs(sync_map(int, int) m)
{
	for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		sync_map_store(m, 1000 + i % 1000, i);
		sync_map_delete(m, 1000 + (i * 7) % 1000);
		if (i % 64 == 0)
			go_yield();
	}
}
/* A walk sees every entry that is there all the time, once, whatever others do. */
TEST(sync_map, walk_misses_nothing, .limit = 300)
{
	sync_map(int, int) m = sync_map_make(int, int);
	waitgroup wg = { 0 };
	int k, v, rounds = test_rounds(200);

	for (int i = 0; i < 1000; i++)
		sync_map_store(m, i, i);
	wg_go(&wg, disturbs, m);
	for (int r = 0; r < rounds; r++) {
		int n = 0;

		sync_map_range(k, v, m) {
			CHECK(k >= 1000 || v == k);
			n += k < 1000;
		}
		CHECK_EQ(n, 1000);
		go_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	wg_wait(&wg);
	sync_map_free(m);
}
