/* panic_stop_checked.c - double close: looked first, closed after
 *
 * Stop looks whether the channel is closed and closes it if not. Two callers see it
 * open.
 *
 * From:     https://github.com/RoseWrightdev/oryx/issues/101
 * Detector: panic
 * Says:     close of closed channel */
#include <millrace.h>

typedef struct { chan(char) stop; mutex mu; waitgroup both_looked; } syncer;

static void syncer_stop(syncer *s)
{
#ifdef FIXED
	mutex_lock(&s->mu);
	defer(mutex_unlock, &s->mu);
	if (chan_select(on_recv(s->stop), on_default) == 1)
		chan_close(s->stop);
#else
	bool open = chan_select(on_recv(s->stop), on_default) == 1;
	wg_done(&s->both_looked);
	wg_wait(&s->both_looked);
	if (open)
		chan_close(s->stop);
#endif
}

int main(void)
{
	syncer s = { .stop = chan_make(char) };
	waitgroup wg = {0};

	wg_add(&s.both_looked, 2);
	wg_go(&wg, syncer_stop, &s);
	wg_go(&wg, syncer_stop, &s);
	wg_wait(&wg);
}
