// expect: unused-result
#include <millrace.h>

void f(semaphore *s);
void f(semaphore *s)
{
#ifdef FIXED
	if (sem_tryacquire(s, 1))
		sem_release(s, 1);
#else
	mr_sem_tryacquire(s, 1);
#endif
}
