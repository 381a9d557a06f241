/* leak_conductor.c - waitgroup never done: an early return
 *
 * One of several players gives up early and does not say done; whoever waits for all
 * of them waits on.
 *
 * From:     https://github.com/monzo/orchestra/pull/5
 * Detector: leak
 * Says:     sync.WaitGroup.Wait */
#include <millrace.h>

static void play(waitgroup *wg, bool broken)
{
#ifdef FIXED
	defer(wg_done, wg);
	if (broken)
		return;
#else
	if (broken)
		return;
	wg_done(wg);
#endif
}

static void conduct(send_chan(int) finished)
{
	waitgroup wg = {0};

	for (int i = 0; i < 3; i++) {
		wg_add(&wg, 1);
		go(play, &wg, i == 1);
	}
	wg_wait(&wg);
	chan_send(finished, 1);
}

int main(void)
{
	chan(int) finished = chan_make(int, 1);

	go(conduct, finished);
	chan_select(on_recv(finished), on_timeout(10 * MILLISECOND));
}
