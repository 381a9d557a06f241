// expect: incompatible-pointer-types
#include <millrace.h>

#ifdef FIXED
typedef int elem;
#else
typedef long elem;
#endif

int f(chan(int) ch, elem *v);
int f(chan(int) ch, elem *v)
{
	return chan_select(on_recv(ch, v), on_default);
}
