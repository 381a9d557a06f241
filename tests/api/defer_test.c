/* defer_test.c - deferred calls: when they run, in what order, and what they may do
 * while the goroutine unwinds. None can flake: what is checked happens on one goroutine,
 * or is waited for. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char order[256];

static void note(const char *s)
{
	strcat(order, s);
}
static void note_char(char c)
{
	note((char[]){ c, 0 });
}
static const char *take_order(void)
{
	static char was[sizeof order];

	strcpy(was, order);
	order[0] = 0;
	return was;
}

/* ------------------------------------------------------------ plain blocks -- */

TEST(defer, at_the_end_of_the_block_last_first)
{
	{
		defer(note, "a");
		defer(note, "b");
		{
			defer(note, "c");
		}
		note("-");
	}
	CHECK_STR(take_order(), "c-ba");
}

static int by_return(int n)
{
	defer(note, "r");
	if (n == 0) {
		defer(note, "0");
		return 0;
	}
	note("n");
	return n;
}
static void by_goto(void)
{
	int rounds = 0;
again:;
	defer(note, "g");
	if (++rounds < 3)
		goto again;
}
TEST(defer, however_the_block_is_left)
{
	by_return(0);
	CHECK_STR(take_order(), "0r");
	by_return(1);
	CHECK_STR(take_order(), "nr");
	by_goto();
	CHECK_STR(take_order(), "ggg");
	for (int i = 0; i < 4; i++) {
		defer(note_char, '0' + i);
		if (i == 1)
			continue;
		if (i == 2)
			break;
		note(".");
	}
	CHECK_STR(take_order(), ".012");
}

static int result_is_dropped(int n)
{
	note_char((char)('0' + n));
	return n;
}
TEST(defer, evaluates_its_argument_at_once)
{
	int i = 1;
	{
		defer(result_is_dropped, i++);
		defer(note_char, (char)('a' + i));
		i = 9;
	}
	CHECK_STR(take_order(), "c1");
}

static void takes_a_mutex(mutex *m)
{
	mutex_lock(m);
	defer(mutex_unlock, m);
	CHECK(!mutex_trylock(m));
}
TEST(defer, of_library_calls)
{
	mutex m = { 0 };
	waitgroup wg = { 0 };

	takes_a_mutex(&m);
	CHECK(mutex_trylock(&m));
	{
		chan(int) ch = chan_make(int, 1);
		defer(chan_free, ch);
		defer(chan_close, ch);
		wg_add(&wg, 1);
		defer(wg_done, &wg);
	}
	wg_wait(&wg);
}

/* ---------------------------------------------------------------- unwinding -- */

static void expect_unwinding(bool on)
{
	CHECK_EQ(mr_unwinding(), on);
	note("u");
}
/* Not declared noreturn, or gcc takes the functions that call them for recursions
 * without an end. */
static void (*volatile panic_now)(const char *fmt, ...) = mr_panic;

static void frame(int n)
{
	defer(note_char, (char)('0' + n));
	if (n == 0)
		panic_now("at %d", n);
	else
		frame(n - 1);
	note("not reached");
}
static void frames(void)
{
	defer(expect_unwinding, true);
	for (int i = 0; i < 2; i++) {
		defer(note, "loop");
		if (i == 1)
			frame(5);
	}
	note("not reached");
}
TEST(defer, run_by_a_panic_innermost_first)
{
	CHECK_EQ(mr_unwinding(), false);
	CHECK_STR(go_try(frames), "at 0");
	CHECK_EQ(mr_unwinding(), false);
	CHECK_STR(take_order(), "loop012345loopu");
	{
		defer(expect_unwinding, false);
	}
}

static void increment(int *p)
{
	++*p;
}
static void many_frames(int n, int *count)
{
	defer(increment, count);
	if (n == 0)
		panic_now("deep");
	else
		many_frames(n - 1, count);
}
TEST(defer, thousands_of_frames)
{
	int count = 0, n = TEST_ASAN || TEST_TSAN ? 300 : 1000;

	CHECK_STR(go_try(many_frames, n - 1, &count), "deep");
	CHECK_EQ(count, n);
}

/* -------------------------------------- panics and tries in deferred calls -- */

static void panic_with(const char *s)
{
	note(s);
	panic("%s", s);
}
static void replaced(void)
{
	defer(note, "z");
	defer(panic_with, "third");
	defer(note, "y");
	defer(panic_with, "second");
	defer(note, "x");
	panic_with("first");
}
TEST(defer, panic_in_a_deferred_call_replaces)
{
	CHECK_STR(go_try(replaced), "third");
	CHECK_STR(take_order(), "firstxsecondythirdz");
}

static void panics_at_the_end(void)
{
	defer(note, "b");
	defer(panic_with, "p");
	defer(note, "a");
}
TEST(defer, panic_in_a_deferred_call_of_a_block_that_just_ends)
{
	CHECK_STR(go_try(panics_at_the_end), "p");
	CHECK_STR(take_order(), "apb");
}

/* A deferred call may use go_try for itself: the panic that goes on is untouched. */
static void tries(const char *s)
{
	CHECK(mr_unwinding());
	CHECK_STR(go_try(panic_with, s), s);
	CHECK(mr_unwinding());
	CHECK(go_try(note, "ok") == NULL);
	CHECK_STR(go_try(replaced), "third");
}
static void tries_while_unwinding(void)
{
	defer(tries, "inner");
	panic_with("outer");
}
TEST(defer, go_try_in_a_deferred_call)
{
	CHECK_STR(go_try(tries_while_unwinding), "outer");
	CHECK_STR(take_order(), "outerinnerokfirstxsecondythirdz");
}

/* Nested: the deferred call's deferred call panics, and so on. */
static void cascade(long n)
{
	if (n > 0)
		note_char((char)('0' + n));
	if (n == 9)
		panic("nine");
	defer(cascade, n + 1);
	panic("%ld", n);
}
TEST(defer, panics_within_panics)
{
	CHECK_STR(go_try(cascade, 0), "nine");
	CHECK_STR(take_order(), "123456789");
}

static void exits_instead(const char *s)
{
	note(s);
	go_exit();
}
static waitgroup wg;
static void panic_then_exit(void)
{
	defer(wg_done, &wg);
	defer(note, "end");
	defer(exits_instead, "exit");
	panic("never seen");
}
/* As Go's GoexitInPanic: the panic is gone, the goroutine ends. */
TEST(defer, go_exit_in_a_deferred_call_ends_the_panic)
{
	wg_add(&wg, 1);
	go(panic_then_exit);
	wg_wait(&wg);
	CHECK_STR(take_order(), "exitend");
}

static void exit_and_try(void)
{
	defer(wg_done, &wg);
	defer(tries, "caught");
	go_exit();
}
/* As Go's RecoveredPanicAfterGoexit: the exit goes on. */
TEST(defer, go_try_in_a_deferred_call_of_go_exit)
{
	wg_add(&wg, 1);
	go(exit_and_try);
	wg_wait(&wg);
	CHECK_STR(take_order(), "caughtokfirstxsecondythirdz");
}

static void exit_and_panic(void)
{
	defer(panic_with, "replaces");
	go_exit();
}
static void stays_an_exit(void)
{
	defer(wg_done, &wg);
	defer(note, "end");
	go_try(exit_and_panic);
	note("not reached");
}
/* As Go's RecoverBeforePanicAfterGoexit: a panic that came up during a go_exit and is
 * stopped does not make the exit disappear. */
TEST(defer, go_exit_survives_a_panic_that_is_caught)
{
	wg_add(&wg, 1);
	go(stays_an_exit);
	wg_wait(&wg);
	CHECK_STR(take_order(), "replacesend");
}

/* ----------------------------------------------------- parking while unwinding -- */

struct meeting {
	chan(int) ch;
	mutex m;
	cond c;
	int step;
};
static void meet(struct meeting *t)
{
	CHECK(mr_unwinding());
	chan_send(t->ch, 1);
	CHECK_EQ(chan_recv(t->ch), 2);
	mutex_lock(&t->m);
	defer(mutex_unlock, &t->m);
	t->step++;
	cond_signal(&t->c);
	while (t->step < 2)
		cond_wait(&t->c, &t->m);
	go_yield();
	go_sleep(MICROSECOND);
	CHECK(mr_unwinding());
}
static void panic_and_meet(struct meeting *t, int n)
{
	defer(meet, t);
	panic("panic %d", n);
}
static void partner(struct meeting *t)
{
	CHECK_EQ(chan_recv(t->ch), 1);
	CHECK(!mr_unwinding());
	chan_send(t->ch, 2);
	mutex_lock(&t->m);
	while (t->step < 1)
		cond_wait(&t->c, &t->m);
	t->step++;
	cond_signal(&t->c);
	mutex_unlock(&t->m);
}
static void one_meeting(int n)
{
	struct meeting t = { .ch = chan_make(int) };
	waitgroup other = { 0 };
	char expected[32];

	wg_go(&other, partner, &t);
	snprintf(expected, sizeof expected, "panic %d", n);
	CHECK_STR(go_try(panic_and_meet, &t, n), expected);
	wg_wait(&other);
	chan_free(t.ch);
}
/* The unwinder's state is on the goroutine's stack, so a deferred call may park, and
 * go on on another thread; many do so at once. */
TEST(defer, parks_while_unwinding)
{
	for (int i = 0; i < 100; i++)
		wg_go(&wg, one_meeting, i);
	one_meeting(1000);
	wg_wait(&wg);
}

/* ------------------------------------------------------------- on a pthread -- */

static void *on_thread(void *arg)
{
	(void)arg;
	CHECK_STR(go_try(frames), "at 0");
	CHECK_STR(go_try(replaced), "third");
	CHECK_STR(go_try(tries_while_unwinding), "outer");
	one_meeting(1);
	return NULL;
}
TEST(defer, on_a_thread_that_is_no_goroutine)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, on_thread, NULL), 0);
	pthread_join(t, NULL);
}
