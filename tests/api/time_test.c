/* time_test.c - the clock, sleep and time_after.
 *
 * Times are checked from below: nothing may come early. How late it comes is up to the
 * machine; where an order is checked, what comes first is caused, not slept for. */
#include "waiting.h"
#include <pthread.h>

TEST(time, now_does_not_go_back)
{
	int64_t last = time_now();

	CHECK(last > 0);
	for (int i = 0; i < 10000; i++) {
		int64_t now = time_now();

		CHECK(now >= last);
		last = now;
	}
}

TEST(time, units)
{
	CHECK_EQ(MILLISECOND, 1000000);
	CHECK_EQ(HOUR, INT64_C(3600) * 1000 * 1000 * 1000);
	CHECK_EQ(sizeof(duration), 8);
}

TEST(time, sleep_is_not_short)
{
	const duration d[] = { 1, MICROSECOND, 50 * MICROSECOND, MILLISECOND,
			       20 * MILLISECOND };

	for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
		int64_t begin = time_now();

		go_sleep(d[i]);
		CHECK(time_now() - begin >= d[i]);
	}
}

/* They do not park at all: the test would not end in time if one took an hour. */
TEST(time, sleep_of_nothing_returns)
{
	for (int i = 0; i < 1000; i++) {
		go_sleep(0);
		go_sleep(-1);
		go_sleep(INT64_MIN);
	}
}

static void sleep_then_fail(duration d)
{
	go_sleep(d);
	FAIL("a sleep of %lld ns has ended", (long long)d);
}
TEST(time, sleep_of_nearly_for_ever)
{
	go(sleep_then_fail, INT64_MAX);
	go(sleep_then_fail, INT64_MAX - 1);
	go(sleep_then_fail, INT64_MAX / 2);
	until_waiting("sleep", 3);
	go_sleep(5 * MILLISECOND);      /* and shorter ones go on working */
	CHECK_EQ(count_waiting("sleep"), 3);
}

/* Sleepers that are far enough apart wake in order. How far that is, is up to what else
 * the machine does: the distance is doubled until it is enough, up to 200 ms. None is
 * short in any attempt. */
static void sleep_and_say(int64_t until, int i, chan(int) out)
{
	go_sleep(until - time_now());
	CHECK(time_now() >= until);
	chan_send(out, i);
}
TEST(time, sleepers_wake_in_order)
{
	enum { N = 10 };
	chan(int) out = chan_make(int, N);
	bool ordered = false;

	for (duration gap = MILLISECOND / 2; gap < 300 * MILLISECOND && !ordered; gap *= 2) {
		int64_t begin = time_now() + gap;

		for (int i = N; i-- > 0;)
			go(sleep_and_say, begin + i * gap, i, out);
		ordered = true;
		for (int i = 0; i < N; i++)
			ordered &= chan_recv(out) == i;
	}
	CHECK(ordered);
	chan_free(out);
}

TEST(time, many_sleepers)
{
	enum { N = 2000 };
	chan(int) out = chan_make(int, N);
	int64_t begin = time_now();
	int64_t sum = 0;

	for (int i = 0; i < N; i++)
		go(sleep_and_say, begin + (i * 7919 % N) * 20 * MICROSECOND, i, out);
	for (int i = 0; i < N; i++)
		sum += chan_recv(out);
	CHECK_EQ(sum, (int64_t)N * (N - 1) / 2);
	CHECK(time_now() - begin >= (N - 1) * 20 * MICROSECOND);
	chan_free(out);
}

static void *sleep_thread(void *arg)
{
	int64_t begin = time_now();

	(void)arg;
	for (int i = 0; i < 5; i++)
		go_sleep(2 * MILLISECOND);
	CHECK(time_now() - begin >= 10 * MILLISECOND);
	go_sleep(0);
	return NULL;
}
TEST(time, thread_sleeps)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, sleep_thread, NULL), 0);
	sleep_thread(NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

/* ----------------------------------------------------------------- time_after -- */

TEST(time, after_sends_the_time_once)
{
	int64_t begin = time_now(), then;
	recv_chan(int64_t) ch = time_after(10 * MILLISECOND);

	then = chan_recv(ch);
	CHECK(then - begin >= 10 * MILLISECOND);
	CHECK(then <= time_now());
	CHECK_EQ(chan_tryrecv(ch, &then), CHAN_WOULD_BLOCK);
	chan_free(ch);
}

TEST(time, after_nothing_is_at_once)
{
	const duration d[] = { 0, -1, INT64_MIN };

	for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
		recv_chan(int64_t) ch = time_after(d[i]);

		CHECK(chan_recv(ch) <= time_now());
		chan_free(ch);
	}
}

TEST(time, after_may_be_freed_before_it_fires)
{
	for (int i = test_rounds(2000); i > 0; i--)
		chan_free(time_after(HOUR));
	chan_free(time_after(INT64_MAX));
}

/* Around the very moment: before, while and after it fires, received or not. */
TEST(time, after_may_be_freed_at_any_moment)
{
	for (int i = test_rounds(3000); i > 0; i--) {
		recv_chan(int64_t) ch = time_after(i % 60 * MICROSECOND);

		if (i % 3 == 0)
			chan_recv(ch);
		else if (i % 3 == 1)
			go_sleep(i % 50 * MICROSECOND);
		chan_free(ch);
	}
}

TEST(time, after_in_a_select)
{
	chan(int) never = chan_make(int);
	recv_chan(int64_t) late = time_after(HOUR);
	recv_chan(int64_t) soon = time_after(5 * MILLISECOND);
	int64_t then = 0;

	CHECK_EQ(chan_select(on_recv(never), on_recv(late), on_recv(soon, &then)), 2);
	CHECK(then != 0);
	chan_free(late);
	chan_free(soon);
	chan_free(never);
}

static void free_it(recv_chan(int64_t) ch) { chan_free(ch); }
static void wait_for_it(recv_chan(int64_t) ch) { chan_recv(ch); }
TEST(time, after_freed_while_somebody_waits_panics)
{
	recv_chan(int64_t) ch = time_after(HOUR);

	go(wait_for_it, ch);
	until_waiting("chan receive", 1);
	CHECK_STR(go_try(free_it, ch), "chan_free of a channel that is waited on");
}
