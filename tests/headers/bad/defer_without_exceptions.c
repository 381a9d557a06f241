// expect: defer needs -fexceptions
// flags: -fno-exceptions
#include <millrace.h>

void f(mutex *m);
void f(mutex *m)
{
	mutex_lock(m);
#ifdef FIXED
	mutex_unlock(m);
#else
	defer(mutex_unlock, m);
#endif
}
