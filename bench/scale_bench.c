/* scale_bench.c - what the number of things costs: b->size of them, from `bench -s`. What
 * there are so many of is made once and stays: the measured loop finds it there. */
#include "bench.h"

#include <stdlib.h>

static void *array(int64_t n, size_t each)
{
	void *p = calloc((size_t)n, each);
	if (!p)
		panic("out of memory");
	return p;
}

static void block_once(recv_chan(char) gate, int *done, waitgroup *wg)
{
	chan_recv(gate);
	*done = 1;
	wg_done(wg);
}

/* N are started, each blocks once, all are released and joined; an op is one of them. */
BENCH(ScaleSpawn)
{
	int64_t size = b->size, sum = 0;

	bench_round(b, size);
	for (int64_t i = 0; i < b->n; i += size) {
		chan(char) gate = chan_make(char);
		waitgroup wg = {0};
		int *done = array(size, sizeof *done);
		wg_add(&wg, (int)size);
		for (int64_t k = 0; k < size; k++)
			go(block_once, gate, &done[k], &wg);
		go_yield();
		chan_close(gate);
		wg_wait(&wg);
		for (int64_t k = 0; k < size; k++)
			sum += done[k];
		chan_free(gate);
		free(done);
	}
	bench_work(b, sum);
}

static _Atomic int64_t waiting, received;

static void worker(recv_chan(int) c)
{
	atomic_fetch_add(&waiting, 1);
	chan_range(v, c)
		atomic_fetch_add(&received, v);
}

/* N goroutines wait on one unbuffered channel, first come first served; an op is to send
 * an element to one of them. */
BENCH(ScaleGoroutines)
{
	static chan(int) c;

	if (!c) {
		c = chan_make(int);
		for (int64_t i = 0; i < b->size; i++)
			go(worker, c);
		while (waiting < b->size)
			go_yield();
	}
	int64_t before = received;
	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++)
		chan_send(c, 1);
	while (received - before < b->n)
		go_yield();
	bench_stop(b);
	bench_work(b, received - before);
}

/* An op is a send and a receive on one of N channels with room for one, all by turns. */
BENCH(ScaleChannels)
{
	static chan(int) *c;
	int64_t sum = 0;

	if (!c) {
		c = array(b->size, sizeof *c);
		for (int64_t i = 0; i < b->size; i++)
			c[i] = chan_make(int, 1);
	}
	bench_reset(b);
	for (int64_t i = 0, k = 0; i < b->n; i++, k = (k + 7919) % b->size) {
		chan_send(c[k], 1);
		sum += chan_recv(c[k]);
	}
	bench_stop(b);
	bench_work(b, sum);
}

static void feed(chan(int) *c, int64_t size, int64_t n)
{
	for (int64_t i = 0, k = 0; i < n; i++, k = (k + 7919) % size)
		chan_send(c[k], 1);
}

/* One goroutine sends on N unbuffered channels by turns, another selects over them all;
 * an op is one element. (In Go by reflect.Select: its select statement cannot.) */
BENCH(ScaleSelect)
{
	static chan(int) *c;
	static mr_select_case *cases;
	static int v;
	int64_t sum = 0;

	if (!c) {
		c = array(b->size, sizeof *c);
		cases = array(b->size, sizeof *cases);
		for (int64_t i = 0; i < b->size; i++) {
			c[i] = chan_make(int);
			cases[i] = on_recv(c[i], &v);
		}
	}
	bench_reset(b);
	go(feed, c, b->size, b->n);
	for (int64_t i = 0; i < b->n; i++) {
		mr_chan_select_n(cases, (size_t)b->size);
		sum += v;
	}
	bench_stop(b);
	bench_work(b, sum);
}

static void nothing(void *arg) { (void)arg; }

/* N timers run, for an hour and more; an op is to start one among them and to stop it. */
BENCH(ScaleTimers)
{
	static timer **t;
	int64_t stopped = 0;

	if (!t) {
		t = array(b->size, sizeof *t);
		for (int64_t i = 0; i < b->size; i++)
			t[i] = timer_after_func(HOUR + i * MILLISECOND, nothing, NULL);
	}
	bench_reset(b);
	for (int64_t i = 0, k = 0; i < b->n; i++, k = (k + 7919) % b->size) {
		timer *one = timer_after_func(HOUR + k * MILLISECOND, nothing, NULL);
		stopped += timer_stop(one);
		timer_free(one);
	}
	bench_stop(b);
	bench_work(b, stopped);
}
