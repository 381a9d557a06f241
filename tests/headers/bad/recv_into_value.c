// expect: int-conversion
#include <millrace.h>

bool f(chan(int) ch, int v);
bool f(chan(int) ch, int v)
{
#ifdef FIXED
	return chan_recv(ch, &v);
#else
	return chan_recv(ch, v);
#endif
}
