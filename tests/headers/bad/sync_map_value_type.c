// expect: incompatible-pointer-types
#include <millrace.h>

#ifdef FIXED
typedef int value;
#else
typedef long value;
#endif

bool f(sync_map(int, int) m, value *v);
bool f(sync_map(int, int) m, value *v)
{
	return sync_map_swap(m, 1, 2, v);
}
