/* sync_map_test.c - what each operation of a sync_map does, alone and among others. What
 * only many rounds can show is in tests/stress. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct point { int x, y; };

TEST(sync_map, stores_and_loads)
{
	sync_map(int, double) m = sync_map_make(int, double);
	double v = 7;

	CHECK(!sync_map_load(m, 1, &v) && v == 0);
	sync_map_store(m, 1, 1.5);
	sync_map_store(m, -1, 2.5);
	sync_map_store(m, 1, 3.5);
	CHECK(sync_map_load(m, 1) == 3.5 && sync_map_load(m, 0) == 0);
	CHECK(sync_map_load(m, -1, &v) && v == 2.5);
	CHECK(sync_map_load(m, 1, NULL) && !sync_map_load(m, 2, NULL));
	sync_map_free(m);
}

TEST(sync_map, load_or_store)
{
	sync_map(const char *, int) m = sync_map_make(const char *, int);
	int v;

	CHECK(!sync_map_load_or_store(m, "a", 1, &v) && v == 1);
	CHECK(sync_map_load_or_store(m, "a", 2, &v) && v == 1);
	CHECK(sync_map_load_or_store(m, "a", 2, NULL));
	CHECK(!sync_map_load_or_store(m, "b", 3, NULL));
	CHECK(sync_map_load(m, "a") == 1 && sync_map_load(m, "b") == 3);
	sync_map_free(m);
}

TEST(sync_map, deletes)
{
	sync_map(const char *, int) m = sync_map_make(const char *, int);
	int v = 9;

	CHECK(!sync_map_load_and_delete(m, "a", &v) && v == 0);
	CHECK(!sync_map_delete(m, "a"));
	sync_map_store(m, "a", 1);
	sync_map_store(m, "b", 2);
	CHECK(sync_map_load_and_delete(m, "a", &v) && v == 1);
	CHECK(!sync_map_load(m, "a", &v));
	CHECK(sync_map_delete(m, "b") && !sync_map_delete(m, "b"));
	sync_map_free(m);
}

TEST(sync_map, swaps_and_compares)
{
	sync_map(int, int) m = sync_map_make(int, int);
	int v = 9;

	CHECK(!sync_map_swap(m, 1, 10, &v) && v == 0);
	CHECK(sync_map_swap(m, 1, 11, &v) && v == 10);
	CHECK(sync_map_swap(m, 1, 12, NULL));
	CHECK(!sync_map_compare_and_swap(m, 1, 11, 13));
	CHECK(sync_map_compare_and_swap(m, 1, 12, 13));
	CHECK(!sync_map_compare_and_swap(m, 2, 0, 1));  /* a zero is not nothing */
	CHECK(!sync_map_load(m, 2, NULL));
	CHECK(!sync_map_compare_and_delete(m, 1, 12));
	CHECK(!sync_map_compare_and_delete(m, 2, 0));
	CHECK(sync_map_compare_and_delete(m, 1, 13) && !sync_map_load(m, 1, NULL));
	sync_map_free(m);
}

TEST(sync_map, keys_and_values_of_any_kind)
{
	sync_map(struct point, struct point) s = sync_map_make(struct point, struct point);
	sync_map(struct point *, char) p = sync_map_make(struct point *, char);
	sync_map(const char *, const char *) t = sync_map_make(const char *, const char *);
	struct point a = { 1, 2 };
	char text[300];

	sync_map_store(s, a, { 3, 4 });
	CHECK_EQ(sync_map_load(s, ((struct point){ 1, 2 })).y, 4);
	sync_map_store(p, &a, 'a');
	sync_map_store(p, NULL, 'n');
	CHECK(sync_map_load(p, &a) == 'a' && sync_map_load(p, NULL) == 'n');
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	sync_map_store(t, text, "long");
	text[0] = 'y';
	CHECK(!sync_map_load(t, text, NULL));
	text[0] = 'x';
	CHECK_STR(sync_map_load(t, text), "long");
	sync_map_free(s);
	sync_map_free(p);
	sync_map_free(t);
}

TEST(sync_map, ranges_over_each_once)
{
	enum { N = 5000 };
	sync_map(int, int) m = sync_map_make(int, int);
	static int seen[N];
	int k, v, n = 0;

	for (int i = 0; i < N; i++)
		sync_map_store(m, i, i * 3);
	/* Anything goes within. What is stored meanwhile may come, too. */
	sync_map_range(k, v, m) {
		if (k >= N)
			continue;
		CHECK_EQ(v, k * 3);
		CHECK_EQ(seen[k]++, 0);
		sync_map_delete(m, k);
		sync_map_store(m, k + N, 0);
		if (++n % 100 == 0)
			go_yield();
	}
	CHECK_EQ(n, N);
	sync_map_free(m);
}
TEST(sync_map, ranges_over_an_empty_one)
{
	sync_map(const char *, int) m = sync_map_make(const char *, int);
	const char *k;
	int v;

	sync_map_range(k, v, m)
		FAIL("%s %d", k, v);
	sync_map_store(m, "a", 1);
	sync_map_delete(m, "a");
	sync_map_range(k, v, m)
		FAIL("%s %d", k, v);
	sync_map_free(m);
}

TEST(sync_map, clears)
{
	sync_map(int, int) m = sync_map_make(int, int);
	int k, v, n = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			sync_map_store(m, i, round);
		sync_map_clear(m);
		CHECK(!sync_map_load(m, 5, NULL));
	}
	for (int i = 0; i < 1000; i++)
		sync_map_store(m, i, i);
	sync_map_range(k, v, m) {
		sync_map_clear(m);
		n++;
	}
	CHECK_EQ(n, 1);
	sync_map_free(m);
}

TEST(sync_map, holds_many, .limit = 300)
{
	sync_map(uint64_t, uint32_t) m = sync_map_make(uint64_t, uint32_t);
	int n = test_rounds(300000);
	uint64_t k, sum = 0, want = 0;
	uint32_t v;

	for (uint32_t i = 0; i < (uint32_t)n; i++)
		sync_map_store(m, i * 0x9e3779b97f4a7c15u, i);
	for (uint32_t i = 0; i < (uint32_t)n; i++) {
		CHECK(sync_map_load(m, i * 0x9e3779b97f4a7c15u, &v) && v == i);
		want += i;
	}
	sync_map_range(k, v, m)
		sum += v;
	CHECK_EQ(sum, want);
	sync_map_free(m);
}

static void use_null(void)
{
	sync_map(int, int) m = NULL;

	sync_map_load(m, 1);
}
TEST(sync_map, null_is_none)
{
	CHECK_STR(go_try(use_null), "sync_map: the map is NULL");
	sync_map_free(NULL);
}

/* --------------------------------------------------------------------- together -- */

static void counts(sync_map(int, int) m, int times)
{
	for (int i = 0; i < times; i++) {
		int was = sync_map_load(m, i % 7);

		while (!sync_map_compare_and_swap(m, i % 7, was, was + 1))
			was = sync_map_load(m, i % 7);
	}
}
struct counting { sync_map(int, int) m; int times; };
static void *counts_thread(void *arg)
{
	struct counting *c = arg;

	counts(c->m, c->times);
	return NULL;
}
/* No increment is lost: among goroutines, and threads that are none. */
TEST(sync_map, counts_exactly)
{
	sync_map(int, int) m = sync_map_make(int, int);
	struct counting c = { m, test_rounds(7000) };
	waitgroup wg = { 0 };
	pthread_t t;
	int k, v, sum = 0;

	for (int i = 0; i < 7; i++)
		sync_map_store(m, i, 0);
	CHECK_EQ(pthread_create(&t, NULL, counts_thread, &c), 0);
	for (int i = 0; i < 3; i++)
		wg_go(&wg, counts, m, c.times);
	wg_wait(&wg);
	pthread_join(t, NULL);
	sync_map_range(k, v, m)
		sum += v;
	CHECK_EQ(sum, 4 * c.times);
	sync_map_free(m);
}

static void is_first(sync_map(int, int) m, int me, int *firsts)
{
	for (int i = 0; i < 1000; i++)
		*firsts += !sync_map_load_or_store(m, i, me, NULL);
}
/* Of those who store the same key one is the first. */
TEST(sync_map, load_or_store_has_one_winner)
{
	sync_map(int, int) m = sync_map_make(int, int);
	int firsts[8] = { 0 }, sum = 0;
	waitgroup wg = { 0 };

	for (int i = 0; i < 8; i++)
		wg_go(&wg, is_first, m, i, &firsts[i]);
	wg_wait(&wg);
	for (int i = 0; i < 8; i++)
		sum += firsts[i];
	CHECK_EQ(sum, 1000);
	sync_map_free(m);
}

static int published;
static void publishes(sync_map(const char *, int) m)
{
	published = 42;
	sync_map_store(m, "ready", 1);
}
/* A store happens before the load that sees it: tsan would tell. */
TEST(sync_map, store_happens_before_load)
{
	sync_map(const char *, int) m = sync_map_make(const char *, int);
	waitgroup wg = { 0 };

	wg_go(&wg, publishes, m);
	while (!sync_map_load(m, "ready"))
		go_yield();
	CHECK_EQ(published, 42);
	wg_wait(&wg);
	sync_map_free(m);
}
