// expect: scope_go needs a function returning int or nothing
#include <millrace.h>

void work(int i);
const char *name(int i);
void f(scope *s);
void f(scope *s)
{
#ifdef FIXED
	scope_go(s, work, 1);
#else
	scope_go(s, name, 1);
#endif
}
