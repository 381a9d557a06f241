/* panic_two_found.c - double close: two workers have found it
 *
 * Whoever finds the password closes the stop channel. Two may find one each.
 *
 * From:     https://github.com/cyclone-github/argon_cracker/issues/6
 * Detector: panic
 * Says:     close of closed channel */
#include <millrace.h>

static chan(char) stop;
static once stop_once;

static void close_stop(void) { chan_close(stop); }

static void search(int from, int to)
{
	for (int i = from; i < to; i++)
		if (i % 10 == 7) {
#ifdef FIXED
			once_do(&stop_once, close_stop);
#else
			(void)stop_once;
			close_stop();
#endif
			return;
		}
}

int main(void)
{
	waitgroup wg = {0};

	stop = chan_make(char);
	for (int i = 0; i < 4; i++)
		wg_go(&wg, search, 10 * i, 10 * i + 10);
	wg_wait(&wg);
	chan_recv(stop);
}
