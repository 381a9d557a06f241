/* leak_debugger_closed.c - close missing: the sender's loop never ends
 *
 * Closing the debugger leaves the goroutine that ranges over its requests.
 *
 * From:     https://github.com/raff/godet/issues/38
 * Detector: leak
 * Says:     chan receive */
#include <millrace.h>

typedef struct { chan(int) requests; int sent; } debugger;

static void send_messages(debugger *d)
{
	chan_range(r, d->requests)
		d->sent += r;
}

static void debugger_close(debugger *d)
{
#ifdef FIXED
	chan_close(d->requests);
#else
	(void)d;
#endif
}

int main(void)
{
	static debugger d;

	d.requests = chan_make(int);
	go(send_messages, &d);
	chan_send(d.requests, 1);
	debugger_close(&d);
}
