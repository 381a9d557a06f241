// expect: send on or close of receive-only channel
#include <millrace.h>

int f(recv_chan(int) ch, send_chan(int) fixed, int *v);
int f(recv_chan(int) ch, send_chan(int) fixed, int *v)
{
#ifdef FIXED
	return chan_select(on_recv(ch, v), on_send(fixed, 1));
#else
	(void)fixed;
	return chan_select(on_recv(ch, v), on_send(ch, 1));
#endif
}
