/* leak_limiter_cancel.c - context never cancelled: a limiter without a stop
 *
 * New makes a context for the limiter's goroutine and keeps no way to cancel it. Its
 * ticker ticks on.
 *
 * From:     https://github.com/projectdiscovery/ratelimit/issues/19
 * Detector: leak
 * Says:     select */
#include <millrace.h>

typedef struct { context *ctx; timer *ticker; chan(char) tokens; waitgroup wg; } limiter;

static void limiter_run(limiter *l)
{
	for (;;)
		switch (chan_select(on_done(l->ctx), on_send(l->tokens, 0))) {
		case 0: return;
		case 1: break;
		}
}

static void limiter_start(limiter *l, context *parent)
{
	l->ctx = ctx_with_cancel(parent);
	l->ticker = ticker_make(MILLISECOND);
	l->tokens = chan_make(char, 2);
	wg_go(&l->wg, limiter_run, l);
}

static void limiter_stop(limiter *l)
{
#ifdef FIXED
	ctx_cancel(l->ctx);
	wg_wait(&l->wg);
	ctx_free(l->ctx);
	timer_free(l->ticker);
	chan_free(l->tokens);
#else
	(void)l;
#endif
}

int main(void)
{
	static limiter l;

	limiter_start(&l, ctx_background());
	chan_recv(l.tokens);
	limiter_stop(&l);
}
