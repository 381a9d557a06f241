/* map_test.c - maps that goroutines use at the same time: what the process says as it
 * ends, and that it says nothing when they take turns.
 *
 * Both goroutines go on until the process ends, so it is no matter of luck: each change
 * that overlaps with another is found. How long they may need is what the harness gives. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>

enum { KEYS = 64, TURNS = 20000 };
#define ENV "MILLRACE=procs=2"

/* What races here is the program, and a sanitizer of the library and the program says so
 * before anybody else. */
static void will_race(void)
{
	if (TEST_TSAN)
		SKIP("the sanitizer reports the race itself");
}

static map(int, int) filled(void)
{
	map(int, int) m = map_make(int, int);

	for (int i = 0; i < KEYS; i++)
		map_set(m, i, i);
	return m;
}

static void writes(map(int, int) m)
{
	for (;;)
		for (int i = 0; i < KEYS; i++)
			map_set(m, i, i);
}
static void deletes(map(int, int) m)
{
	for (;;)
		map_delete(m, KEYS);
}
static void clears(map(int, int) m)
{
	for (;;)
		map_clear(m);
}

CRASH_TEST_ENV(map_writes, ENV, 2, "fatal error: concurrent map writes\n\ngoroutine ",
	       " [running]:\n", "\ngoroutine ", " was changing the map\n")
{
	map(int, int) m = filled();

	will_race();
	go(writes, m);
	writes(m);
}
CRASH_TEST_ENV(map_deletes, ENV, 2, "fatal error: concurrent map writes\n")
{
	map(int, int) m = filled();

	will_race();
	go(deletes, m);
	deletes(m);
}
CRASH_TEST_ENV(map_clears, ENV, 2, "fatal error: concurrent map writes\n")
{
	map(int, int) m = map_make(int, int);

#ifdef MRI_VALGRIND
	SKIP("valgrind runs one thread at a time, and seldom changes in a short call");
#endif
	will_race();
	go(clears, m);
	clears(m);
}
/* It is fatal, not a panic: the map may be broken. */
CRASH_TEST_ENV(map_writes_cannot_be_caught, ENV, 2, "fatal error: concurrent map writes\n",
	       "!not reached")
{
	map(int, int) m = filled();

	will_race();
	go(writes, m);
	go_try(writes, m);
	fprintf(stderr, "not reached\n");
}

/* Both are named, the one that is not at fault with where it was started. */
CRASH_TEST_ENV(map_read_and_write, ENV, 2,
	       "fatal error: concurrent map read and map write\n\ngoroutine 1 [running]:\n",
	       "map_test", "\ngoroutine ", " was changing the map\ncreated by ", "map_test.c:")
{
	map(int, int) m = filled();

	will_race();
	go(writes, m);
	for (;;)
		for (int i = 0; i < KEYS; i++)
			map_get(m, i);
}
CRASH_TEST_ENV(map_len_and_write, ENV, 2,
	       "fatal error: concurrent map read and map write\n")
{
	map(int, int) m = filled();

	will_race();
	go(writes, m);
	for (;;)
		map_len(m);
}
CRASH_TEST_ENV(map_iteration_and_write, ENV, 2,
	       "fatal error: concurrent map iteration and map write\n\n"
	       "goroutine 1 [running]:\n",
	       " was changing the map\ncreated by ")
{
	map(int, int) m = filled();
	int k, v;

	will_race();
	go(writes, m);
	for (;;)
		map_range(k, v, m)
			;
}

static void *thread_writes(void *arg)
{
	map(int, int) m = arg;

	writes(m);
	return NULL;
}
CRASH_TEST_ENV(map_writes_of_a_thread, ENV, 2,
	       "fatal error: concurrent map read and map write\n", "\nthread ",
	       " was changing the map\n")
{
	map(int, int) m = filled();
	pthread_t t;

	will_race();
	CHECK_EQ(pthread_create(&t, NULL, thread_writes, m), 0);
	for (;;)
		for (int i = 0; i < KEYS; i++)
			map_get(m, i);
}

/* ------------------------------------------------------------------- the twins -- */

static mutex mu;
static rwmutex rw;

static void writes_locked(map(int, int) m)
{
	for (int i = 0; i < TURNS; i++) {
		mutex_lock(&mu);
		map_set(m, i % KEYS, i);
		map_delete(m, (i + 1) % KEYS);
		mutex_unlock(&mu);
	}
}
TWIN(map_writes, .env = ENV)
{
	map(int, int) m = filled();
	waitgroup wg = { 0 };

	wg_go(&wg, writes_locked, m);
	writes_locked(m);
	wg_wait(&wg);
	map_free(m);
}

static void reads_locked(map(int, int) m)
{
	int k, v;

	for (int i = 0; i < TURNS / KEYS; i++) {
		rwmutex_rlock(&rw);
		map_range(k, v, m)
			map_get(m, k);
		rwmutex_runlock(&rw);
	}
}
TWIN(map_read_iteration_and_write, .env = ENV)
{
	map(int, int) m = filled();
	waitgroup wg = { 0 };

	wg_go(&wg, reads_locked, m);
	wg_go(&wg, reads_locked, m);
	for (int i = 0; i < TURNS / KEYS; i++) {
		rwmutex_lock(&rw);
		map_set(m, i % KEYS, i);
		rwmutex_unlock(&rw);
	}
	wg_wait(&wg);
	map_free(m);
}
static void forever(chan(int) turn, map(int, int) m, int *n)
{
	chan_range(i, turn) {
		map_set(m, i, i);
		++*n;
	}
}
/* One goroutine owns the map and the others ask it: no lock at all. */
TWIN(map_of_an_owner, .env = ENV)
{
	map(int, int) m = filled();
	chan(int) turn = chan_make(int);
	waitgroup wg = { 0 };
	int n = 0;

	wg_go(&wg, forever, turn, m, &n);
	for (int i = 0; i < TURNS; i++)
		chan_send(turn, i);
	chan_close(turn);
	wg_wait(&wg);
	CHECK(map_len(m) == TURNS && n == TURNS);
	map_free(m);
	chan_free(turn);
}
