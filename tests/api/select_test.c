/* select_test.c - select, as a user sees it.
 *
 * Random choices are judged at five standard deviations: one run in two million fails
 * by chance. Timeouts are checked from below only: a late one is no fault. */
#include "waiting.h"
#include <math.h>
#include <pthread.h>

/* ------------------------------------------------------------- single choices -- */

TEST(select, takes_what_is_ready)
{
	chan(int) a = chan_make(int, 1);
	chan(double) b = chan_make(double, 1);
	chan(char) c = chan_make(char, 1);
	int v = -1;
	double d = -1;
	bool ok = false;

	chan_send(c, 'x');              /* full */
	chan_send(a, 5);
	CHECK_EQ(chan_select(on_recv(a, &v, &ok), on_recv(b, &d), on_send(c, 'y')), 0);
	CHECK_EQ(v, 5);
	CHECK(ok);
	chan_send(b, 0.5);
	CHECK_EQ(chan_select(on_recv(a, &v), on_recv(b, &d), on_send(c, 'y')), 1);
	CHECK(d == 0.5);
	chan_recv(c);
	CHECK_EQ(chan_select(on_recv(a, &v), on_recv(b, &d), on_send(c, 'y')), 2);
	CHECK_EQ(chan_recv(c), 'y');
	CHECK_EQ(v, 5);                 /* only the chosen case stores */
	chan_free(a);
	chan_free(b);
	chan_free(c);
}

TEST(select, default_when_nothing_is_ready)
{
	chan(int) a = chan_make(int);
	chan(int) full = chan_make(int, 1);
	int v = 7;
	bool ok = true;

	chan_send(full, 1);
	CHECK_EQ(chan_select(on_default), 0);
	CHECK_EQ(chan_select(on_recv(a, &v, &ok), on_send(a, 1), on_send(full, 2),
			     on_default), 3);
	CHECK_EQ(v, 7);
	CHECK(ok);
	CHECK_EQ(chan_select(on_default, on_recv(full, &v)), 1);
	CHECK_EQ(v, 1);
	chan_free(a);
	chan_free(full);
}

TEST(select, closed_channel_is_ready)
{
	chan(int) ch = chan_make(int, 1);
	int v = 7;
	bool ok = true;

	chan_send(ch, 3);
	chan_close(ch);
	CHECK_EQ(chan_select(on_recv(ch, &v, &ok)), 0);
	CHECK_EQ(v, 3);
	CHECK(ok);
	CHECK_EQ(chan_select(on_recv(ch, &v, &ok), on_default), 0);
	CHECK_EQ(v, 0);
	CHECK(!ok);
	CHECK_EQ(chan_select(on_recv(ch)), 0);
	chan_free(ch);
}

static void select_send(chan(int) ch) { chan_select(on_send(ch, 1)); }
static void select_send_default(chan(int) ch) { chan_select(on_send(ch, 1), on_default); }
TEST(select, send_on_closed_panics)
{
	chan(int) ch = chan_make(int, 1);

	chan_close(ch);
	CHECK_STR(go_try(select_send, ch), "send on closed channel");
	CHECK_STR(go_try(select_send_default, ch), "send on closed channel");
	chan_free(ch);
}

static void panic_of_send(chan(int) ch, chan(int) nobody, chan(bool) told)
{
	const char *why = go_try(select_send, ch);

	(void)nobody;
	CHECK_STR(why, "send on closed channel");
	chan_send(told, true);
}
TEST(select, close_wakes_a_sender_with_a_panic)
{
	chan(int) ch = chan_make(int);
	chan(bool) told = chan_make(bool);

	go(panic_of_send, ch, NULL, told);
	until_waiting("select", 1);
	chan_close(ch);
	CHECK(chan_recv(told));
	chan_free(ch);
	chan_free(told);
}

static void two_defaults(void) { chan_select(on_default, on_default); }
TEST(select, two_defaults_panic)
{
	CHECK_STR(go_try(two_defaults), "select: more than one default");
}

/* Operands are evaluated once each, also those of cases not chosen. */
static chan(int) count_chan(chan(int) ch, int *n) { ++*n; return ch; }
static int count_int(int v, int *n) { ++*n; return v; }
TEST(select, operands_are_evaluated_once)
{
	chan(int) ch = chan_make(int, 1);
	int n = 0, v;

	CHECK_EQ(chan_select(on_recv(count_chan(ch, &n), &v),
			     on_send(count_chan(ch, &n), count_int(4, &n)),
			     on_default), 1);
	CHECK_EQ(n, 3);
	CHECK_EQ(chan_recv(ch), 4);
	chan_free(ch);
}

/* ------------------------------------------------------------ holes and NULL -- */

TEST(select, designators_may_leave_holes)
{
	enum { A = 2, B = 7, NONE = 9 };
	chan(int) a = chan_make(int, 1);
	chan(int) b = chan_make(int, 1);
	int v = 0;

	CHECK_EQ(chan_select([A] = on_recv(a, &v), [NONE] = on_default), NONE);
	chan_send(b, 8);
	CHECK_EQ(chan_select([A] = on_recv(a, &v), [B] = on_recv(b, &v)), B);
	CHECK_EQ(v, 8);
	CHECK_EQ(chan_select([B] = on_send(b, 9), [A] = on_recv(a, &v)), B);
	chan_free(a);
	chan_free(b);
}

TEST(select, null_is_never_ready)
{
	chan(int) nil = NULL;
	chan(int) ch = chan_make(int, 1);
	int v = 0;

	CHECK_EQ(chan_select(on_recv(nil, &v), on_send(nil, 1), on_default), 2);
	CHECK_EQ(chan_select(on_recv(nil), on_timeout(MILLISECOND)), 1);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(chan_select(on_send(nil, 1), on_send(ch, i), on_recv(nil)), 1);
		CHECK_EQ(chan_select(on_send(nil, 1), on_recv(ch, &v), on_recv(nil)), 1);
		CHECK_EQ(v, i);
	}
	chan_free(ch);
}

static void select_nothing(void) { mr_chan_select_n(NULL, 0); FAIL("returned"); }
static void select_nulls(void)
{
	chan(int) nil = NULL;

	chan_select(on_recv(nil), on_send(nil, 1));
	FAIL("a NULL channel was ready");
}
TEST(select, nothing_to_wait_for_blocks_for_ever)
{
	go(select_nothing);
	go(select_nulls);
	until_waiting("select (no cases)", 2);
}

/* ------------------------------------------------------------------- timeouts -- */

TEST(select, timeout_is_not_early)
{
	chan(int) ch = chan_make(int);
	int64_t begin = time_now();

	CHECK_EQ(chan_select(on_recv(ch), on_timeout(20 * MILLISECOND)), 1);
	CHECK(time_now() - begin >= 20 * MILLISECOND);
	begin = time_now();
	CHECK_EQ(chan_select(on_timeout(20 * MILLISECOND)), 0);
	CHECK(time_now() - begin >= 20 * MILLISECOND);
	chan_free(ch);
}

TEST(select, of_several_timeouts_the_earliest)
{
	chan(int) ch = chan_make(int);

	CHECK_EQ(chan_select(on_timeout(HOUR), on_recv(ch), on_timeout(MILLISECOND),
			     on_timeout(MINUTE)), 2);
	CHECK_EQ(chan_select(on_timeout(5 * MILLISECOND), on_timeout(INT64_MAX)), 0);
	CHECK_EQ(chan_select(on_timeout(HOUR), on_timeout(-1)), 1);
	chan_free(ch);
}

/* Of 0 or less: as a default, but behind one that is written. */
TEST(select, timeout_that_is_over)
{
	chan(int) ch = chan_make(int, 1);
	int v = 0;

	CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(0)), 1);
	CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(-5)), 1);
	CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(INT64_MIN)), 1);
	CHECK_EQ(chan_select(on_timeout(0)), 0);
	CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(0), on_default), 2);
	chan_send(ch, 6);
	CHECK_EQ(chan_select(on_timeout(0), on_recv(ch, &v)), 1);
	CHECK_EQ(v, 6);
	chan_free(ch);
}

static void send_value(chan(int) ch, int v) { chan_send(ch, v); }
TEST(select, timeout_that_is_not_needed)
{
	chan(int) ch = chan_make(int);
	int v;

	for (int i = test_rounds(1000); i > 0; i--) {
		go(send_value, ch, i);
		CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(INT64_MAX)), 0);
		CHECK_EQ(v, i);
	}
	chan_free(ch);
}

/* Both may win. Whoever does, nothing is lost: a value is received or still offered. */
TEST(select, timeout_against_a_sender)
{
	chan(int) ch = chan_make(int);
	int v = -1;

	for (int i = test_rounds(2000); i > 0; i--) {
		waitgroup wg = { 0 };

		wg_go(&wg, send_value, ch, i);
		if (chan_select(on_recv(ch, &v), on_timeout(i % 40 * MICROSECOND)) == 1)
			v = chan_recv(ch);
		CHECK_EQ(v, i);
		wg_wait(&wg);
	}
	CHECK_EQ(chan_tryrecv(ch, &v), CHAN_WOULD_BLOCK);
	chan_free(ch);
}

/* ------------------------------------------------------------------- ordered -- */

TEST(select, ordered_takes_the_first)
{
	chan(int) a = chan_make(int, 1);
	chan(int) b = chan_make(int, 1);
	int v = 0;

	for (int i = 0; i < 100; i++) {
		chan_send(a, 1);
		chan_send(b, 2);
		CHECK_EQ(chan_select_ordered(on_recv(b, &v), on_recv(a, &v)), 0);
		CHECK_EQ(v, 2);
		CHECK_EQ(chan_select_ordered(on_recv(b, &v), on_recv(a, &v),
					     on_send(b, 3)), 1);
		CHECK_EQ(v, 1);
	}
	CHECK_EQ(chan_select_ordered(on_recv(a, &v), on_timeout(0), on_recv(b, &v)), 1);
	CHECK_EQ(chan_select_ordered(on_recv(a, &v), on_timeout(MILLISECOND)), 1);
	chan_free(a);
	chan_free(b);
}

/* ------------------------------------------------------------------ fairness -- */

/* n picks, each with probability p: how far from the mean is `count`? */
static void check_fair(int count, int n, double p)
{
	double mean = n * p, sigma = sqrt(n * p * (1 - p));

	if (fabs(count - mean) > 5 * sigma)
		FAIL("%d of %d, expected %.0f +- %.0f", count, n, mean, 5 * sigma);
}

TEST(select, fair_among_ready_receives)
{
	enum { K = 5 };
	int n = test_rounds(20000), count[K] = { 0 };
	chan(int) ch[K];

	for (int i = 0; i < K; i++) {
		ch[i] = chan_make(int, 1);
		chan_send(ch[i], i);
	}
	for (int i = 0; i < n; i++) {
		int v, got = chan_select(on_recv(ch[0], &v), on_recv(ch[1], &v),
					 on_recv(ch[2], &v), on_recv(ch[3], &v),
					 on_recv(ch[4], &v));

		CHECK_EQ(v, got);
		count[got]++;
		chan_send(ch[got], got);
	}
	for (int i = 0; i < K; i++) {
		check_fair(count[i], n, 1.0 / K);
		chan_free(ch[i]);
	}
}

/* The pick does not depend on the places in the table: with a channel that is never
 * ready, a NULL, a hole and a timeout between them two are as fair as alone. */
TEST(select, fair_around_unready_cases)
{
	chan(int) a = chan_make(int, 1);
	chan(int) b = chan_make(int, 1);
	chan(int) c = chan_make(int);
	int n = test_rounds(20000), first = 0;

	for (int i = 0; i < n; i++) {
		int got = chan_select([0] = on_send(a, 1), [1] = on_recv(c),
				      [3] = on_recv((chan(int))NULL),
				      [4] = on_timeout(HOUR), [6] = on_send(b, 1));

		CHECK(got == 0 || got == 6);
		first += got == 0;
		chan_recv(got == 0 ? a : b);
	}
	check_fair(first, n, 0.5);
	chan_free(a);
	chan_free(b);
	chan_free(c);
}

/* As Go's TestPseudoRandomSend: 0 or 1 sent by a select with both, to a receiver that
 * sometimes waits and sometimes does not. A pick is only random when the select finds
 * its partner there, so the receiver is a buffer. */
static void send_bits(chan(int) ch, int n)
{
	for (int i = 0; i < n; i++)
		chan_select(on_send(ch, 0), on_send(ch, 1));
	chan_close(ch);
}
TEST(select, fair_among_sends_on_one_channel)
{
	int n = test_rounds(20000);

	for (int cap = 1; cap <= 100; cap *= 100) {
		chan(int) ch = chan_make(int, cap);
		int ones = 0, got = 0;

		for (int i = 0; i < n; i++) {
			chan_select(on_send(ch, 0), on_send(ch, 1));
			ones += chan_recv(ch);
		}
		check_fair(ones, n, 0.5);
		go(send_bits, ch, n);
		chan_range(v, ch) {
			CHECK(v == 0 || v == 1);
			got++;
		}
		CHECK_EQ(got, n);
		chan_free(ch);
	}
}

/* As Go's TestSelectFairness, between two feeders. A feeder may get no turn for a while,
 * so each pick waits until both have something; nobody else takes it away. */
static void feed(chan(int) ch, chan(char) quit)
{
	while (chan_select(on_send(ch, 1), on_recv(quit)) == 0)
		;
}
TEST(select, neglects_no_feeder)
{
	chan(int) a = chan_make(int, 4);
	chan(int) b = chan_make(int, 4);
	chan(char) quit = chan_make(char);
	waitgroup wg = { 0 };
	int n = test_rounds(5000), first = 0;

	wg_go(&wg, feed, a, quit);
	wg_go(&wg, feed, b, quit);
	for (int i = 0; i < n; i++) {
		while (chan_len(a) == 0 || chan_len(b) == 0)
			go_yield();
		first += chan_select(on_recv(a), on_recv(b)) == 0;
	}
	chan_close(quit);
	wg_wait(&wg);
	check_fair(first, n, 0.5);
	chan_free(a);
	chan_free(b);
	chan_free(quit);
}

/* ------------------------------------------------- one channel several times -- */

/* As Go's TestSelectDuplicateChannel: a select that waits twice on one channel leaves
 * no waiter behind on it when another case is done. */
static void wait_twice(chan(int) c, chan(int) d, chan(int) done)
{
	chan_select(on_recv(c), on_recv(c), on_recv(d));
	chan_send(done, 9);
}
static void take_one(chan(int) c, chan(int) done) { chan_send(done, chan_recv(c)); }
TEST(select, one_channel_twice)
{
	chan(int) c = chan_make(int);
	chan(int) d = chan_make(int);
	chan(int) done = chan_make(int);

	go(wait_twice, c, d, done);
	until_waiting("select", 1);
	go(take_one, c, done);          /* behind the select's two */
	until_waiting("chan receive", 1);
	chan_send(d, 7);
	CHECK_EQ(chan_recv(done), 9);
	chan_send(c, 8);                /* must not be lost in them */
	CHECK_EQ(chan_recv(done), 8);
	chan_free(c);
	chan_free(d);
	chan_free(done);
}

/* One element is taken by one of the two cases, a close as well. */
static void recv_twice(chan(int) c, chan(int) done)
{
	int v1 = -1, v2 = -1;
	bool ok;

	switch (chan_select(on_recv(c, &v1, &ok), on_recv(c, &v2, &ok))) {
	case 0: CHECK_EQ(v2, -1); chan_send(done, ok ? v1 : -2); break;
	case 1: CHECK_EQ(v1, -1); chan_send(done, ok ? v2 : -2); break;
	}
}
TEST(select, one_channel_twice_gets_one_element)
{
	chan(int) c = chan_make(int);
	chan(int) done = chan_make(int);

	go(recv_twice, c, done);
	until_waiting("select", 1);
	chan_send(c, 3);
	CHECK_EQ(chan_recv(done), 3);
	CHECK_EQ(chan_trysend(c, 4), CHAN_WOULD_BLOCK);
	go(recv_twice, c, done);
	until_waiting("select", 1);
	chan_close(c);
	CHECK_EQ(chan_recv(done), -2);
	chan_free(c);
	chan_free(done);
}

/* As Go's TestSelfSelect: both send and receive on one channel in the same select, by
 * two goroutines. Nobody may receive from himself. */
static void self_select(chan(int) ch, int me, int n, bool blocks)
{
	for (int i = 0; i < n; i++) {
		int v = -1, got = blocks ?
			chan_select(on_send(ch, me), on_recv(ch, &v)) :
			chan_select(on_recv(ch, &v), on_send(ch, me), on_timeout(HOUR));

		CHECK_EQ(v, got == (blocks ? 1 : 0) ? 1 - me : -1);
	}
}
TEST(select, does_not_meet_itself)
{
	int n = test_rounds(5000);

	for (int blocks = 0; blocks < 2; blocks++) {
		chan(int) ch = chan_make(int);
		waitgroup wg = { 0 };

		wg_go(&wg, self_select, ch, 0, n, blocks);
		wg_go(&wg, self_select, ch, 1, n, blocks);
		wg_wait(&wg);
		chan_free(ch);
	}
}

/* With a buffer it does meet itself, through it: what is sent is received. */
TEST(select, self_through_a_buffer)
{
	chan(int) ch = chan_make(int, 10);
	int sent = 0, received = 0, v;

	for (int i = 0; i < 1000; i++) {
		switch (chan_select(on_recv(ch, &v), on_send(ch, sent))) {
		case 0: CHECK_EQ(v, received); received++; break;
		case 1: sent++; break;
		}
		CHECK_EQ(chan_len(ch), sent - received);
	}
	chan_free(ch);
}

/* ------------------------------------------------------------ tables and loops -- */

/* n channels in a table made in a loop; each round one of them becomes ready. The last
 * two of the table are a stop and a timeout. */
static void serve_table(chan(int) *ch, int n, chan(char) stop, chan(int) out)
{
	select_case *cases = calloc((size_t)n + 2, sizeof *cases);
	int *value = calloc((size_t)n, sizeof *value);

	CHECK(cases && value);
	for (int i = 0; i < n; i++)
		cases[i] = on_recv(ch[i], &value[i]);
	cases[n] = on_recv(stop);
	cases[n + 1] = on_timeout(HOUR);
	for (;;) {
		int got = chan_select_n(cases, (size_t)n + 2);

		if (got == n)
			break;
		chan_send(out, value[got] == got ? got : -1);
	}
	free(cases);
	free(value);
}
static void recv_table(int n)
{
	chan(int) *ch = calloc((size_t)n, sizeof *ch);
	chan(char) stop = chan_make(char);
	chan(int) out = chan_make(int);
	waitgroup wg = { 0 };

	for (int i = 0; i < n; i++)
		ch[i] = chan_make(int, i % 2);
	wg_go(&wg, serve_table, ch, n, stop, out);
	for (int i = 0; i < 200; i++) {
		int at = (int)((unsigned)i * 7919u % (unsigned)n);

		chan_send(ch[at], at);
		CHECK_EQ(chan_recv(out), at);
	}
	chan_close(stop);
	wg_wait(&wg);
	for (int i = 0; i < n; i++)
		chan_free(ch[i]);
	free(ch);
	chan_free(stop);
	chan_free(out);
}
TEST(select, tables_of_receives)
{
	recv_table(1);
	recv_table(6);
	recv_table(7);
	recv_table(100);
	recv_table(1000);
}

/* Broadcast: each of n channels is sent its value once, whichever is ready first. */
static void recv_own(chan(int) ch, int i) { CHECK_EQ(chan_recv(ch), i * 3); }
static void send_table(int n)
{
	select_case *cases = calloc((size_t)n, sizeof *cases);
	chan(int) *ch = calloc((size_t)n, sizeof *ch);
	int *value = calloc((size_t)n, sizeof *value);
	waitgroup wg = { 0 };

	CHECK(cases && ch && value);
	for (int i = 0; i < n; i++) {
		ch[i] = chan_make(int);
		value[i] = i * 3;
		cases[i] = on_send_from(ch[i], &value[i]);
		wg_go(&wg, recv_own, ch[i], i);
	}
	for (int left = n; left > 0; left--)
		cases[chan_select_n(cases, (size_t)n)].ch = NULL;
	wg_wait(&wg);
	CHECK_EQ(chan_select_ordered(on_send(ch[0], 1), on_default), 1);
	for (int i = 0; i < n; i++)
		chan_free(ch[i]);
	free(cases);
	free(ch);
	free(value);
}
TEST(select, tables_of_sends)
{
	send_table(1);
	send_table(7);
	send_table(100);
	send_table(TEST_TSAN ? 300 : 1000);
}

static void too_many(void)
{
	static select_case cases[65537];

	chan_select_n(cases, 65537);
}
TEST(select, refuses_a_table_beyond_reason)
{
	CHECK_STR(go_try(too_many), "select: too many cases");
}

/* ------------------------------------------------------------------- partners -- */

/* Selects on both sides of several channels, made to wait in either direction. */
static void swap_run(chan(int) a, chan(int) b, int n, int *sum)
{
	for (int i = 0; i < n; i++) {
		int v = 0;

		switch (chan_select(on_send(a, i), on_recv(b, &v))) {
		case 0: *sum += i; break;
		case 1: *sum -= v; break;
		}
	}
}
TEST(select, meets_select)
{
	chan(int) a = chan_make(int);
	chan(int) b = chan_make(int);
	waitgroup wg = { 0 };
	int sum[2] = { 0 }, n = test_rounds(5000);

	/* Each step is one of the other's: what one sends the other receives. */
	wg_go(&wg, swap_run, a, b, n, &sum[0]);
	wg_go(&wg, swap_run, b, a, n, &sum[1]);
	wg_wait(&wg);
	CHECK_EQ(sum[0] + sum[1], 0);
	chan_free(a);
	chan_free(b);
}

/* A thread that is no goroutine selects against goroutines, with a timeout armed. */
struct thread_ends { chan(int) in, out; chan(char) quit; int got; };
static void *select_thread(void *arg)
{
	struct thread_ends *e = arg;
	int v;

	for (;;) {
		switch (chan_select(on_recv(e->in, &v), on_recv(e->quit),
				    on_timeout(HOUR))) {
		case 0:
			e->got++;
			CHECK_EQ(chan_select(on_send(e->out, v + 1),
					     on_timeout(HOUR)), 0);
			break;
		case 1: return NULL;
		default: FAIL("an hour has passed");
		}
	}
}
TEST(select, thread_against_goroutines)
{
	struct thread_ends e = { chan_make(int), chan_make(int, 2), chan_make(char), 0 };
	int n = test_rounds(1000);
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, select_thread, &e), 0);
	for (int i = 0; i < n; i++) {
		go(send_value, e.in, i);
		CHECK_EQ(chan_recv(e.out), i + 1);
	}
	chan_close(e.quit);
	pthread_join(t, NULL);
	CHECK_EQ(e.got, n);
	chan_free(e.in);
	chan_free(e.out);
	chan_free(e.quit);
}

static void *timeout_thread(void *arg)
{
	chan(int) ch = arg;
	int64_t begin = time_now();

	CHECK_EQ(chan_select(on_recv(ch), on_timeout(5 * MILLISECOND)), 1);
	CHECK(time_now() - begin >= 5 * MILLISECOND);
	CHECK_EQ(chan_select(on_recv(ch), on_timeout(0)), 1);
	CHECK_EQ(chan_select(on_timeout(MILLISECOND)), 0);
	return NULL;
}
TEST(select, thread_times_out)
{
	enum { N = 4 };
	chan(int) ch = chan_make(int);
	pthread_t t[N];

	for (int i = 0; i < N; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, timeout_thread, (void *)ch), 0);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	chan_free(ch);
}

/* ------------------------------------------------------------------ allocation -- */

#if defined(__GLIBC__) || TEST_ASAN || TEST_TSAN
/* Counted from the inside of the process: without a sanitizer by taking malloc's place,
 * with one by asking it. */
static int mallocs;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
int __sanitizer_install_malloc_and_free_hooks(
	void (*malloc_hook)(const volatile void *, size_t),
	void (*free_hook)(const volatile void *));
static void on_malloc(const volatile void *p, size_t n)
{
	(void)p;
	(void)n;
	__atomic_add_fetch(&mallocs, 1, __ATOMIC_RELAXED);
}
static void on_free(const volatile void *p) { (void)p; }
static void count_mallocs(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
	__atomic_add_fetch(&mallocs, 1, __ATOMIC_RELAXED);
	return __libc_malloc(n);
}
void *calloc(size_t n, size_t m)
{
	__atomic_add_fetch(&mallocs, 1, __ATOMIC_RELAXED);
	return __libc_calloc(n, m);
}
void *realloc(void *p, size_t n)
{
	__atomic_add_fetch(&mallocs, 1, __ATOMIC_RELAXED);
	return __libc_realloc(p, n);
}
static void count_mallocs(void) {}
#endif

/* The runtime may start threads as it goes, which allocates; after some warming up and
 * with one goroutine there is no reason to. It is tried a few times all the same: one
 * round without any allocation is proof enough. */
static void select_many(chan(int) ch, int n)
{
	int v;

	for (int i = 0; i < n; i++) {
		CHECK_EQ(chan_select(on_recv(ch, &v), on_send((chan(int))NULL, 1),
				     on_timeout(100 * MICROSECOND)), 2);
		CHECK_EQ(chan_select(on_recv(ch, &v), on_timeout(0)), 1);
		CHECK_EQ(chan_select(on_recv(ch, &v), on_default), 1);
		CHECK_EQ(chan_select(on_timeout(MICROSECOND)), 0);
	}
}
TEST(select, allocates_nothing)
{
	chan(int) ch = chan_make(int);
	void *volatile p;
	int before;

#ifdef MRI_VALGRIND
	SKIP("malloc is valgrind's");
#endif
	count_mallocs();
	p = malloc(1);
	free(p);
	CHECK(__atomic_load_n(&mallocs, __ATOMIC_RELAXED) > 0); /* the counter works */
	select_many(ch, 20);
	for (int round = 0; round < 10; round++) {
		before = __atomic_load_n(&mallocs, __ATOMIC_RELAXED);
		select_many(ch, 20);
		if (__atomic_load_n(&mallocs, __ATOMIC_RELAXED) == before)
			return;
	}
	FAIL("every round has allocated");
}
#endif
