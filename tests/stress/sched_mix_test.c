/* sched_mix_test.c - everything the scheduler does, at once and at random, with counts
 * and checksums; repeatable by MR_TEST_SEED as far as threads allow.
 *
 * None can flake: each ends when all its goroutines have said so, and what they must
 * never see is checked at every step. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static waitgroup wg;
static uint64_t seed;
static long total;                      /* atomic */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}
static uint64_t next(uint64_t *state)
{
	return *state = mix(*state);
}
static int tid(void)
{
	return (int)syscall(SYS_gettid);
}
static void plus(long n)
{
	__atomic_fetch_add(&total, n, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------ random deeds -- */

static mutex m;
static long guarded;                    /* by m; plain, for tsan */
static chan(long) shared;

static void child(long n)
{
	plus(n);
	wg_done(&wg);
}
static void yields(long n)
{
	(void)n;
	go_yield();
}
static void panics(long n)
{
	defer(yields, n);
	panic("%ld", n);
}
static void deed(uint64_t *rnd, bool goroutine)
{
	uint64_t r = next(rnd);
	long v = (long)(r >> 40), got;
	char text[32];
	int before;

	switch (r % 14) {
	case 0:
		go_yield();
		break;
	case 1:
		wg_add(&wg, 1);
		go(child, 1L);
		plus(-1);
		break;
	case 2:
		mutex_lock(&m);
		guarded++;
		if (r & 1024)
			go_yield();
		mutex_unlock(&m);
		break;
	case 3:
		go_sleep((duration)(r >> 56) * MICROSECOND);
		break;
	case 4:
		snprintf(text, sizeof text, "%ld", v);
		CHECK_STR(go_try(panics, v), text);
		break;
	case 5:
		go_blocking_begin();
		sched_yield();
		go_blocking_end();
		break;
	case 6:
		go_pin();
		before = tid();
		go_yield();
		if (goroutine)
			CHECK_EQ(tid(), before);
		go_unpin();
		break;
	case 7:
		if (!goroutine || r % 5)
			break;
		go_lock_thread();
		before = tid();
		go_yield();
		CHECK_EQ(tid(), before);
		go_unlock_thread();
		break;
	case 8:
	case 9:
		if (chan_trysend(shared, v) == CHAN_OK)
			plus(v);
		break;
	case 10:
	case 11:
		if (chan_tryrecv(shared, &got) == CHAN_OK)
			plus(-got);
		break;
	case 12:
		switch (chan_select(on_recv(shared, &got), on_send(shared, v),
				    on_timeout(20 * MICROSECOND))) {
		case 0: plus(-got); break;
		case 1: plus(v); break;
		}
		break;
	default:
		if (r % 97 == 0)
			go_procs(1 + (int)(r >> 32) % 9);
	}
}
static void worker(int i, int n)
{
	uint64_t rnd = mix(seed + (uint64_t)i);

	while (n-- > 0) {
		errno = i + 1;
		deed(&rnd, true);
		CHECK_EQ(errno, i + 1);
	}
	wg_done(&wg);
}
static void *thread_worker(void *arg)
{
	uint64_t rnd = mix(seed ^ (uintptr_t)arg);

	for (int n = test_rounds(500); n > 0; n--)
		deed(&rnd, false);
	return NULL;
}
TEST(sched_mix, random_deeds, .limit = 120)
{
	int workers = TEST_TSAN ? 20 : 60, n = test_rounds(400);
	pthread_t t[3];
	long got;

	seed = test_seed();
	shared = chan_make(long, 16);
	wg_add(&wg, workers);
	for (int i = 0; i < workers; i++)
		go(worker, i, n);
	for (intptr_t i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, thread_worker, (void *)(i + 1)), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	wg_wait(&wg);
	while (chan_tryrecv(shared, &got) == CHAN_OK)
		plus(-got);
	CHECK_EQ(total, 0);             /* all that was sent was received, once */
	while (go_count() != 1)
		go_yield();
}

/* ----------------------------------------------------- bursts and pauses -- */

/* All Ms go to sleep and are woken again, at every moment of each other's going to sleep:
 * a wake-up that is lost hangs the test. */
static void burst(int n)
{
	for (int i = 0; i < n; i++) {
		wg_add(&wg, 1);
		go(child, 1L);
	}
	wg_done(&wg);
}
TEST(sched_mix, bursts_and_pauses)
{
	uint64_t rnd = test_seed();

	for (int i = 0; i < test_rounds(2000); i++) {
		uint64_t r = next(&rnd);

		wg_add(&wg, 1);
		go(burst, (int)(r % 5));
		if (r & 256)
			wg_wait(&wg);
		if ((r >> 20) % 16 == 0)
			go_sleep((duration)(r >> 50) * 8);      /* to 131 us */
		for (volatile int k = (int)(r >> 32) % 3000; k > 0; k--)
			;
	}
	wg_wait(&wg);
}
/* The same from a thread, which has no P: everything goes through the global queue. */
static void *ping(void *arg)
{
	chan(int) *ch = arg;
	uint64_t rnd = (uintptr_t)arg;

	for (int i = 0; i < test_rounds(2000); i++) {
		chan_send(ch[0], i);
		for (volatile int k = (int)(next(&rnd) >> 32) % 3000; k > 0; k--)
			;
		CHECK_EQ(chan_recv(ch[1]), i);
	}
	chan_close(ch[0]);
	return NULL;
}
static void pong(chan(int) in, chan(int) out)
{
	chan_range(v, in)
		chan_send(out, v);
	wg_done(&wg);
}
TEST(sched_mix, threads_wake_goroutines)
{
	static chan(int) ch[4][2];
	pthread_t t[4];

	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++) {
		ch[i][0] = chan_make(int);
		ch[i][1] = chan_make(int, i % 2);
		go(pong, ch[i][0], ch[i][1]);
		CHECK_EQ(pthread_create(&t[i], NULL, ping, ch[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	wg_wait(&wg);
}

/* --------------------------------------------- Ps taken while all goes on -- */

/* Some compute for longer than sysmon allows, some block where it cannot see: their Ps
 * are taken at every moment of their coming back. */
static void stuck(int i, int fds[2])
{
	char b = 'x';

	for (int k = 0; k < 3; k++) {
		int64_t until = time_now() + 12 * MILLISECOND;

		if (i % 2) {
			while (time_now() < until)
				;
		} else {
			CHECK_EQ(write(fds[1], &b, 1), 1);
			usleep(15000);
			CHECK_EQ(read(fds[0], &b, 1), 1);
		}
		go_yield();
	}
	wg_done(&wg);
}
static void light(int *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		mutex_lock(&m);
		guarded++;
		mutex_unlock(&m);
		go_yield();
	}
	wg_done(&wg);
}
TEST(sched_mix, taken_and_given_back)
{
	int fds[2], stop = 0;
	waitgroup quick = { 0 };

	CHECK_EQ(pipe(fds), 0);
	for (int round = 0; round < 3; round++) {
		stop = 0;
		wg_add(&wg, 8);
		for (int i = 0; i < 8; i++)
			go(stuck, i, fds);
		for (int i = 0; i < 8; i++)
			wg_go(&quick, go_yield);
		wg_wait(&quick);
		wg_wait(&wg);
		wg_add(&wg, 6);
		for (int i = 0; i < 4; i++)
			go(light, &stop);
		for (int i = 0; i < 2; i++)
			go(stuck, i, fds);
		go_sleep(30 * MILLISECOND);
		__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
		wg_wait(&wg);
	}
}
