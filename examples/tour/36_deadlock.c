/* All goroutines are asleep: nobody will ever send. The report names each goroutine,
 * what it waits for and where it was started.
 *
 * Status: 2
 * Errors: fatal error: all goroutines are asleep - deadlock!
 * Errors: goroutine 1 [chan receive */
#include <millrace.h>

int main(void)
{
	chan(int) ch = chan_make(int);

	chan_recv(ch);
}
