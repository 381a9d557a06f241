/* time_bench.c - sleepers and timers. StartStop1000 and Reset are Go's time/sleep_test.go
 * without its 32,768 other timers; the rest says what its op is. */
#include "bench.h"

#include <stdlib.h>

static _Atomic int64_t slept;           /* in ms */

static void sleeper(duration d, waitgroup *wg)
{
	go_sleep(d);
	atomic_fetch_add(&slept, d / MILLISECOND);
	wg_done(wg);
}

/* 100,000 goroutines sleep 1 to 100 ms, evenly spread; reported is the CPU time of all
 * and how long it took. */
BENCH(Sleepers)
{
	enum { N = 100000 };
	duration cpu = bench_cpu();
	int64_t start = time_now();

	atomic_store(&slept, 0);
	for (int64_t i = 0; i < b->n; i++) {
		waitgroup wg = {0};
		wg_add(&wg, N);
		for (int k = 0; k < N; k++)
			go(sleeper, (1 + k * 7919LL % 100) * MILLISECOND, &wg);
		wg_wait(&wg);
	}
	bench_work(b, slept);
	double each = (double)b->n * MILLISECOND;
	bench_report(b, (double)(bench_cpu() - cpu) / each, "cpu-ms");
	bench_report(b, (double)(time_now() - start) / each, "wall-ms");
	bench_report(b, 0, "ns/op");
}

static void nothing(void *arg) { (void)arg; }

static void start_stop(bench_pb *pb, void *arg)
{
	(void)arg;
	enum { N = 1000 };
	timer **t = calloc(N, sizeof *t);
	int64_t stopped = 0;

	while (t && pb_next(pb)) {
		for (int i = 0; i < N; i++)
			t[i] = timer_after_func(HOUR, nothing, NULL);
		for (int i = 0; i < N; i++) {
			stopped += timer_stop(t[i]);
			timer_free(t[i]);
		}
	}
	bench_work(pb->b, stopped);
	free(t);
}

/* An op is to start 1,000 timers and then to stop them all. */
BENCH(TimerStartStop1000) { bench_parallel(b, start_stop, NULL); }

static void reset(bench_pb *pb, void *arg)
{
	(void)arg;
	timer *t = timer_make(HOUR);
	while (pb_next(pb))
		timer_reset(t, HOUR);
	timer_free(t);
}

BENCH(TimerReset) { bench_parallel(b, reset, NULL); }

static void feed(send_chan(int) c, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		chan_send(c, 1);
}

/* An op is a receive with a timeout that does not fire, in C an on_timeout case, in Go a
 * time.After, from a sender on an unbuffered channel. */
BENCH(SelectTimeout)
{
	chan(int) c = chan_make(int);
	waitgroup wg = {0};

	wg_go(&wg, feed, c, b->n);
	int64_t sum = 0;
	int v = 0;
	for (int64_t i = 0; i < b->n; i++) {
		if (chan_select(on_recv(c, &v), on_timeout(HOUR)) != 0)
			panic("an hour has passed");
		sum += v;
	}
	bench_work(b, sum);
	wg_wait(&wg);
	chan_free(c);
}
