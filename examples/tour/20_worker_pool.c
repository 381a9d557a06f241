/* A worker pool: workers read jobs and write results, a feeder writes the jobs and
 * closes their channel, main collects. wg_wait and chan_close, in a goroutine of their
 * own, end the collector's range.
 *
 * Output, in any order:
 * 1 squared is 1
 * 2 squared is 4
 * 3 squared is 9
 * 4 squared is 16
 * 5 squared is 25 */
#include <millrace.h>
#include <stdio.h>

typedef struct { int id; } job;
typedef struct { int id, square; } result;

static void worker(recv_chan(job) in, send_chan(result) out)
{
	chan_range(j, in)
		chan_send(out, { j.id, j.id * j.id });
}

static void feed(send_chan(job) in, int n)
{
	defer(chan_close, in);
	for (int i = 1; i <= n; i++)
		chan_send(in, { i });
}

static void close_when_done(waitgroup *workers, send_chan(result) out)
{
	wg_wait(workers);
	chan_close(out);
}

int main(void)
{
	chan(job) in = chan_make(job);
	chan(result) out = chan_make(result);
	waitgroup workers = {0};

	for (int i = 0; i < 3; i++)
		wg_go(&workers, worker, in, out);
	go(close_when_done, &workers, out);
	go(feed, in, 5);
	chan_range(r, out)
		printf("%d squared is %d\n", r.id, r.square);
	chan_free(in);
	chan_free(out);
}
