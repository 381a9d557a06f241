/* panic_test.c - panics that nobody stops: what the process says and how it ends. The
 * text is part of the interface. Functions that a trace must name are not inlined. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone_))
#ifdef __clang__
#define noclone_ noinline
#else
#define noclone_ noclone
#endif

static void say(const char *s)
{
	fprintf(stderr, "%s\n", s);
}

/* A call that is not the last thing a function does, so that its frame is there. */
static volatile int after;

NOINLINE static void innermost(int n)
{
	panic("number %d", n);
}
NOINLINE static void middle(int n)
{
	innermost(n + 1);
	after = 1;
}
NOINLINE static void outermost(int n)
{
	middle(n + 1);
	after = 2;
}

CRASH_TEST(panic_in_main, 2, "panic: number 3\n\ngoroutine 1 [running]:\n", "innermost(...)",
	   "middle(...)", "outermost(...)", "!created by")
{
	outermost(1);
}

/* The function that started it, and where. */
NOINLINE static void spawner(void)
{
#line 1000
	go(outermost, 10);
	after = 3;
}
CRASH_TEST(panic_in_goroutine, 2, "panic: number 12\n\ngoroutine ", " [running]:\n",
	   "innermost(...)", "middle(...)", "outermost(...)", "created by spawner at ",
	   "panic_test.c:1000\n")
{
	chan(int) never = chan_make(int);

	spawner();
	chan_recv(never);
}

static void in_turn(const char *s)
{
	defer(say, "deferred first");
	{
		defer(say, "deferred inner");
		panic("%s", s);
	}
}
/* The report comes after the deferred calls, and shows the stack before them. */
CRASH_TEST(panic_after_deferred_calls, 2, "deferred inner\ndeferred first\npanic: in turn\n",
	   "in_turn(...)", "!deferred inner")
{
	go(in_turn, "in turn");
	go_block();
}

CRASH_TEST(panic_with_an_empty_message, 2, "panic: \n\ngoroutine 1 [running]:\n")
{
	panic("%s", "");
}

/* What it had printed is not lost. */
TEST(crash, panic_flushes_stdout, .status = 2, .out = "before\n",
     .err = (const char *const[]){ "panic: x\n", NULL })
{
	printf("before\n");
	panic("x");
}

/* ------------------------------------------------------------ MILLRACE=crash=1 -- */

CRASH_TEST_ENV(panic_crash, "MILLRACE=crash=1", SIG(6), "panic: number 3\n\ngoroutine 1",
	       "innermost(...)", "!deferred")
{
	defer(say, "deferred");
	outermost(1);
}
static void tries_first(void)
{
	defer(say, "deferred ran");
	panic("stopped");
}
/* Only at one that nobody will stop. */
CRASH_TEST_ENV(panic_crash_after_try, "MILLRACE=crash=1", SIG(6), "deferred ran\n",
	       "panic: number 3\n", "!deferred")
{
	defer(say, "deferred too");
	CHECK_STR(go_try(tries_first), "stopped");
	outermost(1);
}
CRASH_TEST_ENV(fatal_crash, "MILLRACE=crash=1", SIG(6),
	       "fatal error: sync: unlock of unlocked mutex\n")
{
	static mutex m;

	mutex_unlock(&m);
}

/* -------------------------------------------------------------- one by another -- */

static void panic_again(const char *s)
{
	panic("%s", s);
}
static void replaced(void)
{
	defer(say, "last");
	defer(panic_again, "second");
	panic("first");
}
CRASH_TEST(panic_replaces_panic, 2, "last\npanic: second\n", "panic_again(...)",
	   "!panic: first")
{
	replaced();
}

NOINLINE static void rethrow(void)
{
	char copy[64];

	snprintf(copy, sizeof copy, "%s, again", go_try(panic_again, "caught"));
	panic("%s", copy);
}
CRASH_TEST(panic_rethrown, 2, "panic: caught, again\n", "rethrow(...)") { rethrow(); }

static void try_then_panic(void)
{
	CHECK_STR(go_try(panic_again, "inner"), "inner");
	innermost(7);
}
/* A try that is over stops nothing. */
CRASH_TEST(panic_after_try, 2, "panic: number 7\n", "innermost(...)")
{
	go(try_then_panic);
	go_block();
}

static void unused_message(void)
{
	innermost(8);
}
/* main's try does not stop a goroutine's panic. */
static void waits(void)
{
	go(unused_message);
	go_block();
}
CRASH_TEST(panic_in_a_goroutine_of_a_try, 2, "panic: number 8\n", "!not reached")
{
	go_try(waits);
	say("not reached");
}

static void panics_after_exit(void)
{
	defer(panic_again, "while exiting");
	go_exit();
}
CRASH_TEST(panic_during_go_exit, 2, "panic: while exiting\n", "panic_again(...)")
{
	go(panics_after_exit);
	go_block();
}

/* A deferred call that parks: the others go on meanwhile, then the process ends. */
static void hands_over(void *ch)
{
	chan_send((chan(int))ch, 1);
}
static void panics_slowly(chan(int) ch)
{
	defer(hands_over, ch);
	panic("slowly");
}
CRASH_TEST(panic_deferred_call_parks, 2, "received\n", "panic: slowly\n")
{
	chan(int) ch = chan_make(int);

	go(panics_slowly, ch);
	go_yield();
	go_yield();
	/* The panic is under way, and waits for us: on any schedule the process cannot
	 * end before this receive. */
	say("received");
	chan_recv(ch);
	go_block();
}

/* --------------------------------------------------------------------- groups -- */

static waitgroup wg;
CRASH_TEST(panic_in_wg_go, 2, "panic: number 22\n", "innermost(...)", "outermost(...)",
	   "created by ", "panic_test.c:")
{
	wg_go(&wg, outermost, 20);
	wg_wait(&wg);
	go_block();
}

/* Many at once: one report, complete. */
static void all_panic(waitgroup *gate)
{
	wg_wait(gate);
	panic("one of many");
}
CRASH_TEST(panic_in_many_at_once, 2, "panic: one of many\n\ngoroutine ", "all_panic(...)",
	   "created by ", "!panic: one")
{
	waitgroup gate = { 0 };

	wg_add(&gate, 1);
	for (int i = 0; i < 100; i++)
		go(all_panic, &gate);
	wg_done(&gate);
	go_block();
}

/* ------------------------------------------------------------------- pthreads -- */

static void *on_thread(void *arg)
{
	defer(say, "deferred");
	outermost(*(int *)arg);
	return NULL;
}
CRASH_TEST(panic_on_a_thread, 2, "deferred\npanic: number 32\n\nthread ", " [running]:\n",
	   "innermost(...)", "outermost(...)", "!created by")
{
	static int n = 30;
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, on_thread, &n), 0);
	pthread_join(t, NULL);
	go_block();
}

static void *exits(void *arg)
{
	(void)arg;
	go_exit();
}
CRASH_TEST(go_exit_on_a_thread, 2,
	   "panic: go_exit called from a thread that is not a goroutine\n")
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, exits, NULL), 0);
	pthread_join(t, NULL);
}

/* -------------------------------------------------------------------- the cut -- */

static void say_long(void)
{
	static char s[3000];

	memset(s, 'x', sizeof s - 1);
	panic("A%s", s);
}
#define X16 "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
CRASH_TEST(panic_message_is_cut, 2, "panic: A" X256 X256 X256 X16 X16 X16 X16 X16 X16 X16 X16
	   X16 X16 X16 X16 X16 X16 X16 "xxxxxxxxxxxxxx\n\ngoroutine 1 [running]:\n")
{
	say_long();
}

/* ---------------------------------------------------------------- go's misuse -- */

CRASH_TEST(go_of_null, 2, "fatal error: go of nil func value\n", "goroutine 1 [running]:")
{
	void (*fn)(int) = NULL;

	go(fn, 1);
}
CRASH_TEST(go_try_of_null, 2, "fatal error: go of nil func value\n")
{
	void (*fn)(int) = NULL;

	go_try(fn, 1);
}

__attribute__((const)) extern int is_const(int);
int is_const(int a)
{
	return a;
}
/* gcc and clang drop the call of a const function whose result is not used, with or
 * without optimizing: then there is a panic. Where one keeps it, all is well. */
CRASH_TEST(go_of_a_const_function, 2,
	   "panic: go: no arguments were captured: is the function declared const or pure?")
{
	go(is_const, 1);
	panic("go: no arguments were captured: is the function declared const or pure?");
}
