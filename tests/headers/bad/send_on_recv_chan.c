// expect: send on or close of receive-only channel
#include <millrace.h>

void f(recv_chan(int) ch, chan(int) fixed);
void f(recv_chan(int) ch, chan(int) fixed)
{
#ifdef FIXED
	(void)ch;
	chan_send(fixed, 1);
#else
	(void)fixed;
	chan_send(ch, 1);
#endif
}
