/* chan_bench.c - channels. Names and ops as in Go's runtime/chan_test.go, but PingPong
 * and ChanTryRecv. */
#include "bench.h"

enum { CALLS_PER_SCHED = 1000, FILL = 100 };

/* ------------------------------------------------------------ one goroutine each -- */
static void uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	chan(int) c = chan_make(int, FILL);
	int64_t sum = 0;
	while (pb_next(pb)) {
		for (int i = 0; i < FILL; i++)
			chan_send(c, 1);
		for (int i = 0; i < FILL; i++)
			sum += chan_recv(c);
	}
	bench_work(pb->b, sum);
	chan_free(c);
}

/* An op is 100 sends and 100 receives on a buffered channel that nobody else uses. */
BENCH(ChanUncontended) { bench_parallel(b, uncontended, NULL); }

static void contended(bench_pb *pb, void *arg)
{
	chan(int) c = arg;
	int64_t sum = 0;
	while (pb_next(pb)) {
		for (int i = 0; i < FILL; i++)
			chan_send(c, 1);
		for (int i = 0; i < FILL; i++)
			sum += chan_recv(c);
	}
	bench_work(pb->b, sum);
}

/* The same on one channel for all, with room for everybody. */
BENCH(ChanContended)
{
	chan(int) c = chan_make(int, (size_t)(FILL * go_procs(0)));
	bench_parallel(b, contended, c);
	chan_free(c);
}

static void nonblocking(bench_pb *pb, void *arg)
{
	chan(int) c = arg;
	while (pb_next(pb))
		chan_select(on_recv(c), on_default);
}

/* An op is a select of a receive that is not ready, and a default. */
BENCH(ChanNonblocking)
{
	chan(int) c = chan_make(int);
	bench_parallel(b, nonblocking, c);
	chan_free(c);
}

/* The same as chan_tryrecv: what a C program writes. Go has one form for both. */
static void tryrecv(bench_pb *pb, void *arg)
{
	chan(int) c = arg;
	while (pb_next(pb))
		chan_tryrecv(c, NULL);
}

BENCH(ChanTryRecv)
{
	chan(int) c = chan_make(int);
	bench_parallel(b, tryrecv, c);
	chan_free(c);
}

static void creation(bench_pb *pb, void *arg)
{
	(void)arg;
	int64_t sum = 0;
	while (pb_next(pb)) {
		chan(int) c = chan_make(int, 1);
		chan_send(c, 1);
		sum += chan_recv(c);
		chan_free(c);
	}
	bench_work(pb->b, sum);
}

/* An op is make, send, receive and, here, free. */
BENCH(ChanCreation) { bench_parallel(b, creation, NULL); }

static void tokens(bench_pb *pb, void *arg)
{
	chan(char) c = arg;
	while (pb_next(pb)) {
		chan_send(c, 0);
		chan_recv(c);
	}
}

/* A channel as a semaphore. (Go's elements are empty structs: ours are one byte.) */
BENCH(ChanSem)
{
	chan(char) c = chan_make(char, (size_t)go_procs(0));
	bench_parallel(b, tokens, c);
	chan_free(c);
}

static void closed(bench_pb *pb, void *arg)
{
	chan(char) c = arg;
	while (pb_next(pb))
		if (chan_select(on_recv(c), on_default) != 0)
			panic("a closed channel is ready");
}

BENCH(ChanClosed)
{
	chan(char) c = chan_make(char);
	chan_close(c);
	bench_parallel(b, closed, c);
	chan_free(c);
}

/* ------------------------------------------------------------------ two and more -- */
static void sync_worker(bench *b, _Atomic int *left, chan(int) c)
{
	int64_t sum = 0;

	for (int i; (i = atomic_fetch_sub(left, 1) - 1) >= 0;)
		for (int g = 0; g < CALLS_PER_SCHED; g++)
			if (i % 2 == 0) {
				sum += chan_recv(c);
				chan_send(c, 1);
			} else {
				chan_send(c, 1);
				sum += chan_recv(c);
			}
	bench_work(b, sum);
}

/* Two goroutines on one unbuffered channel, by turns sender and receiver. As in Go n
 * counts the iterations of both, so an op is one hand-off. */
BENCH(ChanSync)
{
	bench_round(b, 2 * CALLS_PER_SCHED);
	_Atomic int left = (int)(b->n / CALLS_PER_SCHED);
	chan(int) c = chan_make(int);
	waitgroup wg = {0};

	for (int p = 0; p < 2; p++)
		wg_go(&wg, sync_worker, b, &left, c);
	wg_wait(&wg);
	chan_free(c);
}

static void producer(_Atomic int *left, send_chan(int) c, int work)
{
	while (atomic_fetch_sub(left, 1) > 0)
		for (int g = 0; g < CALLS_PER_SCHED; g++) {
			local_work(0, work);
			chan_send(c, 1);
		}
	chan_send(c, 0);
}

static void consumer(bench *b, recv_chan(int) c, int work)
{
	int64_t sum = 0;

	for (int v; (v = chan_recv(c)) != 0; sum += v)
		local_work(0, work);
	bench_work(b, sum);
}

/* As many producers and consumers as procs; an op is one element. */
static void prod_cons(bench *b, size_t cap, int work)
{
	bench_round(b, CALLS_PER_SCHED);
	_Atomic int left = (int)(b->n / CALLS_PER_SCHED);
	chan(int) c = chan_make(int, cap);
	waitgroup wg = {0};

	for (int p = 0; p < go_procs(0); p++) {
		wg_go(&wg, producer, &left, c, work);
		wg_go(&wg, consumer, b, c, work);
	}
	wg_wait(&wg);
	chan_free(c);
}

BENCH(ChanProdCons0) { prod_cons(b, 0, 0); }
BENCH(ChanProdCons10) { prod_cons(b, 10, 0); }
BENCH(ChanProdCons100) { prod_cons(b, 100, 0); }
BENCH(ChanProdConsWork0) { prod_cons(b, 0, 100); }
BENCH(ChanProdConsWork100) { prod_cons(b, 100, 100); }

static void put(send_chan(int) c, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		chan_send(c, 1);
}

static void get(bench *b, recv_chan(int) c, int64_t n)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += chan_recv(c);
	bench_work(b, sum);
}

/* Not in Go: so many senders and as many receivers on one channel with room for 128,
 * whatever the procs; an op is one element. */
static void buffered(bench *b, int pairs)
{
	chan(int) c = chan_make(int, 128);
	waitgroup wg = {0};

	bench_round(b, pairs);
	for (int i = 0; i < pairs; i++) {
		wg_go(&wg, put, c, b->n / pairs);
		wg_go(&wg, get, b, c, b->n / pairs);
	}
	wg_wait(&wg);
	chan_free(c);
}

BENCH(ChanBuffered1to1) { buffered(b, 1); }
BENCH(ChanBuffered4to4) { buffered(b, 4); }

static void ponger(recv_chan(int) ping, send_chan(int) pong)
{
	chan_range(v, ping)
		chan_send(pong, v);
}

/* Not in Go: an op is a round trip over two unbuffered channels. */
BENCH(PingPong)
{
	chan(int) ping = chan_make(int), pong = chan_make(int);
	waitgroup wg = {0};

	wg_go(&wg, ponger, ping, pong);
	int64_t sum = 0;
	for (int64_t i = 0; i < b->n; i++) {
		chan_send(ping, 1);
		sum += chan_recv(pong);
	}
	bench_work(b, sum);
	chan_close(ping);
	wg_wait(&wg);
	chan_free(ping);
	chan_free(pong);
}

/* Some 50 us of arithmetic that no compiler shortens; odd. */
static uint64_t toil(uint64_t x)
{
	for (int i = 0; i < 25000; i++)
		x = (x ^ x >> 33) * 6364136223846793005u;
	return x | 1;
}

static void toiling_ponger(recv_chan(uint64_t) ping, send_chan(uint64_t) pong)
{
	chan_range(v, ping)
		chan_send(pong, toil(v));
	chan_close(pong);
}

static void toiling_pinger(bench *b, int64_t messages)
{
	chan(uint64_t) ping = chan_make(uint64_t), pong = chan_make(uint64_t);
	uint64_t v = 1;
	int64_t odd = 0;

	go(toiling_ponger, ping, pong);
	for (int64_t i = 0; i < messages; i += 2) {
		chan_send(ping, v);
		v = chan_recv(pong);
		odd += (int64_t)(v & 1);
		v = toil(v);
	}
	chan_close(ping);
	chan_recv(pong);
	bench_work(b, 2 * odd);
	chan_free(ping);
	chan_free(pong);
}

/* Not in Go: so many pairs of goroutines send a number to and fro over unbuffered
 * channels, and each receiver computes for some 50 us; an op is one message. With two
 * procs two pairs should need half of what they need with one. */
static void ping_pong_work(bench *b, int pairs)
{
	waitgroup wg = {0};

	bench_round(b, 2 * pairs);
	for (int i = 0; i < pairs; i++)
		wg_go(&wg, toiling_pinger, b, b->n / pairs);
	wg_wait(&wg);
}

BENCH(PingPongWork1) { ping_pong_work(b, 1); }
BENCH(PingPongWork2) { ping_pong_work(b, 2); }
BENCH(PingPongWork8) { ping_pong_work(b, 8); }

static void popular(bench *b, recv_chan(char) common, recv_chan(char) own)
{
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++)
		done += chan_select(on_recv(common), on_recv(own));
	bench_work(b, done);
}

/* 1,000 goroutines wait on one channel in common and one of their own; an op sends to
 * each. */
BENCH(ChanPopular)
{
	enum { N = 1000 };
	static chan(char) own[N];
	chan(char) common = chan_make(char);
	waitgroup wg = {0};

	for (int j = 0; j < N; j++) {
		own[j] = chan_make(char);
		wg_go(&wg, popular, b, common, own[j]);
	}
	for (int64_t i = 0; i < b->n; i++)
		for (int j = 0; j < N; j++)
			chan_send(own[j], 1);
	wg_wait(&wg);
	for (int j = 0; j < N; j++)
		chan_free(own[j]);
	chan_free(common);
}
