/* Range over a channel until it is closed. The receiver need not know how many values
 * are coming: close ends the loop.
 *
 * Output:
 * 1
 * 2
 * 3
 * 4
 * 5 */
#include <millrace.h>
#include <stdio.h>

static void count(send_chan(int) ch)
{
	defer(chan_close, ch);
	for (int i = 1; i <= 5; i++)
		chan_send(ch, i);
}

int main(void)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);

	go(count, ch);
	chan_range(v, ch)
		printf("%d\n", v);
}
