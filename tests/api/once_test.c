/* once_test.c - once, as a user sees it. The functions take no argument, so what they do
 * is kept in static variables; each test is a process of its own. */
#include "harness.h"
#include "waiting.h"
#include <millrace.h>
#include <pthread.h>

static once the_once;
static int runs, finished;      /* plain: ordered by the once */
static waitgroup started;       /* done when the function has begun */
static waitgroup release;       /* it waits for this */

static void count_run(void)
{
	runs++;
	go_yield();
	finished = runs;
}

static void call_and_check(void)
{
	once_do(&the_once, count_run);
	CHECK_EQ(runs, 1);
	CHECK_EQ(finished, 1);
}

/* As Go's TestOnce, and every caller sees the end of it. */
TEST(once, runs_once)
{
	waitgroup wg = { 0 };

	for (int i = 0; i < 100; i++)
		wg_go(&wg, call_and_check);
	wg_wait(&wg);
	call_and_check();
}

static void *thread_call(void *arg)
{
	call_and_check();
	return arg;
}

TEST(once, runs_once_for_goroutines_and_threads)
{
	waitgroup wg = { 0 };
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		wg_go(&wg, call_and_check);
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_call, NULL), 0);
		wg_go(&wg, call_and_check);
	}
	wg_wait(&wg);
	go_blocking_begin();
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	go_blocking_end();
	call_and_check();
}

/* --------------------------------------------------------- who comes later -- */

static void run_slowly(void)
{
	wg_done(&started);
	wg_wait(&release);
	finished = 1;
}

static void call_second(bool *returned)
{
	once_do(&the_once, run_slowly);
	CHECK_EQ(finished, 1);
	__atomic_store_n(returned, true, __ATOMIC_RELEASE);
}

/* None returns while the function runs: it waits for main, who looks before. */
TEST(once, callers_wait_until_it_has_finished)
{
	bool returned[10] = { false };
	waitgroup wg = { 0 };

	wg_add(&started, 1);
	wg_add(&release, 1);
	for (int i = 0; i < 10; i++)
		wg_go(&wg, call_second, &returned[i]);
	wg_wait(&started);
	until_waiting("sync.Once.Do", 9);
	for (int i = 0; i < 10; i++)
		CHECK(!__atomic_load_n(&returned[i], __ATOMIC_ACQUIRE));
	wg_done(&release);
	wg_wait(&wg);
}

/* ----------------------------------------------------------------- unwound -- */

static void run_and_panic(void)
{
	runs++;
	panic("failed");
}

/* As Go's TestOncePanic: the panic reaches its caller, and it counts as done. */
TEST(once, counts_as_done_after_a_panic)
{
	CHECK_STR(go_try(once_do, &the_once, run_and_panic), "failed");
	CHECK(go_try(once_do, &the_once, run_and_panic) == NULL);
	CHECK_EQ(runs, 1);
}

static void start_and_panic(void)
{
	wg_done(&started);
	wg_wait(&release);
	panic("failed late");
}
static void call_panicking(void)
{
	CHECK_STR(go_try(once_do, &the_once, start_and_panic), "failed late");
}
static void start_and_exit(void)
{
	wg_done(&started);
	wg_wait(&release);
	go_exit();
}
static void call_exiting(void)
{
	once_do(&the_once, start_and_exit);
	FAIL("go_exit was stopped");
}
static void call_waiting(void)
{
	once_do(&the_once, run_and_panic);      /* does not run */
}

/* Those who wait are woken by the unwinding, too. */
static void unwound(void (*first)(void))
{
	waitgroup wg = { 0 };

	wg_add(&started, 1);
	wg_add(&release, 1);
	wg_go(&wg, first);
	wg_wait(&started);
	for (int i = 0; i < 10; i++)
		wg_go(&wg, call_waiting);
	until_waiting("sync.Once.Do", 10);
	wg_done(&release);
	wg_wait(&wg);
	CHECK_EQ(runs, 0);
}

TEST(once, wakes_who_waits_when_it_panics) { unwound(call_panicking); }
TEST(once, wakes_who_waits_when_it_exits) { unwound(call_exiting); }

/* ------------------------------------------------------------------- other -- */

static void store(void *p) { *(int *)p = 42; }

TEST(once, call_passes_its_argument)
{
	once o = { 0 };
	int v = 0, other = 0;

	once_call(&o, store, &v);
	once_call(&o, store, &other);
	once_do(&o, run_and_panic);
	CHECK_EQ(v, 42);
	CHECK_EQ(other, 0);
}

static once inner_once;
static void inner(void) { runs++; }
static void outer(void)
{
	once_do(&inner_once, inner);
	once_do(&inner_once, inner);
}

TEST(once, may_use_another)
{
	once_do(&the_once, outer);
	once_do(&the_once, outer);
	once_do(&inner_once, inner);
	CHECK_EQ(runs, 1);
}

/* ------------------------------------------------------------------- once_value -- */

static void *load_value(void *arg)
{
	++*(int *)arg;                  /* plain: it runs once, and before all others */
	go_yield();
	return arg;
}
static void get_value(once_value *o, int *n)
{
	CHECK(once_value_get(o, load_value, n) == n);
	CHECK_EQ(*n, 1);
}
TEST(once, value_is_computed_once)
{
	for (int i = 0; i < test_rounds(200); i++) {
		once_value o = { 0 };
		waitgroup wg = { 0 };
		int n = 0;

		for (int k = 0; k < 4; k++)
			wg_go(&wg, get_value, &o, &n);
		wg_wait(&wg);
		get_value(&o, &n);
	}
}

static void *no_value(void *arg) { panic("no %s", (char *)arg); }
TEST(once, value_that_panicked_is_none)
{
	once_value o = { 0 };

	CHECK_STR(go_try(once_value_get, &o, no_value, (void *)(uintptr_t)"luck"), "no luck");
	for (int i = 0; i < 2; i++)
		CHECK_STR(go_try(once_value_get, &o, no_value, NULL),
			  "once_value_get: the first call did not return");
}
