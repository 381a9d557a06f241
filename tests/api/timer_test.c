/* timer_test.c - timers and tickers, as a user sees them: Go 1.23's rules.
 *
 * Nothing may come early, nothing stale may come at all; how late things are is up to
 * the machine, and no test minds. Where a timer has to fire while nobody looks, the
 * checks hold whether it has or not. */
#include "waiting.h"
#include <pthread.h>

/* -------------------------------------------------------------------- channels -- */

TEST(timer, fires_once)
{
	int64_t begin = time_now(), then;
	timer *t = timer_make(10 * MILLISECOND);

	then = chan_recv(timer_chan(t));
	CHECK(then - begin >= 10 * MILLISECOND);
	CHECK(then <= time_now());
	CHECK_EQ(chan_tryrecv(timer_chan(t), &then), CHAN_WOULD_BLOCK);
	CHECK(!timer_stop(t));
	CHECK(!timer_stop(t));
	timer_free(t);
	timer_free(NULL);
}

TEST(timer, of_0_or_less_fires_at_once)
{
	const duration d[] = { 0, -1, INT64_MIN };

	for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
		timer *t = timer_make(d[i]);

		CHECK(chan_recv(timer_chan(t)) <= time_now());
		timer_reset(t, d[i]);
		CHECK(chan_recv(timer_chan(t)) <= time_now());
		timer_free(t);
	}
}

/* Its channel looks unbuffered, whether it has fired or not. */
TEST(timer, channel_has_neither_len_nor_cap)
{
	timer *t = timer_make(0);

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(chan_len(timer_chan(t)), 0);
		CHECK_EQ(chan_cap(timer_chan(t)), 0);
		go_sleep(20 * MICROSECOND);
	}
	chan_recv(timer_chan(t));
	timer_free(t);
}

TEST(timer, stopped_does_not_fire)
{
	timer *t = timer_make(HOUR), *u = timer_make(INT64_MAX);
	int64_t v;

	CHECK(timer_stop(t));
	CHECK(!timer_stop(t));
	CHECK(timer_stop(u));
	CHECK_EQ(chan_tryrecv(timer_chan(t), &v), CHAN_WOULD_BLOCK);
	timer_free(t);
	timer_free(u);
}

/* A value that nobody has received is taken back: the stop was in time. */
TEST(timer, stop_leaves_no_stale_value)
{
	for (int i = test_rounds(3000); i > 0; i--) {
		timer *t = timer_make(i % 40 * MICROSECOND);
		int64_t v;

		go_sleep(i % 30 * MICROSECOND);
		CHECK(timer_stop(t));
		CHECK_EQ(chan_tryrecv(timer_chan(t), &v), CHAN_WOULD_BLOCK);
		CHECK(!timer_stop(t));
		timer_free(t);
	}
}

TEST(timer, reset_leaves_no_stale_value)
{
	timer *t = timer_make(0);
	int64_t v;

	for (int i = test_rounds(3000); i > 0; i--) {
		int64_t begin;

		go_sleep(i % 30 * MICROSECOND);
		CHECK(timer_reset(t, HOUR));
		CHECK_EQ(chan_tryrecv(timer_chan(t), &v), CHAN_WOULD_BLOCK);
		begin = time_now();
		CHECK(timer_reset(t, i % 20 * MICROSECOND));
		v = chan_recv(timer_chan(t));
		CHECK(v - begin >= i % 20 * MICROSECOND);
		CHECK(!timer_reset(t, i % 40 * MICROSECOND));
	}
	timer_free(t);
}

TEST(timer, reset_to_earlier_and_later)
{
	timer *t = timer_make(HOUR);
	int64_t begin = time_now();

	CHECK(timer_reset(t, 5 * MILLISECOND));
	CHECK(chan_recv(timer_chan(t)) - begin >= 5 * MILLISECOND);
	begin = time_now();
	CHECK(!timer_reset(t, MILLISECOND));
	if (timer_reset(t, 20 * MILLISECOND))
		CHECK(chan_recv(timer_chan(t)) - begin >= 20 * MILLISECOND);
	CHECK(!timer_reset(t, INT64_MAX));
	CHECK(timer_stop(t));
	CHECK(!timer_reset(t, 0));              /* once stopped it starts again */
	chan_recv(timer_chan(t));
	timer_free(t);
}

/* Who waits on the channel goes on waiting through stop and reset. */
static void recv_time(timer *t, chan(int64_t) out)
{
	chan_send(out, chan_recv(timer_chan(t)));
}
TEST(timer, reset_while_somebody_waits)
{
	chan(int64_t) out = chan_make(int64_t);
	timer *t = timer_make(HOUR);
	int64_t begin;

	go(recv_time, t, out);
	until_waiting("chan receive", 1);
	CHECK(timer_stop(t));
	CHECK_EQ(count_waiting("chan receive"), 1);
	begin = time_now();
	CHECK(!timer_reset(t, 3 * MILLISECOND));
	CHECK(chan_recv(out) - begin >= 3 * MILLISECOND);
	timer_free(t);
	chan_free(out);
}

static void free_timer(timer *t) { timer_free(t); }
static void free_chan_of(timer *t) { chan_free(timer_chan(t)); }
TEST(timer, misuse_panics)
{
	chan(int64_t) out = chan_make(int64_t);
	timer *t = timer_make(HOUR);

	CHECK_STR(go_try(free_chan_of, t), "chan_free of a channel that belongs to a timer");
	go(recv_time, t, out);
	until_waiting("chan receive", 1);
	CHECK_STR(go_try(free_timer, t), "chan_free of a channel that is waited on");
}

static void ticker_of(duration d) { timer_free(ticker_make(d)); }
static void reset_to(timer *t, duration d) { timer_reset(t, d); }
TEST(timer, ticker_intervals_are_positive)
{
	timer *t = ticker_make(HOUR);

	CHECK_STR(go_try(ticker_of, 0), "non-positive interval for NewTicker");
	CHECK_STR(go_try(ticker_of, -5), "non-positive interval for NewTicker");
	CHECK_STR(go_try(reset_to, t, 0), "non-positive interval for Ticker.Reset");
	CHECK_STR(go_try(reset_to, t, INT64_MIN), "non-positive interval for Ticker.Reset");
	CHECK(timer_stop(t));
	timer_free(t);
}

/* --------------------------------------------------------------------- tickers -- */

TEST(ticker, ticks_in_its_rhythm)
{
	enum { N = 10 };
	int64_t begin = time_now(), last = 0;
	timer *t = ticker_make(2 * MILLISECOND);

	for (int i = 1; i <= N; i++) {
		int64_t v = chan_recv(timer_chan(t));

		CHECK(v > last);
		CHECK(v - begin >= i * 2 * MILLISECOND);
		last = v;
	}
	CHECK(timer_stop(t));
	CHECK(!timer_stop(t));
	timer_free(t);
}

/* One tick waits for a slow receiver, the others are dropped: so there are never more
 * than one for each interval that has passed since, and that one. */
TEST(ticker, drops_what_nobody_receives)
{
	const duration d = MILLISECOND;
	timer *t = ticker_make(d);
	int64_t begin, v, n = 0;

	go_sleep(20 * d);
	begin = time_now();
	while (chan_tryrecv(timer_chan(t), &v) == CHAN_OK)
		n++;
	CHECK(n <= (time_now() - begin) / d + 2);
	for (int i = 0; i < 3; i++)
		chan_recv(timer_chan(t));
	timer_free(t);
}

TEST(ticker, stopped_does_not_tick)
{
	for (int i = test_rounds(1000); i > 0; i--) {
		timer *t = ticker_make(1 + i % 30 * MICROSECOND);
		int64_t v;

		if (i % 3 == 0)
			chan_recv(timer_chan(t));
		go_sleep(i % 20 * MICROSECOND);
		CHECK(timer_stop(t));
		CHECK_EQ(chan_tryrecv(timer_chan(t), &v), CHAN_WOULD_BLOCK);
		go_sleep(i % 30 * MICROSECOND);
		CHECK_EQ(chan_tryrecv(timer_chan(t), &v), CHAN_WOULD_BLOCK);
		timer_free(t);
	}
}

TEST(ticker, reset_changes_the_interval)
{
	timer *t = ticker_make(HOUR);
	int64_t begin = time_now();

	CHECK(timer_reset(t, 2 * MILLISECOND));
	for (int i = 1; i <= 5; i++)
		CHECK(chan_recv(timer_chan(t)) - begin >= i * 2 * MILLISECOND);
	CHECK(timer_reset(t, HOUR));
	CHECK_EQ(chan_tryrecv(timer_chan(t), NULL), CHAN_WOULD_BLOCK);
	CHECK(timer_stop(t));
	CHECK(!timer_reset(t, MICROSECOND));    /* starts it again */
	for (int i = 0; i < 5; i++)
		chan_recv(timer_chan(t));
	timer_free(t);
}

TEST(ticker, of_nearly_for_ever)
{
	timer *t = ticker_make(INT64_MAX);

	CHECK(timer_reset(t, INT64_MAX - 1));
	CHECK_EQ(chan_tryrecv(timer_chan(t), NULL), CHAN_WOULD_BLOCK);
	timer_free(t);
}

/* As short as can be: the receiver gets ticks, and everybody else gets on. */
static void count_ticks(timer *t, int n)
{
	while (n-- > 0)
		chan_recv(timer_chan(t));
}
TEST(ticker, of_a_nanosecond)
{
	timer *t = ticker_make(NANOSECOND);
	waitgroup wg = { 0 };

	for (int i = 0; i < 3; i++)
		wg_go(&wg, count_ticks, t, test_rounds(300));
	wg_wait(&wg);
	timer_free(t);
}

/* ----------------------------------------------------------------- after_func -- */

struct call { chan(int64_t) ran; int64_t id; };
static void note_call(void *arg)
{
	struct call *c = arg;

	c->id = go_id();
	chan_send(c->ran, time_now());
}
TEST(after_func, runs_in_a_goroutine_of_its_own)
{
	struct call c = { chan_make(int64_t), 0 };
	int64_t begin = time_now();
	timer *t = timer_after_func(5 * MILLISECOND, note_call, &c);

	CHECK_EQ(timer_chan(t) == NULL, true);
	CHECK(chan_recv(c.ran) - begin >= 5 * MILLISECOND);
	CHECK(c.id > 1);
	CHECK(!timer_stop(t));
	CHECK(!timer_reset(t, 0));              /* once more */
	chan_recv(c.ran);
	timer_free(t);
	chan_free(c.ran);
}

static char was[][9] = { "stopped", "for ever", "freed" };
static void never(void *arg) { FAIL("%s, and it ran", (char *)arg); }
TEST(after_func, stopped_does_not_run)
{
	timer *t = timer_after_func(HOUR, never, was[0]);
	timer *u = timer_after_func(INT64_MAX, never, was[1]);
	timer *v = timer_after_func(HOUR, never, was[2]);

	CHECK(timer_stop(t));
	CHECK(!timer_stop(t));
	CHECK(timer_reset(u, HOUR));
	timer_free(t);
	timer_free(u);
	timer_free(v);
}

/* Stop against the moment it fires: it runs, or the stop says that it does not. */
static void count_up(void *arg) { __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED); }
TEST(after_func, stop_and_run_exclude_each_other)
{
	int n = test_rounds(3000), stopped = 0, ran = 0;

	for (int i = 0; i < n; i++) {
		timer *t = timer_after_func(i % 50 * MICROSECOND, count_up, &ran);

		if (i % 2)
			go_sleep(i % 40 * MICROSECOND);
		stopped += timer_stop(t);
		timer_free(t);
	}
	/* The last may still be on their way; the test's time limit bounds the wait. */
	while (__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped < n)
		go_yield();
	go_sleep(2 * MILLISECOND);      /* one that should not run would, by now */
	CHECK_EQ(__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped, n);
}

/* From the callback, which may run before timer_after_func has returned: so the timer
 * is sent to it. */
struct self { chan(timer *) me; waitgroup wg; int left; timer *t; };
static void free_self(void *arg)
{
	struct self *s = arg;

	timer_free(chan_recv(s->me));
	wg_done(&s->wg);
}
TEST(after_func, may_free_itself)
{
	struct self s = { .me = chan_make(timer *) };

	for (int i = test_rounds(1000); i > 0; i--) {
		wg_add(&s.wg, 1);
		chan_send(s.me, timer_after_func(i % 2, free_self, &s));
		wg_wait(&s.wg);
	}
	chan_free(s.me);
}

static void reset_self(void *arg)
{
	struct self *s = arg;

	if (!s->t)
		s->t = chan_recv(s->me);
	CHECK(!timer_stop(s->t));
	if (--s->left > 0)
		CHECK(!timer_reset(s->t, s->left % 3));
	else
		wg_done(&s->wg);
}
TEST(after_func, may_reset_itself)
{
	struct self s = { .me = chan_make(timer *), .left = test_rounds(1000) };

	wg_add(&s.wg, 1);
	chan_send(s.me, timer_after_func(0, reset_self, &s));
	wg_wait(&s.wg);
	CHECK_EQ(s.left, 0);
	timer_free(s.t);
	chan_free(s.me);
}

static void *thread_timers(void *arg)
{
	int64_t begin = time_now();
	timer *t = timer_make(MILLISECOND), *k = ticker_make(MILLISECOND);

	CHECK(chan_recv(timer_chan(t)) - begin >= MILLISECOND);
	for (int i = 1; i <= 3; i++)
		CHECK(chan_recv(timer_chan(k)) - begin >= i * MILLISECOND);
	CHECK(!timer_reset(t, HOUR));
	CHECK(timer_stop(t));
	CHECK(timer_stop(k));
	timer_free(t);
	timer_free(k);
	timer_free(timer_after_func(0, count_up, arg));
	return NULL;
}
TEST(timer, used_by_threads)
{
	enum { N = 3 };
	int ran = 0;
	pthread_t t[N];

	for (int i = 0; i < N; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, thread_timers, &ran), 0);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
}

/* -------------------------------------------------------------------- thousands -- */

/* Timers of one P fire in the order of their times, so with one P all do: of any two
 * whose times certainly differ, the earlier has sent the earlier value. */
struct plan { timer *t; int64_t from, to, value; };
TEST(timer, thousands_fire_in_order)
{
	enum { N = 2000 };
	static struct plan p[N];
	int64_t begin = time_now();

	for (int i = 0; i < N; i++) {
		int64_t at = begin + (i * 7919 % N) * 10 * MICROSECOND + 5 * MILLISECOND;
		duration d = at - time_now();

		d = d > 0 ? d : 0;
		p[i].from = time_now() + d;
		p[i].t = timer_make(d);
		p[i].to = time_now() + d;
	}
	for (int i = 0; i < N; i++) {
		p[i].value = chan_recv(timer_chan(p[i].t));
		CHECK(p[i].value >= p[i].from);
		timer_free(p[i].t);
	}
	for (int i = 0; i < N && go_procs(0) == 1; i++)
		for (int j = 0; j < N; j++)
			if (p[i].to < p[j].from)
				CHECK(p[i].value <= p[j].value);
}

/* Every other one is stopped, in an order that is not that of their times. */
TEST(timer, thousands_stopped_from_the_middle)
{
	enum { N = 3000 };
	static timer *t[N];
	int stopped = 0, ran = 0;

	for (int i = 0; i < N; i++)
		t[i] = timer_after_func((i * 7919 % N) * 10 * MICROSECOND, count_up, &ran);
	for (int i = 0; i < N; i++)
		if (i % 2)
			stopped += timer_stop(t[i * 1237 % N]);
	while (__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped < N)
		go_sleep(100 * MICROSECOND);
	CHECK_EQ(__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped, N);
	for (int i = 0; i < N; i++)
		timer_free(t[i]);
}
