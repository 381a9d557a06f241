/* deadlock_once_shutdown.c - once: two that wait for each other
 *
 * Either side of a connection may begin the shutdown, and each stops the other, within
 * its own once.
 *
 * From:     https://github.com/blinklabs-io/gouroboros/issues/522
 * Detector: deadlock
 * Says:     sync.Once.Do */
#include <millrace.h>

static once stop_muxer, stop_protocol;
static waitgroup both;

static void protocol_stop(void);

static void meet(void)
{
#ifndef FIXED
	wg_done(&both);
	wg_wait(&both);
#endif
}

static void muxer_stop(void)
{
	meet();
#ifndef FIXED
	once_do(&stop_protocol, protocol_stop);
#endif
}

static void protocol_stop(void)
{
	meet();
	once_do(&stop_muxer, muxer_stop);
}

static void shutdown_from(int side)
{
	if (side)
		once_do(&stop_muxer, muxer_stop);
	else
		once_do(&stop_protocol, protocol_stop);
}

int main(void)
{
	waitgroup wg = {0};

	wg_add(&both, 2);
	wg_go(&wg, shutdown_from, 0);
	wg_go(&wg, shutdown_from, 1);
	wg_wait(&wg);
}
