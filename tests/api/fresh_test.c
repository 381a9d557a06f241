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
static int alive, most;

static void one_more(void)
{
	int now = __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED), seen = get(&most);

	while (now > seen && !__atomic_compare_exchange_n(&most, &seen, now, true,
							  __ATOMIC_RELAXED,
							  __ATOMIC_RELAXED))
		;
}

static void tree(send_chan(int) out, int leaves)
{
	int sum = 0;

	if (leaves == 1) {
		sum = 1;
	} else {
		chan(int) parts = chan_make(int);

		for (int i = 0; i < 10; i++) {
			one_more();
			go(tree, parts, leaves / 10);
		}
		for (int i = 0; i < 10; i++)
			sum += chan_recv(parts);
		chan_free(parts);
	}
	chan_send(out, sum);
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
}

/* Oldest first it would be hundreds at once; newest first it is 31, until the oldest have
 * turns because it takes so long. With more Ps it is any number: those of one wait for
 * one that is on another. */
TEST(fresh, tree)
{
	chan(int) out = chan_make(int);
	int64_t begun = time_now();

	one_more();
	go(tree, out, LEAVES);
	CHECK_EQ(chan_recv(out), LEAVES);
	chan_free(out);
	printf("%d at most\n", most);
#ifndef MRI_HOSTILE /* which takes them in other orders as well */
	if (go_procs(0) == 1 && time_now() - begun < 10 * MILLISECOND)
		CHECK(most < 60);
#endif
	(void)begun;
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
