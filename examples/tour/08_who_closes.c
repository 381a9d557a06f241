/* Who closes the channel? The sender, never the receiver; of several senders none:
 * a coordinator waits for them all and closes. A recv_chan cannot be closed: it does
 * not compile.
 *
 * Output:
 * 30 values, sum 435 */
#include <millrace.h>
#include <stdio.h>

static void sender(send_chan(int) ch, int from)
{
	for (int i = from; i < from + 10; i++)
		chan_send(ch, i);
}

static void close_after(waitgroup *senders, send_chan(int) ch)
{
	wg_wait(senders);
	chan_close(ch);
}

static void collect(recv_chan(int) ch)
{
	int n = 0, sum = 0;

	chan_range(v, ch) {
		n++;
		sum += v;
	}
	printf("%d values, sum %d\n", n, sum);
}

int main(void)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);
	waitgroup senders = {0};

	for (int i = 0; i < 3; i++)
		wg_go(&senders, sender, ch, 10 * i);
	go(close_after, &senders, ch);
	collect(ch);
}
