// expect: int-conversion
#include <millrace.h>

#ifdef FIXED
typedef int key;
#else
typedef const char *key;
#endif

void f(map(int, int) m, key k);
void f(map(int, int) m, key k)
{
	map_set(m, k, 1);
}
