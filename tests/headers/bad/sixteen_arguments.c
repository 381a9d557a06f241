// expect: more than 8 arguments: pass a pointer
#include <millrace.h>

void sum(int n, ...);
void f(void);
void f(void)
{
#ifdef FIXED
	wg_go(0, sum, 1, 2, 3, 4, 5, 6, 7, 8);
#else
	wg_go(0, sum, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
#endif
}
