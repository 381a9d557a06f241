/* sched_bench.c - starting, switching and joining goroutines. CreateGoroutines* as in
 * Go's runtime/proc_test.go; the rest is in no test of Go's, so each says what its op
 * is. */
#include "bench.h"

static void successor(int64_t n, send_chan(char) c)
{
	if (n == 0)
		chan_send(c, 1);
	else
		go(successor, n - 1, c);
}

static void create_goroutines(bench *b, int procs)
{
	chan(char) c = chan_make(char);

	for (int i = 0; i < procs; i++)
		go(successor, b->n / procs, c);
	for (int i = 0; i < procs; i++)
		chan_recv(c);
	chan_free(c);
}

/* Each goroutine starts the next and ends; Parallel: one such chain per proc. */
BENCH(CreateGoroutines) { create_goroutines(b, 1); }
BENCH(CreateGoroutinesParallel) { create_goroutines(b, go_procs(0)); }

/* One goroutine starts them all: others must steal or wait. (Go warms its threads up
 * first; here the harness's earlier calls have.) */
BENCH(CreateGoroutinesSingle)
{
	waitgroup wg = {0};

	wg_add(&wg, (int)b->n);
	for (int64_t i = 0; i < b->n; i++)
		go(wg_done, &wg);
	wg_wait(&wg);
}

static void one(int *done, waitgroup *wg)
{
	*done = 1;
	wg_done(wg);
}

/* An op is to start a goroutine and wait for it, before the next. */
BENCH(SpawnJoin)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		waitgroup wg = {0};
		int done = 0;
		wg_add(&wg, 1);
		go(one, &done, &wg);
		wg_wait(&wg);
		sum += done;
	}
	bench_work(b, sum);
}

enum { BATCH = 1000 };

static int64_t sum_of(const int *done)
{
	int64_t sum = 0;

	for (int i = 0; i < BATCH; i++)
		sum += done[i];
	return sum;
}

/* 1,000 are started, which do next to nothing, and then joined; an op is one of them. */
BENCH(SpawnJoinBatch)
{
	int64_t sum = 0;

	bench_round(b, BATCH);
	for (int64_t i = 0; i < b->n; i += BATCH) {
		int done[BATCH] = {0};
		waitgroup wg = {0};
		wg_add(&wg, BATCH);
		for (int k = 0; k < BATCH; k++)
			go(one, &done[k], &wg);
		wg_wait(&wg);
		sum += sum_of(done);
	}
	bench_work(b, sum);
}

static void block_once(recv_chan(char) gate, int *done, waitgroup *wg)
{
	chan_recv(gate);
	one(done, wg);
}

/* 1,000 are started, each blocks once, all are released and joined; an op is one of
 * them. */
BENCH(SpawnJoin1000)
{
	int64_t sum = 0;

	bench_round(b, BATCH);
	for (int64_t i = 0; i < b->n; i += BATCH) {
		int done[BATCH] = {0};
		chan(char) gate = chan_make(char);
		waitgroup wg = {0};
		wg_add(&wg, BATCH);
		for (int k = 0; k < BATCH; k++)
			go(block_once, gate, &done[k], &wg);
		go_yield();
		chan_close(gate);
		wg_wait(&wg);
		chan_free(gate);
		sum += sum_of(done);
	}
	bench_work(b, sum);
}

static void yielder(bench *b, int64_t n)
{
	int64_t i;

	for (i = 0; i < n; i++)
		go_yield();
	bench_work(b, i);
}

/* Two goroutines per proc that do nothing but yield; an op is one yield. */
BENCH(Yield)
{
	int count = 2 * go_procs(0);
	waitgroup wg = {0};

	bench_round(b, count);
	for (int i = 0; i < count; i++)
		wg_go(&wg, yielder, b, b->n / count);
	wg_wait(&wg);
}

static void skynet(send_chan(int64_t) out, int64_t first, int64_t size)
{
	if (size == 1) {
		chan_send(out, first);
		return;
	}
	chan(int64_t) parts = chan_make(int64_t);
	int64_t sum = 0;
	for (int i = 0; i < 10; i++)
		go(skynet, parts, first + i * (size / 10), size / 10);
	for (int i = 0; i < 10; i++)
		sum += chan_recv(parts);
	chan_free(parts);
	chan_send(out, sum);
}

/* A tree of goroutines, ten to a node, with a million leaves; an op is a tree. */
BENCH(Skynet)
{
	chan(int64_t) c = chan_make(int64_t);

	for (int64_t i = 0; i < b->n; i++) {
		go(skynet, c, 0, 1000000);
		bench_work(b, chan_recv(c));
	}
	chan_free(c);
}

static void skynet_join(int64_t *out, int64_t first, int64_t size)
{
	if (size == 1) {
		*out = first;
		return;
	}
	int64_t parts[10], sum = 0;
	waitgroup wg = {0};
	for (int i = 0; i < 10; i++)
		wg_go(&wg, skynet_join, &parts[i], first + i * (size / 10), size / 10);
	wg_wait(&wg);
	for (int i = 0; i < 10; i++)
		sum += parts[i];
	*out = sum;
}

/* The same tree, without channels: a node waits for its ten with a wait group. */
BENCH(SkynetJoin)
{
	for (int64_t i = 0; i < b->n; i++) {
		int64_t sum = 0;
		skynet_join(&sum, 0, 1000000);
		bench_work(b, sum);
	}
}

/* The prime sieve of Go's tests: a generator and a chain of filters, each on an
 * unbuffered channel. The generator ends with the 2,000th prime so that all end. */
enum { PRIMES = 2000, LAST_PRIME = 17389 };

static void generate(send_chan(int) out)
{
	for (int i = 2; i <= LAST_PRIME; i++)
		chan_send(out, i);
	chan_close(out);
}

static void filter(recv_chan(int) in, send_chan(int) out, int prime)
{
	chan_range(v, in)
		if (v % prime != 0)
			chan_send(out, v);
	chan_free(in);
	chan_close(out);
}

/* An op is the first 2,000 primes. */
BENCH(Sieve)
{
	for (int64_t i = 0; i < b->n; i++) {
		chan(int) c = chan_make(int);
		int prime = 0;
		go(generate, c);
		for (int k = 0; k < PRIMES; k++) {
			chan(int) next = chan_make(int);
			prime = chan_recv(c);
			go(filter, c, next, prime);
			c = next;
		}
		if (chan_recv(c) != 0)
			panic("one more prime");
		bench_work(b, prime);
		chan_free(c);
	}
}
