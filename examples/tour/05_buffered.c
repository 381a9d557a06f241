/* Unbuffered against buffered. An unbuffered send waits for its receiver; a buffered
 * one waits only when the buffer is full.
 *
 * Output:
 * sent 3 of 4 without a receiver
 * the fourth would block
 * received 1 2 3
 * handoff: the receiver has 7 */
#include <millrace.h>
#include <stdio.h>

static void receive(recv_chan(int) ch, send_chan(int) got)
{
	chan_send(got, chan_recv(ch));
}

int main(void)
{
	chan(int) buf = chan_make(int, 3);      /* buffered, holds up to 3 */
	chan(int) unbuf = chan_make(int);       /* unbuffered: strict handoff */
	chan(int) got = chan_make(int, 1);
	int sent = 0;

	for (int i = 1; i <= 4; i++)
		sent += chan_trysend(buf, i) == CHAN_OK;
	printf("sent %d of 4 without a receiver\n", sent);
	if (chan_trysend(buf, 4) == CHAN_WOULD_BLOCK)
		puts("the fourth would block");
	printf("received");
	for (int i = 0; i < 3; i++)
		printf(" %d", chan_recv(buf));
	puts("");

	go(receive, unbuf, got);
	chan_send(unbuf, 7);            /* returns when the receiver has it */
	printf("handoff: the receiver has %d\n", chan_recv(got));
	chan_free(buf);
	chan_free(unbuf);
	chan_free(got);
}
