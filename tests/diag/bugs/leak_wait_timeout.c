/* leak_wait_timeout.c - send without receiver: a result nobody fetches
 *
 * A generic "call this and give me a channel" helper makes the channel unbuffered; its
 * caller selects on it beside a timeout.
 *
 * From:     https://github.com/codeskyblue/go-sh/issues/26
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static chan(char) killed;

static int wait_session(void)
{
	chan_recv(killed);
	return -1;
}

static void run(send_chan(int) ch, int (*f)(void))
{
	chan_send(ch, f());
}

static recv_chan(int) start(int (*f)(void))
{
#ifdef FIXED
	chan(int) ch = chan_make(int, 1);
#else
	chan(int) ch = chan_make(int);
#endif
	go(run, ch, f);
	return ch;
}

static int wait_timeout(duration d)
{
	int err;

	switch (chan_select(on_timeout(d), on_recv(start(wait_session), &err))) {
	case 0:
		chan_close(killed);     /* the session's process is killed */
		return -62;
	default:
		return err;
	}
}

int main(void)
{
	killed = chan_make(char);
	return wait_timeout(MILLISECOND) != -62;
}
