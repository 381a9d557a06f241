/* chan_test.c - misuse of channels, and deadlocks on them: what the process says. */
#include "waiting.h"

static chan(int) ch, nil;

static void send_it(void) { chan_send(ch, 1); }
static void recv_it(void) { chan_recv(ch); }

/* ----------------------------------------------------------------------- panics -- */

CRASH_TEST(chan_close_nil, 2, "panic: close of nil channel", "goroutine 1 [running]:")
{
	chan_close(nil);
}
CRASH_TEST(chan_close_twice, 2, "panic: close of closed channel", "goroutine 1 [running]:")
{
	ch = chan_make(int);
	chan_close(ch);
	chan_close(ch);
}
CRASH_TEST(chan_send_on_closed, 2, "panic: send on closed channel",
	   "goroutine 1 [running]:")
{
	ch = chan_make(int, 1);
	chan_close(ch);
	chan_send(ch, 1);
}

/* The one who panics is the sender, not who closed. */
CRASH_TEST(chan_closed_under_sender, 2, "panic: send on closed channel",
	   "goroutine 2 [running]:", "created by")
{
	ch = chan_make(int);
	go(send_it);
	until_waiting("chan send", 1);
	chan_close(ch);
	go_block();
}
CRASH_TEST(chan_make_negative, 2, "panic: makechan: size out of range")
{
	ch = chan_make(int, -1);
}
CRASH_TEST(chan_free_waited_on, 2, "panic: chan_free of a channel that is waited on",
	   "goroutine 1 [running]:")
{
	ch = chan_make(int);
	go(recv_it);
	until_waiting("chan receive", 1);
	chan_free(ch);
}

/* ----------------------------------------------------------- freed and used again -- */

/* A debug build notices every use, the others the worst one. */
#ifdef MRI_DEV
#define FREED "panic: use of freed channel"
CRASH_TEST(chan_freed_send, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_send(ch, 1);
}
CRASH_TEST(chan_freed_recv, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_recv(ch);
}
CRASH_TEST(chan_freed_trysend, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_trysend(ch, 1);
}
CRASH_TEST(chan_freed_tryrecv, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_tryrecv(ch, NULL);
}
CRASH_TEST(chan_freed_close, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_close(ch);
}
CRASH_TEST(chan_freed_len, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_len(ch);
}
CRASH_TEST(chan_freed_select, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_select(on_recv(ch), on_default);
}
CRASH_TEST(chan_freed_twice, 2, FREED)
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_free(ch);
}
#else
CRASH_TEST(chan_freed_twice, 2, "panic: free of freed channel")
{
	ch = chan_make(int, 1);
	chan_free(ch);
	chan_free(ch);
}
#endif

/* -------------------------------------------------------------------- deadlocks -- */

#define DEADLOCK "fatal error: all goroutines are asleep - deadlock!"

CRASH_TEST(chan_deadlock_recv, 2, DEADLOCK, "goroutine 1 [chan receive")
{
	ch = chan_make(int);
	chan_recv(ch);
}
CRASH_TEST(chan_deadlock_send, 2, DEADLOCK, "goroutine 1 [chan send")
{
	ch = chan_make(int, 1);
	chan_send(ch, 1);
	chan_send(ch, 2);
}
CRASH_TEST(chan_deadlock_nil_recv, 2, DEADLOCK, "goroutine 1 [chan receive (nil chan)")
{
	chan_recv(nil);
}
CRASH_TEST(chan_deadlock_nil_send, 2, DEADLOCK, "goroutine 1 [chan send (nil chan)")
{
	chan_send(nil, 1);
}
/* Two that wait for each other, in the order that the report has. */
static void recv_other(chan(int) c) { chan_recv(c); }
CRASH_TEST(chan_deadlock_two, 2, DEADLOCK, "goroutine 1 [chan send",
	   "goroutine 2 [chan receive", "created by")
{
	ch = chan_make(int);
	go(recv_other, chan_make(int));
	chan_send(ch, 1);
}
TWIN(chan_deadlock_recv)
{
	ch = chan_make(int);
	go(send_it);
	chan_recv(ch);
	chan_free(ch);
}
