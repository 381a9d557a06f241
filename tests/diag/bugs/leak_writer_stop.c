/* leak_writer_stop.c - waitgroup never done: two early exits on errors
 *
 * The writer leaves its loop on an error before it comes to wg.Done; Stop waits for it
 * in the background.
 *
 * From:     https://github.com/influxdata/influxdb-client-go/issues/30
 * Detector: leak
 * Says:     sync.WaitGroup.Wait */
#include <millrace.h>

typedef struct { waitgroup wg; chan(int) points; } writer;

static int flush(int point) { return point < 0 ? -5 : 0; }

static void writer_run(writer *w)
{
#ifdef FIXED
	defer(wg_done, &w->wg);
	chan_range(p, w->points)
		if (flush(p))
			return;
#else
	chan_range(p, w->points)
		if (flush(p))
			return;
	wg_done(&w->wg);
#endif
}

static void writer_stop(writer *w)
{
	chan_close(w->points);
	wg_wait(&w->wg);
}

int main(void)
{
	static writer w;

	w.points = chan_make(int, 4);
	wg_add(&w.wg, 1);
	go(writer_run, &w);
	chan_send(w.points, 1);
	chan_send(w.points, -1);
	go(writer_stop, &w);
}
