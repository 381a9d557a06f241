// expect: element type is an array: wrap it in a struct
#include <millrace.h>

typedef int pair[2];
#ifdef FIXED
typedef struct { pair p; } elem;
#else
typedef pair elem;
#endif

bool f(chan(elem) ch, elem *v);
bool f(chan(elem) ch, elem *v)
{
	return chan_recv(ch, v);
}
