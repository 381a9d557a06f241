/* Anonymous goroutines: C has no closures. What a closure would capture is passed as
 * arguments, up to eight, of any types; the compiler checks them as in a plain call.
 *
 * Output:
 * inline: 3 apples at 0.25 each */
#include <millrace.h>
#include <stdio.h>

static void report(const char *what, int n, double price, send_chan(char) done)
{
	printf("inline: %d %s at %.2f each\n", n, what, price);
	chan_send(done, 0);
}

int main(void)
{
	chan(char) done = chan_make(char);

	go(report, "apples", 3, 0.25, done);
	chan_recv(done);
	chan_free(done);
}
