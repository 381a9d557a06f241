/* time_test.c - misuse of timers: what the process says. */
#include "waiting.h"

CRASH_TEST(time_ticker_of_0, 2, "panic: non-positive interval for NewTicker",
	   "goroutine 1 [running]:")
{
	timer_free(ticker_make(0));
}
CRASH_TEST(time_ticker_reset_to_0, 2, "panic: non-positive interval for Ticker.Reset")
{
	timer_reset(ticker_make(HOUR), 0);
}
CRASH_TEST(time_func_of_null, 2, "panic: timer_after_func of a NULL function")
{
	timer_free(timer_after_func(0, NULL, NULL));
}
CRASH_TEST(time_chan_of_timer_freed, 2,
	   "panic: chan_free of a channel that belongs to a timer")
{
	chan_free(timer_chan(timer_make(HOUR)));
}

static void fail(void *arg) { panic("callback failed: %s", (const char *)arg); }
CRASH_TEST(time_callback_panics, 2, "panic: callback failed: badly", "[running]:")
{
	static char how[] = "badly";
	timer *t = timer_after_func(0, fail, how);

	(void)t;
	go_block();
}

/* A timer's channel is never closed and a stopped timer never fires: with nothing else
 * pending this is a deadlock. */
CRASH_TEST(time_wait_for_stopped, 2, "fatal error: all goroutines are asleep - deadlock!",
	   "goroutine 1 [chan receive")
{
	timer *t = timer_make(HOUR);

	timer_stop(t);
	chan_recv(timer_chan(t));
}
TWIN(time_wait_for_stopped)
{
	timer *t = timer_make(HOUR);

	timer_stop(t);
	timer_reset(t, 50 * MILLISECOND);
	chan_recv(timer_chan(t));
	timer_free(t);
}
