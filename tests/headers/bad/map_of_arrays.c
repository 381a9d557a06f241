// expect: key type is an array: wrap it in a struct
#include <millrace.h>

#ifdef FIXED
typedef struct { char text[8]; } key;
#else
typedef char key[8];
#endif

map(key, int) f(void);
map(key, int) f(void)
{
	return map_make(key, int);
}
