// expect: int-conversion
#include <millrace.h>

int work(int i);
void f(errgroup *g);
void f(errgroup *g)
{
#ifdef FIXED
	eg_go(g, work, 1);
#else
	eg_go(g, work, "one");
#endif
}
