/* chan_test.c - channels, as a user sees them.
 *
 * A test that needs somebody to wait knows that he does from the dump (waiting.h);
 * apart from that no test depends on who is faster. */
#include "waiting.h"
#include <limits.h>
#include <pthread.h>

typedef struct { int id; double weight; char tag[5]; } record;
typedef struct { char bytes[1024]; } kilo;
typedef struct { char bytes[65536]; } huge;
struct nothing {};

/* -------------------------------------------------------------- basic things -- */

TEST(chan, len_and_cap)
{
	chan(int) u = chan_make(int);
	chan(int) b = chan_make(int, 5);

	CHECK_EQ(chan_len(u), 0);
	CHECK_EQ(chan_cap(u), 0);
	CHECK_EQ(chan_cap(b), 5);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(chan_len(b), i);
		chan_send(b, i);
	}
	CHECK_EQ(chan_len(b), 5);
	chan_close(b);
	CHECK_EQ(chan_len(b), 5);       /* a close takes nothing away */
	CHECK_EQ(chan_recv(b), 0);
	CHECK_EQ(chan_len(b), 4);
	CHECK_EQ(chan_cap(b), 5);
	CHECK_EQ(chan_len((chan(int))NULL), 0);
	CHECK_EQ(chan_cap((chan(int))NULL), 0);
	chan_free(u);
	chan_free(b);
}

/* The ring goes round many times, at every fill. */
TEST(chan, buffer_keeps_order)
{
	for (int cap = 1; cap <= 9; cap++) {
		chan(int) ch = chan_make(int, cap);
		int in = 0, out = 0;

		for (int round = 0; round < 50; round++) {
			for (int n = round % cap + 1; n > 0 && chan_len(ch) < cap; n--)
				chan_send(ch, in++);
			for (int n = round % 3 + 1; n > 0 && chan_len(ch) > 0; n--)
				CHECK_EQ(chan_recv(ch), out++);
		}
		while (out < in)
			CHECK_EQ(chan_recv(ch), out++);
		chan_free(ch);
	}
}

TEST(chan, carries_any_type)
{
	chan(record) r = chan_make(record, 1);
	chan(const char *) s = chan_make(const char *, 1);
	chan(long double) d = chan_make(long double, 1);
	chan(chan(int)) c = chan_make(chan(int), 1);
	chan(char) byte = chan_make(char, 2);
	record got;

	chan_send(r, { 7, 0.5, "abc" });
	CHECK(chan_recv(r, &got));
	CHECK_EQ(got.id, 7);
	CHECK(got.weight == 0.5);
	CHECK_STR(got.tag, "abc");
	chan_send(s, "text");
	CHECK_STR(chan_recv(s), "text");
	chan_send(d, 1.25L);
	CHECK(chan_recv(d) == 1.25L);
	chan_send(c, chan_make(int, 1));
	chan_free(chan_recv(c));
	chan_send(byte, 'x');
	chan_send(byte, (char)-1);
	CHECK_EQ(chan_recv(byte), 'x');
	CHECK_EQ(chan_recv(byte), (char)-1);
	chan_free(r);
	chan_free(s);
	chan_free(d);
	chan_free(c);
	chan_free(byte);
}

static void make_negative(void) { chan_free(chan_make(int, -1)); }
static void make_empty_negative(void) { chan_free(chan_make(struct nothing, -1)); }
static void make_huge(void) { chan_free(chan_make(int, (size_t)1 << 50)); }
static void make_overflowing(void) { chan_free(chan_make(huge, SIZE_MAX / 65536 + 2)); }
TEST(chan, make_refuses_sizes)
{
	CHECK_STR(go_try(make_negative), "makechan: size out of range");
	CHECK_STR(go_try(make_empty_negative), "makechan: size out of range");
	CHECK_STR(go_try(make_huge), "makechan: size out of range");
	CHECK_STR(go_try(make_overflowing), "makechan: size out of range");
}

TEST(chan, range_leaves_as_a_loop)
{
	chan(int) ch = chan_make(int, 10);
	int calls = 0, sum = 0;

	for (int i = 1; i <= 10; i++)
		chan_send(ch, i);
	chan_close(ch);
	chan_range(v, (calls++, ch)) {
		if (v % 2)
			continue;
		if (v > 6)
			break;
		sum += v;
	}
	CHECK_EQ(calls, 1);
	CHECK_EQ(sum, 2 + 4 + 6);
	chan_range(v, ch)
		sum += v;
	CHECK_EQ(sum, 12 + 9 + 10);
	chan_free(ch);
}

/* ------------------------------------------------------------------- NULL -- */

static void send_forever(chan(int) ch) { chan_send(ch, 1); FAIL("sent on NULL"); }
static void recv_forever(chan(int) ch) { chan_recv(ch); FAIL("received from NULL"); }
static void range_forever(chan(int) ch)
{
	chan_range(v, ch)
		(void)v;
	FAIL("the range over NULL has ended");
}
TEST(chan, null_blocks_for_ever)
{
	chan(int) nil = NULL;
	int v = 5;

	CHECK_EQ(chan_trysend(nil, 1), CHAN_WOULD_BLOCK);
	CHECK_EQ(chan_tryrecv(nil, &v), CHAN_WOULD_BLOCK);
	CHECK_EQ(v, 5);
	go(send_forever, nil);
	go(recv_forever, nil);
	go(range_forever, nil);
	until_waiting("chan send (nil chan)", 1);
	until_waiting("chan receive (nil chan)", 2);
	chan_free(nil);
}

/* ------------------------------------------------------------ without blocking -- */

TEST(chan, try_on_an_unbuffered_one)
{
	chan(int) ch = chan_make(int);
	int v = 5;

	CHECK_EQ(chan_trysend(ch, 1), CHAN_WOULD_BLOCK);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_WOULD_BLOCK);
	CHECK_EQ(v, 5);                 /* untouched */
	chan_close(ch);
	CHECK_EQ(chan_trysend(ch, 1), CHAN_CLOSED);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_CLOSED);
	CHECK_EQ(v, 0);
	CHECK_EQ(chan_tryrecv(ch, NULL), CHAN_CLOSED);
	chan_free(ch);
}

TEST(chan, try_on_a_buffered_one)
{
	chan(int) ch = chan_make(int, 2);
	int v = 5;

	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_WOULD_BLOCK);
	CHECK_EQ(chan_trysend(ch, 1), CHAN_OK);
	CHECK_EQ(chan_trysend(ch, 2), CHAN_OK);
	CHECK_EQ(chan_trysend(ch, 3), CHAN_WOULD_BLOCK);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_OK);
	CHECK_EQ(v, 1);
	chan_close(ch);
	CHECK_EQ(chan_trysend(ch, 4), CHAN_CLOSED);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_OK);
	CHECK_EQ(v, 2);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_CLOSED);
	CHECK_EQ(v, 0);
	chan_free(ch);
}

static void recv_and_tell(chan(int) ch, chan(int) out) { chan_send(out, chan_recv(ch)); }
static void send_value(chan(int) ch, int v) { chan_send(ch, v); }
TEST(chan, try_meets_who_waits)
{
	chan(int) ch = chan_make(int);
	chan(int) out = chan_make(int);
	int v = 0;

	go(recv_and_tell, ch, out);
	until_waiting("chan receive", 1);
	CHECK_EQ(chan_trysend(ch, 11), CHAN_OK);
	CHECK_EQ(chan_recv(out), 11);
	go(send_value, ch, 12);
	until_waiting("chan send", 1);
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_OK);
	CHECK_EQ(v, 12);
	chan_free(ch);
	chan_free(out);
}

/* As Go's TestNonblockRecvRace: a value that was there before a close is not missed by
 * a receive that does not block. */
static void close_it(chan(int) ch) { chan_close(ch); }
TEST(chan, tryrecv_does_not_miss_what_was_sent)
{
	for (int i = test_rounds(2000); i > 0; i--) {
		chan(int) ch = chan_make(int, 1);
		waitgroup wg = { 0 };
		int v;

		chan_send(ch, 1);
		wg_go(&wg, close_it, ch);
		CHECK_EQ(chan_tryrecv(ch, &v), CHAN_OK);
		wg_wait(&wg);
		chan_free(ch);
	}
}

/* The second channel is filled before the first is emptied: who finds the first one
 * empty finds the second one full. */
static void try_two(chan(int) c1, chan(int) c2, chan(bool) done)
{
	int v;

	chan_send(done, chan_tryrecv(c1, &v) == CHAN_OK || chan_tryrecv(c2, &v) == CHAN_OK);
}
TEST(chan, two_tries_see_what_one_sender_did)
{
	chan(bool) done = chan_make(bool, 1);

	for (int i = test_rounds(2000); i > 0; i--) {
		chan(int) c1 = chan_make(int, 1);
		chan(int) c2 = chan_make(int, 1);

		chan_send(c1, 1);
		go(try_two, c1, c2, done);
		chan_send(c2, 1);
		chan_tryrecv(c1, NULL);
		CHECK(chan_recv(done));
		chan_free(c1);
		chan_free(c2);
	}
	chan_free(done);
}

/* ------------------------------------------------------------------ closing -- */

static void close_chan(chan(int) ch) { chan_close(ch); }
static void send_one(chan(int) ch) { chan_send(ch, 1); }

TEST(chan, close_drains_then_zeroes)
{
	chan(int) ch = chan_make(int, 3);
	int v = 9;

	chan_send(ch, 1);
	chan_send(ch, 2);
	chan_close(ch);
	CHECK_EQ(chan_recv(ch), 1);
	CHECK(chan_recv(ch, &v));
	CHECK_EQ(v, 2);
	CHECK(!chan_recv(ch, &v));
	CHECK_EQ(v, 0);
	CHECK_EQ(chan_recv(ch), 0);
	CHECK(!chan_recv(ch, NULL));
	chan_range(x, ch)
		FAIL("received %d", x);
	chan_free(ch);
}

TEST(chan, close_misuse_panics_in_gos_words)
{
	chan(int) ch = chan_make(int);

	CHECK_STR(go_try(close_chan, (chan(int))NULL), "close of nil channel");
	CHECK_STR(go_try(close_chan, ch), NULL);
	CHECK_STR(go_try(close_chan, ch), "close of closed channel");
	CHECK_STR(go_try(send_one, ch), "send on closed channel");
	chan_free(ch);
}

/* Closed with room and with elements in it: a send panics all the same. */
TEST(chan, send_on_closed_buffered_panics)
{
	chan(int) ch = chan_make(int, 4);

	chan_send(ch, 1);
	chan_close(ch);
	CHECK_STR(go_try(send_one, ch), "send on closed channel");
	CHECK_EQ(chan_len(ch), 1);
	chan_free(ch);
}

static void sender_is_told(chan(int) ch, chan(bool) told)
{
	const char *why = go_try(send_one, ch);

	CHECK_STR(why, "send on closed channel");
	chan_send(told, true);
}
TEST(chan, close_wakes_senders_with_a_panic)
{
	enum { N = 10 };
	chan(int) ch = chan_make(int, 1);
	chan(bool) told = chan_make(bool);

	chan_send(ch, 7);
	for (int i = 0; i < N; i++)
		go(sender_is_told, ch, told);
	until_waiting("chan send", N);
	chan_close(ch);
	for (int i = 0; i < N; i++)
		CHECK(chan_recv(told));
	/* What was in the buffer is still there, what they offered is not. */
	CHECK_EQ(chan_recv(ch), 7);
	CHECK(!chan_recv(ch, NULL));
	chan_free(ch);
	chan_free(told);
}

static void receiver_is_told(chan(record) ch, chan(bool) told)
{
	record r;

	memset(&r, 0xff, sizeof r);
	CHECK(!chan_recv(ch, &r));
	for (size_t i = 0; i < sizeof r; i++)
		CHECK_EQ(((unsigned char *)&r)[i], 0);
	chan_send(told, true);
}
TEST(chan, close_wakes_receivers_with_zero)
{
	enum { N = 10 };
	chan(record) ch = chan_make(record);
	chan(bool) told = chan_make(bool);

	for (int i = 0; i < N; i++)
		go(receiver_is_told, ch, told);
	until_waiting("chan receive", N);
	chan_close(ch);
	for (int i = 0; i < N; i++)
		CHECK(chan_recv(told));
	chan_free(ch);
	chan_free(told);
}

/* ---------------------------------------------------------- order of waiters -- */

static void recv_to(chan(int) ch, chan(int) out, int i)
{
	chan_send(out, chan_recv(ch) * 100 + i);
}
TEST(chan, receivers_are_served_in_order)
{
	enum { N = 20 };
	chan(int) ch = chan_make(int);
	chan(int) out = chan_make(int, N);
	bool seen[N] = { false };

	for (int i = 0; i < N; i++) {
		go(recv_to, ch, out, i);
		until_waiting("chan receive", i + 1);
	}
	for (int i = 0; i < N; i++)
		chan_send(ch, i);
	for (int i = 0; i < N; i++) {
		int v = chan_recv(out);

		CHECK_EQ(v / 100, v % 100);
		seen[v % 100] = true;
	}
	for (int i = 0; i < N; i++)
		CHECK(seen[i]);
	chan_free(ch);
	chan_free(out);
}

/* With a buffer in front: first what it holds, then the senders as they came. */
TEST(chan, senders_are_served_in_order)
{
	enum { N = 20, CAP = 3 };
	chan(int) ch = chan_make(int, CAP);
	chan(int) u = chan_make(int);

	for (int i = 0; i < CAP; i++)
		chan_send(ch, i);
	for (int i = CAP; i < N; i++) {
		go(send_value, ch, i);
		until_waiting("chan send", i - CAP + 1);
	}
	CHECK_EQ(chan_len(ch), CAP);
	for (int i = 0; i < N; i++)
		CHECK_EQ(chan_recv(ch), i);
	for (int i = 0; i < N; i++) {
		go(send_value, u, i);
		until_waiting("chan send", i + 1);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(chan_recv(u), i);
	chan_free(ch);
	chan_free(u);
}

/* As Go's fifo.go. Each link of the chain passes its own number when the one before it
 * has, so the order is forced whatever runs first. */
static void link_of_chain(chan(int) ch, int i, chan(int) in, chan(int) out)
{
	CHECK_EQ(chan_recv(in), i);
	CHECK_EQ(chan_recv(ch), i);
	chan_send(out, i + 1);
	chan_free(in);
}
TEST(chan, fifo_along_a_chain)
{
	enum { N = 500 };
	chan(int) ch = chan_make(int);
	chan(int) first = chan_make(int), in = first;

	for (int i = 0; i < N; i++) {
		chan(int) out = chan_make(int);

		go(link_of_chain, ch, i, in, out);
		in = out;
	}
	chan_send(first, 0);
	for (int i = 0; i < N; i++)
		chan_send(ch, i);
	CHECK_EQ(chan_recv(in), N);
	chan_free(in);
	chan_free(ch);
}

/* An unbuffered send returns after its receive has happened, and what was written
 * before the send is seen after the receive. Nothing here is atomic: tsan looks on. */
struct shared { int before, after; };
static void write_then_send(chan(int) ch, struct shared *s)
{
	s->before = 1;
	chan_send(ch, 0);
	CHECK_EQ(s->after, 1);
}
TEST(chan, unbuffered_orders_both_sides)
{
	chan(int) ch = chan_make(int);

	for (int i = test_rounds(2000); i > 0; i--) {
		struct shared s = { 0 };
		waitgroup wg = { 0 };

		wg_go(&wg, write_then_send, ch, &s);
		s.after = 1;
		chan_recv(ch);
		CHECK_EQ(s.before, 1);
		wg_wait(&wg);
	}
	chan_free(ch);
}

/* A buffered channel as a semaphore: the receive happens before the send that finds
 * its room. The counter is a plain one. */
static void with_semaphore(chan(char) sem, int *n)
{
	for (int i = test_rounds(300); i > 0; i--) {
		chan_send(sem, 0);
		++*n;
		chan_recv(sem);
	}
}
TEST(chan, buffer_of_one_is_a_mutex)
{
	chan(char) sem = chan_make(char, 1);
	waitgroup wg = { 0 };
	int n = 0;

	for (int i = 0; i < 8; i++)
		wg_go(&wg, with_semaphore, sem, &n);
	wg_wait(&wg);
	CHECK_EQ(n, 8 * test_rounds(300));
	chan_free(sem);
}

/* ---------------------------------------------------------- sizes of elements -- */

static void echo_nothing(chan(struct nothing) in, chan(struct nothing) out)
{
	struct nothing e;

	while (chan_recv(in, &e))
		chan_send(out, e);
	chan_close(out);
}
TEST(chan, elements_of_no_size)
{
	chan(struct nothing) u = chan_make(struct nothing);
	chan(struct nothing) b = chan_make(struct nothing, 3);
	struct nothing e = {};
	int n = 0;

	chan_send(b, e);
	chan_send(b, e);
	CHECK_EQ(chan_len(b), 2);
	CHECK(chan_recv(b, &e));
	CHECK(chan_recv(b, NULL));
	CHECK_EQ(chan_tryrecv(b, &e), CHAN_WOULD_BLOCK);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(chan_trysend(b, e), CHAN_OK);
	CHECK_EQ(chan_trysend(b, e), CHAN_WOULD_BLOCK);
	for (int i = 0; i < 3; i++)
		chan_recv(b);
	go(echo_nothing, u, b);
	for (int i = 0; i < 3; i++)
		chan_send(u, e);
	chan_close(u);
	while (chan_recv(b, &e))
		n++;
	CHECK_EQ(n, 3);
	chan_free(u);
	chan_free(b);
}

/* Large ones: through the buffer, to a receiver that waits, and from a sender that
 * does. The elements lie on the heap: a goroutine's stack has room for few of them. */
static void *pattern(size_t size, int seed)
{
	unsigned char *p = malloc(size);

	CHECK(p != NULL);
	for (size_t i = 0; i < size; i++)
		p[i] = (unsigned char)(i * 31 + (size_t)seed);
	return p;
}
static void check_pattern(unsigned char *p, size_t size, int seed)
{
	for (size_t i = 0; i < size; i++)
		CHECK_EQ(p[i], (unsigned char)(i * 31 + (size_t)seed));
	free(p);
}
static void send_large(const volatile void *ch, size_t size, int from, int to)
{
	for (int i = from; i < to; i++) {
		void *p = pattern(size, i);

		mr_chan_send_from(ch, p);
		memset(p, 0, size);             /* read before the send returned */
		free(p);
	}
}
static void recv_large(const volatile void *ch, size_t size, int from, int to)
{
	for (int i = from; i < to; i++) {
		void *p = malloc(size);

		CHECK(p && mr_chan_recv_into(ch, p));
		check_pattern(p, size, i);
	}
}
static void large(size_t size, size_t cap)
{
	void *ch = mr_chan_new(size, cap);
	waitgroup wg = { 0 };
	int n = (int)cap;

	send_large(ch, size, 0, n);             /* the buffer is full */
	wg_go(&wg, send_large, ch, size, n, n + 3);
	until_waiting("chan send", 1);
	recv_large(ch, size, 0, n + 3);
	wg_wait(&wg);
	wg_go(&wg, recv_large, ch, size, 0, 3);
	until_waiting("chan receive", 1);
	send_large(ch, size, 0, 3);
	wg_wait(&wg);
	chan_free(ch);
}
TEST(chan, elements_of_1_kib)
{
	large(sizeof(kilo), 0);
	large(sizeof(kilo), 5);
}
TEST(chan, elements_of_64_kib)
{
	large(sizeof(huge), 0);
	large(sizeof(huge), 3);
}
TEST(chan, elements_of_odd_sizes)
{
	for (size_t size = 1; size < 40; size++) {
		void *ch = mr_chan_new(size, 4);

		for (int round = 0; round < 5; round++) {
			send_large(ch, size, 0, 3);
			recv_large(ch, size, 0, 3);
		}
		chan_free(ch);
	}
}

/* NULL instead of a place: the element is dropped, wherever it comes from. */
static void recv_into_null(chan(int) ch, waitgroup *wg)
{
	CHECK(chan_recv(ch, NULL));
	wg_done(wg);
}
TEST(chan, recv_into_null_drops)
{
	chan(int) b = chan_make(int, 2);
	chan(int) u = chan_make(int);
	waitgroup wg = { 0 };

	chan_send(b, 1);
	chan_send(b, 2);
	CHECK(chan_recv(b, NULL));
	CHECK_EQ(chan_recv(b), 2);
	go(send_value, u, 3);
	CHECK(chan_recv(u, NULL));
	wg_add(&wg, 1);
	go(recv_into_null, u, &wg);
	until_waiting("chan receive", 1);
	chan_send(u, 4);
	wg_wait(&wg);
	CHECK_EQ(chan_tryrecv(b, NULL), CHAN_WOULD_BLOCK);
	chan_close(b);
	CHECK(!chan_recv(b, NULL));
	chan_free(b);
	chan_free(u);
}

/* -------------------------------------------------------------------- free -- */

static void free_chan(chan(int) ch) { chan_free(ch); }
TEST(chan, free_of_a_full_one)
{
	chan(kilo) ch = chan_make(kilo, 3);
	static kilo k;

	mr_chan_send_from(ch, &k);
	mr_chan_send_from(ch, &k);
	chan_free(ch);                  /* neither closed nor drained */
	chan_free((chan(int))NULL);
}

TEST(chan, free_while_somebody_waits_panics)
{
	chan(int) ch = chan_make(int);
	chan(int) out = chan_make(int);

	go(recv_and_tell, ch, out);
	until_waiting("chan receive", 1);
	CHECK_STR(go_try(free_chan, ch), "chan_free of a channel that is waited on");
	chan_send(ch, 5);               /* and has done nothing */
	CHECK_EQ(chan_recv(out), 5);
	go(send_value, ch, 6);
	until_waiting("chan send", 1);
	CHECK_STR(go_try(free_chan, ch), "chan_free of a channel that is waited on");
	CHECK_EQ(chan_recv(ch), 6);
	chan_free(ch);
	chan_free(out);
}

/* What a freed channel's memory becomes is a new channel, with nothing of the old. */
TEST(chan, new_ones_are_clean)
{
	enum { N = 200 };
	chan(int) ch[N];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N; i++) {
			ch[i] = chan_make(int, (i + round) % 4);
			CHECK_EQ(chan_len(ch[i]), 0);
			CHECK_EQ(chan_cap(ch[i]), (i + round) % 4);
			CHECK_EQ(chan_tryrecv(ch[i], NULL), CHAN_WOULD_BLOCK);
			for (int j = 0; j < i % 4; j++)
				chan_trysend(ch[i], j);
			if (i % 3 == 0)
				chan_close(ch[i]);
		}
		for (int i = 0; i < N; i++)
			chan_free(ch[i]);
	}
}

/* ------------------------------------------------------------------ threads -- */

struct thread_ends { chan(int) in, out; int n; };
static void *echo_thread(void *arg)
{
	struct thread_ends *e = arg;

	CHECK_EQ(go_id(), 0);
	chan_range(v, e->in)
		chan_send(e->out, v + 1);
	chan_close(e->out);
	return NULL;
}
static void feed_numbers(chan(int) ch, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(ch, i);
	chan_close(ch);
}
TEST(chan, thread_echoes)
{
	for (int cap = 0; cap < 3; cap++) {
		struct thread_ends e = { chan_make(int, cap), chan_make(int, cap), 0 };
		int n = test_rounds(1000), expect = 1;
		pthread_t t;

		CHECK_EQ(pthread_create(&t, NULL, echo_thread, &e), 0);
		go(feed_numbers, e.in, n);
		chan_range(v, e.out)
			CHECK_EQ(v, expect++);
		CHECK_EQ(expect, n + 1);
		pthread_join(t, NULL);
		chan_free(e.in);
		chan_free(e.out);
	}
}

static void *wait_thread(void *arg)
{
	chan(int) ch = arg;

	CHECK(!chan_recv(ch, NULL));
	return NULL;
}
TEST(chan, close_wakes_threads)
{
	enum { N = 4 };
	chan(int) ch = chan_make(int);
	pthread_t t[N];

	for (int i = 0; i < N; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, wait_thread, (void *)ch), 0);
	until_threads_wait(N);
	chan_close(ch);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	chan_free(ch);
}

static void *panics_thread(void *arg)
{
	CHECK_STR(go_try(send_one, (chan(int))arg), "send on closed channel");
	return NULL;
}
TEST(chan, close_panics_a_thread_that_sends)
{
	chan(int) ch = chan_make(int);
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, panics_thread, (void *)ch), 0);
	until_threads_wait(1);
	chan_close(ch);
	pthread_join(t, NULL);
	chan_free(ch);
}

/* ----------------------------------------------------------------- programs -- */

/* The sieve of goroutines: each prime is a filter behind those before it. */
static void generate(send_chan(int) out, int below)
{
	for (int i = 2; i < below; i++)
		chan_send(out, i);
	chan_close(out);
}
static void filter(recv_chan(int) in, send_chan(int) out, int prime)
{
	chan_range(v, in)
		if (v % prime)
			chan_send(out, v);
	chan_close(out);
	chan_free(in);
}
static void sieve(int cap, int below)
{
	chan(int) ch = chan_make(int, cap);
	int found = 0, expected = 0, prime;

	for (int i = 2; i < below; i++) {
		bool is = true;

		for (int d = 2; d * d <= i && is; d++)
			is = i % d != 0;
		expected += is;
	}
	go(generate, ch, below);
	while (chan_recv(ch, &prime)) {
		chan(int) next = chan_make(int, cap);

		for (int d = 2; d * d <= prime; d++)
			CHECK(prime % d != 0);
		found++;
		go(filter, ch, next, prime);
		ch = next;
	}
	chan_free(ch);
	CHECK_EQ(found, expected);
}
TEST(chan, sieve_unbuffered) { sieve(0, TEST_TSAN ? 300 : 1000); }
TEST(chan, sieve_buffered) { sieve(10, TEST_TSAN ? 300 : 1500); }

/* ------------------------------------------------------------ a crowd -- */

static int64_t gone; /* atomic */

/* The last one frees it, whatever the closer is still about. */
static void wait_for_close(chan(int) c, int of)
{
	int v = 7;

	CHECK(!chan_recv(c, &v));
	CHECK_EQ(v, 0);
	if (__atomic_add_fetch(&gone, 1, __ATOMIC_ACQ_REL) == of)
		chan_free(c);
}

/* They are told in portions. */
TEST(chan, close_reaches_a_crowd)
{
	static const int sizes[] = { 1, 2, 3, 255, 256, 257, 512, 1500 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		chan(int) c = chan_make(int);

		__atomic_store_n(&gone, 0, __ATOMIC_RELEASE);
		for (int k = 0; k < sizes[i]; k++)
			go(wait_for_close, c, sizes[i]);
		until_waiting("chan receive", sizes[i]);
		chan_close(c);
		while (go_count() > 1)
			go_yield();
		CHECK_EQ(__atomic_load_n(&gone, __ATOMIC_ACQUIRE), sizes[i]);
	}
}

static int64_t panicked, through; /* atomic, both */

static void send_anyhow(chan(int) c)
{
	if (go_try(send_one, c))
		__atomic_add_fetch(&panicked, 1, __ATOMIC_ACQ_REL);
	else
		__atomic_add_fetch(&through, 1, __ATOMIC_ACQ_REL);
}

static void close_and_say(chan(int) c, uint32_t *closing)
{
	__atomic_store_n(closing, 1, __ATOMIC_RELEASE);
	chan_close(c);
}

/* Whoever waits to send when it is closed panics: after the close nothing of them is
 * received, though they may be many. */
static void senders_and_close(chan(int) c, int has)
{
	enum { SENDERS = 1500 };
	uint32_t closing = 0;
	waitgroup wg = { 0 };
	int v, got = 0;

	panicked = through = 0;
	for (int i = 0; i < SENDERS; i++)
		wg_go(&wg, send_anyhow, c);
	until_waiting("chan send", SENDERS);
	wg_go(&wg, close_and_say, c, &closing);
	while (!__atomic_load_n(&closing, __ATOMIC_ACQUIRE))
		go_yield();
	while (__atomic_load_n(&panicked, __ATOMIC_ACQUIRE) == 0)
		go_yield();
	/* It has begun to tell them, so it is closed. */
	while (chan_recv(c, &v))
		got++;
	CHECK_EQ(got, has);
	wg_wait(&wg);
	CHECK_EQ(through, 0);
	CHECK_EQ(panicked, SENDERS);
	chan_free(c);
}
TEST(chan, nothing_of_a_crowd_gets_through_a_close)
{
	chan(int) ring = chan_make(int, 3);

	senders_and_close(chan_make(int), 0);
	for (int i = 0; i < 3; i++)
		chan_send(ring, i);
	senders_and_close(ring, 3);
}
