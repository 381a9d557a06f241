/* panic_stop_twice.c - double close: Stop is called again while shutting down
 *
 * Stop closes the worker's channel; an error on the way out calls it a second time.
 *
 * From:     https://github.com/candelahq/candela/issues/552
 * Detector: panic
 * Says:     close of closed channel */
#include <millrace.h>

typedef struct { chan(char) done; waitgroup wg; once stop; } worker;

static void worker_run(worker *w)
{
	chan_recv(w->done);
}

static void close_done(void *w)
{
	chan_close(((worker *)w)->done);
}

static void worker_stop(worker *w)
{
#ifdef FIXED
	once_call(&w->stop, close_done, w);
#else
	close_done(w);
#endif
	wg_wait(&w->wg);
}

int main(void)
{
	worker w = { .done = chan_make(char) };

	wg_go(&w.wg, worker_run, &w);
	worker_stop(&w);
	worker_stop(&w);
}
