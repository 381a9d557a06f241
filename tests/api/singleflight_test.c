/* singleflight_test.c - one call for all who ask at the same time. */
#include "waiting.h"
#include <pthread.h>

#define WAITS "singleflight.Group.Do"

static int add(int *p, int n) { return __atomic_add_fetch(p, n, __ATOMIC_RELAXED); }

static void *echo(void *arg) { return arg; }

TEST(singleflight, calls_and_returns)
{
	flight f = { 0 };
	int x, y;
	bool shared = true;

	CHECK(flight_do(&f, "key", echo, &x, &shared) == &x);
	CHECK(!shared);
	CHECK(flight_do(&f, "key", echo, &y, NULL) == &y);
	CHECK(flight_do(&f, "", echo, NULL, NULL) == NULL);
}

/* A call that waits until it may return, and counts how often it is made. */
struct slow { flight f; chan(int) go; int calls; };
static int answer = 42;
static void *slowly(void *arg)
{
	struct slow *s = arg;

	add(&s->calls, 1);
	chan_recv(s->go);
	return &answer;
}
static void ask(struct slow *s, const char *key, bool shares)
{
	char copy[16];
	bool shared;
	int *v;

	snprintf(copy, sizeof copy, "%s", key);
	v = flight_do(&s->f, copy, slowly, s, &shared);
	CHECK_EQ(*v, 42);
	CHECK_EQ(shared, shares);
}
TEST(singleflight, shares_a_call_under_way)
{
	struct slow s = { .go = chan_make(int) };
	waitgroup wg = { 0 };

	for (int i = 0; i < 10; i++)
		wg_go(&wg, ask, &s, "key", true);
	until_waiting(WAITS, 9);
	chan_send(s.go, 0);
	wg_wait(&wg);
	CHECK_EQ(s.calls, 1);
	chan_free(s.go);
}
/* What the call wrote is seen by all who share it: a plain variable, for tsan. */
static void *write_it(void *arg)
{
	go_yield();
	*(int *)arg = 1;
	return arg;
}
static void read_it(flight *f, int *plain)
{
	CHECK_EQ(*(int *)flight_do(f, "key", write_it, plain, NULL), 1);
}
TEST(singleflight, orders_the_call_before_its_users)
{
	for (int i = 0; i < test_rounds(200); i++) {
		flight f = { 0 };
		waitgroup wg = { 0 };
		int plain[4] = { 0 };

		for (int k = 0; k < 4; k++)
			wg_go(&wg, read_it, &f, &plain[k]);
		wg_wait(&wg);
	}
}

TEST(singleflight, other_keys_are_other_calls)
{
	struct slow s = { .go = chan_make(int) };
	waitgroup wg = { 0 };
	char key[50][4];

	for (int i = 0; i < 50; i++) {
		snprintf(key[i], sizeof key[i], "%d", i);
		wg_go(&wg, ask, &s, key[i], false);
	}
	until_waiting("chan receive", 50);
	CHECK_EQ(__atomic_load_n(&s.calls, __ATOMIC_RELAXED), 50);
	for (int i = 0; i < 50; i++)
		chan_send(s.go, 0);
	wg_wait(&wg);
	chan_free(s.go);
}

TEST(singleflight, forget_starts_anew)
{
	struct slow s = { .go = chan_make(int) };
	waitgroup wg = { 0 };

	wg_go(&wg, ask, &s, "key", false);
	until_waiting("chan receive", 1);
	flight_forget(&s.f, "other");
	flight_forget(&s.f, "key");
	flight_forget(&s.f, "key");
	wg_go(&wg, ask, &s, "key", true);
	until_waiting("chan receive", 2);
	wg_go(&wg, ask, &s, "key", true);
	until_waiting(WAITS, 1);
	CHECK_EQ(__atomic_load_n(&s.calls, __ATOMIC_RELAXED), 2);
	chan_send(s.go, 0);             /* the forgotten one leaves the other's entry alone */
	until_waiting("chan receive", 1);
	CHECK_EQ(count_waiting(WAITS), 1);
	chan_send(s.go, 0);
	wg_wait(&wg);
	CHECK_EQ(__atomic_load_n(&s.calls, __ATOMIC_RELAXED), 2);
	chan_free(s.go);
}

/* ----------------------------------------------------------------- its bad ends -- */

static void *fail(void *arg)
{
	chan_recv(((struct slow *)arg)->go);
	panic("cannot load %s", "it");
}
static void ask_and_catch(struct slow *s)
{
	CHECK_STR(go_try(flight_do, &s->f, "key", fail, s, NULL), "cannot load it");
}
TEST(singleflight, panic_reaches_all_who_wait)
{
	struct slow s = { .go = chan_make(int) };
	waitgroup wg = { 0 };

	for (int i = 0; i < 5; i++)
		wg_go(&wg, ask_and_catch, &s);
	until_waiting(WAITS, 4);
	chan_send(s.go, 0);
	wg_wait(&wg);
	CHECK(flight_do(&s.f, "key", echo, &s, NULL) == &s);
	chan_free(s.go);
}

static void *leave(void *arg)
{
	chan_recv(((struct slow *)arg)->go);
	go_exit();
}
static void ask_and_leave(struct slow *s)
{
	flight_do(&s->f, "key", leave, s, NULL);
	FAIL("flight_do returns");
}
TEST(singleflight, go_exit_reaches_all_who_wait)
{
	struct slow s = { .go = chan_make(int) };
	waitgroup wg = { 0 };

	for (int i = 0; i < 5; i++)
		wg_go(&wg, ask_and_leave, &s);
	until_waiting(WAITS, 4);
	chan_send(s.go, 0);
	wg_wait(&wg);
	chan_free(s.go);
}

/* -------------------------------------------------------------------- in a crowd -- */

static void *bump(void *arg)
{
	go_yield();
	return (void *)(intptr_t)add(arg, 1);
}
struct crowd { flight f; int calls, last; };
static void ask_much(struct crowd *c, int n)
{
	while (n-- > 0)
		CHECK(flight_do(&c->f, n % 3 ? "a" : "b", bump, &c->calls, NULL) != NULL);
}
static void *ask_much_thread(void *arg)
{
	ask_much(arg, test_rounds(1000));
	return NULL;
}
TEST(singleflight, works_for_goroutines_and_threads)
{
	struct crowd c = { .calls = 0 };
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, ask_much_thread, &c), 0);
	for (int i = 0; i < 8; i++)
		wg_go(&wg, ask_much, &c, test_rounds(1000));
	wg_wait(&wg);
	pthread_join(t, NULL);
	CHECK(c.calls > 0 && c.calls <= 9 * test_rounds(1000));
}
