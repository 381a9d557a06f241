/* pool_test.c - idle things, kept for later, and not too many of them. */
#include "waiting.h"
#include <pthread.h>

static int made, destroyed;
static void *make(void)
{
	__atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
	return calloc(1, 64);
}
static void destroy(void *thing)
{
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
	free(thing);
}

TEST(pool, makes_what_it_lacks)
{
	pool *p = pool_make(make, destroy);
	char *a = pool_get(p), *b = pool_get(p);

	CHECK(a && b && a != b && made == 2);
	pool_put(p, a);
	pool_put(p, b);
	pool_free(p);
	CHECK_EQ(destroyed, 2);
}

TEST(pool, gives_what_was_put)
{
	pool *p = pool_make(make, destroy);
	char *a = pool_get(p);

	for (int i = 0; i < 100; i++) {
		a[0] = (char)i;
		pool_put(p, a);
		a = pool_get(p);
		CHECK_EQ(a[0], (char)i);
	}
	CHECK_EQ(made, 1);
	pool_put(p, a);
	pool_free(p);
}

TEST(pool, without_make_gives_null)
{
	pool *p = pool_make(NULL, NULL);
	int thing;

	CHECK(pool_get(p) == NULL);
	pool_put(p, NULL);
	pool_put(p, &thing);
	CHECK(pool_get(p) == &thing);
	CHECK(pool_get(p) == NULL);
	pool_put(p, &thing);
	pool_free(p);
	pool_free(NULL);
}

TEST(pool, keeps_no_more_than_it_says)
{
	enum { MANY = 5000 };
	pool *p = pool_make(make, destroy);
	int most = 32 * go_procs(0);

	for (int i = 0; i < MANY; i++)
		pool_put(p, make());
	CHECK_EQ(destroyed, MANY - most);
	for (int i = 0; i < most; i++)
		free(pool_get(p));
	CHECK_EQ(made, MANY);           /* they came from all its stacks */
	pool_free(p);
	CHECK_EQ(destroyed, MANY - most);
}

/* A thing is one goroutine's at a time, and what was written to it before it was put is
 * seen after it was got: a plain variable, for tsan. */
struct thing { int users, uses; };
static void *make_thing(void) { return calloc(1, sizeof(struct thing)); }
static void use(pool *p, int n)
{
	while (n-- > 0) {
		struct thing *t = pool_get(p);

		CHECK_EQ(t->users++, 0);
		t->uses++;
		if (n % 4 == 0)
			go_yield();
		CHECK_EQ(--t->users, 0);
		pool_put(p, t);
	}
}
static void *use_thread(void *arg)
{
	use(arg, test_rounds(3000));
	return NULL;
}
TEST(pool, hands_each_thing_to_one_at_a_time)
{
	pool *p = pool_make(make_thing, free);
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, use_thread, p), 0);
	for (int i = 0; i < 8; i++)
		wg_go(&wg, use, p, test_rounds(3000));
	wg_wait(&wg);
	pthread_join(t, NULL);
	pool_free(p);
}

/* Made with few procs, used with many. */
TEST(pool, works_with_other_procs_than_it_was_made_with)
{
	int procs = go_procs(1);
	pool *p = pool_make(make_thing, free);
	waitgroup wg = { 0 };

	go_procs(procs + 3);
	for (int i = 0; i < 8; i++)
		wg_go(&wg, use, p, test_rounds(500));
	wg_wait(&wg);
	pool_free(p);
}
