/* leak_missing_return.c - second send without receiver: a return is missing
 *
 * The error path sends its result and goes on into the success path, which sends
 * another. Only one is ever received.
 *
 * From:     https://github.com/enobufs/go-nats/pull/2
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void receive(send_chan(int) received, bool broken)
{
	if (broken) {
		chan_send(received, -1);
#ifdef FIXED
		return;
#endif
	}
	chan_send(received, 42);
}

int main(void)
{
	chan(int) received = chan_make(int);

	go(receive, received, true);
	return chan_recv(received) != -1;
}
