/* panic_close_elsewhere.c - send after close: closed by somebody else
 *
 * The channel is closed by the goroutine that watches the request and not by the one
 * that writes to it.
 *
 * From:     https://github.com/rancher/steve/pull/47
 * Detector: panic
 * Says:     send on closed channel */
#include <millrace.h>

static void watch(send_chan(int) events, recv_chan(char) cancelled, chan(char) closed)
{
	chan_recv(cancelled);
#ifndef FIXED
	chan_close(events);
#endif
	chan_close(closed);
	(void)events;
}

static void write_events(send_chan(int) events, recv_chan(char) closed)
{
	chan_send(events, 1);
	chan_recv(closed);
#ifdef FIXED
	chan_close(events);             /* the writer closes, and knows that it has done so */
	return;
#endif
	chan_send(events, 2);
}

int main(void)
{
	chan(int) events = chan_make(int, 4);
	chan(char) cancelled = chan_make(char), closed = chan_make(char);
	waitgroup wg = {0};

	wg_go(&wg, watch, events, cancelled, closed);
	wg_go(&wg, write_events, events, closed);
	chan_close(cancelled);
	wg_wait(&wg);
}
