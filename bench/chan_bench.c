/* chan_bench.c - channels. Names and ops as in Go's runtime/chan_test.go, but PingPong
 * and ChanTryRecv. */
#include "bench.h"

enum { CALLS_PER_SCHED = 1000, FILL = 100 };

/* ------------------------------------------------------------ one goroutine each -- */
static void uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	chan(int) c = chan_make(int, FILL);
	while (pb_next(pb)) {
		for (int i = 0; i < FILL; i++)
			chan_send(c, 0);
		for (int i = 0; i < FILL; i++)
			chan_recv(c);
	}
	chan_free(c);
}

/* An op is 100 sends and 100 receives on a buffered channel that nobody else uses. */
BENCH(ChanUncontended) { bench_parallel(b, uncontended, NULL); }

static void contended(bench_pb *pb, void *arg)
{
	chan(int) c = arg;
	while (pb_next(pb)) {
		for (int i = 0; i < FILL; i++)
			chan_send(c, 0);
		for (int i = 0; i < FILL; i++)
			chan_recv(c);
	}
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
	while (pb_next(pb)) {
		chan(int) c = chan_make(int, 1);
		chan_send(c, 0);
		chan_recv(c);
		chan_free(c);
	}
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
static void sync_worker(_Atomic int *left, chan(int) c)
{
	for (int i; (i = atomic_fetch_sub(left, 1) - 1) >= 0;)
		for (int g = 0; g < CALLS_PER_SCHED; g++)
			if (i % 2 == 0) {
				chan_recv(c);
				chan_send(c, 0);
			} else {
				chan_send(c, 0);
				chan_recv(c);
			}
}

/* Two goroutines on one unbuffered channel, by turns sender and receiver. As in Go n
 * counts the iterations of both, so an op is one hand-off. */
BENCH(ChanSync)
{
	_Atomic int left = (int)(b->n / CALLS_PER_SCHED / 2 * 2);
	chan(int) c = chan_make(int);
	waitgroup wg = {0};

	for (int p = 0; p < 2; p++)
		wg_go(&wg, sync_worker, &left, c);
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

static void consumer(recv_chan(int) c, int work)
{
	while (chan_recv(c) != 0)
		local_work(0, work);
}

/* As many producers and consumers as procs; an op is one element. */
static void prod_cons(bench *b, size_t cap, int work)
{
	_Atomic int left = (int)(b->n / CALLS_PER_SCHED);
	chan(int) c = chan_make(int, cap);
	waitgroup wg = {0};

	for (int p = 0; p < go_procs(0); p++) {
		wg_go(&wg, producer, &left, c, work);
		wg_go(&wg, consumer, c, work);
	}
	wg_wait(&wg);
	chan_free(c);
}

BENCH(ChanProdCons0) { prod_cons(b, 0, 0); }
BENCH(ChanProdCons10) { prod_cons(b, 10, 0); }
BENCH(ChanProdCons100) { prod_cons(b, 100, 0); }
BENCH(ChanProdConsWork0) { prod_cons(b, 0, 100); }
BENCH(ChanProdConsWork100) { prod_cons(b, 100, 100); }

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
	for (int64_t i = 0; i < b->n; i++) {
		chan_send(ping, 1);
		chan_recv(pong);
	}
	chan_close(ping);
	wg_wait(&wg);
	chan_free(ping);
	chan_free(pong);
}

static void popular(recv_chan(char) common, recv_chan(char) own, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		chan_select(on_recv(common), on_recv(own));
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
		wg_go(&wg, popular, common, own[j], b->n);
	}
	for (int64_t i = 0; i < b->n; i++)
		for (int j = 0; j < N; j++)
			chan_send(own[j], 1);
	wg_wait(&wg);
	for (int j = 0; j < N; j++)
		chan_free(own[j]);
	chan_free(common);
}
