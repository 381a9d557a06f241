// expect: eg_trygo needs a function returning int
#include <millrace.h>

int work(int i);
long later(int i);
void f(errgroup *g);
void f(errgroup *g)
{
#ifdef FIXED
	(void)eg_trygo(g, work, 1);
#else
	(void)eg_trygo(g, later, 1);
#endif
}
