/* The nil-channel trick: a NULL channel is never ready, so setting one to NULL switches
 * its case off. Here each of two inputs is switched off when it is drained.
 *
 * Output:
 * timeout
 * sum 21 */
#include <millrace.h>
#include <stdio.h>

static void send_three(send_chan(int) ch, int first)
{
	defer(chan_close, ch);
	for (int i = 0; i < 3; i++)
		chan_send(ch, first + i);
}

int main(void)
{
	chan(char) done = NULL;         /* nil: receiving from it never returns */
	chan(int) a = chan_make(int), b = chan_make(int);
	chan(int) in_a = a, in_b = b;
	int sum = 0, v;
	bool ok;

	switch (chan_select(on_recv(done), on_timeout(10 * MILLISECOND))) {
	case 0: puts("never reached"); break;
	case 1: puts("timeout"); break;
	}
	go(send_three, a, 1);
	go(send_three, b, 4);
	while (in_a || in_b) {
		switch (chan_select(on_recv(in_a, &v, &ok), on_recv(in_b, &v, &ok))) {
		case 0: if (!ok) in_a = NULL; break;
		case 1: if (!ok) in_b = NULL; break;
		}
		sum += v;               /* zero from a closed one */
	}
	printf("sum %d\n", sum);
	chan_free(a);
	chan_free(b);
}
