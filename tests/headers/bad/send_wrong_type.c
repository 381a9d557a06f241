// expect: int-conversion
#include <millrace.h>

void f(chan(int) ch);
void f(chan(int) ch)
{
#ifdef FIXED
	chan_send(ch, 1);
#else
	chan_send(ch, "one");
#endif
}
