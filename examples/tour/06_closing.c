/* Closing a channel says "no more will be sent". What is in it can still be received;
 * then a receive returns the zero value at once.
 *
 * Output:
 * v=1 ok=1
 * v=2 ok=1
 * v=0 ok=0 */
#include <millrace.h>
#include <stdio.h>

int main(void)
{
	chan(int) ch = chan_make(int, 3);
	defer(chan_free, ch);

	chan_send(ch, 1);
	chan_send(ch, 2);
	chan_close(ch);
	for (int i = 0; i < 3; i++) {
		int v;
		bool ok = chan_recv(ch, &v);
		printf("v=%d ok=%d\n", v, ok);
	}
}
