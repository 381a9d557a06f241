/* ctx_with_cancel: manual cancellation. Whoever makes a context frees it, which also
 * cancels it; a goroutine that may outlive the maker gets a reference of its own.
 *
 * Output:
 * worker canceled: context canceled */
#include <millrace.h>
#include <stdio.h>

static void worker(context *ctx, send_chan(char) finished)
{
	defer(ctx_unref, ctx);
	for (;;)
		switch (chan_select(on_done(ctx), on_default)) {
		case 0:
			printf("worker canceled: %s\n", ctx_errstr(ctx));
			chan_send(finished, 0);
			return;
		case 1:
			go_sleep(MICROSECOND);          /* one unit of work */
			break;
		}
}

int main(void)
{
	context *ctx = ctx_with_cancel(ctx_background());
	defer(ctx_free, ctx);           /* gives it back even on an early return */
	chan(char) finished = chan_make(char);
	defer(chan_free, finished);

	go(worker, ctx_ref(ctx), finished);
	ctx_cancel(ctx);                /* tells the worker to stop */
	chan_recv(finished);
}
