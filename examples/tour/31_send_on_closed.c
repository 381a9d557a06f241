/* Send on a closed channel: a panic. The process ends with status 2; go_try, as here
 * for the sake of the example, stops it.
 *
 * Output:
 * recovered: send on closed channel */
#include <millrace.h>
#include <stdio.h>

static void send_late(chan(int) ch)
{
	chan_close(ch);
	chan_send(ch, 1);
}

int main(void)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);

	printf("recovered: %s\n", go_try(send_late, ch));
}
