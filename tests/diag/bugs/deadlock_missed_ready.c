/* deadlock_missed_ready.c - missed signal: sent without blocking, nobody there yet
 *
 * A condition made of a channel: Signal does a send that may not block, between the
 * waiter's unlock and its receive. The signal is gone.
 *
 * From:     https://github.com/juicedata/juicefs/pull/3782
 * Detector: deadlock
 * Says:     chan receive */
#include <millrace.h>

static mutex mu;
static bool ready;
static chan(char) ch;

static void signal_ready(void)
{
	mutex_lock(&mu);
	defer(mutex_unlock, &mu);
	ready = true;
	chan_trysend(ch, 0);
}

static void wait_ready(void)
{
	mutex_lock(&mu);
	while (!ready) {
		mutex_unlock(&mu);
#ifdef FIXED
		chan_select(on_recv(ch), on_timeout(MILLISECOND));
#else
		signal_ready();         /* another goroutine, just here */
		chan_recv(ch);
#endif
		mutex_lock(&mu);
	}
	mutex_unlock(&mu);
}

int main(void)
{
	ch = chan_make(char);
#ifdef FIXED
	go(signal_ready);
#endif
	wait_ready();
}
