// expect: result is a long double: store it through a pointer
#include <millrace.h>

#ifdef FIXED
double result(int i);
#else
long double result(int i);
#endif

void f(waitgroup *wg);
void f(waitgroup *wg)
{
	(void)wg;
	wg_go(wg, result, 1);
}
