/* leak_backoff_next.c - context ignored: the send does not look at it
 *
 * The goroutine that says when to try next looks at the context between sends, and not
 * in them.
 *
 * From:     https://github.com/lestrrat-go/backoff/pull/30
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void loop(context *ctx, send_chan(int) next)
{
	defer(ctx_unref, ctx);
	for (int i = 0; i < 10; i++) {
#ifdef FIXED
		if (chan_select(on_done(ctx), on_send(next, i)) == 0)
			return;
#else
		if (ctx_err(ctx))
			return;
		chan_send(next, i);
#endif
	}
}

int main(void)
{
	context *ctx = ctx_with_cancel(ctx_background());
	chan(int) next = chan_make(int);

	go(loop, ctx_ref(ctx), next);
	chan_recv(next);
	ctx_free(ctx);
}
