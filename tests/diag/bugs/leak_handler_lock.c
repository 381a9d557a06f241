/* leak_handler_lock.c - forgotten unlock: a handler fails
 *
 * The handler of a signal returns its error early and keeps the connection's mutex;
 * later signals pile up behind it.
 *
 * From:     https://github.com/wmnsk/go-m3ua/pull/11
 * Detector: leak
 * Says:     sync.Mutex.Lock */
#include <millrace.h>

typedef struct { mutex mu; int state; } conn;

static int handle(conn *c, int signal)
{
	mutex_lock(&c->mu);
	if (signal < 0) {
#ifdef FIXED
		mutex_unlock(&c->mu);
#endif
		return -71;
	}
	c->state = signal;
	mutex_unlock(&c->mu);
	return 0;
}

static void receive(conn *c, recv_chan(int) signals)
{
	chan_range(s, signals)
		go(handle, c, s);
}

int main(void)
{
	static conn c;
	chan(int) signals = chan_make(int);
	waitgroup wg = {0};

	wg_go(&wg, receive, &c, signals);
	chan_send(signals, -1);
	chan_send(signals, 1);
	chan_send(signals, 2);
	chan_close(signals);
	wg_wait(&wg);
	go_sleep(MILLISECOND);
}
