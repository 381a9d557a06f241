// expect: send on or close of receive-only channel: pass a send_chan
#include <millrace.h>

void f(context *ctx);
void f(context *ctx)
{
#ifdef FIXED
	ctx_cancel(ctx);
#else
	chan_close(ctx_done(ctx));
#endif
}
