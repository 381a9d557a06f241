/* select_test.c - misuse of select, and deadlocks in it: what the process says. */
#include "waiting.h"

static chan(int) ch, nil;

CRASH_TEST(select_send_on_closed, 2, "panic: send on closed channel",
	   "goroutine 1 [running]:")
{
	ch = chan_make(int, 1);
	chan_close(ch);
	chan_select(on_recv(nil), on_send(ch, 1));
}

static void offer(void) { chan_select(on_send(ch, 1), on_recv(nil), on_timeout(HOUR)); }
CRASH_TEST(select_closed_under_sender, 2, "panic: send on closed channel",
	   "goroutine 2 [running]:", "created by")
{
	ch = chan_make(int);
	go(offer);
	until_waiting("select", 1);
	chan_close(ch);
	go_block();
}

CRASH_TEST(select_two_defaults, 2, "panic: select: more than one default")
{
	chan_select(on_default, on_recv(nil), on_default);
}

#define DEADLOCK "fatal error: all goroutines are asleep - deadlock!"

CRASH_TEST(select_deadlock, 2, DEADLOCK, "goroutine 1 [select")
{
	ch = chan_make(int);
	chan_select(on_recv(ch), on_send(ch, 1), on_recv(nil));
}
CRASH_TEST(select_deadlock_no_cases, 2, DEADLOCK, "goroutine 1 [select (no cases)")
{
	mr_chan_select_n(NULL, 0);
}
CRASH_TEST(select_deadlock_nil, 2, DEADLOCK, "goroutine 1 [select (no cases)")
{
	chan_select(on_recv(nil), on_send(nil, 1));
}
CRASH_TEST(select_freed_waited_on, 2, "panic: chan_free of a channel that is waited on")
{
	ch = chan_make(int);
	go(offer);
	until_waiting("select", 1);
	chan_free(ch);
}

/* A timeout is no deadlock, and goes on. */
TWIN(select_deadlock)
{
	ch = chan_make(int);
	CHECK_EQ(chan_select(on_recv(ch), on_timeout(50 * MILLISECOND)), 1);
	chan_free(ch);
}
