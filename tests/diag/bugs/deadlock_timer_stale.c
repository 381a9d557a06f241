/* deadlock_timer_stale.c - timer: drained although nothing is left in it
 *
 * The old idiom: Stop says false, so drain. Since Go 1.23, and here, Stop leaves
 * nothing to drain, and the receive waits for ever.
 *
 * From:     https://github.com/celestiaorg/celestia-node/pull/4231
 * Detector: deadlock
 * Says:     chan receive */
#include <millrace.h>

int main(void)
{
	timer *t = timer_make(MICROSECOND);
	defer(timer_free, t);

	go_sleep(5 * MILLISECOND);      /* it has fired, and nobody has received */
	if (!timer_stop(t)) {
#ifndef FIXED
		chan_recv(timer_chan(t));
#endif
	}
	timer_reset(t, MICROSECOND);
	chan_recv(timer_chan(t));
#ifndef FIXED
	chan_recv(timer_chan(t));       /* should stop have said true */
#endif
}
