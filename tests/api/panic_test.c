/* panic_test.c - panics that somebody stops. (Those that end the process are in
 * tests/crash.) None can flake: each is over when go_try returns, or is waited for. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static waitgroup wg;

static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}
static void nothing(void)
{
}
static void say(const char *s)
{
	panic("%s", s);
}
static void say_number(int a, double b, const char *c)
{
	panic("%d %.1f %s %%", a, b, c);
}

TEST(go_try, returns_null_or_the_message)
{
	CHECK(go_try(nothing) == NULL);
	CHECK_STR(go_try(say, "text"), "text");
	CHECK_STR(go_try(say, ""), "");
	CHECK_STR(go_try(say_number, 1, 2.5, "three"), "1 2.5 three %");
	CHECK(go_try(nothing) == NULL);
}

static long eight(long a, long b, long c, long d, long e, long f, long g, long h, ...)
{
	CHECK_EQ(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h, 204);
	return 1;
}
static void args(long a, double b, long c, double d, const char *e, float f,
		 long double g, char h)
{
	panic("%ld %.1f %ld %.1f %s %.1f %.1Lf %c", a, b, c, d, e ? e : "null", f, g, h);
}
TEST(go_try, carries_the_arguments)
{
	CHECK(go_try(eight, 1, 2, 3, 4, 5, 6, 7, 8) == NULL);
	CHECK_STR(go_try(args, 1, 2.5, 3, 4.5, NULL, 5.5f, 6.5L, 'h'),
		  "1 2.5 3 4.5 null 5.5 6.5 h");
}

/* 1,023 bytes of the message are kept. */
static void say_long(size_t n)
{
	char *s = malloc(n + 1);
	defer(free, s);

	memset(s, 'x', n);
	s[n] = 0;
	panic("%s", s);
}
TEST(go_try, message_is_cut)
{
	static const size_t sizes[] = { 1, 1022, 1023, 1024, 1025, 100000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const char *msg = go_try(say_long, sizes[i]);

		CHECK_EQ(strlen(msg), sizes[i] < 1023 ? sizes[i] : 1023);
		CHECK_EQ(strspn(msg, "x"), strlen(msg));
	}
}

/* ------------------------------------------------------------------- nested -- */

static void stops_inner(void)
{
	char copy[32];

	CHECK_STR(go_try(say, "inner"), "inner");
	snprintf(copy, sizeof copy, "%s again", go_try(say, "inner"));
	panic("%s", copy);
}
static void depth(int n)
{
	const char *msg;

	if (n == 0)
		panic("0");
	msg = go_try(depth, n - 1);
	CHECK_EQ(atoi(msg), n - 1);
	panic("%d", n);
}
TEST(go_try, nested_and_panicking_again)
{
	CHECK_STR(go_try(stops_inner), "inner again");
	CHECK_STR(go_try(depth, 50), "50");
}

/* The message of this goroutine's last panic is the format's argument. */
static void panics_with_its_own_message(void)
{
	panic("<%s>", go_try(say, "m"));
}
TEST(go_try, message_as_an_argument_of_panic)
{
	CHECK_STR(go_try(panics_with_its_own_message), "<m>");
}

static void tried_goroutine(int *n)
{
	CHECK_STR(go_try(say, "mine"), "mine");
	add(n, 1);
	wg_done(&wg);
}
static void go_then_panic(int *n)
{
	wg_add(&wg, 1);
	go(tried_goroutine, n);
	panic("outer");
}
/* A try is the goroutine's: one that starts another does not stop the other's. */
TEST(go_try, of_a_function_that_starts_goroutines)
{
	int n = 0;

	CHECK_STR(go_try(go_then_panic, &n), "outer");
	wg_wait(&wg);
	CHECK_EQ(n, 1);
}

/* --------------------------------------------------------------------- many -- */

static void yield_and_count(int *n)
{
	go_yield();
	add(n, 1);
}
static void panics_among_others(int id, int *n)
{
	defer(yield_and_count, n);
	defer(yield_and_count, n);
	go_yield();
	panic("%d", id);
}
static void one_of_many(int id, int *n)
{
	for (int i = 0; i < 5; i++) {
		const char *msg = go_try(panics_among_others, id + i, n);

		go_yield();             /* the message is the goroutine's own */
		CHECK_EQ(atoi(msg), id + i);
	}
	wg_done(&wg);
}
TEST(go_try, in_many_goroutines_at_once)
{
	int n = 0, many = test_rounds(1000);

	wg_add(&wg, many);
	for (int i = 0; i < many; i++)
		go(one_of_many, 10 * i, &n);
	wg_wait(&wg);
	CHECK_EQ(n, many * 5 * 2);
}

/* ------------------------------------------------------ the library's panics -- */

static void close_twice(void)
{
	chan(int) ch = chan_make(int);

	defer(chan_free, ch);
	chan_close(ch);
	chan_close(ch);
}
static void send_closed(void)
{
	chan(int) ch = chan_make(int);

	defer(chan_free, ch);
	chan_close(ch);
	chan_send(ch, 1);
}
TEST(go_try, stops_the_librarys_panics)
{
	waitgroup negative = { 0 };

	CHECK_STR(go_try(close_twice), "close of closed channel");
	CHECK_STR(go_try(send_closed), "send on closed channel");
	CHECK_STR(go_try(mr_wg_done, &negative), "sync: negative WaitGroup counter");
	CHECK_STR(go_try(mr_panic, "%s", "itself"), "itself");
}

/* ----------------------------------------------------------------- pthreads -- */

static void lock_thread(void)
{
	go_lock_thread();
}
static void *on_thread(void *arg)
{
	const char *msg;

	(void)arg;
	CHECK(go_try(nothing) == NULL);
	CHECK_STR(go_try(say, "thread"), "thread");
	CHECK_STR(go_try(stops_inner), "inner again");
	msg = go_try(go_exit);
	CHECK(msg && strstr(msg, "go_exit"));
	msg = go_try(lock_thread);
	CHECK(msg && strstr(msg, "go_lock_thread"));
	return NULL;
}
TEST(go_try, on_threads_that_are_no_goroutines)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, on_thread, NULL), 0);
	CHECK_STR(go_try(say, "main"), "main");
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* -------------------------------------------------------------- what it costs -- */

/* Nothing is left behind by a panic that was stopped, many times over: no memory (asan
 * looks), no stack. */
static void small_and_large(int i)
{
	char room[256];

	memset(room, i, sizeof room);
	if (room[i % 256] == (char)i)
		panic("%d", i);
}
TEST(go_try, a_hundred_thousand_times)
{
	for (int i = 0; i < test_rounds(100000); i++)
		CHECK_EQ(atoi(go_try(small_and_large, i)), i);
}

/* Somebody still runs when the process ends: what it has is no leak (for ASan). */
static _Atomic int caught;
static void catches_and_runs_on(void)
{
	if (go_try(say, "stopped"))
		caught = 1;
	for (;;)
		caught++;
}
TEST(go_try, message_of_one_that_runs_at_the_end, .env = "MILLRACE=procs=2")
{
	go(catches_and_runs_on);
	while (!caught)
		go_yield();
}
