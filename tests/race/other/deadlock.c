/* expect 2: all goroutines are asleep - deadlock! */
#include <millrace.h>

int main(void)
{
	chan(int) ch = chan_make(int);

	chan_recv(ch);
}
