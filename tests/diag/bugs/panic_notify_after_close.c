/* panic_notify_after_close.c - send after close: looked before, sent after
 *
 * Notify looks whether the notifier is closed, is held up, and then selects the send
 * on the channel that Close has closed meanwhile.
 *
 * From:     https://github.com/gnacho/netpulse/issues/202
 * Detector: panic
 * Says:     send on closed channel */
#include <millrace.h>

typedef struct { chan(char) done; chan(int) ch; } notifier;

static void notify(notifier *n, recv_chan(char) held_up, waitgroup *wg)
{
	defer(wg_done, wg);
	if (chan_tryrecv(n->done, NULL) == CHAN_CLOSED)
		return;
	chan_recv(held_up);
#ifdef FIXED
	chan_select(on_recv(n->done), on_send(n->ch, 1));
#else
	chan_select(on_send(n->ch, 1));
#endif
}

static void notifier_close(notifier *n)
{
	chan_close(n->done);
#ifndef FIXED
	chan_close(n->ch);
#endif
}

int main(void)
{
	notifier n = { chan_make(char), chan_make(int, 1) };
	chan(char) held_up = chan_make(char);
	waitgroup wg = {0};

	wg_add(&wg, 1);
	go(notify, &n, held_up, &wg);
	for (int i = 0; i < 10; i++)
		go_yield();
	notifier_close(&n);
	chan_close(held_up);
	wg_wait(&wg);
}
