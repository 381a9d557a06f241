// expect: unused-result
#include <millrace.h>

void f(void);
void f(void)
{
#ifdef FIXED
	timer_free(mr_timer_make(SECOND));
#else
	mr_timer_make(SECOND);
#endif
}
