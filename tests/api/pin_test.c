/* pin_test.c - go_pin: no migration, but the thread is shared. None can flake: that the
 * thread stays is checked at every step; that it is shared is waited for. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static waitgroup wg;

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}
static int tid(void)
{
	return (int)syscall(SYS_gettid);
}

static void answers(chan(int) ch, chan(int) back)
{
	chan_range(v, ch) {
		(void)v;
		chan_send(back, tid());
	}
}
/* With one proc another thread runs the partner only after sysmon thought this one
 * stuck: not a thousand times out of a thousand. */
TEST(pin, keeps_the_thread_and_shares_it, .env = "MILLRACE=procs=1")
{
	chan(int) ch = chan_make(int), back = chan_make(int);
	int mine, shared = 0;

	go(answers, ch, back);
	go_pin();
	go_pin();
	mine = tid();
	for (int i = 0; i < 1000; i++) {
		chan_send(ch, i);
		CHECK_EQ(tid(), mine);
		shared += chan_recv(back) == mine;
		CHECK_EQ(tid(), mine);
		go_yield();
		CHECK_EQ(tid(), mine);
	}
	CHECK(shared > 0);
	go_unpin();
	go_sleep(MILLISECOND);
	CHECK_EQ(tid(), mine);
	go_blocking_begin();
	go_blocking_end();
	CHECK_EQ(tid(), mine);
	go_unpin();
	go_unpin();                             /* too many: nothing */
	chan_close(ch);
}

static mutex m;
static __thread int in_this_thread;

/* A thread-local of the program's, across all kinds of parks. */
static void keeps_thread_local(int id)
{
	int mine;

	go_pin();
	mine = tid();
	in_this_thread++;
	for (int i = 0; i < 100; i++) {
		go_yield();
		mutex_lock(&m);
		go_yield();
		mutex_unlock(&m);
		if (i % 32 == id % 32)
			go_sleep(MICROSECOND);
		CHECK_EQ(tid(), mine);
		CHECK(in_this_thread > 0);
	}
	in_this_thread--;
	go_unpin();
	wg_done(&wg);
}
static void roams(int *stop)
{
	while (!get(stop))
		go_yield();
	wg_done(&wg);
}
TEST(pin, of_many_among_others)
{
	int stop = 0;

	wg_add(&wg, 32);
	for (int i = 0; i < 32; i++)
		go(keeps_thread_local, i);
	for (int i = 0; i < 4; i++)
		go(roams, &stop);
	wg_wait(&wg);
	wg_add(&wg, 4);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	wg_wait(&wg);
}

/* A pthread mutex, held across a park: it is unlocked by the thread that locked it. An
 * error-checking one says if not. Nobody else asks for it: whoever blocked on it would
 * block the thread that its holder needs. */
static void holds(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t own;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&own, &attr);
	for (int i = 0; i < 50; i++) {
		go_pin();
		CHECK_EQ(pthread_mutex_lock(&own), 0);
		go_yield();
		mutex_lock(&m);
		mutex_unlock(&m);
		CHECK_EQ(pthread_mutex_unlock(&own), 0);
		go_unpin();
		go_yield();
	}
	wg_done(&wg);
}
TEST(pin, holds_a_pthread_mutex)
{
	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(holds);
	wg_wait(&wg);
}

/* Pinned and locked in every order, and ended while pinned. */
static void both(int i)
{
	int mine;

	i % 2 ? go_pin() : go_lock_thread();
	mine = tid();
	go_yield();
	i % 2 ? go_lock_thread() : go_pin();
	go_yield();
	CHECK_EQ(tid(), mine);
	i % 4 < 2 ? go_unpin() : go_unlock_thread();
	go_yield();
	CHECK_EQ(tid(), mine);
	if (i % 8 < 4)
		i % 4 < 2 ? go_unlock_thread() : go_unpin();
	wg_done(&wg);
	if (i % 3 == 0)
		go_exit();
}
TEST(pin, and_lock_in_every_order)
{
	for (int round = 0; round < 5; round++) {
		wg_add(&wg, 48);
		for (int i = 0; i < 48; i++)
			go(both, i);
		wg_wait(&wg);
	}
	while (go_count() != 1)
		go_yield();
}

/* Woken by others at the moment it parks, on whatever thread they are. */
static void pinned_echo(chan(int) in, chan(int) out)
{
	int mine;

	go_pin();
	mine = tid();
	chan_range(v, in) {
		CHECK_EQ(tid(), mine);
		chan_send(out, v + 1);
		CHECK_EQ(tid(), mine);
	}
	wg_done(&wg);
}
static waitgroup threads;
static void *from_thread(void *arg)
{
	chan(int) *ch = arg;

	for (int i = 0; i < 200; i++) {
		chan_send(ch[0], i);
		CHECK_EQ(chan_recv(ch[1]), i + 1);
	}
	wg_done(&threads);
	return NULL;
}
/* main waits for the threads as a goroutine before it joins them: a join blocks the
 * thread, and one of the others may be pinned to that. */
TEST(pin, woken_from_everywhere)
{
	enum { N = 4 };
	chan(int) ch[N][2];
	pthread_t t[N];
	int n = test_rounds(500);

	wg_add(&wg, N);
	wg_add(&threads, N);
	for (int i = 0; i < N; i++) {
		ch[i][0] = chan_make(int);
		ch[i][1] = chan_make(int);
		go(pinned_echo, ch[i][0], ch[i][1]);
		CHECK_EQ(pthread_create(&t[i], NULL, from_thread, ch[i]), 0);
	}
	wg_wait(&threads);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	for (int k = 0; k < n; k++)
		for (int i = 0; i < N; i++) {
			chan_send(ch[i][0], k);
			CHECK_EQ(chan_recv(ch[i][1]), k + 1);
		}
	for (int i = 0; i < N; i++)
		chan_close(ch[i][0]);
	wg_wait(&wg);
}

/* Pinned across a change of procs, down to where its P went. */
static void counts(int *n, int *stop)
{
	int mine;

	go_pin();
	mine = tid();
	while (!get(stop)) {
		CHECK_EQ(tid(), mine);
		add(n, 1);
		go_yield();
	}
	wg_done(&wg);
}
TEST(pin, survives_fewer_procs)
{
	int n[8] = { 0 }, stop = 0, old = go_procs(8);

	wg_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go(counts, &n[i], &stop);
	for (int i = 0; i < 8; i++)
		while (get(&n[i]) < 10)
			go_yield();
	go_procs(1);
	for (int i = 0; i < 8; i++)
		for (int was = get(&n[i]); get(&n[i]) < was + 10;)
			go_yield();
	go_procs(old);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	wg_wait(&wg);
}
