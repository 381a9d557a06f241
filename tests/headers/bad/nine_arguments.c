// expect: more than 8 arguments: pass a pointer
#include <millrace.h>

void nine(int, int, int, int, int, int, int, int, int);
void eight(int, int, int, int, int, int, int, int);
void f(void);
void f(void)
{
#ifdef FIXED
	go(eight, 1, 2, 3, 4, 5, 6, 7, 8);
#else
	go(nine, 1, 2, 3, 4, 5, 6, 7, 8, 9);
#endif
}
