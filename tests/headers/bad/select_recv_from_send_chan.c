// expect: receive from send-only channel
#include <millrace.h>

int f(send_chan(int) ch, recv_chan(int) fixed, int *v);
int f(send_chan(int) ch, recv_chan(int) fixed, int *v)
{
#ifdef FIXED
	return chan_select(on_recv(fixed, v), on_send(ch, 1));
#else
	(void)fixed;
	return chan_select(on_recv(ch, v), on_send(ch, 1));
#endif
}
