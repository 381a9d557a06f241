/* time_test.c - timers stopped, reset and freed from all sides while they fire. What is
 * checked holds on every schedule: a timer that one goroutine alone handles never gives
 * a stale value, and what is freed is not touched again (asan looks on). */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>

static uint32_t next_random(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/* Tickers of next to no interval: firing, armed again and freed all at the same time. */
static void make_and_free(int n, uint32_t seed)
{
	while (n-- > 0) {
		timer *t = ticker_make(1 + next_random(&seed) % 3000);

		for (uint32_t i = next_random(&seed) % 4; i > 0; i--)
			chan_recv(timer_chan(t));
		if (next_random(&seed) % 2) {
			timer_stop(t);
			CHECK_EQ(chan_tryrecv(timer_chan(t), NULL), CHAN_WOULD_BLOCK);
		}
		timer_free(t);
	}
}
static void *make_and_free_thread(void *arg)
{
	make_and_free(*(int *)arg, 99);
	return NULL;
}
TEST(time_stress, tickers_freed_as_they_tick)
{
	waitgroup wg = { 0 };
	int n = test_rounds(2000);
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, make_and_free_thread, &n), 0);
	for (uint32_t i = 0; i < 6; i++)
		wg_go(&wg, make_and_free, n, i);
	wg_wait(&wg);
	pthread_join(t, NULL);
}

/* One timer, handled by many: whatever comes out of it, it is still a timer after. */
static void handle(timer *t, int n, uint32_t seed, bool is_ticker)
{
	int64_t v;

	while (n-- > 0) {
		switch (next_random(&seed) % 4) {
		case 0: timer_stop(t); break;
		case 1: timer_reset(t, next_random(&seed) % 20000 + is_ticker); break;
		case 2: chan_tryrecv(timer_chan(t), &v); break;
		case 3: go_yield(); break;
		}
	}
}
struct handle_args { timer *t; int n; };
static void *handle_thread(void *arg)
{
	struct handle_args *a = arg;

	handle(a->t, a->n, 12345, true);
	return NULL;
}
static void handled_by_many(timer *t, bool is_ticker)
{
	struct handle_args a = { t, test_rounds(5000) };
	waitgroup wg = { 0 };
	pthread_t thread;
	int64_t begin;

	CHECK_EQ(pthread_create(&thread, NULL, handle_thread, &a), 0);
	for (uint32_t i = 0; i < 6; i++)
		wg_go(&wg, handle, t, test_rounds(5000), i, is_ticker);
	wg_wait(&wg);
	pthread_join(thread, NULL);
	timer_stop(t);
	CHECK_EQ(chan_tryrecv(timer_chan(t), NULL), CHAN_WOULD_BLOCK);
	begin = time_now();
	CHECK(!timer_reset(t, MILLISECOND));
	CHECK(chan_recv(timer_chan(t)) - begin >= MILLISECOND);
	timer_free(t);
}
TEST(time_stress, timer_handled_by_many) { handled_by_many(timer_make(0), false); }
TEST(time_stress, ticker_handled_by_many) { handled_by_many(ticker_make(1000), true); }

/* after_func, many at once: of each it is known whether it ran. */
static void count_up(void *arg) { __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED); }
static void stop_some(int n, uint32_t seed, int *ran, int *stopped)
{
	timer *t[16];

	while (n-- > 0) {
		for (int i = 0; i < 16; i++)
			t[i] = timer_after_func(next_random(&seed) % 100000, count_up, ran);
		if (next_random(&seed) % 2)
			go_sleep(next_random(&seed) % 100000);
		for (int i = 0; i < 16; i++) {
			if (timer_stop(t[i]))
				__atomic_add_fetch(stopped, 1, __ATOMIC_RELAXED);
			timer_free(t[i]);
		}
	}
}
TEST(time_stress, funcs_run_or_are_stopped)
{
	int n = test_rounds(300), ran = 0, stopped = 0;
	waitgroup wg = { 0 };

	for (uint32_t i = 0; i < 8; i++)
		wg_go(&wg, stop_some, n, i * 31, &ran, &stopped);
	wg_wait(&wg);
	/* The last ones are on their way; the test's time limit bounds this. */
	while (__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped < n * 8 * 16)
		go_sleep(100 * MICROSECOND);
	CHECK_EQ(__atomic_load_n(&ran, __ATOMIC_RELAXED) + stopped, n * 8 * 16);
}

/* time_after in a loop of selects, freed every time, as the portable idiom has it. */
static void select_after(chan(int) ch, int n, uint32_t seed)
{
	while (n-- > 0) {
		recv_chan(int64_t) after = time_after(next_random(&seed) % 60000);
		int v;

		switch (chan_select(on_recv(ch, &v), on_recv(after))) {
		case 0: CHECK_EQ(v, 7); break;
		case 1: CHECK_EQ(chan_tryrecv(after, NULL), CHAN_WOULD_BLOCK); break;
		}
		chan_free(after);
	}
}
static void feed(chan(int) ch, chan(char) quit)
{
	while (chan_select(on_send(ch, 7), on_recv(quit)) == 0)
		go_sleep(10 * MICROSECOND);
}
TEST(time_stress, after_in_many_selects)
{
	chan(int) ch = chan_make(int);
	chan(char) quit = chan_make(char);
	waitgroup wg = { 0 }, feeder = { 0 };

	wg_go(&feeder, feed, ch, quit);
	for (uint32_t i = 0; i < 8; i++)
		wg_go(&wg, select_after, ch, test_rounds(1000), i);
	wg_wait(&wg);
	chan_close(quit);
	wg_wait(&feeder);
	chan_free(ch);
	chan_free(quit);
}

/* Sleepers by the thousand, again and again; none is short, none is forgotten. */
static void sleep_much(int n, uint32_t seed)
{
	while (n-- > 0) {
		duration d = next_random(&seed) % 3000000;
		int64_t begin = time_now();

		go_sleep(d);
		CHECK(time_now() - begin >= d);
	}
}
TEST(time_stress, thousands_of_sleepers)
{
	int n = TEST_TSAN ? 1000 : 5000;
	waitgroup wg = { 0 };

	for (int i = 0; i < n; i++)
		wg_go(&wg, sleep_much, 5, (uint32_t)i);
	wg_wait(&wg);
}
