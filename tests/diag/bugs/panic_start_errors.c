/* panic_start_errors.c - order: the wait group is done before the last send
 *
 * A server says it has started and only then sends its error; whoever waits for all
 * starts closes the channel of errors in between.
 *
 * From:     https://github.com/flashmob/go-guerrilla/issues/214
 * Detector: panic
 * Says:     send on closed channel */
#include <millrace.h>

static void start(send_chan(int) errs, waitgroup *started, recv_chan(char) slow)
{
#ifdef FIXED
	(void)slow;
	chan_send(errs, -98);
	wg_done(started);
#else
	wg_done(started);
	chan_recv(slow);
	chan_send(errs, -98);
#endif
}

int main(void)
{
	chan(int) errs = chan_make(int, 4);
	chan(char) slow = chan_make(char);
	waitgroup started = {0};
	int failed = 0;

	for (int i = 0; i < 4; i++) {
		wg_add(&started, 1);
		go(start, errs, &started, slow);
	}
	wg_wait(&started);
	chan_close(errs);
	chan_close(slow);
	go_sleep(5 * MILLISECOND);
	chan_range(e, errs)
		failed += e != 0;
	return failed != 4;
}
