// expect: int-conversion
#include <millrace.h>

void use(int i);
void f(void);
void f(void)
{
#ifdef FIXED
	go(use, 1);
#else
	go(use, "one");
#endif
}
