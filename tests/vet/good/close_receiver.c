/* The sender closes, or whoever made the channel. */
#include <millrace.h>

static void sends(send_chan(int) out)
{
	defer(chan_close, out);
	for (int i = 0; i < 3; i++)
		chan_send(out, i);
}
static int sum_of(recv_chan(int) in)
{
	int sum = 0;

	chan_range(v, in)
		sum += v;
	return sum;
}
static void pass_on(recv_chan(int) in, send_chan(int) out)
{
	chan_range(v, in)
		chan_send(out, v);
	chan_close(out);
}
/* Closed first: what is left is drained. */
static void drains(chan(int) ch)
{
	chan_close(ch);
	chan_range(v, ch)
		(void)v;
}
/* Both sides are its own. */
static void echoes(chan(int) ch)
{
	chan_send(ch, chan_recv(ch));
	chan_close(ch);
}

int main(void)
{
	chan(int) a = chan_make(int), b = chan_make(int), c = chan_make(int, 1);
	int sum;

	go(sends, a);
	go(pass_on, a, b);
	sum = sum_of(b);
	chan_send(c, 1);
	chan_recv(c);
	chan_close(c);
	drains(chan_make(int, 1));
	echoes(chan_make(int, 1));
	return sum;
}
