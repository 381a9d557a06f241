// expect: too few arguments to function
#include <millrace.h>

void use(int i, int j);
void f(void);
void f(void)
{
#ifdef FIXED
	go(use, 1, 2);
#else
	go(use, 1);
#endif
}
