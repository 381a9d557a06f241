// expect: incompatible-pointer-types
#include <millrace.h>

void use(recv_chan(int) ch);
void f(void);
void f(void)
{
#ifdef FIXED
	chan(int) ch = chan_make(int, 1);
#else
	chan(long) ch = chan_make(long, 1);
#endif
	go(use, ch);
}
