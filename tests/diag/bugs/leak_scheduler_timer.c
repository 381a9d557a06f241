/* leak_scheduler_timer.c - timer: stopped, and received from
 *
 * A schedule that is replaced stops its timer; the goroutine that waits for it is not
 * told.
 *
 * From:     https://github.com/etf1/kafka-message-scheduler/pull/9
 * Detector: leak
 * Says:     chan receive */
#include <millrace.h>

static void wait_schedule(timer *t, recv_chan(char) replaced, send_chan(int) due)
{
#ifdef FIXED
	switch (chan_select(on_recv(timer_chan(t)), on_recv(replaced))) {
	case 0: chan_send(due, 1); break;
	case 1: break;
	}
#else
	(void)replaced;
	chan_recv(timer_chan(t));
	chan_send(due, 1);
#endif
}

int main(void)
{
	timer *t = timer_make(HOUR);
	chan(char) replaced = chan_make(char);
	chan(int) due = chan_make(int, 1);

	go(wait_schedule, t, replaced, due);
	go_sleep(MILLISECOND);
	timer_stop(t);
	chan_close(replaced);
}
