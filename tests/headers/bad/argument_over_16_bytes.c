// expect: argument over 16 bytes: pass a pointer
#include <millrace.h>

#ifdef FIXED
typedef struct { long a, b; } big;
#else
typedef struct { long a, b, c; } big;
#endif

void use(int i, big b);
void f(big b);
void f(big b)
{
	go(use, 1, b);
}
