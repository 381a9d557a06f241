/* leak_call_uncancelled.c - context never cancelled: its watcher stays
 *
 * For each call a goroutine passes a cancellation on. The calls end, and their
 * contexts are not cancelled.
 *
 * From:     https://github.com/uber/tchannel-go/pull/278
 * Detector: leak
 * Says:     chan receive */
#include <millrace.h>

static void propagate(context *ctx)
{
	defer(ctx_unref, ctx);
	chan_recv(ctx_done(ctx));
}

static void make_call(context *parent)
{
	context *ctx = ctx_with_cancel(parent);

	go(propagate, ctx_ref(ctx));
#ifdef FIXED
	ctx_free(ctx);
#else
	ctx_unref(ctx);
#endif
}

int main(void)
{
	for (int i = 0; i < 3; i++)
		make_call(ctx_background());
}
