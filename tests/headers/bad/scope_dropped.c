// expect: unused-result
#include <millrace.h>

void f(context *ctx);
void f(context *ctx)
{
#ifdef FIXED
	scope_end(mr_scope_begin(ctx));
#else
	mr_scope_begin(ctx);
#endif
}
