// expect: incompatible-pointer-types
#include <millrace.h>

void f(mutex *m, rwmutex *rw);
void f(mutex *m, rwmutex *rw)
{
	(void)m, (void)rw;
#ifdef FIXED
	defer(mutex_unlock, m);
#else
	defer(mutex_unlock, rw);
#endif
}
