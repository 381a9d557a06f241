/* Fan-out, fan-in: one input, many workers each with an output of its own, and one
 * goroutine for each output that merges it into one channel.
 *
 * Output:
 * 100 values, sum of squares 328350 */
#include <millrace.h>
#include <stdio.h>

enum { WORKERS = 4 };

static void generate(send_chan(long) out, long n)
{
	defer(chan_close, out);
	for (long i = 0; i < n; i++)
		chan_send(out, i);
}

static void square(recv_chan(long) in, send_chan(long) out)
{
	defer(chan_close, out);
	chan_range(v, in)
		chan_send(out, v * v);
}

static void forward(recv_chan(long) in, send_chan(long) out)
{
	chan_range(v, in)
		chan_send(out, v);
	chan_free(in);
}

static void close_when_done(waitgroup *wg, send_chan(long) out)
{
	wg_wait(wg);
	chan_close(out);
}

int main(void)
{
	chan(long) in = chan_make(long), merged = chan_make(long);
	waitgroup forwarders = {0};
	long n = 0, sum = 0;

	go(generate, in, 100L);
	for (int i = 0; i < WORKERS; i++) {
		chan(long) out = chan_make(long);
		go(square, in, out);
		wg_go(&forwarders, forward, out, merged);
	}
	go(close_when_done, &forwarders, merged);
	chan_range(v, merged) {
		n++;
		sum += v;
	}
	printf("%ld values, sum of squares %ld\n", n, sum);
	chan_free(in);
	chan_free(merged);
}
