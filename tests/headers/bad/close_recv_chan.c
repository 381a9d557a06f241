// expect: send on or close of receive-only channel
#include <millrace.h>

void f(recv_chan(int) ch, send_chan(int) fixed);
void f(recv_chan(int) ch, send_chan(int) fixed)
{
#ifdef FIXED
	(void)ch;
	chan_close(fixed);
#else
	(void)fixed;
	chan_close(ch);
#endif
}
