// expect: int-conversion
#include <millrace.h>

#ifdef FIXED
typedef const char *key;
#else
typedef int key;
#endif

bool f(map(const char *, int) m, key k);
bool f(map(const char *, int) m, key k)
{
	return map_delete(m, k);
}
