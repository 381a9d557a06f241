// expect: discards
#include <millrace.h>

void f(recv_chan(int) in);
void f(recv_chan(int) in)
{
#ifdef FIXED
	recv_chan(int) ch = in;
#else
	chan(int) ch = in;
#endif
	chan_free(ch);
}
