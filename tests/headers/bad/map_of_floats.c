// expect: key type: an integer, a pointer, a struct or a string
#include <millrace.h>

#ifdef FIXED
typedef long key;
#else
typedef double key;
#endif

map(key, int) f(void);
map(key, int) f(void)
{
	return map_make(key, int);
}
