/* shelf_test.c - groups, scopes and single flights that end badly: what the process says. */
#include "waiting.h"

static __attribute__((noinline)) int fail(int n) { panic("number %d has failed", n); }

/* A panic in an error group ends the process at once, though nobody waits. */
CRASH_TEST(errgroup_panic, 2, "panic: number 7 has failed", "[running]:", "fail(",
	   "created by ")
{
	errgroup *g = eg_make(ctx_background(), NULL);

	eg_go(g, fail, 7);
	go_block();
	eg_wait(g);
}

/* Handed on, a panic is reported with the trace of where it began. */
static __attribute__((noinline)) void deeper(int n) { fail(n); }
static void fetch(int n)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	scope_go(s, deeper, n);
	scope_wait(s);
}
CRASH_TEST(scope_panic, 2, "panic: number 3 has failed\n\ngoroutine ", "[running]:", "fail(",
	   "created by fetch at ", "handed on to goroutine 1\n")
{
	fetch(3);
}
static void in_a_scope(int n)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	scope_go(s, fetch, n);
}
CRASH_TEST(scope_panic_through_two, 2, "panic: number 4 has failed\n\ngoroutine ", "fail(",
	   "created by fetch at ", "handed on to goroutine 1\n")
{
	in_a_scope(4);
}
CRASH_TEST_ENV(scope_panic_crash, "MILLRACE=crash=1", SIG(6), "panic: number 3 has failed",
	       "fail(", "handed on to goroutine 1\n")
{
	fetch(3);
}
TWIN(scope_panic_caught, .env = "MILLRACE=crash=1")
{
	CHECK_STR(go_try(fetch, 3), "number 3 has failed");
	CHECK_STR(go_try(in_a_scope, 4), "number 4 has failed");
}

/* One that is caught in its own goroutine is nobody's business. */
static void catches(int n) { CHECK(go_try(fail, n) != NULL); }
TWIN(scope_panic_in_a_try)
{
	scope *s = scope_begin(ctx_background());

	scope_go(s, catches, 1);
	scope_end(s);
}

static void *load(void *arg) { panic("cannot load %s", (char *)arg); }
CRASH_TEST(singleflight_panic, 2, "panic: cannot load it\n\ngoroutine 1 [running]:", "load(",
	   "!handed on")
{
	static char it[] = "it";
	flight f = { 0 };

	flight_do(&f, "key", load, it, NULL);
}

/* What is waited for in vain. */
CRASH_TEST(semaphore_deadlock, 2, "fatal error: all goroutines are asleep - deadlock!",
	   "goroutine 1 [semaphore.Weighted.Acquire")
{
	semaphore s = SEMAPHORE(1);

	CHECK(sem_tryacquire(&s, 1));
	CHECK_EQ(sem_acquire(&s, ctx_background(), 1), 0);
}
static void *again(void *arg) { return flight_do(arg, "key", again, arg, NULL); }
CRASH_TEST(singleflight_within_itself, 2,
	   "fatal error: all goroutines are asleep - deadlock!",
	   "goroutine 1 [singleflight.Group.Do")
{
	flight f = { 0 };

	again(&f);
}
static int receive(recv_chan(int) ch) { return chan_recv(ch); }
CRASH_TEST(errgroup_deadlock, 2, "fatal error: all goroutines are asleep - deadlock!")
{
	errgroup *g = eg_make(ctx_background(), NULL);

	eg_go(g, receive, chan_make(int));
	eg_wait(g);
}
