// expect: int-conversion
#include <millrace.h>

#ifdef FIXED
typedef const char *value;
#else
typedef int value;
#endif

void f(map(int, const char *) m, value v);
void f(map(int, const char *) m, value v)
{
	map_set(m, 1, v);
}
