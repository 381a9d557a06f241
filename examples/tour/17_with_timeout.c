/* ctx_with_timeout and ctx_with_deadline: the time runs out by itself. Of a chain of
 * contexts the earliest deadline counts.
 *
 * Output:
 * fetch: context deadline exceeded
 * the child ends no later than its parent */
#include <millrace.h>
#include <stdio.h>

/* What takes time takes a context, as its first parameter. */
static int fetch(context *ctx, recv_chan(int) reply, int *v)
{
	switch (chan_select(on_recv(reply, v), on_done(ctx))) {
	case 0: return 0;
	default: return ctx_err(ctx);
	}
}

int main(void)
{
	context *ctx = ctx_with_timeout(ctx_background(), 10 * MILLISECOND);
	defer(ctx_free, ctx);
	chan(int) reply = chan_make(int);       /* nobody replies */
	defer(chan_free, reply);
	int v;

	if (fetch(ctx, reply, &v) == CTX_DEADLINE_EXCEEDED)
		printf("fetch: %s\n", ctx_errstr(ctx));

	context *patient = ctx_with_deadline(ctx, time_now() + HOUR);
	defer(ctx_free, patient);
	int64_t a = 0, b = 0;
	if (ctx_deadline(ctx, &a) && ctx_deadline(patient, &b) && a == b)
		puts("the child ends no later than its parent");
}
