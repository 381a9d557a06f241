/* waitgroup_test.c - waitgroups, as a user sees them. */
#include "harness.h"
#include "waiting.h"
#include <millrace.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}

TEST(waitgroup, of_zero_waits_for_nobody)
{
	waitgroup wg = { 0 };

	wg_wait(&wg);
	wg_add(&wg, 0);
	wg_wait(&wg);
	wg_add(&wg, 3);
	wg_done(&wg);
	wg_add(&wg, -2);
	wg_wait(&wg);
}

/* As Go's testWaitGroup: a barrier of 16 with two groups, used several times over. None
 * can have left before main has made the 16th wg_done(second). */
enum { PARTIES = 16 };

static void party(waitgroup *first, waitgroup *second, chan(int) exited)
{
	wg_done(first);
	wg_wait(second);
	chan_send(exited, 1);
}

static void barrier(waitgroup *first, waitgroup *second)
{
	chan(int) exited = chan_make(int, PARTIES);
	int v;

	wg_add(first, PARTIES);
	wg_add(second, PARTIES);
	for (int i = 0; i < PARTIES; i++)
		go(party, first, second, exited);
	wg_wait(first);
	for (int i = 0; i < PARTIES; i++) {
		CHECK_EQ(chan_tryrecv(exited, &v), CHAN_WOULD_BLOCK);
		wg_done(second);
	}
	for (int i = 0; i < PARTIES; i++)
		CHECK_EQ(chan_recv(exited), 1);
	/* They return from wg_wait one by one, and this is after the last. */
	chan_free(exited);
}

TEST(waitgroup, releases_when_the_last_is_done)
{
	waitgroup a = { 0 }, b = { 0 };

	for (int i = 0; i < 8; i++)
		barrier(&a, &b);
}

/* As Go's TestWaitGroupRace: what was done before wg_done is seen after wg_wait. The two
 * results are plain variables, for tsan. */
static void set_done(int *p, waitgroup *wg)
{
	*p = 1;
	wg_done(wg);
}

TEST(waitgroup, orders_the_work_before_the_wait)
{
	for (int i = 0; i < test_rounds(2000); i++) {
		waitgroup wg = { 0 };
		int results[2] = { 0 };

		wg_add(&wg, 1);
		go(set_done, &results[0], &wg);
		wg_add(&wg, 1);
		go(set_done, &results[1], &wg);
		wg_wait(&wg);
		CHECK_EQ(results[0] + results[1], 2);
	}
}

static void wait_and_count(waitgroup *wg, int *plain, int *count, waitgroup *done)
{
	wg_wait(wg);
	CHECK_EQ(*plain, 1);
	add(count, 1);
	wg_done(done);
}

/* All who wait are woken. Those who come too late, as some will, do not wait at all. */
TEST(waitgroup, wakes_all_who_wait)
{
	int n = test_rounds(5000), plain = 0, count = 0;
	waitgroup wg = { 0 }, done = { 0 };

	wg_add(&wg, 1);
	wg_add(&done, n);
	for (int i = 0; i < n; i++)
		go(wait_and_count, &wg, &plain, &count, &done);
	until_waiting("sync.WaitGroup.Wait", 1);
	plain = 1;
	wg_done(&wg);
	wg_wait(&done);
	CHECK_EQ(count, n);
}

/* Adding is legal at any time while the counter is not 0: a tree that grows itself. */
static void grow(waitgroup *wg, int depth, int *leaves)
{
	if (depth == 0)
		add(leaves, 1);
	for (int i = 0; i < 2 && depth > 0; i++)
		wg_go(wg, grow, wg, depth - 1, leaves);
}

TEST(waitgroup, may_grow_while_waited_for)
{
	waitgroup wg = { 0 };
	int leaves = 0;

	wg_go(&wg, grow, &wg, 10, &leaves);
	wg_wait(&wg);
	CHECK_EQ(leaves, 1024);
}

/* One who comes when the waiters have been woken does not wait, and sees the work all
 * the same: by the waitgroup alone, as a thread that has learnt of it from a relaxed flag
 * and has met no lock since the work was done. */
struct late { waitgroup wg; bool flag; int plain; };

static void *come_late(void *arg)
{
	struct late *l = arg;

	while (!__atomic_load_n(&l->flag, __ATOMIC_RELAXED))
		sched_yield();
	wg_wait(&l->wg);
	CHECK_EQ(l->plain, 1);
	return NULL;
}

TEST(waitgroup, orders_the_work_before_a_late_wait)
{
	struct late l = { 0 };
	waitgroup done = { 0 };
	pthread_t t;

	wg_add(&l.wg, 1);
	wg_go(&done, wg_wait, &l.wg);
	until_waiting("sync.WaitGroup.Wait", 1);
	CHECK_EQ(pthread_create(&t, NULL, come_late, &l), 0);
	l.plain = 1;
	wg_done(&l.wg);
	__atomic_store_n(&l.flag, true, __ATOMIC_RELAXED);
	go_blocking_begin();
	pthread_join(t, NULL);
	go_blocking_end();
	wg_wait(&done);
}

/* ------------------------------------------------------------------- wg_go -- */

static void add_all(int *sum, int a, long b, double c, char d)
{
	add(sum, a + (int)b + (int)c + d);
}
static void leave(int *p)
{
	add(p, 1);
	go_exit();
}

TEST(waitgroup, go_passes_arguments_and_waits)
{
	waitgroup wg = { 0 };
	int sum = 0;

	for (int i = 0; i < 100; i++)
		wg_go(&wg, add_all, &sum, 1, 20L, 300.0, 4);
	wg_wait(&wg);
	CHECK_EQ(sum, 32500);
}

TEST(waitgroup, go_exit_counts_as_done)
{
	waitgroup wg = { 0 };
	int left = 0;

	for (int i = 0; i < 100; i++)
		wg_go(&wg, leave, &left);
	wg_wait(&wg);
	CHECK_EQ(left, 100);
}

/* ------------------------------------------------------------------ misuse -- */

TEST(waitgroup, panics_when_negative)
{
	waitgroup wg = { 0 };

	CHECK_STR(go_try(wg_done, &wg), "sync: negative WaitGroup counter");
	memset(&wg, 0, sizeof wg);
	wg_add(&wg, 1);
	CHECK_STR(go_try(wg_add, &wg, -2), "sync: negative WaitGroup counter");
	memset(&wg, 0, sizeof wg);
	wg_add(&wg, 1);
	wg_done(&wg);
	CHECK_STR(go_try(wg_done, &wg), "sync: negative WaitGroup counter");
}

/* ------------------------------------------------------------ with threads -- */

struct mixed { waitgroup start, done; int arrived; };

static void arrive(struct mixed *m)
{
	wg_wait(&m->start);
	add(&m->arrived, 1);
	wg_done(&m->done);
}
static void *arrive_thread(void *arg)
{
	arrive(arg);
	return NULL;
}

TEST(waitgroup, joins_goroutines_and_threads)
{
	for (int round = 0; round < test_rounds(20); round++) {
		struct mixed m = { 0 };
		pthread_t threads[4];

		wg_add(&m.start, 1);
		wg_add(&m.done, 12);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(pthread_create(&threads[i], NULL, arrive_thread, &m), 0);
		for (int i = 0; i < 8; i++)
			go(arrive, &m);
		go_yield();
		wg_done(&m.start);
		wg_wait(&m.done);
		CHECK_EQ(m.arrived, 12);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	}
}

/* A thread waits for goroutines: main is busy with nothing but joining it. */
static void *wait_thread(void *arg)
{
	wg_wait(arg);
	return NULL;
}

TEST(waitgroup, is_waited_for_by_a_thread)
{
	waitgroup wg = { 0 };
	pthread_t t;
	int left = 0;

	for (int i = 0; i < 10; i++)
		wg_go(&wg, leave, &left);
	CHECK_EQ(pthread_create(&t, NULL, wait_thread, &wg), 0);
	go_blocking_begin();
	pthread_join(t, NULL);
	go_blocking_end();
	CHECK_EQ(left, 10);
}
