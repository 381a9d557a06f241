/* stack_test.c - stack overflows, anywhere: the report names them, and the goroutine. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* What the sanitizers would say themselves is left to the library here. */
#define ENV(more)                                                                       \
	"ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:detect_stack_use_after_return=0\n"   \
	"TSAN_OPTIONS=handle_segv=0:handle_sigbus=0\n" more

static volatile long sink, end = -1;

/* Small frames, and frames of 16 KiB of which only the far end is touched first: built
 * with -fstack-clash-protection each page is probed, and the guard is hit. */
__attribute__((noinline)) static long small_frames(long n)
{
	volatile char room[64];

	room[n % 64] = (char)n;
	if (n == end)
		return n;
	sink = small_frames(n + 1) + room[n % 64];
	return sink;
}
__attribute__((noinline)) static long large_frames(long n)
{
	volatile char room[16 << 10];

	room[n % 64] = (char)n;
	if (n == end)
		return n;
	sink = large_frames(n + 1) + room[n % 64];
	return sink;
}
static long (*volatile recursion)(long);

__attribute__((noinline)) static void overflows(long n)
{
	recursion = n ? large_frames : small_frames;
	sink = recursion(0) + 1;        /* no tail call: its frame is in the trace */
}
__attribute__((noinline)) static void starts(long n)
{
	go(overflows, n);
	sink = n;
}

#define OVERFLOW "fatal error: stack overflow"
#define STARTED "created by starts at ", "stack_test.c:"

CRASH_TEST_ENV(overflow_small_frames, ENV(""), 2, OVERFLOW, "goroutine ", " [running]:\n",
	       "small_frames(...)", "additional frames elided", "overflows(...)", STARTED)
{
	starts(0);
	go_block();
}
CRASH_TEST_ENV(overflow_large_frames, ENV(""), 2, OVERFLOW, "goroutine ", " [running]:\n",
	       "large_frames(...)", "overflows(...)", STARTED)
{
	starts(1);
	go_block();
}
CRASH_TEST_ENV(overflow_in_main, ENV(""), 2, OVERFLOW, "goroutine 1 [running]:\n",
	       "small_frames(...)", "additional frames elided", "main(...)")
{
	if (TEST_TSAN)
		SKIP("TSan keeps a stack of its own, of 65,536 frames, and dies past it");
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault, too");
#endif
	go_yield();
	overflows(0);
}
CRASH_TEST_ENV(overflow_in_main_large_frames, ENV(""), 2, OVERFLOW,
	       "goroutine 1 [running]:\n", "large_frames(...)", "main(...)")
{
	go_yield();
	overflows(1);
}

/* The size is named, and what to do. */
CRASH_TEST_ENV(overflow_says_the_size, ENV("MILLRACE=stack=1m"), 2, OVERFLOW " (",
	       "KiB; MILLRACE=stack=N or go_with for more)\n\n")
{
	starts(0);
	go_block();
}
CRASH_TEST_ENV(overflow_of_a_small_stack, ENV(""), 2, OVERFLOW, "overflows(...)",
	       "created by ")
{
	go_with(((go_opts){ .stack = 8 << 10 }), overflows, 0);
	go_block();
}
CRASH_TEST_ENV(overflow_of_a_large_stack, ENV(""), 2, OVERFLOW, "overflows(...)",
	       "created by ")
{
	go_with(((go_opts){ .stack = 4 << 20 }), overflows, 1);
	go_block();
}
CRASH_TEST_ENV(overflow_with_mprotect_guards, ENV("MILLRACE=guard=mprotect"), 2, OVERFLOW,
	       "large_frames(...)", "overflows(...)", STARTED)
{
	starts(1);
	go_block();
}

/* Its neighbours are untouched and others are running, when it is reported. */
static void yields(void)
{
	for (;;)
		go_yield();
}
CRASH_TEST_ENV(overflow_among_others, ENV("MILLRACE=procs=8"), 2, OVERFLOW,
	       "overflows(...)", STARTED)
{
	for (int i = 0; i < 50; i++)
		go(yields);
	starts(1);
	go_block();
}

/* A locked one, and one that another thread started. */
static void locks_and_overflows(void)
{
	go_lock_thread();
	go_yield();
	overflows(0);
	sink = 0;
}
CRASH_TEST_ENV(overflow_of_a_locked_one, ENV(""), 2, OVERFLOW, "overflows(...)",
	       "locks_and_overflows(...)", "created by ")
{
	go(locks_and_overflows);
	go_block();
}
static void *starts_one(void *arg)
{
	starts(1);
	go_block();
	return arg;
}
CRASH_TEST_ENV(overflow_started_by_a_thread, ENV(""), 2, OVERFLOW, "overflows(...)", STARTED)
{
	pthread_t t;

	pthread_create(&t, NULL, starts_one, NULL);
	pthread_join(t, NULL);
}

/* It is no panic: nobody stops it, no deferred call runs. */
static void say(const char *s)
{
	fprintf(stderr, "%s\n", s);
}
static void overflows_with_defer(void)
{
	defer(say, "deferred");
	overflows(1);
}
CRASH_TEST_ENV(overflow_is_no_panic, ENV(""), 2, OVERFLOW, "!deferred\n")
{
	go_try(overflows_with_defer);
	say("deferred");
}
CRASH_TEST_ENV(overflow_crash, ENV("MILLRACE=crash=1"), SIG(6), OVERFLOW)
{
	starts(0);
	go_block();
}

/* The deepest stack that fits: no report. */
static long down(long n)
{
	volatile char room[1000];

	room[n % 1000] = 1;
	return n > 1 ? down(n - 1) + room[n % 1000] : 0;
}
static void fits(long n)
{
	down(n);
}
TWIN(overflow)
{
	waitgroup wg = { 0 };

	wg_go(&wg, fits, 50);
	wg_wait(&wg);
}
