/* deadlock_monitor_reset.c - channel and lock: sent with the mutex held
 *
 * reset sends to the monitor's goroutine and holds the mutex; that goroutine is about
 * to take the mutex in another case of its select. Fixed by a place in the channel.
 *
 * From:     https://github.com/sensu/sensu-go/issues/1264
 * Detector: deadlock
 * Says:     chan send */
#include <millrace.h>

static mutex mu;
static chan(int) resets;
static chan(char) timeouts, asked;
static int failures;

static void monitor(void)
{
	for (int n = 0; n < 2; n++)
		switch (chan_select(on_recv(resets), on_recv(timeouts))) {
		case 0: break;
		case 1:
			chan_send(asked, 0);
			mutex_lock(&mu);
			failures++;
			mutex_unlock(&mu);
			break;
		}
}

static void reset(int interval)
{
	mutex_lock(&mu);
	defer(mutex_unlock, &mu);
	chan_recv(asked);
	chan_send(resets, interval);
}

int main(void)
{
#ifdef FIXED
	resets = chan_make(int, 1);
#else
	resets = chan_make(int);
#endif
	timeouts = chan_make(char);
	asked = chan_make(char);
	go(monitor);
	chan_send(timeouts, 0);
	reset(5);
}
