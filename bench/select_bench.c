/* select_bench.c - select. Names and ops as in Go's runtime/chan_test.go, but FanIn. */
#include "bench.h"

static void uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	chan(int) c1 = chan_make(int, 1), c2 = chan_make(int, 1);
	chan_send(c1, 0);
	while (pb_next(pb))
		switch (chan_select(on_recv(c1), on_recv(c2))) {
		case 0: chan_send(c2, 0); break;
		case 1: chan_send(c1, 0); break;
		}
	chan_free(c1);
	chan_free(c2);
}

/* An op is a select over two channels of which one is ready, and a send to the other. */
BENCH(SelectUncontended) { bench_parallel(b, uncontended, NULL); }

struct three { chan(int) c[3]; chan(char) done; };

static void offer(struct three *s)
{
	for (;;)
		if (chan_select(on_send(s->c[0], 0), on_send(s->c[1], 0),
				on_send(s->c[2], 0), on_recv(s->done)) == 3)
			return;
}

struct sync_arg { struct three chans; waitgroup senders; };

static void sync_contended(bench_pb *pb, void *arg)
{
	struct sync_arg *a = arg;
	struct three *s = &a->chans;

	wg_go(&a->senders, offer, s);
	while (pb_next(pb))
		chan_select(on_recv(s->c[0]), on_recv(s->c[1]), on_recv(s->c[2]));
}

/* Everybody selects over the same three unbuffered channels, one half of them sending. */
BENCH(SelectSyncContended)
{
	struct sync_arg a = {0};

	for (int i = 0; i < 3; i++)
		a.chans.c[i] = chan_make(int);
	a.chans.done = chan_make(char);
	bench_parallel(b, sync_contended, &a);
	chan_close(a.chans.done);
	wg_wait(&a.senders);
	for (int i = 0; i < 3; i++)
		chan_free(a.chans.c[i]);
	chan_free(a.chans.done);
}

static void async_contended(bench_pb *pb, void *arg)
{
	chan(int) *c = arg;
	chan_send(c[0], 0);
	while (pb_next(pb))
		switch (chan_select(on_recv(c[0]), on_recv(c[1]))) {
		case 0: chan_send(c[1], 0); break;
		case 1: chan_send(c[0], 0); break;
		}
}

BENCH(SelectAsyncContended)
{
	size_t procs = (size_t)go_procs(0);
	chan(int) c[2] = { chan_make(int, procs), chan_make(int, procs) };
	bench_parallel(b, async_contended, c);
	chan_free(c[0]);
	chan_free(c[1]);
}

static void nonblock(bench_pb *pb, void *arg)
{
	chan(int) *c = arg;
	while (pb_next(pb)) {
		chan_select(on_recv(c[0]), on_default);
		chan_select(on_send(c[1], 0), on_default);
		chan_select(on_recv(c[2]), on_default);
		chan_select(on_send(c[3], 0), on_default);
	}
}

/* An op is four selects with a default, on two unbuffered channels and two with room
 * for one. */
BENCH(SelectNonblock)
{
	chan(int) c[4];

	for (size_t i = 0; i < 4; i++)
		c[i] = chan_make(int, i / 2);
	bench_parallel(b, nonblock, c);
	for (int i = 0; i < 4; i++)
		chan_free(c[i]);
}

enum { CALLS_PER_SCHED = 1000 };

static void producer(_Atomic int *left, send_chan(int) c, recv_chan(char) closing)
{
	recv_chan(int64_t) never = time_after(HOUR);

	while (atomic_fetch_sub(left, 1) > 0)
		for (int g = 0; g < CALLS_PER_SCHED; g++) {
			local_work(0, 100);
			chan_select(on_send(c, 1), on_recv(never), on_recv(closing));
		}
	chan_send(c, 0);
	chan_free(never);
}

static void consumer(bench *b, recv_chan(int) c, recv_chan(char) closing)
{
	int64_t sum = 0;
	recv_chan(int64_t) never = time_after(HOUR);

	for (int v = 1;;) {
		chan_select(on_recv(c, &v), on_recv(never), on_recv(closing));
		if (v == 0)
			break;
		sum += v;
		local_work(0, 100);
	}
	bench_work(b, sum);
	chan_free(never);
}

/* As ProdCons, with a timeout and a channel that says when to end in each select. */
BENCH(SelectProdCons)
{
	bench_round(b, CALLS_PER_SCHED);
	_Atomic int left = (int)(b->n / CALLS_PER_SCHED);
	chan(int) c = chan_make(int, 128);
	chan(char) closing = chan_make(char);
	waitgroup wg = {0};

	for (int p = 0; p < go_procs(0); p++) {
		wg_go(&wg, producer, &left, c, closing);
		wg_go(&wg, consumer, b, c, closing);
	}
	wg_wait(&wg);
	chan_free(c);
	chan_free(closing);
}

static void feed(send_chan(int) c, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		chan_send(c, 1);
}

static void fan_in(bench *b, int count)
{
	chan(int) c[8] = {0};
	waitgroup wg = {0};

	for (int i = 0; i < count; i++) {
		c[i] = chan_make(int);
		wg_go(&wg, feed, c[i], b->n / count + (i < b->n % count));
	}
	int64_t sum = 0;
	int v = 0;
	for (int64_t i = 0; i < b->n; i++) {
		if (count == 2)
			chan_select(on_recv(c[0], &v), on_recv(c[1], &v));
		else
			chan_select(on_recv(c[0], &v), on_recv(c[1], &v),
				    on_recv(c[2], &v), on_recv(c[3], &v),
				    on_recv(c[4], &v), on_recv(c[5], &v),
				    on_recv(c[6], &v), on_recv(c[7], &v));
		sum += v;
	}
	bench_work(b, sum);
	wg_wait(&wg);
	for (int i = 0; i < count; i++)
		chan_free(c[i]);
}

/* Not in Go: 2 or 8 senders, each on an unbuffered channel of its own, one select that
 * receives from all; an op is one element. */
BENCH(SelectFanIn2) { fan_in(b, 2); }
BENCH(SelectFanIn8) { fan_in(b, 8); }

/* Not in Go: one goroutine selects over 1 or 2 empty channels, with a default; an op is
 * one select. */
BENCH(SelectDefault1)
{
	chan(int) c = chan_make(int);
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++)
		done += chan_select(on_recv(c), on_default) == 1;
	bench_work(b, done);
	chan_free(c);
}

BENCH(SelectDefault2)
{
	chan(int) c1 = chan_make(int), c2 = chan_make(int);
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++)
		done += chan_select(on_recv(c1), on_recv(c2), on_default) == 2;
	bench_work(b, done);
	chan_free(c1);
	chan_free(c2);
}
