/* fresh_test.c - goroutines that have not run yet: the newest goes first, and still none
 * of them waits for ever or is lost, however many are started at once. */
#include "harness.h"
#include <millrace.h>
#include <stdio.h>

enum { LEAVES = 1000, MANY = 5000 };

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ trees -- */
static int most;                        /* goroutines at a time */

static void tree(send_chan(int) out, int leaves)
{
	chan(int) parts;
	int sum = 0, now = go_count();

	if (now > get(&most))
		__atomic_store_n(&most, now, __ATOMIC_RELAXED);
	if (leaves == 1) {
		chan_send(out, 1);
		return;
	}
	parts = chan_make(int);
	for (int i = 0; i < 10; i++)
		go(tree, parts, leaves / 10);
	for (int i = 0; i < 10; i++)
		sum += chan_recv(parts);
	chan_free(parts);
	chan_send(out, sum);
}

/* Oldest first it would be hundreds at once; newest first it is some 30, unless it takes
 * so long that the oldest have had turns. */
TEST(fresh, tree)
{
	chan(int) out = chan_make(int);
	int64_t begun = time_now();

	go(tree, out, LEAVES);
	CHECK_EQ(chan_recv(out), LEAVES);
	chan_free(out);
	printf("%d at most\n", most);
#ifdef MRI_HOSTILE
	begun = 0;                      /* it takes them in other orders as well */
#endif
	if (time_now() - begun < 10 * MILLISECOND)
		CHECK(most < 80 * go_procs(0));
}

/* --------------------------------------------------------------- the oldest -- */
static int stop;

static void successor(waitgroup *wg)
{
	if (get(&stop))
		wg_done(wg);
	else
		go(successor, wg);
}
static void stops(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
}

/* There is always a newer one. */
TEST(fresh, oldest_runs)
{
	waitgroup wg = {0};

	go(stops);
	wg_add(&wg, 1);
	go(successor, &wg);
	wg_wait(&wg);
	CHECK(get(&stop));
}

/* ---------------------------------------------------------------- and many -- */
static int ended;

static void ends(waitgroup *wg)
{
	__atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
	wg_done(wg);
}

/* A pinned one does not give its turn to those it starts: more than a ring holds. */
TEST(fresh, more_than_a_ring)
{
	waitgroup wg = {0};

	for (int round = 0; round < 3; round++) {
		ended = 0;
		wg_add(&wg, MANY);
		go_pin();
		for (int i = 0; i < MANY; i++)
			go(ends, &wg);
		go_unpin();
		wg_wait(&wg);
		CHECK_EQ(get(&ended), MANY);
	}
}

/* It computes until all have ended, somewhere else. */
TEST(fresh, more_than_a_ring_behind_one_that_computes)
{
	waitgroup wg = {0};

	wg_add(&wg, MANY);
	go_pin();
	for (int i = 0; i < MANY; i++)
		go(ends, &wg);
	while (get(&ended) < MANY)
		;
	go_unpin();
	wg_wait(&wg);
}
