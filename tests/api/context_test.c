/* context_test.c - contexts: what Go's context_test.go tests, and what is ours: references,
 * deep trees, many children. */
#include "waiting.h"
#include <pthread.h>

static bool is_done(context *ctx)
{
	return chan_select(on_done(ctx), on_default) == 0;
}

static void check_live(context *ctx)
{
	CHECK(!is_done(ctx));
	CHECK_EQ(ctx_err(ctx), 0);
	CHECK(ctx_errstr(ctx) == NULL && ctx_cause(ctx) == NULL);
}

static void check_ended(context *ctx, int err, const char *cause)
{
	CHECK(is_done(ctx));
	CHECK_EQ(ctx_err(ctx), err);
	CHECK_STR(ctx_errstr(ctx), err == CTX_CANCELED ? "context canceled" :
							 "context deadline exceeded");
	CHECK_STR(ctx_cause(ctx), cause);
}

static void check_canceled(context *ctx)
{
	check_ended(ctx, CTX_CANCELED, "context canceled");
}

/* ------------------------------------------------------------------ the roots -- */

static void check_root(context *ctx)
{
	static int key;
	int64_t when = 7;

	check_live(ctx);
	CHECK(ctx_done(ctx) == NULL);
	CHECK(!ctx_deadline(ctx, &when) && when == 7);
	CHECK(ctx_value(ctx, &key) == NULL);
	CHECK(ctx_ref(ctx) == ctx);
	for (int i = 0; i < 3; i++) {
		ctx_unref(ctx);
		ctx_free(ctx);
	}
	check_live(ctx);
}
TEST(context, background_and_todo_never_end)
{
	check_root(ctx_background());
	check_root(ctx_todo());
	CHECK(ctx_background() != ctx_todo());
}

/* The case of a context that cannot end is that of a nil channel. */
TEST(context, on_done_of_background_is_never_ready)
{
	CHECK_EQ(chan_select(on_done(ctx_background()), on_timeout(MILLISECOND)), 1);
}

/* --------------------------------------------------------------------- cancel -- */

TEST(context, cancel_ends_it_once)
{
	context *ctx = ctx_with_cancel(ctx_background());

	check_live(ctx);
	CHECK(!ctx_deadline(ctx, NULL));
	ctx_cancel(ctx);
	check_canceled(ctx);
	ctx_cancel(ctx);
	ctx_cancel_cause(ctx, "too late");
	check_canceled(ctx);
	ctx_free(ctx);
}

static void await(context *ctx, waitgroup *wg)
{
	char c = 'x';

	CHECK(!chan_recv(ctx_done(ctx), &c));
	CHECK_EQ(c, 0);
	CHECK_EQ(ctx_err(ctx), CTX_CANCELED);
	ctx_unref(ctx);
	wg_done(wg);
}
static void await_in_select(context *ctx, chan(int) other, waitgroup *wg)
{
	CHECK_EQ(chan_select(on_recv(other), on_done(ctx)), 1);
	ctx_unref(ctx);
	wg_done(wg);
}
TEST(context, cancel_wakes_all_who_wait)
{
	context *ctx = ctx_with_cancel(ctx_background());
	chan(int) other = chan_make(int);
	waitgroup wg = { 0 };

	wg_add(&wg, 20);
	for (int i = 0; i < 10; i++) {
		go(await, ctx_ref(ctx), &wg);
		go(await_in_select, ctx_ref(ctx), other, &wg);
	}
	until_waiting("chan receive", 10);
	until_waiting("select", 10);
	ctx_free(ctx);
	wg_wait(&wg);
	chan_free(other);
}

/* A value context on the way is passed through. */
TEST(context, cancel_reaches_descendants_and_nobody_above)
{
	static int key;
	context *top = ctx_with_cancel(ctx_background());
	context *a = ctx_with_cancel(top), *b = ctx_with_cancel(top);
	context *value = ctx_with_value(a, &key, &key);
	context *below = ctx_with_cancel(value), *timed = ctx_with_timeout(below, HOUR);

	ctx_cancel(a);
	check_live(top);
	check_live(b);
	check_canceled(a);
	check_canceled(value);
	check_canceled(below);
	check_canceled(timed);
	ctx_cancel(timed);
	ctx_cancel(top);
	check_canceled(b);
	ctx_free(top);
	ctx_free(a);
	ctx_free(b);
	ctx_free(value);
	ctx_free(timed);
	ctx_free(below);
}

TEST(context, child_of_an_ended_one_has_ended)
{
	context *top = ctx_with_cancel(ctx_background()), *c, *t;

	ctx_cancel_cause(top, "over");
	c = ctx_with_cancel(top);
	t = ctx_with_timeout(top, -1);
	check_ended(c, CTX_CANCELED, "over");
	check_ended(t, CTX_CANCELED, "over");
	ctx_free(t);
	ctx_free(c);
	ctx_free(top);
}

/* ----------------------------------------------------------------- deadlines -- */

TEST(context, timeout_ends_it)
{
	int64_t before = time_now(), when;
	context *ctx = ctx_with_timeout(ctx_background(), 2 * MILLISECOND);
	context *child = ctx_with_cancel(ctx);

	CHECK(ctx_deadline(ctx, &when) && when >= before + 2 * MILLISECOND);
	chan_recv(ctx_done(child));
	CHECK(time_now() >= when);
	check_ended(ctx, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	check_ended(child, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	ctx_free(child);
	ctx_free(ctx);
}

TEST(context, deadline_that_has_passed_ends_it_at_once)
{
	context *a = ctx_with_deadline(ctx_background(), time_now());
	context *b = ctx_with_timeout(ctx_background(), 0);
	context *c = ctx_with_timeout(ctx_background(), INT64_MIN);
	context *d = ctx_with_deadline(ctx_background(), INT64_MIN);

	check_ended(a, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	check_ended(b, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	check_ended(c, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	check_ended(d, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	ctx_free(a);
	ctx_free(b);
	ctx_free(c);
	ctx_free(d);
}

TEST(context, earlier_deadline_counts)
{
	int64_t now = time_now(), when = 0;
	context *outer = ctx_with_deadline(ctx_background(), now + HOUR);
	context *later = ctx_with_deadline(outer, now + 2 * HOUR);
	context *sooner = ctx_with_deadline(later, now + MINUTE);
	context *plain = ctx_with_cancel(sooner);

	CHECK(ctx_deadline(later, &when) && when == now + HOUR);
	CHECK(ctx_deadline(sooner, &when) && when == now + MINUTE);
	CHECK(ctx_deadline(plain, &when) && when == now + MINUTE);
	ctx_free(plain);
	ctx_free(sooner);
	ctx_free(later);
	ctx_free(outer);
}

/* The parent's timer ends the child that asked for a later time. */
TEST(context, parent_deadline_ends_a_later_child)
{
	context *outer = ctx_with_timeout(ctx_background(), MILLISECOND);
	context *later = ctx_with_timeout(outer, HOUR);

	chan_recv(ctx_done(later));
	check_ended(later, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	ctx_free(later);
	ctx_free(outer);
}

TEST(context, huge_timeout_is_none)
{
	context *ctx = ctx_with_timeout(ctx_background(), INT64_MAX);

	CHECK(!ctx_deadline(ctx, NULL));
	check_live(ctx);
	ctx_free(ctx);
}

/* With the timer stopped nothing but the end of the test is left: were it not, the
 * process would be in no deadlock for an hour. */
CRASH_TEST(context_cancel_stops_the_timer, 2,
	   "fatal error: all goroutines are asleep - deadlock!")
{
	context *ctx = ctx_with_timeout(ctx_background(), HOUR);
	context *below = ctx_with_timeout(ctx, MINUTE);

	ctx_cancel(ctx);
	check_canceled(below);
	go_block();
}

/* --------------------------------------------------------------------- causes -- */

TEST(context, cause_is_copied_and_inherited)
{
	char why[] = "disk full";
	context *top = ctx_with_cancel(ctx_background());
	context *child = ctx_with_cancel(top), *below = ctx_with_timeout(child, HOUR);

	ctx_cancel_cause(top, why);
	why[0] = 'X';
	check_ended(top, CTX_CANCELED, "disk full");
	ctx_free(top);
	check_ended(child, CTX_CANCELED, "disk full");
	ctx_free(child);
	check_ended(below, CTX_CANCELED, "disk full");
	ctx_free(below);
}

/* Whoever ended first keeps his reason. */
TEST(context, first_cause_counts)
{
	context *top = ctx_with_cancel(ctx_background());
	context *child = ctx_with_cancel(top), *other = ctx_with_cancel(top);
	context *late = ctx_with_timeout(top, 0);

	ctx_cancel_cause(child, "child's");
	ctx_cancel_cause(top, "top's");
	ctx_cancel_cause(other, "other's");
	ctx_cancel_cause(late, "late's");
	check_ended(child, CTX_CANCELED, "child's");
	check_ended(top, CTX_CANCELED, "top's");
	check_ended(other, CTX_CANCELED, "top's");
	check_ended(late, CTX_DEADLINE_EXCEEDED, "context deadline exceeded");
	ctx_free(late);
	ctx_free(other);
	ctx_free(child);
	ctx_free(top);
}

TEST(context, no_cause_is_what_happened)
{
	context *ctx = ctx_with_cancel(ctx_background());

	ctx_cancel_cause(ctx, NULL);
	check_canceled(ctx);
	ctx_free(ctx);
}

/* --------------------------------------------------------------------- values -- */

TEST(context, values_are_found_through_all_kinds)
{
	static int k1, k2, k3;
	char v1[] = "one", v2[] = "two", inner[] = "inner";
	context *a = ctx_with_value(ctx_background(), &k1, v1);
	context *b = ctx_with_cancel(a), *c = ctx_with_value(b, &k2, v2);
	context *d = ctx_without_cancel(c), *e = ctx_with_value(d, &k1, inner);
	context *f = ctx_with_timeout(e, HOUR);

	CHECK(ctx_value(a, &k1) == v1 && ctx_value(a, &k2) == NULL);
	CHECK(ctx_value(b, &k1) == v1 && ctx_value(c, &k1) == v1);
	CHECK(ctx_value(d, &k2) == v2 && ctx_value(d, &k1) == v1);
	CHECK(ctx_value(f, &k1) == inner && ctx_value(f, &k2) == v2);
	CHECK(ctx_value(f, &k3) == NULL && ctx_value(f, NULL) == NULL);
	CHECK(ctx_done(a) == NULL && ctx_done(c) == ctx_done(b));
	ctx_free(f);
	ctx_free(e);
	ctx_free(d);
	ctx_free(c);
	ctx_free(b);
	ctx_free(a);
}

TEST(context, without_cancel_does_not_end_with_its_parent)
{
	static int key;
	context *top = ctx_with_timeout(ctx_background(), HOUR);
	context *value = ctx_with_value(top, &key, &key);
	context *off = ctx_without_cancel(value), *below = ctx_with_cancel(off);

	ctx_cancel(top);
	check_canceled(value);
	check_live(off);
	check_live(below);
	CHECK(ctx_done(off) == NULL && !ctx_deadline(below, NULL));
	CHECK(ctx_value(below, &key) == &key);
	ctx_cancel(below);
	check_canceled(below);
	check_live(off);
	ctx_free(below);
	ctx_free(off);
	ctx_free(value);
	ctx_free(top);
}

/* ------------------------------------------------------------------ after_func -- */

static void send_one(void *ch) { mr_chan_send_from(ch, &(int){ 1 }); }

TEST(context, after_func_runs_once_it_has_ended)
{
	chan(int) ran = chan_make(int, 1);
	context *ctx = ctx_with_cancel(ctx_background()), *child = ctx_with_cancel(ctx);
	ctx_after *a = ctx_after_func(child, send_one, ran);

	CHECK_EQ(chan_tryrecv(ran, NULL), CHAN_WOULD_BLOCK);
	ctx_cancel(ctx);
	CHECK_EQ(chan_recv(ran), 1);
	CHECK(!ctx_after_stop(a));
	ctx_free(child);
	ctx_free(ctx);
	chan_free(ran);
}

TEST(context, after_func_runs_at_once_if_it_has_ended)
{
	chan(int) ran = chan_make(int, 1);
	context *ctx = ctx_with_timeout(ctx_background(), -1);
	ctx_after *a = ctx_after_func(ctx, send_one, ran);

	CHECK_EQ(chan_recv(ran), 1);
	CHECK(!ctx_after_stop(a));
	ctx_free(ctx);
	chan_free(ran);
}

TEST(context, after_func_runs_at_the_deadline)
{
	chan(int) ran = chan_make(int, 1);
	context *ctx = ctx_with_timeout(ctx_background(), MILLISECOND);
	ctx_after *a = ctx_after_func(ctx, send_one, ran);

	CHECK_EQ(chan_recv(ran), 1);
	CHECK_EQ(ctx_err(ctx), CTX_DEADLINE_EXCEEDED);
	CHECK(!ctx_after_stop(a));
	ctx_free(ctx);
	chan_free(ran);
}

static void never(void *arg) { FAIL("a stopped function runs: %p", arg); }

TEST(context, after_func_stopped_never_runs)
{
	context *ctx = ctx_with_cancel(ctx_background());
	ctx_after *a = ctx_after_func(ctx, never, NULL), *b = ctx_after_func(ctx, never, ctx);
	ctx_after *c = ctx_after_func(ctx_background(), never, NULL);

	CHECK(ctx_after_stop(b));
	CHECK(ctx_after_stop(a));
	CHECK(ctx_after_stop(c));
	CHECK(!ctx_after_stop(NULL));
	ctx_free(ctx);
	go_yield();
}

/* The handle keeps the context, also when its maker is through with it. */
TEST(context, after_func_outlives_its_maker)
{
	chan(int) ran = chan_make(int, 1);
	context *top = ctx_with_cancel(ctx_background()), *ctx = ctx_with_cancel(top);
	ctx_after *a = ctx_after_func(ctx, send_one, ran);

	ctx_unref(ctx);
	ctx_free(top);
	CHECK_EQ(chan_recv(ran), 1);
	CHECK(!ctx_after_stop(a));
	chan_free(ran);
}

/* A function may cancel others, and make some. */
static void cancel_next(void *arg)
{
	context *ctx = arg, *more = ctx_with_cancel(ctx);

	ctx_cancel(ctx);
	check_canceled(more);
	ctx_free(more);
	ctx_free(ctx);
}
TEST(context, after_func_may_use_contexts)
{
	context *first = ctx_with_cancel(ctx_background());
	context *next = ctx_with_cancel(ctx_background());
	ctx_after *a = ctx_after_func(first, cancel_next, ctx_ref(next));

	ctx_free(first);
	chan_recv(ctx_done(next));
	CHECK(!ctx_after_stop(a));
	ctx_free(next);
}

/* ------------------------------------------------------------------ references -- */

TEST(context, child_keeps_its_parent)
{
	static int key;
	context *top = ctx_with_value(ctx_background(), &key, &key);
	context *mid = ctx_with_cancel(top), *low = ctx_with_cancel(mid);

	ctx_unref(top);
	ctx_unref(mid);
	check_live(low);
	CHECK(ctx_value(low, &key) == &key);
	ctx_free(low);
}

TEST(context, reference_keeps_it_after_free)
{
	context *ctx = ctx_with_cancel(ctx_background());

	ctx_ref(ctx);
	ctx_free(ctx);
	check_canceled(ctx);
	ctx_unref(ctx);
	ctx_free(NULL);
	ctx_unref(NULL);
}

/* ----------------------------------------------------------------- many, deep -- */

enum { MANY = 100000 };

TEST(context, cancel_reaches_100000_children)
{
	context *top = ctx_with_cancel(ctx_background());
	context **c = calloc(MANY, sizeof(context *));

	for (int i = 0; i < MANY; i++)
		c[i] = ctx_with_cancel(top);
	ctx_cancel_cause(top, "all");
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(ctx_err(c[i]), CTX_CANCELED);
		CHECK_STR(ctx_cause(c[i]), "all");
		ctx_free(c[i]);
	}
	ctx_free(top);
	free(c);
}

/* A goroutine's stack has no room for a frame per level. */
static void deep_chain(bool cancel, waitgroup *wg)
{
	context *top = ctx_with_cancel(ctx_background()), *c = ctx_ref(top);
	static int key;

	for (int i = 0; i < MANY; i++) {
		context *next = i % 3 == 2 ? ctx_with_value(c, &key, &key) :
					     ctx_with_cancel(c);
		ctx_unref(c);
		c = next;
	}
	CHECK_EQ(ctx_err(c), 0);
	if (cancel)
		ctx_cancel(top);
	CHECK_EQ(ctx_err(c), cancel ? CTX_CANCELED : 0);
	CHECK(ctx_value(c, &wg) == NULL);
	ctx_unref(top);
	ctx_unref(c);                   /* the last reference to all of them */
	wg_done(wg);
}
TEST(context, chain_100000_deep)
{
	waitgroup wg = { 0 };

	wg_add(&wg, 2);
	go(deep_chain, true, &wg);
	go(deep_chain, false, &wg);
	wg_wait(&wg);
}

/* 8 goroutines and 4 threads cancel the nodes of one tree, from the bottom, the top and
 * the middle: each node ends once, with the cause of somebody at or above it. */
enum { WIDE = 10, DEEP = 4, NODES = 11111 };
struct tree {
	context *node[NODES];
	int n, next;
};

static void plant(struct tree *t)
{
	t->node[t->n++] = ctx_with_cancel(ctx_background());
	for (int i = 0; t->n < NODES; i++)
		for (int k = 0; k < WIDE; k++)
			t->node[t->n++] = ctx_with_cancel(t->node[i]);
}
static void cancel_some(struct tree *t, int step)
{
	for (int i = NODES - 1; i >= 0; i -= step) {
		char why[16];

		snprintf(why, sizeof why, "%d", i);
		ctx_cancel_cause(t->node[i], why);
		CHECK(is_done(t->node[i]));
	}
}
struct canceler { struct tree *t; int step; };
static void *cancel_some_thread(void *arg)
{
	struct canceler *c = arg;

	cancel_some(c->t, c->step);
	return NULL;
}
static bool is_at_or_above(int i, int below)
{
	while (below > i)
		below = (below - 1) / WIDE;
	return below == i;
}
TEST(context, cancels_from_many_sides_at_once)
{
	static struct tree t;
	struct canceler c[4];
	pthread_t thread[4];
	waitgroup wg = { 0 };

	plant(&t);
	for (int i = 0; i < 4; i++) {
		c[i] = (struct canceler){ &t, 11 + i };
		CHECK_EQ(pthread_create(&thread[i], NULL, cancel_some_thread, &c[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		wg_go(&wg, cancel_some, &t, 3 + i);
	wg_wait(&wg);
	ctx_cancel(t.node[0]);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < NODES; i++) {
		const char *why = ctx_cause(t.node[i]);

		CHECK_EQ(ctx_err(t.node[i]), CTX_CANCELED);
		CHECK(strcmp(why, "context canceled") == 0 ||
		      is_at_or_above(atoi(why), i));
	}
	for (int i = 0; i < NODES; i++)
		ctx_free(t.node[i]);
}

/* What was done before the cancel is seen by whoever learns of it, by the channel or by
 * the error; a plain variable, for tsan. */
static void see(context *ctx, const int *plain, bool by_channel, waitgroup *wg)
{
	if (by_channel)
		chan_recv(ctx_done(ctx));
	while (ctx_err(ctx) == 0)
		go_yield();
	CHECK_EQ(*plain, 1);
	ctx_unref(ctx);
	wg_done(wg);
}
TEST(context, cancel_orders_what_was_before)
{
	for (int i = 0; i < test_rounds(500); i++) {
		context *ctx = ctx_with_cancel(ctx_background());
		waitgroup wg = { 0 };
		int plain = 0;

		wg_add(&wg, 2);
		go(see, ctx_ref(ctx), &plain, true, &wg);
		go(see, ctx_ref(ctx), &plain, false, &wg);
		go_yield();
		plain = 1;
		ctx_free(ctx);
		wg_wait(&wg);
	}
}

/* -------------------------------------------------------------------- threads -- */

static void *thread_waits(void *arg)
{
	chan_recv(ctx_done(arg));
	CHECK_EQ(ctx_err(arg), CTX_DEADLINE_EXCEEDED);
	ctx_unref(arg);
	return NULL;
}
TEST(context, threads_wait_for_a_deadline)
{
	context *ctx = ctx_with_timeout(ctx_background(), 5 * MILLISECOND);
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, thread_waits, ctx_ref(ctx)), 0);
	go_blocking_begin();
	pthread_join(t, NULL);
	go_blocking_end();
	ctx_free(ctx);
}

/* --------------------------------------------------------------------- misuse -- */

#define NOT_CANCELABLE "ctx_cancel of a context that cannot be canceled"

TEST(context, cancel_panics_with_nothing_to_cancel)
{
	static int key;
	context *top = ctx_with_cancel(ctx_background());
	context *value = ctx_with_value(top, &key, NULL), *off = ctx_without_cancel(top);

	CHECK_STR(go_try(ctx_cancel, ctx_background()), NOT_CANCELABLE);
	CHECK_STR(go_try(ctx_cancel, ctx_todo()), NOT_CANCELABLE);
	CHECK_STR(go_try(ctx_cancel, value), NOT_CANCELABLE);
	CHECK_STR(go_try(ctx_cancel_cause, off, "why"), NOT_CANCELABLE);
	check_live(value);
	ctx_free(value);
	ctx_free(off);
	ctx_free(top);
}

static void cancel_of_nil(void) { ctx_free(ctx_with_cancel(NULL)); }
static void timeout_of_nil(void) { ctx_free(ctx_with_timeout(NULL, HOUR)); }
static void nil_key(void) { ctx_free(ctx_with_value(ctx_background(), NULL, NULL)); }
static void nil_func(void)
{
	ctx_after_stop(ctx_after_func(ctx_background(), NULL, NULL));
}
TEST(context, nil_parent_and_nil_key_panic)
{
	CHECK_STR(go_try(cancel_of_nil), "cannot create context from nil parent");
	CHECK_STR(go_try(timeout_of_nil), "cannot create context from nil parent");
	CHECK_STR(go_try(nil_key), "nil key");
	CHECK_STR(go_try(nil_func), "ctx_after_func of a NULL function");
}

TEST(context, done_channel_is_not_for_freeing)
{
	context *ctx = ctx_with_cancel(ctx_background());

	CHECK_STR(go_try(chan_free, ctx_done(ctx)),
		  "chan_free of a channel that belongs to a context");
	ctx_free(ctx);
}
