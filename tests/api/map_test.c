/* map_test.c - maps: Go's semantics, keys of every kind, changes during iteration, and a
 * long random comparison with a model that is too simple to be wrong. */
#include "harness.h"
#include <millrace.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct point { int x, y; };
struct big { char name[40]; long n[3]; };

/* ------------------------------------------------------------------- the basics -- */

TEST(map, sets_gets_deletes)
{
	map(int, double) m = map_make(int, double);
	double v = 7;

	CHECK_EQ(map_len(m), 0);
	CHECK(!map_get(m, 1, &v) && v == 0);
	map_set(m, 1, 1.5);
	map_set(m, -1, 2.5);
	map_set(m, 1, 3.5);
	CHECK_EQ(map_len(m), 2);
	CHECK(map_get(m, 1) == 3.5 && map_get(m, -1) == 2.5 && map_get(m, 0) == 0);
	CHECK(map_get(m, -1, &v) && v == 2.5);
	CHECK(map_get(m, -1, NULL) && !map_get(m, 5, NULL));
	CHECK(map_delete(m, 1) && !map_delete(m, 1));
	CHECK(!map_get(m, 1, &v) && v == 0);
	CHECK_EQ(map_len(m), 1);
	map_free(m);
}

/* As Go's nil map. */
TEST(map, null_is_empty)
{
	map(const char *, int) m = NULL;
	const char *k;
	int v = 3;

	CHECK_EQ(map_len(m), 0);
	CHECK(!map_get(m, "x", &v) && v == 0 && map_get(m, "x") == 0);
	CHECK(!map_delete(m, "x"));
	map_clear(m);
	map_range(k, v, m)
		FAIL("%s in a NULL map", k);
	map_free(m);
}
static void set_in_null(void)
{
	map(int, int) m = NULL;

	map_set(m, 1, 1);
}
TEST(map, null_refuses_writes)
{
	CHECK_STR(go_try(set_in_null), "assignment to entry in nil map");
}
static void null_key(map(const char *, int) m)
{
	map_set(m, NULL, 1);
}
TEST(map, null_is_no_string)
{
	map(const char *, int) m = map_make(const char *, int);

	CHECK_STR(go_try(null_key, m), "map: the key is NULL, not a string");
	map_set(m, "after", 1);         /* the panic left the map usable */
	CHECK_EQ(map_len(m), 1);
	map_free(m);
}

TEST(map, counts_arguments_once)
{
	map(int, int) m = map_make(int, int);
	int k = 0, v = 10, x;

	map_set(m, k++, v++);
	map_set(m, k++, v++);
	CHECK(k == 2 && v == 12);
	k = 0;
	CHECK_EQ(map_get(m, k++), 10);
	CHECK(map_get(m, k++, &x) && x == 11 && k == 2);
	CHECK(map_delete(m, --k) && k == 1);
	map_free(m);
}

/* -------------------------------------------------------------------- the keys -- */

TEST(map_key, strings_by_their_text_which_is_copied)
{
	map(const char *, int) m = map_make(const char *, int);
	char text[16] = "one";

	map_set(m, text, 1);
	strcpy(text, "two");
	map_set(m, text, 2);
	map_set(m, "", 3);
	strcpy(text, "xxx");
	CHECK(map_get(m, "one") == 1 && map_get(m, "two") == 2 && map_get(m, "") == 3);
	CHECK(!map_get(m, text, NULL));
	CHECK_EQ(map_len(m), 3);
	map_free(m);
}
TEST(map_key, char_pointers_are_strings_too)
{
	map(char *, int) m = map_make(char *, int);
	char a[] = "same", b[] = "same";

	map_set(m, a, 1);
	CHECK_EQ(map_get(m, b), 1);
	map_free(m);
}
TEST(map_key, pointers_by_their_address)
{
	map(struct point *, int) m = map_make(struct point *, int);
	struct point a = { 1, 2 }, b = a;

	map_set(m, &a, 1);
	map_set(m, &b, 2);
	map_set(m, NULL, 3);
	CHECK(map_get(m, &a) == 1 && map_get(m, &b) == 2 && map_get(m, NULL) == 3);
	map_free(m);
}
TEST(map_key, structs_by_their_bytes)
{
	map(struct point, struct big) m = map_make(struct point, struct big);
	struct point p = { 3, 4 };

	map_set(m, p, { "three, four", { 1, 2, 3 } });
	map_set(m, ((struct point){ 4, 3 }), (struct big){ .n[2] = 9 });
	p = (struct point){ 4, 3 };
	CHECK_EQ(map_get(m, p).n[2], 9);
	CHECK_STR(map_get(m, ((struct point){ 3, 4 })).name, "three, four");
	map_free(m);
}

/* An integer converts as in an assignment, whatever its type. */
#define INTEGERS(T, given, key)                                                         \
	do {                                                                            \
		map(T, int) m_ = map_make(T, int);                                      \
		T k_ = (T)0;                                                            \
		int v_;                                                                 \
		map_set(m_, given, 5);                                                  \
		CHECK_EQ(map_get(m_, (T)(key)), 5);                                     \
		map_range(k_, v_, m_)                                                   \
			CHECK(k_ == (T)(key) && v_ == 5);                               \
		CHECK(k_ == (T)(key));                                                  \
		map_free(m_);                                                           \
	} while (0)
TEST(map_key, integers_of_all_sizes)
{
	enum color { RED, GREEN = 77 };

	INTEGERS(char, 'x', 'x');
	INTEGERS(signed char, -1, -1);
	INTEGERS(unsigned char, 300, 300 - 256);
	INTEGERS(short, -2L, -2);
	INTEGERS(unsigned short, -1, 65535);
	INTEGERS(int, (signed char)-3, -3);
	INTEGERS(unsigned, -1, 0xffffffffu);
	INTEGERS(long, -1, -1L);
	INTEGERS(long, 0xffffffffu, 0xffffffffL);
	INTEGERS(unsigned long, -1, ~0ul);
	INTEGERS(long long, (short)-9, -9);
	INTEGERS(unsigned long long, ~0ull, ~0ull);
	INTEGERS(enum color, GREEN, GREEN);
	INTEGERS(int64_t, true, 1);
}

/* ------------------------------------------------------------------- iteration -- */

static map(int, int) numbers(int n)
{
	map(int, int) m = map_make(int, int, (size_t)n / 2);

	for (int i = 0; i < n; i++)
		map_set(m, i, i * 3);
	return m;
}

TEST(map_range, visits_each_once)
{
	enum { N = 1000 };
	map(int, int) m = numbers(N);
	int k, v, seen[N] = { 0 }, n = 0;

	map_range(k, v, m) {
		CHECK_EQ(v, k * 3);
		CHECK_EQ(seen[k]++, 0);
		n++;
	}
	CHECK_EQ(n, N);
	map_free(m);
}

/* 1,000 keys: that ten loops all begin with the same one does not happen. */
TEST(map_range, begins_anywhere)
{
	map(int, int) m = numbers(1000);
	int k, v, first = -1, other = 0;

	for (int i = 0; i < 10; i++)
		map_range(k, v, m) {
			other += first >= 0 && k != first;
			first = k;
			break;
		}
	CHECK(other > 0);
	map_free(m);
}

TEST(map_range, leaves_out_what_is_deleted_before_its_turn)
{
	enum { N = 1000 };
	map(int, int) m = numbers(N);
	int k, v, visited = 0;

	/* Each round removes its own entry and its pair: of a pair one is visited. */
	map_range(k, v, m) {
		CHECK(map_delete(m, k));
		CHECK(map_delete(m, k ^ 1));
		visited++;
	}
	CHECK_EQ(visited, N / 2);
	CHECK_EQ(map_len(m), 0);
	map_free(m);
}

TEST(map_range, visits_the_old_ones_while_the_map_grows)
{
	enum { N = 100 };
	map(int, int) m = numbers(N);
	int k, v, seen[N] = { 0 }, rounds = 0;

	map_range(k, v, m) {
		if (k < N)
			CHECK_EQ(seen[k]++, 0);
		for (int i = 0; i < 100; i++)
			map_set(m, N + rounds * 100 + i, 0);
		rounds++;
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(seen[i], 1);
	CHECK(rounds <= 2 * N);         /* and it ends */
	map_free(m);
}

TEST(map_range, ends_when_the_map_is_cleared)
{
	map(int, int) m = numbers(1000);
	int k, v, n = 0;

	map_range(k, v, m) {
		map_clear(m);
		n++;
	}
	CHECK_EQ(n, 1);
	map_free(m);
}

/* The key is the loop's: good after its entry is gone, and long ones too. */
TEST(map_range, string_key_outlives_its_entry)
{
	map(const char *, size_t) m = map_make(const char *, size_t);
	char text[3000];
	const char *k;
	size_t v;

	for (size_t n = 0; n < sizeof text; n += 7) {
		memset(text, 'a' + (int)(n % 26), n);
		text[n] = '\0';
		map_set(m, text, n);
	}
	map_range(k, v, m) {
		CHECK(map_delete(m, k));
		CHECK_EQ(strlen(k), v);
	}
	CHECK_EQ(map_len(m), 0);
	map_free(m);
}

static int returns_from_within(map(const char *, int) m)
{
	const char *k, *k2;
	int v, v2;

	map_range(k, v, m)
		map_range(k2, v2, m)
			if (v2 == 2)
				return v2;
	return 0;
}
static void panics_within(map(const char *, int) m)
{
	const char *k;
	int v;

	map_range(k, v, m)
		panic("in %s", v ? "the loop" : k);
}
/* The walk's copy of the key is freed however the loop is left: asan would tell. */
TEST(map_range, is_left_by_any_way)
{
	map(const char *, int) m = map_make(const char *, int);
	const char *k;
	int v, n = 0;

	map_set(m, "one", 1);
	map_set(m, "two", 2);
	map_set(m, "three", 3);
	CHECK_EQ(returns_from_within(m), 2);
	CHECK_STR(go_try(panics_within, m), "in the loop");
	map_range(k, v, m) {
		if (v == 2)
			continue;
		n++;
	}
	CHECK_EQ(n, 2);
	map_range(k, v, m)
		goto out;
out:
	map_free(m);
}

/* ------------------------------------------------------------------------- size -- */

TEST(map, holds_a_million, .limit = 300)
{
	enum { N = 1000000 };
	map(uint64_t, uint32_t) m = map_make(uint64_t, uint32_t);
	int n = test_rounds(N);
	uint64_t k, sum = 0, want = 0;
	uint32_t v;

	for (uint32_t i = 0; i < (uint32_t)n; i++)
		map_set(m, i * 0x9e3779b97f4a7c15u, i);
	CHECK_EQ(map_len(m), n);
	for (uint32_t i = 0; i < (uint32_t)n; i++)
		CHECK(map_get(m, i * 0x9e3779b97f4a7c15u, &v) && v == i);
	map_range(k, v, m)
		sum += v;
	for (uint32_t i = 0; i < (uint32_t)n; i++)
		want += i;
	CHECK_EQ(sum, want);
	for (uint32_t i = 0; i < (uint32_t)n; i += 2)
		CHECK(map_delete(m, i * 0x9e3779b97f4a7c15u));
	for (uint32_t i = 0; i < (uint32_t)n; i++)
		CHECK_EQ(map_get(m, i * 0x9e3779b97f4a7c15u, NULL), i % 2);
	CHECK_EQ(map_len(m), n / 2);
	map_clear(m);
	CHECK_EQ(map_len(m), 0);
	map_set(m, 1, 1);
	CHECK_EQ(map_get(m, 1), 1);
	map_free(m);
}

TEST(map, takes_any_hint)
{
	static const size_t hints[] = { 0, 1, 7, 8, 9, 1000, 100000 };

	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
		map(int, int) m = map_make(int, int, hints[i]);

		for (int k = 0; k < 1000; k++)
			map_set(m, k, k);
		for (int k = 0; k < 1000; k++)
			CHECK_EQ(map_get(m, k), k);
		map_free(m);
	}
}

static void too_large(void)
{
	mr_map_free(mr_map_new((size_t)1 << 40, 8, KEY_BYTES, 0));
}
static void integer_too_large(void)
{
	mr_map_free(mr_map_new(16, 8, KEY_INT, 0));
}
TEST(map, refuses_sizes)
{
	CHECK_STR(go_try(too_large), "makemap: size out of range");
	CHECK_STR(go_try(integer_too_large), "makemap: size out of range");
}

/* ---------------------------------------------------------------------- the model -- */

/* Keys are small numbers, so an array of what should be there is the model. */
enum { KEYS = 200 };
struct model { int value[KEYS]; bool there[KEYS]; int len; };

static uint64_t next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}
static void name(char text[16], int k)
{
	snprintf(text, 16, k % 3 ? "%d" : "key %d", k);
}
static void compare(map(const char *, int) m, const struct model *want)
{
	const char *k;
	char text[16];
	int v, n = 0, sum = 0;

	CHECK_EQ(map_len(m), want->len);
	map_range(k, v, m) {
		n++;
		sum += v;
	}
	CHECK_EQ(n, want->len);
	for (int i = 0; i < KEYS; i++) {
		name(text, i);
		CHECK_EQ(map_get(m, text, &v), want->there[i]);
		CHECK_EQ(v, want->value[i]);
		sum -= v;
	}
	CHECK_EQ(sum, 0);
}
TEST(map, does_what_the_model_does, .limit = 300)
{
	map(const char *, int) m = map_make(const char *, int);
	static struct model want;
	uint64_t s = test_seed();
	int rounds = test_rounds(200000);
	char text[16];

	for (int i = 0; i < rounds; i++) {
		int k = (int)(next(&s) % KEYS), op = (int)(next(&s) % 1000);

		name(text, k);
		if (op < 500) {
			map_set(m, text, i);
			want.len += !want.there[k];
			want.there[k] = true;
			want.value[k] = i;
		} else if (op < 995) {
			CHECK_EQ(map_delete(m, text), want.there[k]);
			want.len -= want.there[k];
			want.there[k] = false;
			want.value[k] = 0;
		} else if (op < 999) {
			compare(m, &want);
		} else {
			map_clear(m);
			memset(&want, 0, sizeof want);
		}
	}
	compare(m, &want);
	map_free(m);
}

/* ---------------------------------------------------------- several goroutines -- */

static void reads(map(int, int) m, waitgroup *wg)
{
	int k, v, n = 0;

	for (int i = 0; i < 1000; i++)
		CHECK_EQ(map_get(m, i), i * 3);
	map_range(k, v, m)
		n++;
	CHECK_EQ(n, 1000);
	wg_done(wg);
}
TEST(map, is_read_by_many_at_once)
{
	map(int, int) m = numbers(1000);
	waitgroup wg = { 0 };

	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(reads, m, &wg);
	wg_wait(&wg);
	map_free(m);
}
