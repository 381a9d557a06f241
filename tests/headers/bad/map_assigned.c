// expect: incompatible-pointer-types
#include <millrace.h>

#ifdef FIXED
typedef map(int, int) other;
#else
typedef map(int, long) other;
#endif

map(int, int) f(other m);
map(int, int) f(other m)
{
	return m;
}
