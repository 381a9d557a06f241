// expect: receive from send-only channel
#include <millrace.h>

int f(send_chan(int) ch, recv_chan(int) fixed);
int f(send_chan(int) ch, recv_chan(int) fixed)
{
#ifdef FIXED
	(void)ch;
	return chan_recv(fixed);
#else
	(void)fixed;
	return chan_recv(ch);
#endif
}
