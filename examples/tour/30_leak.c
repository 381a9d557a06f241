/* A goroutine leak: nobody receives, so the goroutine waits in its send for ever, and
 * keeps its memory. MILLRACE=leaks=exit lists such goroutines when the process ends, with
 * what they wait for and the line that started them; the status is then 3.
 *
 * To mend it make sure that somebody receives, or give the channel room for the result,
 * or select on the send and on a context's end.
 *
 * Run with: MILLRACE=leaks=exit
 * Status: 3
 * Errors: goroutine leak
 * Errors: chan send
 * Errors: created by main at examples/tour/30_leak.c */
#include <millrace.h>

static void compute(send_chan(int) ch)
{
	chan_send(ch, 42);              /* blocks for ever */
}

int main(void)
{
	chan(int) ch = chan_make(int);

	go(compute, ch);
	go_yield();                     /* and then main loses interest */
}
