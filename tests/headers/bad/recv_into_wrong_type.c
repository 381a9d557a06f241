// expect: incompatible-pointer-types
#include <millrace.h>

#ifdef FIXED
typedef int elem;
#else
typedef double elem;
#endif

bool f(chan(int) ch);
bool f(chan(int) ch)
{
	elem v;

	return chan_recv(ch, &v);
}
