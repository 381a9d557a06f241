// expect: eg_go needs a function returning int
#include <millrace.h>

int work(int i);
void idle(int i);
void f(errgroup *g);
void f(errgroup *g)
{
#ifdef FIXED
	eg_go(g, work, 1);
#else
	eg_go(g, idle, 1);
#endif
}
