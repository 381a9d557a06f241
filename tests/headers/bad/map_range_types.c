// expect: range: a variable of another type than the map has
#include <millrace.h>

#ifdef FIXED
typedef int key;
#else
typedef long key;
#endif

int f(map(int, int) m);
int f(map(int, int) m)
{
	key k;
	int v, n = 0;

	map_range(k, v, m)
		n += v;
	return n;
}
