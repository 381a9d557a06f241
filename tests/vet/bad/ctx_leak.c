/* Contexts that nobody frees. */
#include <millrace.h>

static bool is_over(context *ctx) { return ctx_err(ctx) != 0; }
static void watches(context *ctx) { chan_recv(ctx_done(ctx)); }

static void only_used(context *parent)
{
	context *ctx = ctx_with_cancel(parent);         // vet: ctx-leak

	if (!is_over(ctx))
		ctx_cancel(ctx);
}
static int waits(context *parent)
{
	context *ctx;

	ctx = ctx_with_timeout(parent, SECOND);         // vet: ctx-leak
	return chan_select(on_recv(ctx_done(ctx)), on_timeout(MINUTE));
}
static void started(context *parent)
{
	context *ctx = ctx_with_value(parent, "key", NULL);     // vet: ctx-leak

	go(watches, ctx);
}
static void is_a_parent(context *parent)
{
	context *ctx = ctx_with_cancel(parent);         // vet: ctx-leak
	context *child = ctx_with_deadline(ctx, time_now());

	defer(ctx_free, child);
}

int main(void)
{
	only_used(ctx_background());
	started(ctx_background());
	is_a_parent(ctx_background());
	return waits(ctx_todo());
}
