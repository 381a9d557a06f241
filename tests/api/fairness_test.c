/* fairness_test.c - nothing starves: code that computes or blocks where the library
 * cannot see it, goroutines that hand on to each other for ever, queues longer than a
 * ring; and the threads this takes, counted.
 *
 * What can be, is counted in turns and threads; no test fails because the machine is
 * slow. Where time is asked about, it is the best of many attempts. */
#define _GNU_SOURCE
#include "harness.h"
#include <dirent.h>
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static waitgroup wg;

static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}
static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static void set(int *p, int v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}
static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - TEST_TSAN;           /* TSan has one of its own */
}
/* Burn this thread's CPU time. */
static void burn(int64_t ns)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < ns);
}

/* ------------------------------------- what the library cannot look into -- */

static int stop;

static void loops(void)
{
	while (!get(&stop))
		;
}
static void reads(int fd, int *n)
{
	char b;

	CHECK_EQ(read(fd, &b, 1), 1);
	add(n, 1);
	wg_done(&wg);
}
static void ponger(chan(int) ping, chan(int) pong)
{
	chan_range(v, ping)
		chan_send(pong, v + 1);
	wg_done(&wg);
}
/* One proc, an endless loop and ten plain reads: the others go on, since each of these
 * is left alone with its thread. Cannot flake: there is no bound but the test's. */
TEST(fairness, of_loops_and_plain_reads, .env = "MILLRACE=procs=1")
{
	chan(int) ping = chan_make(int), pong = chan_make(int);
	int fds[2], n = 0;

	CHECK_EQ(pipe(fds), 0);
	wg_add(&wg, 11);
	go(loops);
	for (int i = 0; i < 10; i++)
		go(reads, fds[0], &n);
	go(ponger, ping, pong);
	for (int i = 0; i < 1000; i++) {
		chan_send(ping, i);
		CHECK_EQ(chan_recv(pong), i + 1);
	}
	go_sleep(MILLISECOND);
	CHECK_EQ(get(&n), 0);
	CHECK_EQ(write(fds[1], "0123456789", 10), 10);
	chan_close(ping);
	wg_wait(&wg);                   /* the readers come back, the loop still runs */
	CHECK_EQ(n, 10);
	set(&stop, 1);
	while (go_count() != 1)
		go_yield();
}

/* Timers are kept meanwhile. */
TEST(fairness, of_a_loop_to_timers, .env = "MILLRACE=procs=1")
{
	timer *t = ticker_make(MILLISECOND);

	go(loops);
	for (int i = 0; i < 20; i++)
		chan_recv(timer_chan(t));
	timer_free(t);
	set(&stop, 1);
}

/* As many loops as procs, and main besides. */
TEST(fairness, of_a_loop_on_every_proc)
{
	int n = go_procs(0);

	for (int i = 0; i < n + 1; i++)
		go(loops);
	for (int i = 0; i < 100; i++)
		go_yield();
	set(&stop, 1);
	while (go_count() != 1)
		go_yield();
}

/* go_blocking_begin gives the P up at once, not when sysmon has noticed (9 ms at
 * least). The fastest of many rounds tells them apart, however busy the machine. */
static void flag(int *p)
{
	set(p, 1);
	wg_done(&wg);
}
TEST(fairness, blocking_begin_hands_over_at_once, .env = "MILLRACE=procs=1")
{
	int64_t best = SECOND;

	for (int i = 0; i < 100; i++) {
		int seen = 0;
		int64_t begin = time_now(), took;

		wg_add(&wg, 1);
		go(flag, &seen);
		go_blocking_begin();
		while (!get(&seen))     /* main blocks its thread */
			;
		took = time_now() - begin;
		go_blocking_end();
		wg_wait(&wg);
		if (took < best)
			best = took;
	}
	printf("handed over in %lld us\n", (long long)best / 1000);
	CHECK(best < 5 * MILLISECOND);
}

TEST(fairness, many_blocking_sections)
{
	enum { N = 50 };
	int fds[2], n = 0;
	char room[N];

	CHECK_EQ(pipe(fds), 0);
	wg_add(&wg, N);
	for (int i = 0; i < N; i++) {
		go_blocking_begin();
		go_blocking_end();
		go(reads, fds[0], &n);
	}
	for (int i = 0; i < N; i++) {
		memset(room, 'x', sizeof room);
		go_blocking_begin();
		CHECK_EQ(write(fds[1], room, 1), 1);
		go_blocking_end();
	}
	wg_wait(&wg);
	CHECK_EQ(n, N);
}

/* --------------------------------------------- those who hand on for ever -- */

static long turns;                      /* of the others; one proc: one at a time */

static void hands_on(chan(int) in, chan(int) out)
{
	chan_range(v, in) {
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		chan_send(out, v);
	}
}
static void successor(int *live)
{
	__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
	if (get(&stop))
		add(live, -1);
	else
		go(successor, live);
}

/* Main yields among k others that are always runnable; the most turns they took between
 * two of main's. Each runnable goroutine runs within twice as many turns as there are
 * runnable ones. This counts turns, so a slow machine changes nothing; a turn in which
 * sysmon has given the P to another thread counts like any. */
static long most_turns(void)
{
	long most = 0, before;

	for (int i = 0; i < 200; i++)
		go_yield();             /* until all of them go round */
	for (int i = 0; i < test_rounds(2000); i++) {
		before = __atomic_load_n(&turns, __ATOMIC_RELAXED);
		go_yield();
		before = __atomic_load_n(&turns, __ATOMIC_RELAXED) - before;
		if (before > most)
			most = before;
	}
	printf("%ld turns at most\n", most);
	return most;
}

TEST(fairness, of_a_pair_that_hands_on_for_ever, .env = "MILLRACE=procs=1")
{
	chan(int) a = chan_make(int), b = chan_make(int);

	go(hands_on, a, b);
	go(hands_on, b, a);
	chan_send(a, 1);
	CHECK(most_turns() <= 2 * 3);
}
TEST(fairness, of_a_ring_that_hands_on_for_ever, .env = "MILLRACE=procs=1")
{
	chan(int) first = chan_make(int), in = first, out;

	for (int i = 0; i < 9; i++, in = out) {
		out = chan_make(int);
		go(hands_on, in, out);
	}
	go(hands_on, in, first);
	for (int i = 0; i < 5; i++)
		chan_send(first, i);
	CHECK(most_turns() <= 2 * 11);
}
TEST(fairness, of_a_chain_of_successors, .env = "MILLRACE=procs=1")
{
	int live = 3;

	for (int i = 0; i < 3; i++)
		go(successor, &live);
	CHECK(most_turns() <= 2 * 4);
	set(&stop, 1);
	while (get(&live) > 0)
		go_yield();
}
/* At any number of procs main gets on, and the clock's users too. */
TEST(fairness, of_pairs_and_chains_to_others)
{
	chan(int) a = chan_make(int), b = chan_make(int);
	int live = 3;

	go(hands_on, a, b);
	go(hands_on, b, a);
	chan_send(a, 1);
	for (int i = 0; i < 3; i++)
		go(successor, &live);
	for (int i = 0; i < 100; i++)
		go_yield();
	for (int i = 0; i < 10; i++)
		go_sleep(100 * MICROSECOND);
	set(&stop, 1);
	while (get(&live) > 0)
		go_yield();
}

/* An accept loop: it starts a goroutine for each that comes, and the next comes as soon
 * as one is served. */
static void serves(chan(int) next)
{
	__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
	chan_send(next, 1);
}
static void accepts(chan(int) next)
{
	while (!get(&stop)) {
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		go(serves, next);
		chan_recv(next);
	}
	wg_done(&wg);
}
TEST(fairness, of_an_accept_loop, .env = "MILLRACE=procs=1")
{
	chan(int) next = chan_make(int);

	wg_add(&wg, 1);
	go(accepts, next);
	CHECK(most_turns() <= 2 * 3);
	set(&stop, 1);
	wg_wait(&wg);
}

/* --------------------------------------------------- more than a ring holds -- */

enum { MANY = TEST_TSAN ? 2000 : 10000, ROUNDS = 20 };
static int rounds[MANY];

static int begun;

static void yields(int i)
{
	while (!get(&begun))            /* until all are there */
		go_yield();
	while (!get(&stop)) {
		if (add(&rounds[i], 1) == ROUNDS)
			set(&stop, 1);
		go_yield();
	}
	wg_done(&wg);
}
/* When the first of them has made 20 rounds, all have made 10: each runs within twice
 * as many turns as there are runnable ones. Counted in turns. */
TEST(fairness, of_ten_thousand_that_yield, .env = "MILLRACE=procs=1")
{
	int least = ROUNDS;

	wg_add(&wg, MANY);
	for (int i = 0; i < MANY; i++)
		go(yields, i);
	set(&begun, 1);
	wg_wait(&wg);
	for (int i = 0; i < MANY; i++)
		least = rounds[i] < least ? rounds[i] : least;
	printf("%d rounds at least\n", least);
	CHECK(least >= ROUNDS / 2 - 1);
}

static void yields_n(int n)
{
	while (n-- > 0)
		go_yield();
	wg_done(&wg);
}
/* On any number of procs each comes to its end. */
TEST(fairness, of_ten_thousand_on_all_procs)
{
	wg_add(&wg, MANY);
	for (int i = 0; i < MANY; i++)
		go(yields_n, ROUNDS);
	wg_wait(&wg);
}

/* ------------------------------------------------------- tied to their threads -- */

enum { KINDS = 8 };
static int counts[KINDS];

static bool all_had(int n)
{
	for (int i = 0; i < KINDS; i++)
		if (get(&counts[i]) < n)
			return false;
	return true;
}
static void tied(int i)
{
	if (i % 4 == 0)
		go_lock_thread();
	if (i % 4 == 1)
		go_pin();
	while (!get(&stop)) {
		add(&counts[i], 1);
		if (all_had(200))
			set(&stop, 1);
		go_yield();
	}
	wg_done(&wg);
}
/* Locked, pinned and free ones that all yield: each gets its 200 turns while the others
 * go on. A tied one's turn goes through thread switches, which take as long as hundreds
 * of turns of the free ones: so it is not the ratio that is checked, but that nobody
 * starves, which would run into the time limit. */
TEST(fairness, of_locked_pinned_and_free_ones, .env = "MILLRACE=procs=1")
{
	wg_add(&wg, KINDS);
	for (int i = 0; i < KINDS; i++)
		go(tied, i);
	wg_wait(&wg);
}

/* Two pinned to one thread: a loop there, and one that wants it, wait for each other as
 * for any thread, while the free ones go on elsewhere. */
static void pinned_loop(int *n)
{
	go_pin();
	add(n, 1);
	while (get(n) < 100)
		;
	wg_done(&wg);
}
static void counts_up(int *n)
{
	while (get(n) < 100) {
		if (get(n) > 0)
			add(n, 1);
		go_yield();
	}
	wg_done(&wg);
}
TEST(fairness, of_a_pinned_loop_to_others, .env = "MILLRACE=procs=1")
{
	int n = 0;

	wg_add(&wg, 2);
	go(pinned_loop, &n);
	go(counts_up, &n);
	wg_wait(&wg);
}

/* ---------------------------------------------------------------- threads -- */

static void works(int n)
{
	while (n-- > 0) {
		burn(200 * MICROSECOND);
		go_yield();
	}
	wg_done(&wg);
}
/* 64 procs on few cores: a thread that is merely not scheduled is not stuck. A P taken
 * from one by mistake would need another thread in its place, hundreds in this test. The
 * slack is for a thread that was just about to become idle when another was wanted. */
TEST(fairness, of_64_procs_takes_no_more_threads, .env = "MILLRACE=procs=64")
{
	int n = 0;

	wg_add(&wg, 128);
	for (int i = 0; i < 128; i++)
		go(works, test_slow() > 1 ? 10 : 40);
	wg_wait(&wg);
	n = threads();
	printf("%d threads\n", n);
	CHECK(n <= 64 + 2 + (TEST_TSAN ? 64 : 16));     /* main's, sysmon */
}

static void burns(int64_t ns)
{
	burn(ns);
	wg_done(&wg);
}
/* Short ones are not stuck: no thread but one per proc. Under TSan a thread also sleeps
 * on the tool's own locks, for as long as the machine's other work lets it, which is to
 * be stuck: there the bound is that of threads without a P. */
TEST(fairness, many_that_compute_take_no_more_threads)
{
	int procs = go_procs(0), n;
	int spare = TEST_TSAN ? 4 * procs : (procs + 3) / 4;

	wg_add(&wg, 1000);
	for (int i = 0; i < 1000; i++)
		go(burns, MILLISECOND);
	wg_wait(&wg);
	n = threads();
	printf("%d threads\n", n);
	CHECK(n <= procs + 2 + spare);
}
/* Long ones are: but only four threads per proc may run without one at a time. */
TEST(fairness, many_that_compute_long_take_few_threads)
{
	int procs = go_procs(0), n;

	wg_add(&wg, 60);
	for (int i = 0; i < 60; i++)
		go(burns, 20 * MILLISECOND);
	wg_wait(&wg);
	n = threads();
	printf("%d threads\n", n);
	CHECK(n <= procs + 4 * procs + 2 + (procs + 3) / 4);
}

/* Those that sleep in the kernel have a thread each, however many procs there are; and
 * the threads are used again. */
TEST(fairness, plain_sleepers_reuse_threads, .env = "MILLRACE=procs=2")
{
	int fds[2], n = 0, first = 0;

	CHECK_EQ(pipe(fds), 0);
	for (int round = 0; round < 4; round++) {
		wg_add(&wg, 20);
		for (int i = 0; i < 20; i++)
			go(reads, fds[0], &n);
		for (int i = 0; i < 20; i++)
			CHECK_EQ(write(fds[1], "x", 1), 1);
		wg_wait(&wg);
		if (round == 0)
			first = threads();
	}
	CHECK_EQ(n, 80);
	printf("%d, then %d threads\n", first, threads());
	CHECK(threads() <= 20 + 2 + 2 + 4);
}
