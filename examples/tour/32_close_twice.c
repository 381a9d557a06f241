/* Closing a channel twice: also a panic. Not stopped, it ends the process.
 *
 * Status: 2
 * Errors: panic: close of closed channel */
#include <millrace.h>

int main(void)
{
	chan(int) ch = chan_make(int);

	chan_close(ch);
	chan_close(ch);
}
