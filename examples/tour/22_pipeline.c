/* A pipeline: each stage takes a receive-only channel and returns one, so stages are
 * composed like functions. The stage that drains a channel frees it.
 *
 * Output:
 * 1
 * 4
 * 9
 * 16
 * 25 */
#include <millrace.h>
#include <stdio.h>

static void gen_run(send_chan(int) out, int n)
{
	defer(chan_close, out);
	for (int i = 1; i <= n; i++)
		chan_send(out, i);
}

static recv_chan(int) gen(int n)
{
	chan(int) out = chan_make(int);
	go(gen_run, out, n);
	return out;
}

static void square_run(recv_chan(int) in, send_chan(int) out)
{
	defer(chan_close, out);
	chan_range(v, in)
		chan_send(out, v * v);
	chan_free(in);
}

static recv_chan(int) square(recv_chan(int) in)
{
	chan(int) out = chan_make(int);
	go(square_run, in, out);
	return out;
}

int main(void)
{
	recv_chan(int) squares = square(gen(5));
	defer(chan_free, squares);

	chan_range(v, squares)
		printf("%d\n", v);
}
