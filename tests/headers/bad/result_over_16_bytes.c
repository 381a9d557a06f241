// expect: result over 16 bytes: store it through a pointer
#include <millrace.h>

#ifdef FIXED
typedef struct { long a, b; } big;
#else
typedef struct { long a, b, c; } big;
#endif

big make(int i);
const char *f(void);
const char *f(void)
{
	return go_try(make, 1);
}
