/* chan_test.c - thousands of goroutines over shared channels, judged by counts and
 * checksums: every element arrives once, whoever meets whom. The sums hold on every
 * schedule; the tests want many of them. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* gcc 12's thread sanitizer has room for 8,128 fibers, the dead ones of a moment ago
 * included. */
static int live(int n) { return TEST_TSAN && n > 2000 ? 2000 : n; }

struct tally { int64_t n, sum; uint64_t mixed; };

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	return x ^ x >> 29;
}
static void tally_add(struct tally *t, int64_t v)
{
	t->n++;
	t->sum += v;
	t->mixed += mix((uint64_t)v);
}
static void tally_join(struct tally *all, const struct tally *t)
{
	__atomic_add_fetch(&all->n, t->n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&all->sum, t->sum, __ATOMIC_RELAXED);
	__atomic_add_fetch(&all->mixed, t->mixed, __ATOMIC_RELAXED);
}
static void check_same(const struct tally *a, const struct tally *b)
{
	CHECK_EQ(a->n, b->n);
	CHECK_EQ(a->sum, b->sum);
	CHECK(a->mixed == b->mixed);
}

/* ------------------------------------------------------- many senders, receivers -- */

static void send_range(chan(int64_t) ch, int64_t from, int n, struct tally *all)
{
	struct tally t = { 0 };

	for (int i = 0; i < n; i++) {
		chan_send(ch, from + i);
		tally_add(&t, from + i);
	}
	tally_join(all, &t);
}
static void recv_all(chan(int64_t) ch, struct tally *all)
{
	struct tally t = { 0 };

	chan_range(v, ch)
		tally_add(&t, v);
	tally_join(all, &t);
}
struct thread_arg { chan(int64_t) ch; int64_t from; int n; struct tally *all; };
static void *send_thread(void *arg)
{
	struct thread_arg *a = arg;

	send_range(a->ch, a->from, a->n, a->all);
	return NULL;
}
static void *recv_thread(void *arg)
{
	struct thread_arg *a = arg;

	recv_all(a->ch, a->all);
	return NULL;
}

enum { THREADS = 3 };
static void crowd(int senders, int receivers, int each, int cap, bool threads)
{
	chan(int64_t) ch = chan_make(int64_t, cap);
	struct tally sent = { 0 }, received = { 0 };
	struct thread_arg sa[THREADS], ra[THREADS];
	pthread_t st[THREADS], rt[THREADS];
	waitgroup out = { 0 }, in = { 0 };
	int n = threads ? THREADS : 0;

	for (int i = 0; i < receivers; i++)
		wg_go(&in, recv_all, ch, &received);
	for (int i = 0; i < senders; i++)
		wg_go(&out, send_range, ch, (int64_t)i << 32, each, &sent);
	for (int i = 0; i < n; i++) {
		sa[i] = (struct thread_arg){ ch, (int64_t)(i + senders) << 32, each, &sent };
		ra[i] = (struct thread_arg){ ch, 0, 0, &received };
		CHECK_EQ(pthread_create(&st[i], NULL, send_thread, &sa[i]), 0);
		CHECK_EQ(pthread_create(&rt[i], NULL, recv_thread, &ra[i]), 0);
	}
	wg_wait(&out);
	for (int i = 0; i < n; i++)
		pthread_join(st[i], NULL);
	chan_close(ch);
	wg_wait(&in);
	for (int i = 0; i < n; i++)
		pthread_join(rt[i], NULL);
	check_same(&sent, &received);
	CHECK_EQ(sent.n, (int64_t)(senders + n) * each);
	chan_free(ch);
}

TEST(chan_stress, thousands_unbuffered) { crowd(live(5000), live(3000), 20, 0, false); }
TEST(chan_stress, thousands_buffered) { crowd(live(5000), live(3000), 20, 100, false); }
TEST(chan_stress, many_to_one) { crowd(live(3000), 1, 20, 0, false); }
TEST(chan_stress, one_to_many) { crowd(1, live(3000), test_rounds(60000), 1, false); }
TEST(chan_stress, with_threads) { crowd(50, 50, test_rounds(200), 0, true); }
TEST(chan_stress, with_threads_buffered) { crowd(50, 50, test_rounds(500), 10, true); }

/* One sender and one receiver: nothing may overtake, for any room. */
static void send_counting(chan(int) ch, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(ch, i);
	chan_close(ch);
}
TEST(chan_stress, nothing_overtakes)
{
	const int caps[] = { 0, 1, 2, 7, 64 };

	for (int c = 0; c < 5; c++) {
		chan(int) ch = chan_make(int, caps[c]);
		int n = test_rounds(20000), expect = 0;

		go(send_counting, ch, n);
		chan_range(v, ch)
			CHECK_EQ(v, expect++);
		CHECK_EQ(expect, n);
		chan_free(ch);
	}
}

/* Elements of 200 bytes, each a pattern of its own: none is torn. */
typedef struct { int64_t word[25]; } wide;
static void send_wide(chan(wide) ch, int64_t from, int n)
{
	for (int i = 0; i < n; i++) {
		wide w;

		for (int k = 0; k < 25; k++)
			w.word[k] = (from + i) * 25 + k;
		chan_send(ch, w);
	}
}
static void recv_wide(chan(wide) ch, int64_t *sum)
{
	chan_range(w, ch) {
		for (int k = 1; k < 25; k++)
			CHECK_EQ(w.word[k], w.word[0] + k);
		__atomic_add_fetch(sum, w.word[0] / 25, __ATOMIC_RELAXED);
	}
}
TEST(chan_stress, elements_are_not_torn)
{
	for (int cap = 0; cap < 6; cap += 5) {
		chan(wide) ch = chan_make(wide, cap);
		waitgroup in = { 0 }, out = { 0 };
		int n = test_rounds(2000);
		int64_t sum = 0, total = (int64_t)n * 8;

		for (int i = 0; i < 8; i++) {
			wg_go(&in, recv_wide, ch, &sum);
			wg_go(&out, send_wide, ch, (int64_t)n * i, n);
		}
		wg_wait(&out);
		chan_close(ch);
		wg_wait(&in);
		CHECK_EQ(sum, total * (total - 1) / 2);
		chan_free(ch);
	}
}

/* As Go's TestMultiConsumer: a feeder, workers that may hand their turn on, one
 * collector; what comes out is what went in. */
static void work(chan(int64_t) in, chan(int64_t) out)
{
	chan_range(v, in) {
		if (v % 7 == 0)
			go_yield();
		chan_send(out, v);
	}
}
static void feed_primes(chan(int64_t) in, int n, struct tally *t)
{
	static const int primes[] = { 2, 3, 7, 31, 61, 127, 8191, 131071, 524287 };

	for (int i = 0; i < n; i++) {
		chan_send(in, primes[i % 9]);
		tally_add(t, primes[i % 9]);
	}
	chan_close(in);
}
static void close_behind(waitgroup *wg, chan(int64_t) ch)
{
	wg_wait(wg);
	chan_close(ch);
}
TEST(chan_stress, multi_consumer)
{
	chan(int64_t) in = chan_make(int64_t, 30);
	chan(int64_t) out = chan_make(int64_t, 30);
	struct tally fed = { 0 }, got = { 0 };
	waitgroup wg = { 0 };

	for (int i = 0; i < 23; i++)
		wg_go(&wg, work, in, out);
	go(feed_primes, in, test_rounds(40000), &fed);
	go(close_behind, &wg, out);
	chan_range(v, out)
		tally_add(&got, v);
	check_same(&fed, &got);
	chan_free(in);
	chan_free(out);
}

/* A ring of goroutines passes a token; more runnable ones than room in a run queue. */
static void pass(chan(int) from, chan(int) to)
{
	chan_range(v, from)
		chan_send(to, v + 1);
	chan_close(to);
}
TEST(chan_stress, token_round_a_long_ring)
{
	int n = live(3000);
	chan(int) *ch = calloc((size_t)n + 1, sizeof *ch);
	int v = 0;

	for (int i = 0; i <= n; i++)
		ch[i] = chan_make(int);
	for (int i = 0; i < n; i++)
		go(pass, ch[i], ch[i + 1]);
	for (int round = test_rounds(20); round > 0; round--) {
		int before = v;

		chan_send(ch[0], v);
		v = chan_recv(ch[n]);
		CHECK_EQ(v, before + n);
	}
	chan_close(ch[0]);
	CHECK(!chan_recv(ch[n], NULL));
	for (int i = 0; i <= n; i++)
		chan_free(ch[i]);
	free(ch);
}

/* ------------------------------------------------------------------ close races -- */

/* A close among receivers: each gets an element or the close, all elements arrive. */
static void recv_until_closed(chan(int) ch, int *n)
{
	int v;

	while (chan_recv(ch, &v)) {
		CHECK_EQ(v, 5);
		__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
	}
	CHECK_EQ(v, 0);
}
static void try_until_closed(chan(int) ch, int *n)
{
	for (int v = -1;;) {
		switch (chan_tryrecv(ch, &v)) {
		case CHAN_OK: __atomic_add_fetch(n, 1, __ATOMIC_RELAXED); break;
		case CHAN_CLOSED: CHECK_EQ(v, 0); return;
		default: go_yield();
		}
	}
}
TEST(chan_stress, close_among_receivers)
{
	for (int round = test_rounds(600); round > 0; round--) {
		chan(int) ch = chan_make(int, round % 3);
		waitgroup wg = { 0 };
		int n = 0;

		for (int i = 0; i < 5; i++)
			wg_go(&wg, recv_until_closed, ch, &n);
		wg_go(&wg, try_until_closed, ch, &n);
		for (int i = round % 5; i > 0; i--)
			chan_send(ch, 5);
		chan_close(ch);
		wg_wait(&wg);
		CHECK_EQ(n, round % 5);
		chan_free(ch);
	}
}

/* A close among senders: each is received or panics, and trysend says which. */
static void send_or_panic(chan(int) ch, int *sent, int *panics)
{
	const char *why;

	for (;;) {
		why = go_try(mr_chan_send_from, ch, &(int){ 5 });
		if (why) {
			CHECK_STR(why, "send on closed channel");
			__atomic_add_fetch(panics, 1, __ATOMIC_RELAXED);
			return;
		}
		__atomic_add_fetch(sent, 1, __ATOMIC_RELAXED);
	}
}
static void try_or_closed(chan(int) ch, int *sent, int *panics)
{
	for (;;) {
		switch (chan_trysend(ch, 5)) {
		case CHAN_OK: __atomic_add_fetch(sent, 1, __ATOMIC_RELAXED); break;
		case CHAN_CLOSED: __atomic_add_fetch(panics, 1, __ATOMIC_RELAXED); return;
		default: go_yield();
		}
	}
}
TEST(chan_stress, close_among_senders)
{
	for (int round = test_rounds(300); round > 0; round--) {
		chan(int) ch = chan_make(int, round % 3);
		int sent = 0, panics = 0, received = 0;
		waitgroup wg = { 0 };

		for (int i = 0; i < 4; i++)
			wg_go(&wg, send_or_panic, ch, &sent, &panics);
		wg_go(&wg, try_or_closed, ch, &sent, &panics);
		for (int i = 0; i < round % 7; i++, received++)
			CHECK_EQ(chan_recv(ch), 5);
		chan_close(ch);
		wg_wait(&wg);
		chan_range(v, ch)
			received += v == 5;
		CHECK_EQ(panics, 5);
		CHECK_EQ(sent, received);
		chan_free(ch);
	}
}

/* Several closers: one of them does it. */
static void close_or_panic(chan(int) ch, int *closed)
{
	const char *why = go_try(mr_chan_close_it, ch);

	if (why)
		CHECK_STR(why, "close of closed channel");
	else
		__atomic_add_fetch(closed, 1, __ATOMIC_RELAXED);
}
TEST(chan_stress, closers_race)
{
	for (int round = test_rounds(1000); round > 0; round--) {
		chan(int) ch = chan_make(int);
		waitgroup wg = { 0 };
		int closed = 0, n = 0;

		wg_go(&wg, recv_until_closed, ch, &n);
		for (int i = 0; i < 4; i++)
			wg_go(&wg, close_or_panic, ch, &closed);
		wg_wait(&wg);
		CHECK_EQ(closed, 1);
		chan_free(ch);
	}
}

/* ------------------------------------------------------------------ deep stacks -- */

/* As Go's tests of stacks that shrink under a blocked operation: here the deep pages of a
 * stack are given back. Goroutines that have been deep wait with the element on the
 * shallow part, while others go deep, and nothing of it is lost. */
static unsigned go_deep(int depth)
{
	volatile unsigned char page[3000];

	memset((void *)page, depth, sizeof page);
	return depth ? go_deep(depth - 1) + page[depth % 3000] : page[0];
}
static void deep_partner(chan(wide) in, chan(wide) out, int depth)
{
	wide w;

	CHECK(go_deep(depth) < 1u << 20);
	while (chan_recv(in, &w)) {
		CHECK(go_deep(depth) < 1u << 20);
		chan_send(out, w);
		CHECK(go_deep(depth / 2) < 1u << 20);
	}
}
TEST(chan_stress, partners_with_deep_stacks)
{
	enum { N = 60 };
	chan(wide) in = chan_make(wide);
	chan(wide) out = chan_make(wide, N);
	waitgroup wg = { 0 };
	bool seen[N];

	for (int i = 0; i < N; i++)
		wg_go(&wg, deep_partner, in, out, i % 30);
	for (int round = 0; round < 4; round++) {
		memset(seen, 0, sizeof seen);
		for (int i = 0; i < N; i++) {
			wide w;

			for (int k = 0; k < 25; k++)
				w.word[k] = i * 100 + k;
			chan_send(in, w);
		}
		/* Time for the runtime to look at stacks that wait; nothing needs it. */
		go_sleep(60 * MILLISECOND);
		for (int i = 0; i < N; i++) {
			wide w = chan_recv(out);

			for (int k = 0; k < 25; k++)
				CHECK_EQ(w.word[k], w.word[0] + k);
			seen[w.word[0] / 100] = true;
		}
		for (int i = 0; i < N; i++)
			CHECK(seen[i]);
	}
	chan_close(in);
	wg_wait(&wg);
	chan_free(in);
	chan_free(out);
}
