/* panic_receiver_closes.c - the receiver closes
 *
 * The user interface closes the channel of events when it is left; the ticker still
 * sends on it.
 *
 * From:     https://github.com/edouardparis/lntop/issues/77
 * Detector: panic
 * Says:     send on closed channel */
#include <millrace.h>

static void tick(send_chan(int) events, recv_chan(char) left)
{
	for (int i = 0; i < 3; i++) {
#ifdef FIXED
		if (chan_select(on_send(events, i), on_recv(left)) == 1)
			return;
#else
		(void)left;
		chan_send(events, i);
#endif
	}
}

static void ui(chan(int) events, chan(char) left)
{
	chan_recv(events);
#ifdef FIXED
	(void)events;
#else
	chan_close(events);
#endif
	chan_close(left);
}

int main(void)
{
	chan(int) events = chan_make(int);
	chan(char) left = chan_make(char);
	waitgroup wg = {0};

	wg_go(&wg, tick, events, left);
	wg_go(&wg, ui, events, left);
	wg_wait(&wg);
}
