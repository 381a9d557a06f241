/* thread_test.c - threads: the program's own, those goroutines are locked to, and the
 * number of procs. None can flake: everything asked about is waited for, and what must
 * never happen is looked for at every step. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static waitgroup wg;

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
static void set(int *p, int v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}
static int tid(void)
{
	return (int)syscall(SYS_gettid);
}
static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	return t;
}

/* ------------------------------------------------- the program's own threads -- */

static void doubles(chan(int) in, chan(int) out)
{
	chan_range(v, in)
		chan_send(out, 2 * v);
	chan_close(out);
}
static void pipeline(void)
{
	chan(int) in = chan_make(int, 2), out = chan_make(int);
	long sum = 0;
	int got;

	go(doubles, in, out);
	for (int i = 0; i < 100; i++) {
		chan_send(in, i);
		CHECK(chan_recv(out, &got));
		sum += got;
	}
	chan_close(in);
	CHECK(!chan_recv(out, &got));
	CHECK_EQ(sum, 99 * 100);
	chan_free(in);
	chan_free(out);
}
static void *whole_pipeline(void *arg)
{
	pipeline();
	CHECK_EQ(go_id(), 0);
	return arg;
}
TEST(thread, starts_goroutines_and_talks_to_them)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = start(whole_pipeline, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	pipeline();
	CHECK_EQ(go_id(), 1);
}

/* The first call of the process comes from a thread, before main's. */
TEST(thread, makes_the_first_call)
{
	pthread_join(start(whole_pipeline, NULL), NULL);
	CHECK_EQ(go_id(), 1);
	pipeline();
}
/* And main never makes one. */
TEST(thread, makes_all_the_calls)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		t[i] = start(whole_pipeline, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}
/* main and threads at once: who is first does not matter. */
static void *asks_id(void *arg)
{
	CHECK_EQ(go_id(), 0);
	return arg;
}
TEST(thread, races_main_for_the_first_call)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = start(asks_id, NULL);
	CHECK_EQ(go_id(), 1);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
}

static mutex m;
static rwmutex rw;
static cond c;
static long counter, other;             /* by m; by rw */
static int ready;

static void bump(int n)
{
	for (int i = 0; i < n; i++) {
		mutex_lock(&m);
		counter++;
		mutex_unlock(&m);
		rwmutex_lock(&rw);
		other++;
		rwmutex_unlock(&rw);
		rwmutex_rlock(&rw);
		CHECK(other > i);
		rwmutex_runlock(&rw);
	}
	mutex_lock(&m);
	ready++;
	cond_broadcast(&c);
	mutex_unlock(&m);
}
static void *bumps(void *arg)
{
	bump(*(int *)arg);
	wg_done(&wg);
	return NULL;
}
static void wait_ready(int n)
{
	mutex_lock(&m);
	while (ready < n)
		cond_wait(&c, &m);
	mutex_unlock(&m);
}
static void *waits_ready(void *arg)
{
	wait_ready(8);
	wg_wait(&wg);
	return arg;
}
/* Locks shared by threads and goroutines. The counters are plain: tsan looks. */
TEST(thread, locks_and_waits)
{
	int n = test_rounds(2000);
	pthread_t t[4], w[2];
	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		t[i] = start(bumps, &n);
	for (int i = 0; i < 4; i++)
		wg_go(&wg, bump, n);
	for (int i = 0; i < 2; i++)
		w[i] = start(waits_ready, NULL);
	wait_ready(8);
	wg_wait(&wg);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(w[i], NULL);
	CHECK_EQ(counter, 8L * n);
	CHECK_EQ(other, 8L * n);
}

static void *selects(void *arg)
{
	chan(int) *ch = arg;
	int v, got = 0;
	bool ok;

	while (got < 200) {
		switch (chan_select(on_recv(ch[0], &v, &ok), on_recv(ch[1], &v, &ok),
				    on_timeout(HOUR))) {
		case 0:
		case 1:
			got += ok;
			break;
		default:
			FAIL("an hour has not passed");
		}
	}
	CHECK_EQ(chan_select(on_recv(ch[0]), on_timeout(MILLISECOND)), 1);
	return NULL;
}
static void sends(chan(int) ch, int n)
{
	while (n-- > 0)
		chan_send(ch, n);
}
TEST(thread, selects)
{
	chan(int) ch[2] = { chan_make(int), chan_make(int, 3) };
	pthread_t t = start(selects, ch);

	go(sends, ch[0], 100);
	go(sends, ch[1], 100);
	pthread_join(t, NULL);
}

static void *sleeps(void *arg)
{
	int64_t begin = time_now();

	go_sleep(5 * MILLISECOND);
	CHECK(time_now() - begin >= 5 * MILLISECOND);
	return arg;
}
TEST(thread, sleeps)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = start(sleeps, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
}

/* Threads among themselves, main in pthread_join: no goroutine takes part. */
static void *produces(void *arg)
{
	chan(int) ch = arg;

	sends(ch, 1000);
	chan_close(ch);
	return NULL;
}
static void *consumes(void *arg)
{
	chan(int) ch = arg;
	int n = 0;

	chan_range(v, ch)
		n++;
	CHECK_EQ(n, 1000);
	return NULL;
}
TEST(thread, talks_to_threads)
{
	chan(int) ch = chan_make(int);
	pthread_t a = start(produces, ch), b = start(consumes, ch);

	pthread_join(a, NULL);
	pthread_join(b, NULL);
	chan_free(ch);
}

/* Threads that come and go leave nothing behind. */
static void *one_send(void *arg)
{
	chan_send((chan(int))arg, 1);
	return NULL;
}
TEST(thread, hundreds_come_and_go)
{
	chan(int) ch = chan_make(int);

	for (int i = 0; i < test_rounds(500); i++) {
		pthread_t t = start(one_send, ch);

		CHECK_EQ(chan_recv(ch), 1);
		pthread_join(t, NULL);
	}
	chan_free(ch);
}

/* What does nothing outside of a goroutine, or asks only. */
static void *harmless(void *arg)
{
	go_pin();
	go_unpin();
	go_unpin();
	go_unlock_thread();
	go_blocking_begin();
	go_blocking_end();
	CHECK(go_count() >= 1);
	CHECK(go_procs(0) >= 1);
	errno = 5;
	go_yield();
	CHECK_EQ(errno, 5);
	return arg;
}
TEST(thread, calls_that_are_for_goroutines)
{
	go_yield();
	pthread_join(start(harmless, NULL), NULL);
}

/* ----------------------------------------------------------- go_lock_thread -- */

static int locked_tid;                  /* 0: nobody is */

static void moves(int *stop)
{
	while (!get(stop)) {
		CHECK(tid() != get(&locked_tid));
		go_yield();
	}
	wg_done(&wg);
}
static void echo(chan(int) ch, chan(int) back)
{
	chan_range(v, ch)
		chan_send(back, v);
}
/* While it is set nobody else runs on that thread; the locked one itself parks in all
 * ways and finds itself on it. */
static void locks(int *stop)
{
	chan(int) ch = chan_make(int), back = chan_make(int);
	int mine;

	go(echo, ch, back);
	go_lock_thread();
	go_lock_thread();
	mine = tid();
	set(&locked_tid, mine);
	for (int i = 0; i < test_rounds(300); i++) {
		go_yield();
		CHECK_EQ(tid(), mine);
		chan_send(ch, i);
		CHECK_EQ(tid(), mine);
		CHECK_EQ(chan_recv(back), i);
		CHECK_EQ(tid(), mine);
		go_blocking_begin();
		go_blocking_end();
		CHECK_EQ(tid(), mine);
		mutex_lock(&m);
		go_yield();
		mutex_unlock(&m);
		if (i == 100)
			go_unlock_thread();     /* one remains */
		CHECK_EQ(tid(), mine);
	}
	go_sleep(MILLISECOND);
	CHECK_EQ(tid(), mine);
	set(&locked_tid, 0);
	go_unlock_thread();
	go_unlock_thread();                     /* too many: nothing */
	chan_close(ch);
	set(stop, 1);
}
TEST(lock_thread, keeps_the_thread_to_itself)
{
	int stop = 0;

	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		go(moves, &stop);
	locks(&stop);                           /* main */
	wg_wait(&wg);
	stop = 0;
	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		go(moves, &stop);
	wg_go(&wg, locks, &stop);               /* another */
	wg_wait(&wg);
}

static void one_of_many(int i)
{
	int mine;

	if (i % 2)
		go_lock_thread();
	mine = tid();
	for (int k = 0; k < 50; k++) {
		go_yield();
		mutex_lock(&m);
		mutex_unlock(&m);
		if (i % 2)
			CHECK_EQ(tid(), mine);
	}
	if (i % 4 == 1)
		go_unlock_thread();     /* the others end locked */
	wg_done(&wg);
}
TEST(lock_thread, in_many_goroutines)
{
	wg_add(&wg, 40);
	for (int i = 0; i < 40; i++)
		go(one_of_many, i);
	wg_wait(&wg);
	/* The threads are of use to others afterwards. */
	wg_add(&wg, 40);
	for (int i = 0; i < 40; i++)
		go(one_of_many, 0);
	wg_wait(&wg);
}

static void locked_exit(void)
{
	go_lock_thread();
	defer(wg_done, &wg);
	go_exit();
}
TEST(lock_thread, ends_with_go_exit)
{
	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(locked_exit);
	wg_wait(&wg);
}

/* Pinned first, to a thread that somebody then locks: it still gets on. */
static void pins(int *go_on)
{
	go_pin();
	set(go_on, tid());
	while (get(go_on) > 0)
		go_yield();
	for (int i = 0; i < 10; i++)
		go_yield();
	go_unpin();
	wg_done(&wg);
}
TEST(lock_thread, of_a_thread_others_are_pinned_to, .env = "MILLRACE=procs=1")
{
	int theirs = 0;

	wg_add(&wg, 1);
	go(pins, &theirs);
	while (!get(&theirs))
		go_yield();
	go_lock_thread();
	set(&theirs, -1);
	wg_wait(&wg);
	go_unlock_thread();
}

/* ----------------------------------------------------------------- go_procs -- */

static void works(int *stop)
{
	chan(int) ch = chan_make(int), back = chan_make(int);

	go(echo, ch, back);
	for (int i = 0; !get(stop); i++) {
		chan_send(ch, i);
		CHECK_EQ(chan_recv(back), i);
		mutex_lock(&m);
		counter++;
		mutex_unlock(&m);
		if (i % 16 == 0)
			go_sleep(MICROSECOND);
		go_yield();
	}
	chan_close(ch);
	wg_done(&wg);
}
/* More and fewer procs while everybody works; nobody is lost with a P that goes. */
TEST(procs, change_under_load)
{
	static const int numbers[] = { 1, 8, 2, 64, 3, 1, 5, 200, 1, 2 };
	int stop = 0, n = test_rounds(100);

	wg_add(&wg, 17);
	for (int i = 0; i < 16; i++)
		go(works, &stop);
	go(one_of_many, 1);
	for (int i = 0; i < n; i++) {
		go_procs(numbers[i % 10]);
		for (int k = 0; k < 20; k++)
			go_yield();
		if (i % 10 == 9)
			go_sleep(100 * MICROSECOND);
	}
	set(&stop, 1);
	wg_wait(&wg);
	CHECK_EQ(go_procs(0), numbers[(n - 1) % 10]);
}

/* From several threads at once. */
static void *changes(void *arg)
{
	for (int i = 0; i < 50; i++)
		go_procs(1 + i % 7);
	return arg;
}
TEST(procs, change_from_threads)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = start(changes, NULL);
	for (int i = 0; i < 100; i++) {
		wg_add(&wg, 1);
		go(one_of_many, i);
	}
	wg_wait(&wg);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK(go_procs(0) >= 1 && go_procs(0) <= 7);
}
