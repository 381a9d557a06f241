/* Cancellation propagates: when a context is cancelled, so are all that were made from
 * it, and every goroutine that watches one of them sees it. Never those above.
 *
 * Output:
 * 10 workers stopped: context canceled
 * the parent goes on */
#include <millrace.h>
#include <stdio.h>

static void worker(context *ctx, send_chan(char) stopped)
{
	chan_recv(ctx_done(ctx));
	chan_send(stopped, 0);
	ctx_unref(ctx);
}

int main(void)
{
	context *parent = ctx_with_cancel(ctx_background());
	defer(ctx_free, parent);
	context *group = ctx_with_cancel(parent);
	defer(ctx_free, group);
	chan(char) stopped = chan_make(char);
	defer(chan_free, stopped);
	int n = 0;

	for (int i = 0; i < 10; i++)            /* each has a context of its own */
		go(worker, ctx_with_timeout(group, HOUR), stopped);
	ctx_cancel(group);
	for (; n < 10; n++)
		chan_recv(stopped);
	printf("%d workers stopped: %s\n", n, ctx_errstr(group));
	puts(ctx_err(parent) ? "the parent has ended" : "the parent goes on");
}
