// expect: a floating-point number is no key
#include <millrace.h>

#ifdef FIXED
typedef int key;
#else
typedef double key;
#endif

int f(map(int, int) m, key k);
int f(map(int, int) m, key k)
{
	return map_get(m, k);
}
