/* A channel is a typed pipe: send, receive, and receive with "is it still open?".
 *
 * Output:
 * 42
 * 43 1
 * 0 0 */
#include <millrace.h>
#include <stdio.h>

static void produce(send_chan(int) ch)
{
	chan_send(ch, 42);
	chan_send(ch, 43);
	chan_close(ch);
}

int main(void)
{
	chan(int) ch = chan_make(int);  /* unbuffered channel of ints */
	int v;
	bool ok;

	go(produce, ch);
	v = chan_recv(ch);
	printf("%d\n", v);
	ok = chan_recv(ch, &v);
	printf("%d %d\n", v, ok);
	ok = chan_recv(ch, &v);         /* closed: the zero value, false */
	printf("%d %d\n", v, ok);
	chan_free(ch);                  /* there is no garbage collector: the last user frees */
}
