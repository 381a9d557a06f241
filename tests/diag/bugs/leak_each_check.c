/* leak_each_check.c - send without receiver: one goroutine lost each round
 *
 * A health check that times out is abandoned; the next round starts another. All of
 * them stay, blocked in the send of a result nobody will read.
 *
 * From:     https://github.com/hellofresh/health-go/issues/224
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void check(recv_chan(char) service, send_chan(int) res)
{
	chan_recv(service);
	chan_send(res, 1);
}

static int measure(recv_chan(char) service)
{
	int ok = 0;
#ifdef FIXED
	chan(int) res = chan_make(int, 1);
#else
	chan(int) res = chan_make(int);
#endif
	go(check, service, res);
	switch (chan_select(on_timeout(MILLISECOND), on_recv(res, &ok))) {
	case 0: return -1;
	default: return ok;
	}
}

int main(void)
{
	chan(char) service = chan_make(char);

	for (int i = 0; i < 5; i++)
		measure(service);
	chan_close(service);            /* it answers at last */
}
