/* partial_three_metrics.c - lock order: a cycle of three
 *
 * Counters, gauges and histograms have a lock each; three functions take two of them
 * each, in a circle. Fixed by one order for all.
 *
 * From:     https://github.com/codahale/metrics/pull/16
 * Detector: partial
 * Says:     Mutex */
#include <millrace.h>

enum { THREE = 3 };
static mutex mu[THREE];
static waitgroup all_have_one;

static void reset(int i)
{
	int a = i, b = (i + 1) % THREE;

#ifdef FIXED
	if (a > b) {
		a = b;
		b = i;
	}
#endif
	mutex_lock(&mu[a]);
#ifndef FIXED
	wg_done(&all_have_one);
	wg_wait(&all_have_one);
#endif
	mutex_lock(&mu[b]);
	mutex_unlock(&mu[b]);
	mutex_unlock(&mu[a]);
}

static void heartbeat(recv_chan(char) stop)
{
	while (chan_select(on_recv(stop), on_timeout(MILLISECOND)) == 1)
		;
}

int main(void)
{
	chan(char) stop = chan_make(char);
	waitgroup wg = {0}, beat = {0};

	wg_add(&all_have_one, THREE);
	wg_go(&beat, heartbeat, stop);
	for (int i = 0; i < THREE; i++)
		wg_go(&wg, reset, i);
	wg_wait(&wg);
	chan_close(stop);
	wg_wait(&beat);
}
