// expect: unused-result
#include <millrace.h>

void f(void);
void f(void)
{
#ifdef FIXED
	chan_free(mr_chan_new(sizeof(int), 0));
#else
	mr_chan_new(sizeof(int), 0);
#endif
}
