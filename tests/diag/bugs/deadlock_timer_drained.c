/* deadlock_timer_drained.c - timer: drained twice
 *
 * After the timeout was received, the next round stops the timer, is told false, and
 * waits for a value that it has taken already.
 *
 * From:     https://github.com/IBM/sarama/pull/734
 * Detector: deadlock
 * Says:     chan receive */
#include <millrace.h>

static int rounds(timer *t, recv_chan(int) messages)
{
	int timeouts = 0;
	bool expired = false;

	for (int i = 0; i < 2; i++) {
		if (i > 0) {
#ifdef FIXED
			timer_stop(t);
#else
			if (!timer_stop(t))
				chan_recv(timer_chan(t));
#endif
			timer_reset(t, MILLISECOND);
		}
		switch (chan_select(on_recv(messages), on_recv(timer_chan(t)))) {
		case 0: break;
		case 1:
			expired = true;
			break;
		}
		timeouts += expired;
	}
	return timeouts;
}

int main(void)
{
	timer *t = timer_make(MILLISECOND);
	defer(timer_free, t);
	chan(int) messages = chan_make(int);

	return rounds(t, messages) != 2;
}
