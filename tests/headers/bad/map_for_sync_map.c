// expect: map and sync_map are mixed up
#include <millrace.h>

#ifdef FIXED
typedef map(int, int) kind;
#else
typedef sync_map(int, int) kind;
#endif

int f(kind m);
int f(kind m)
{
	return map_get(m, 1);
}
