// expect: incompatible-pointer-types
#include <millrace.h>

struct a { int x; };
struct b { int x; };
#ifdef FIXED
typedef struct a key;
#else
typedef struct b key;
#endif

int f(map(struct a *, int) m, key *k);
int f(map(struct a *, int) m, key *k)
{
	return map_get(m, k);
}
