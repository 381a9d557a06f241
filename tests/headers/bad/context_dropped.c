// expect: unused-result
#include <millrace.h>

void f(void);
void f(void)
{
#ifdef FIXED
	ctx_free(ctx_with_cancel(ctx_background()));
#else
	ctx_with_cancel(ctx_background());
#endif
}
