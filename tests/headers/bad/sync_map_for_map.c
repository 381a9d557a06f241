// expect: map and sync_map are mixed up
#include <millrace.h>

#ifdef FIXED
typedef sync_map(int, int) kind;
#else
typedef map(int, int) kind;
#endif

void f(kind m);
void f(kind m)
{
	sync_map_store(m, 1, 2);
}
