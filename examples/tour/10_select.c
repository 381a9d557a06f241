/* select chooses between channel operations: like switch, but each case is a send, a
 * receive, a timeout or the default. If several are ready one is chosen at random.
 *
 * Output:
 * from ch1: 1
 * sent to ch3
 * timeout
 * nothing ready
 * took too long
 * both were chosen */
#include <millrace.h>
#include <stdio.h>

static void choose(recv_chan(int) ch1, recv_chan(double) ch2, send_chan(int) ch3)
{
	enum { CH1, CH2, CH3, TIMEOUT };
	int v;
	double d;

	switch (chan_select([CH1] = on_recv(ch1, &v), [CH2] = on_recv(ch2, &d),
			    [CH3] = on_send(ch3, 42),
			    [TIMEOUT] = on_timeout(10 * MILLISECOND))) {
	case CH1: printf("from ch1: %d\n", v); break;
	case CH2: printf("from ch2: %g\n", d); break;
	case CH3: puts("sent to ch3"); break;
	case TIMEOUT: puts("timeout"); break;
	}
}

static void block_for_ever(void)
{
	chan_select();                  /* select {}: so does go_block() */
}

int main(void)
{
	chan(int) ints = chan_make(int, 1), full = chan_make(int, 1);
	chan(double) doubles = chan_make(double);
	int seen[2] = {0}, v;

	chan_send(full, 0);
	chan_send(ints, 1);
	choose(ints, doubles, full);
	choose(NULL, doubles, ints);
	choose(NULL, doubles, full);

	/* default: without blocking */
	switch (chan_select(on_recv(doubles), on_default)) {
	case 0: puts("never reached"); break;
	case 1: puts("nothing ready"); break;
	}

	/* the timeout pattern */
	if (chan_select(on_recv(doubles), on_timeout(MILLISECOND)) == 1)
		puts("took too long");

	/* a uniform random choice of those that are ready */
	for (int i = 0; i < 1000; i++) {
		int c = chan_select(on_recv(full, &v), on_recv(ints, &v));
		seen[c]++;
		chan_send(c == 0 ? full : ints, v);
	}
	puts(seen[0] && seen[1] ? "both were chosen" : "one was never chosen");

	go(block_for_ever);             /* it ends with the process */
	chan_free(ints);
	chan_free(full);
	chan_free(doubles);
}
