/* context_test.c - contexts used wrongly, and leaked: what the process says. */
#include "waiting.h"

static context *make(void) { return ctx_with_cancel(ctx_background()); }

CRASH_TEST(context_freed_while_waited_on, 2,
	   "panic: context freed while its done channel is waited on")
{
	context *ctx = make();

	go(mr_chan_recv_into, ctx_done(ctx), NULL);
	until_waiting("chan receive", 1);
	ctx_unref(ctx);
}

CRASH_TEST(context_freed_twice, 2, "panic: free of freed context", "goroutine 1 [running]:")
{
	context *ctx = make();

	ctx_free(ctx);
	ctx_free(ctx);
}
CRASH_TEST(context_unref_too_often, 2, "panic: free of freed context")
{
	static int key;
	context *ctx = ctx_with_value(ctx_background(), &key, &key);

	ctx_unref(ctx);
	ctx_unref(ctx);
}
static void nothing(void *arg) { (void)arg; }
CRASH_TEST(context_after_stopped_twice, 2, "panic: free of freed context")
{
	ctx_after *a = ctx_after_func(ctx_background(), nothing, NULL);

	ctx_after_stop(a);
	ctx_after_stop(a);
}
TWIN(context_freed_once_each)
{
	context *ctx = make(), *child = ctx_with_cancel(ctx);
	ctx_after *a = ctx_after_func(child, nothing, NULL);

	ctx_ref(ctx);
	ctx_free(ctx);
	ctx_unref(ctx);
	CHECK_EQ(ctx_err(child), CTX_CANCELED);
	ctx_free(child);
	ctx_after_stop(a);
}

/* Waiting for a context that nobody will cancel is waiting for ever. */
CRASH_TEST(context_deadlock, 2, "fatal error: all goroutines are asleep - deadlock!",
	   "goroutine 1 [chan receive")
{
	chan_recv(ctx_done(make()));
}
TWIN(context_deadlock)
{
	context *ctx = ctx_with_timeout(ctx_background(), MILLISECOND);

	chan_recv(ctx_done(ctx));
	ctx_free(ctx);
}

static void fail(void *arg) { panic("after %s", (char *)arg); }
CRASH_TEST(context_after_func_panics, 2, "panic: after all", "[running]:", "fail(")
{
	static char all[] = "all";
	context *ctx = make();
	ctx_after *a = ctx_after_func(ctx, fail, all);

	(void)a;
	ctx_free(ctx);
	go_block();
}

/* ------------------------------------------------- what debug builds notice besides -- */

#ifdef MRI_DEV
#define FREED "panic: use of freed context"
static context *freed(void)
{
	context *ctx = make();

	ctx_free(ctx);
	return ctx;
}
CRASH_TEST(context_freed_done, 2, FREED) { chan_recv(ctx_done(freed())); }
CRASH_TEST(context_freed_err, 2, FREED) { ctx_err(freed()); }
CRASH_TEST(context_freed_cause, 2, FREED) { ctx_cause(freed()); }
CRASH_TEST(context_freed_cancel, 2, FREED) { ctx_cancel(freed()); }
CRASH_TEST(context_freed_ref, 2, FREED) { ctx_ref(freed()); }
CRASH_TEST(context_freed_deadline, 2, FREED) { ctx_deadline(freed(), NULL); }
CRASH_TEST(context_freed_value, 2, FREED) { ctx_value(freed(), &(int){ 0 }); }
CRASH_TEST(context_freed_parent, 2, FREED) { ctx_free(ctx_with_cancel(freed())); }

static __attribute__((noinline)) void handle(int n)
{
	context *ctx = ctx_with_timeout(ctx_background(), HOUR);

	if (n % 2)
		return;         /* forgets it */
	ctx_free(ctx);
}
static __attribute__((noinline)) void listen(context *ctx)
{
	static int key;
	static ctx_after *volatile after;       /* stored after the call: so that is no tail call */
	context *value = ctx_with_value(ctx, &key, &key);

	after = ctx_after_func(value, nothing, NULL);
	(void)after;
}
CRASH_TEST(context_leaked, 0, "context leak: 3 from ctx_with_cancel, _deadline or _timeout "
			      "in handle\n", "!context leak")
{
	for (int i = 0; i < 6; i++)
		handle(i);
}
CRASH_TEST(context_leaked_others, 0, "context leak: 1 from ctx_with_value in listen\n",
	   "context leak: 1 from ctx_after_func in listen\n")
{
	listen(ctx_background());
}
TWIN(context_leaked)
{
	for (int i = 0; i < 6; i++)
		handle(2 * i);
}

/* Whoever still runs when main returns may hold one. */
static void hold(context *ctx, chan(int) up)
{
	chan_send(up, 1);
	go_block();
	ctx_unref(ctx);
}
TWIN(context_held_at_the_end)
{
	context *ctx = make();
	chan(int) up = chan_make(int);

	go(hold, ctx_ref(ctx), up);
	chan_recv(up);
	ctx_free(ctx);
}
#endif
