// expect: unknown type name 'mutex'
#define MILLRACE_PREFIX_ONLY
#include <millrace.h>

#ifdef FIXED
typedef mr_mutex mutex;
#endif

void f(mutex *m);
void f(mutex *m)
{
	mr_mutex_lock(m);
}
