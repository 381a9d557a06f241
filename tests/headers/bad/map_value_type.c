// expect: incompatible-pointer-types
#include <millrace.h>

#ifdef FIXED
typedef int value;
#else
typedef long value;
#endif

bool f(map(int, int) m, value *v);
bool f(map(int, int) m, value *v)
{
	return map_get(m, 1, v);
}
