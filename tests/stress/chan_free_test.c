/* chan_free_test.c - a channel may be freed by whoever has met all of its partners, while
 * these are still inside their calls. Under asan a late touch of the ring is found; of
 * the rest, which is used again at once for other channels, by what goes wrong there: so
 * several pairs work at once, and each looks at what its new channels contain.
 *
 * The rules the tests live by hold on every schedule; what they need is many rounds. */
#include "waiting.h"
#include <pthread.h>

/* ------------------------------------------------- a crew that is sent channels -- */

/* Partners get the channel of each round on a channel of their own. Half of them are
 * threads, which come back from their calls by other ways. */
typedef struct { chan(int) ch; int v; } job;
struct partner {
	chan(job) jobs;
	void (*act)(job);
	pthread_t thread;
};

static void serve(struct partner *p)
{
	chan_range(j, p->jobs)
		p->act(j);
}
static void *serve_thread(void *arg)
{
	serve(arg);
	return NULL;
}

static void pair_run(void (*act)(job), void (*free_it)(job, int), int cap, bool thread,
		     int rounds)
{
	struct partner p = { chan_make(job, 4), act, 0 };
	waitgroup wg = { 0 };

	if (thread)
		CHECK_EQ(pthread_create(&p.thread, NULL, serve_thread, &p), 0);
	else
		wg_go(&wg, serve, &p);
	for (int i = 1; i <= rounds; i++) {
		job j = { chan_make(int, cap), i };

		CHECK_EQ(chan_len(j.ch), 0);
		chan_send(p.jobs, j);
		if (i % 5 == 0)
			go_yield();             /* sometimes the partner waits first */
		free_it(j, cap);
	}
	chan_close(p.jobs);
	if (thread)
		pthread_join(p.thread, NULL);
	wg_wait(&wg);
	chan_free(p.jobs);
}

struct pair_args {
	void (*act)(job);
	void (*free_it)(job, int);
	int cap, rounds;
};
static void *pair_thread(void *arg)
{
	struct pair_args *a = arg;

	pair_run(a->act, a->free_it, a->cap, false, a->rounds);
	pair_run(a->act, a->free_it, a->cap, true, a->rounds / 4);
	return NULL;
}

/* All four: goroutine or thread frees what a goroutine or thread was the partner on. */
static void hammer_n(void (*act)(job), void (*free_it)(job, int), int cap, int rounds)
{
	int n = test_rounds(rounds);
	struct pair_args a = { act, free_it, cap, n };
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, pair_thread, &a), 0);
	for (int i = 0; i < 4; i++)
		wg_go(&wg, pair_run, act, free_it, cap, false, n);
	wg_go(&wg, pair_run, act, free_it, cap, true, n);
	wg_wait(&wg);
	pthread_join(t, NULL);
}

static void hammer(void (*act)(job), void (*free_it)(job, int), int cap)
{
	hammer_n(act, free_it, cap, 2000);
}
/* For partners that poll: with one P each poll is a turn of everybody's. */
static void hammer_polling(void (*act)(job), void (*free_it)(job, int), int cap)
{
	hammer_n(act, free_it, cap, 300);
}

/* ------------------------------------------------------------ who does what last -- */

static void send_it(job j) { chan_send(j.ch, j.v); }
static void select_send_it(job j)
{
	CHECK_EQ(chan_select(on_send(j.ch, j.v), on_timeout(HOUR)), 0);
}
static void try_send_it(job j)
{
	while (chan_trysend(j.ch, j.v) != CHAN_OK)
		go_yield();
}
static void recv_and_free(job j, int cap)
{
	(void)cap;
	CHECK_EQ(chan_recv(j.ch), j.v);
	chan_free(j.ch);
}
static void try_recv_and_free(job j, int cap)
{
	int v;

	(void)cap;
	while (chan_tryrecv(j.ch, &v) != CHAN_OK)
		go_yield();
	CHECK_EQ(v, j.v);
	chan_free(j.ch);
}
static void select_recv_and_free(job j, int cap)
{
	int v;

	(void)cap;
	CHECK_EQ(chan_select(on_recv(j.ch, &v), on_timeout(HOUR)), 0);
	CHECK_EQ(v, j.v);
	chan_free(j.ch);
}
/* The receiver frees; the sender may not have returned. */
TEST(chan_free, by_receiver_unbuffered) { hammer(send_it, recv_and_free, 0); }
TEST(chan_free, by_receiver_buffered) { hammer(send_it, recv_and_free, 1); }
TEST(chan_free, by_receiver_of_trysend) { hammer_polling(try_send_it, recv_and_free, 0); }
TEST(chan_free, by_tryrecv_buffered) { hammer_polling(send_it, try_recv_and_free, 3); }
TEST(chan_free, by_tryrecv_unbuffered) { hammer_polling(send_it, try_recv_and_free, 0); }
/* A select is under way until it returns, and nobody can know when a partner's has: but
 * one's own has returned. */
TEST(chan_free, by_select) { hammer(send_it, select_recv_and_free, 0); }

/* The sender frees, once the send has returned without a buffer: it was received. */
static void recv_it(job j) { CHECK_EQ(chan_recv(j.ch), j.v); }
static void try_recv_it(job j)
{
	int v;

	while (chan_tryrecv(j.ch, &v) != CHAN_OK)
		go_yield();
	CHECK_EQ(v, j.v);
}
static void send_and_free(job j, int cap)
{
	(void)cap;
	chan_send(j.ch, j.v);
	chan_free(j.ch);
}
static void try_send_and_free(job j, int cap)
{
	(void)cap;
	try_send_it(j);
	chan_free(j.ch);
}
static void select_send_and_free(job j, int cap)
{
	(void)cap;
	select_send_it(j);
	chan_free(j.ch);
}
TEST(chan_free, by_sender) { hammer(recv_it, send_and_free, 0); }
TEST(chan_free, by_trysend) { hammer_polling(recv_it, try_send_and_free, 0); }
TEST(chan_free, by_sender_of_tryrecv) { hammer_polling(try_recv_it, send_and_free, 0); }
TEST(chan_free, by_sending_select) { hammer(recv_it, select_send_and_free, 0); }

/* Who was told of the close frees; the closer may not have returned. */
static void close_chan(job j) { chan_close(j.ch); }
static void send_and_close(job j)
{
	chan_send(j.ch, j.v);
	chan_send(j.ch, -j.v);
	chan_close(j.ch);
}
static void hear_and_free(job j, int cap)
{
	(void)cap;
	CHECK(!chan_recv(j.ch, NULL));
	chan_free(j.ch);
}
static void drain_and_free(job j, int cap)
{
	int sum = 0, n = 0;

	(void)cap;
	chan_range(v, j.ch)
		sum += v, n++;
	CHECK_EQ(sum, 0);
	CHECK_EQ(n, 2);
	chan_free(j.ch);
}
static void select_close_and_free(job j, int cap)
{
	bool ok = true;

	(void)cap;
	CHECK_EQ(chan_select(on_recv(j.ch, NULL, &ok), on_timeout(HOUR)), 0);
	CHECK(!ok);
	chan_free(j.ch);
}
static void panic_and_free(job j, int cap)
{
	(void)cap;
	CHECK_STR(go_try(mr_chan_send_from, j.ch, &j.v), "send on closed channel");
	chan_free(j.ch);
}
TEST(chan_free, by_who_hears_of_the_close) { hammer(close_chan, hear_and_free, 0); }
TEST(chan_free, after_the_rest) { hammer(send_and_close, drain_and_free, 2); }
TEST(chan_free, after_the_rest_unbuffered) { hammer(send_and_close, drain_and_free, 0); }
TEST(chan_free, by_select_that_hears) { hammer(close_chan, select_close_and_free, 0); }
TEST(chan_free, by_a_panicking_sender) { hammer(close_chan, panic_and_free, 0); }

/* ---------------------------------------------------------------- several at once -- */

/* N wait on one channel and are told of the close together; the last to have come back
 * frees it. The closer is the first to run on, and makes the next. */
enum { N = 5 };
struct round { chan(int) ch; int left; };
static void hear(struct round *r)
{
	CHECK(!chan_recv(r->ch, NULL));
	if (__atomic_sub_fetch(&r->left, 1, __ATOMIC_ACQ_REL) == 0) {
		chan_free(r->ch);
		free(r);
	}
}
TEST(chan_free, by_the_last_who_hears)
{
	waitgroup wg = { 0 };

	for (int i = test_rounds(3000); i > 0; i--) {
		struct round *r = malloc(sizeof *r);
		chan(int) ch = chan_make(int, i % 2);

		CHECK(r != NULL);
		*r = (struct round){ ch, N };
		for (int k = 0; k < N; k++)
			wg_go(&wg, hear, r);
		if (i % 3)
			go_yield();
		chan_close(ch);
	}
	wg_wait(&wg);
}

/* A reply channel for each request, freed by the client as soon as it has the reply. The
 * servers never look back. */
typedef struct { int v; chan(int) reply; } request;
static void server(chan(request) in)
{
	chan_range(r, in)
		chan_send(r.reply, r.v * 2);
}
static void client(chan(request) to, int n)
{
	for (int i = 0; i < n; i++) {
		chan(int) reply = chan_make(int, i % 2);

		chan_send(to, { i, reply });
		CHECK_EQ(chan_recv(reply), i * 2);
		chan_free(reply);
	}
}
TEST(chan_free, reply_channels)
{
	chan(request) to = chan_make(request);
	waitgroup servers = { 0 }, clients = { 0 };

	for (int i = 0; i < 4; i++)
		wg_go(&servers, server, to);
	for (int i = 0; i < 20; i++)
		wg_go(&clients, client, to, test_rounds(1500));
	wg_wait(&clients);
	chan_close(to);
	wg_wait(&servers);
	chan_free(to);
}
