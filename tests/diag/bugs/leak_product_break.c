/* leak_product_break.c - select left early: a generator whose reader stops
 *
 * The reader breaks out of its range at the first match; the generator behind it stays
 * in its next send.
 *
 * From:     https://github.com/schwarmco/go-cartesian-product/issues/6
 * Detector: leak
 * Says:     select */
#include <millrace.h>

static void iterate(send_chan(int) out, recv_chan(char) stop)
{
	defer(chan_close, out);
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 5; j++)
			if (chan_select(on_send(out, 10 * i + j), on_recv(stop)) == 1)
				return;
}

int main(void)
{
	chan(int) product = chan_make(int);
	chan(char) stop = chan_make(char);
	int match = 0;

	go(iterate, product, stop);
	chan_range(p, product)
		if (p == 12) {
			match = p;
			break;
		}
#ifdef FIXED
	chan_close(stop);
#endif
	return match != 12;
}
