/* Contexts that are freed, or handed to somebody who will. */
#include <millrace.h>

struct server { context *ctx; };
static context *kept;

static void deferred(context *parent)
{
	context *ctx = ctx_with_cancel(parent);
	defer(ctx_free, ctx);

	ctx_cancel(ctx);
}
static int freed(context *parent)
{
	context *ctx = ctx_with_timeout(parent, SECOND);
	int n = chan_select(on_recv(ctx_done(ctx)), on_timeout(MINUTE));

	ctx_free(ctx);
	return n;
}
static context *returned(context *parent)
{
	context *ctx = ctx_with_value(parent, "key", NULL);

	return ctx;
}
static context *returned_at_once(context *parent)
{
	return ctx_without_cancel(parent);
}
static void stored(struct server *s, context *parent)
{
	context *ctx = ctx_with_cancel(parent);

	s->ctx = ctx;
	kept = ctx_with_cancel(parent);
}
static void ends(context *ctx)
{
	chan_recv(ctx_done(ctx));
	ctx_unref(ctx);
}
static void given_to_a_goroutine(context *parent)
{
	context *ctx = ctx_with_cancel(parent);

	go(ends, ctx);
}
static void given_on(context *parent)
{
	context *ctx = ctx_with_cancel(parent);

	ends(ctx);
}

int main(void)
{
	struct server s;

	deferred(ctx_background());
	stored(&s, ctx_background());
	given_to_a_goroutine(ctx_background());
	given_on(ctx_background());
	ctx_free(returned(ctx_background()));
	ctx_free(returned_at_once(ctx_background()));
	ctx_free(s.ctx);
	return freed(ctx_todo());
}
