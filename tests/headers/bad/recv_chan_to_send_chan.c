// expect: discards
#include <millrace.h>

void use(send_chan(int) ch);
void f(recv_chan(int) ch, chan(int) fixed);
void f(recv_chan(int) ch, chan(int) fixed)
{
#ifdef FIXED
	(void)ch;
	use(fixed);
#else
	(void)fixed;
	use(ch);
#endif
}
