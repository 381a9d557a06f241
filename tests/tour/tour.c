/* tour.c - the reference page's programs as a C user writes them with millrace.
 * It compiles without a warning, runs, and prints what each comment says. */
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>

/* start a goroutine; arguments are evaluated here and now, so a loop variable is
 * captured by value: prints 0, 1, 2 in some order */
static void say_hello(void) { puts("hello from goroutine"); }
static void show(int i) { printf("%d\n", i); }
static void start(void)
{
	go(say_hello);
	for (int i = 0; i < 3; i++)
		go(show, i);
	puts("main");
	go_sleep(100 * MILLISECOND);
}

/* closing, the two forms of receive */
static void closing(void)
{
	chan(int) ch = chan_make(int, 3);
	defer(chan_free, ch);
	int v;
	bool ok;

	chan_send(ch, 1);
	chan_send(ch, 2);
	chan_close(ch);
	v = chan_recv(ch);              /* 1 */
	ok = chan_recv(ch, &v);         /* 2, true */
	ok = chan_recv(ch, &v);         /* 0, false */
	printf("%d %d\n", v, ok);
}

/* range: the sender closes */
static void produce(send_chan(int) out)
{
	defer(chan_close, out);
	for (int i = 1; i <= 5; i++)
		chan_send(out, i);
}
static void range(void)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);
	go(produce, ch);
	chan_range(v, ch)
		printf("%d\n", v);      /* 1, 2, 3, 4, 5 */
}

/* select over receives, a send and a timeout; a NULL channel is never ready */
static void choose(chan(int) ch1, recv_chan(double) ch2, send_chan(int) ch3)
{
	int v;
	double d;
	chan(char) done = NULL;

	switch (chan_select(on_recv(ch1, &v), on_recv(ch2, &d), on_send(ch3, 42),
			    on_recv(done), on_timeout(1 * SECOND))) {
	case 0: printf("from ch1: %d\n", v); break;
	case 1: printf("from ch2: %g\n", d); break;
	case 2: puts("sent to ch3"); break;
	case 3: puts("never reached"); break;
	case 4: puts("timeout"); break;
	}
	enum { GOT, NOTHING };
	switch (chan_select([GOT] = on_recv(ch1, &v), [NOTHING] = on_default)) {
	case GOT: printf("got %d\n", v); break;
	case NOTHING: puts("nothing ready"); break;
	}
}

/* WaitGroup, Mutex, Once */
static void worker(int id, waitgroup *wg)
{
	defer(wg_done, wg);
	printf("worker %d\n", id);
}
static void wait_for_all(void)
{
	waitgroup wg = {0};

	for (int i = 1; i <= 5; i++) {
		wg_add(&wg, 1);
		go(worker, i, &wg);
	}
	wg_wait(&wg);
	puts("all done");
}
typedef struct { mutex mu; int n; } counter;
static void counter_inc(counter *c)
{
	mutex_lock(&c->mu);
	defer(mutex_unlock, &c->mu);
	c->n++;
}
static once init_once;
static void *instance;
static void init(void) { instance = malloc(1); }
static void *get_instance(void) { once_do(&init_once, init); return instance; }

/* context: a cancellable worker */
static void cancellable(context *ctx, int id)
{
	defer(ctx_unref, ctx);
	for (;;) {
		switch (chan_select(on_done(ctx), on_default)) {
		case 0:
			printf("worker %d canceled: %s\n", id, ctx_errstr(ctx));
			return;
		case 1:
			go_sleep(MILLISECOND);          /* one unit of work */
			continue;
		}
	}
}
static void cancellation(void)
{
	context *ctx = ctx_with_timeout(ctx_background(), 2 * SECOND);
	defer(ctx_free, ctx);
	for (int i = 0; i < 3; i++)
		go(cancellable, ctx_ref(ctx), i);
	ctx_cancel(ctx);                                /* everyone stops */
}

/* worker pool: workers, a feeder, a closer, and main collects */
typedef struct { int id; } job;
typedef struct { int id, square; } result;
static result process(job j) { return (result){ j.id, j.id * j.id }; }
static void pool_worker(recv_chan(job) in, send_chan(result) out)
{
	chan_range(j, in)
		chan_send(out, process(j));
}
static void feed(send_chan(job) in, const job *jobs, int n)
{
	defer(chan_close, in);
	for (int i = 0; i < n; i++)
		chan_send(in, jobs[i]);
}
static void close_when_done(waitgroup *wg, send_chan(result) out)
{
	wg_wait(wg);
	chan_close(out);
}
static int worker_pool(int workers, const job *jobs, int n, result *results)
{
	chan(job) in = chan_make(job);
	chan(result) out = chan_make(result);
	waitgroup wg = {0};
	int got = 0;

	for (int i = 0; i < workers; i++)
		wg_go(&wg, pool_worker, in, out);
	go(close_when_done, &wg, out);
	go(feed, in, jobs, n);
	chan_range(r, out)
		results[got++] = r;
	chan_free(in);
	chan_free(out);
	return got;
}

/* pipeline: each stage takes a receive-only channel and returns one */
static void gen_run(send_chan(int) out, int n)
{
	defer(chan_close, out);
	for (int i = 1; i <= n; i++)
		chan_send(out, i);
}
static recv_chan(int) gen(int n)
{
	chan(int) out = chan_make(int);
	go(gen_run, out, n);
	return out;
}
static void square_run(recv_chan(int) in, send_chan(int) out)
{
	defer(chan_close, out);
	chan_range(v, in)
		chan_send(out, v * v);
	chan_free(in);
}
static recv_chan(int) square(recv_chan(int) in)
{
	chan(int) out = chan_make(int);
	go(square_run, in, out);
	return out;
}
static void pipeline(void)
{
	recv_chan(int) sq = square(gen(5));
	defer(chan_free, sq);
	chan_range(v, sq)
		printf("%d\n", v);              /* 1, 4, 9, 16, 25 */
}

/* panics, and stopping one */
static void close_twice(chan(int) ch)
{
	chan_close(ch);
	chan_close(ch);
}
static void recovered(void)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);
	const char *why = go_try(close_twice, ch);
	printf("recovered: %s\n", why);         /* close of closed channel */
}

int main(void)
{
	counter c = {0};
	job jobs[3] = { {1}, {2}, {3} };
	result results[3];

	start(); closing(); range(); wait_for_all(); cancellation(); pipeline(); recovered();
	choose(chan_make(int, 1), NULL, chan_make(int, 1));
	counter_inc(&c);
	return !(get_instance() && worker_pool(2, jobs, 3, results) == 3);
}
