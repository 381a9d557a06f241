// expect: pointer-sign
#include <millrace.h>

#ifdef FIXED
typedef int elem;
#else
typedef unsigned elem;
#endif

int f(chan(int) ch, elem *v);
int f(chan(int) ch, elem *v)
{
	return chan_tryrecv(ch, v);
}
