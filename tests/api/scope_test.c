/* scope_test.c - goroutines that do not outlive a block, however it is left. */
#include "waiting.h"
#include <errno.h>

static int add(int *p, int n) { return __atomic_add_fetch(p, n, __ATOMIC_RELAXED); }
static int result(int err) { return err; }

/* Nothing of a scope is left when the block is; the goroutines of the caller are. */
static int at_start;
static void begin_counting(void) { at_start = go_count(); }
static void check_none_left(const int *running) { CHECK_EQ(*running, 0); }

/* Runs until it is canceled. *running is plain: that it is 0 afterwards also says that
 * the ends were ordered before. */
struct work { mutex mu; int running; };
static void work(struct work *w, context *ctx)
{
	chan_recv(ctx_done(ctx));
	go_yield();
	mutex_lock(&w->mu);
	w->running--;
	mutex_unlock(&w->mu);
}
static void start_work(scope *s, struct work *w, int n)
{
	for (int i = 0; i < n; i++) {
		mutex_lock(&w->mu);
		w->running++;
		mutex_unlock(&w->mu);
		scope_go(s, work, w, scope_ctx(s));
	}
}

/* ---------------------------------------------------------------------- joining -- */

static int add_and_succeed(int *sum, int i)
{
	add(sum, i);
	return 0;
}
static void sum_up(int *sum, int n)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	for (int i = 1; i <= n; i++)
		scope_go(s, add_and_succeed, sum, i);
}
static int sum_up_and_wait(int *sum, int n)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	for (int i = 1; i <= n; i++)
		scope_go(s, add_and_succeed, sum, i);
	return scope_wait(s);
}
TEST(scope, end_joins_all)
{
	int sum = 0;

	sum_up(&sum, 100);
	CHECK_EQ(sum, 5050);
	CHECK_EQ(sum_up_and_wait(&sum, 100), 0);
	CHECK_EQ(sum, 10100);
}

static int fails_with(struct work *w, int err)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	start_work(s, w, 10);
	scope_go(s, result, err);
	CHECK_EQ(scope_wait(s), err);
	CHECK_STR(ctx_cause(scope_ctx(s)), "error -5: Input/output error");
	return scope_wait(s);
}
TEST(scope, error_cancels_and_is_returned)
{
	struct work w = { 0 };

	CHECK_EQ(fails_with(&w, -EIO), -EIO);
	check_none_left(&w.running);
}

/* A scope may go on after a wait. */
TEST(scope, may_be_used_after_a_wait)
{
	scope *s = scope_begin(ctx_background());
	int sum = 0;

	for (int i = 0; i < 10; i++) {
		scope_go(s, add_and_succeed, &sum, 1);
		CHECK_EQ(scope_wait(s), 0);
		CHECK_EQ(sum, i + 1);
	}
	CHECK_EQ(ctx_err(scope_ctx(s)), 0);
	scope_end(s);
}

static void leave(void) { go_exit(); }
TEST(scope, go_exit_of_one_is_no_error)
{
	scope *s = scope_begin(ctx_background());

	for (int i = 0; i < 10; i++)
		scope_go(s, leave);
	CHECK_EQ(scope_wait(s), 0);
	scope_end(s);
}

TEST(scope, parent_cancels_it)
{
	context *parent = ctx_with_cancel(ctx_background());
	struct work w = { 0 };
	scope *s = scope_begin(parent);

	start_work(s, &w, 10);
	ctx_cancel(parent);
	CHECK_EQ(scope_wait(s), 0);
	scope_end(s);
	check_none_left(&w.running);
	ctx_free(parent);
}

static void grow(scope *s, int depth, int *leaves)
{
	if (depth == 0)
		add(leaves, 1);
	for (int i = 0; i < 2 && depth > 0; i++)
		scope_go(s, grow, s, depth - 1, leaves);
}
TEST(scope, its_goroutines_may_start_more)
{
	scope *s = scope_begin(ctx_background());
	int leaves = 0;

	scope_go(s, grow, s, 8, &leaves);
	scope_end(s);
	CHECK_EQ(leaves, 256);
}

/* ----------------------------------------------------------------------- panics -- */

static void fail(const char *what) { panic("%s has failed", what); }

static void child_panics(struct work *w, bool wait)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	start_work(s, w, 10);
	scope_go(s, fail, "the child");
	if (!wait)
		return;
	scope_wait(s);
	FAIL("scope_wait returns");
}
TEST(scope, panic_of_one_cancels_and_goes_on)
{
	for (int wait = 0; wait < 2; wait++) {
		struct work w = { 0 };

		CHECK_STR(go_try(child_panics, &w, wait), "the child has failed");
		check_none_left(&w.running);
	}
}
TEST(scope, panic_is_the_cause)
{
	scope *s = scope_begin(ctx_background());

	scope_go(s, fail, "one");
	CHECK_STR(go_try(scope_wait, s), "one has failed");
	CHECK_STR(ctx_cause(scope_ctx(s)), "panic: one has failed");
	CHECK_EQ(scope_wait(s), 0);     /* it has been thrown */
	scope_end(s);
}

/* A panic is not hidden by an error that came before. */
static void error_and_panic(void)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	scope_go(s, result, -EIO);
	chan_recv(ctx_done(scope_ctx(s)));
	scope_go(s, fail, "another");
	CHECK_EQ(scope_wait(s), -EIO);
}
TEST(scope, panic_counts_after_an_error)
{
	CHECK_STR(go_try(error_and_panic), "another has failed");
}

static void body_panics(struct work *w)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	start_work(s, w, 10);
	panic("the body has failed");
}
TEST(scope, panic_of_the_body_cancels_and_joins)
{
	struct work w = { 0 };

	CHECK_STR(go_try(body_panics, &w), "the body has failed");
	check_none_left(&w.running);
}

static void body_exits(struct work *w, waitgroup *wg)
{
	defer(wg_done, wg);
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	start_work(s, w, 10);
	go_exit();
}
TEST(scope, go_exit_of_the_body_cancels_and_joins)
{
	struct work w = { 0 };
	waitgroup wg = { 0 };

	wg_add(&wg, 1);
	go(body_exits, &w, &wg);
	wg_wait(&wg);
	check_none_left(&w.running);
}

/* What the body's panic leads to does not replace it; what came before it does. */
static void fail_when_canceled(context *ctx)
{
	chan_recv(ctx_done(ctx));
	fail("the consequence");
}
static void both_panic(bool child_first)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	if (child_first) {
		scope_go(s, fail, "the child");
		chan_recv(ctx_done(scope_ctx(s)));
	} else {
		scope_go(s, fail_when_canceled, scope_ctx(s));
	}
	panic("the body has failed");
}
TEST(scope, first_of_two_panics_goes_on)
{
	CHECK_STR(go_try(both_panic, false), "the body has failed");
	CHECK_STR(go_try(both_panic, true), "the child has failed");
}

/* Scopes in scopes: a panic goes up through all of them. */
static void nest(struct work *w, int depth)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	start_work(s, w, 3);
	if (depth)
		scope_go(s, nest, w, depth - 1);
	else
		fail("the innermost");
}
TEST(scope, panic_goes_up_through_nested_scopes)
{
	struct work w = { 0 };

	CHECK_STR(go_try(nest, &w, 5), "the innermost has failed");
	check_none_left(&w.running);
}

/* A scope that begins and ends in a deferred call, while a panic goes by, is left by
 * nothing: it waits for its goroutines and does not cancel them. */
static void clean_up(int *ran)
{
	CHECK(mr_unwinding());
	CHECK_EQ(sum_up_and_wait(ran, 4), 0);
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);
	scope_go(s, add_and_succeed, ran, 1);
	CHECK_EQ(scope_wait(s), 0);
	CHECK_EQ(ctx_err(scope_ctx(s)), 0);
}
static void panics_and_cleans_up(int *ran)
{
	defer(clean_up, ran);
	panic("on the way");
}
TEST(scope, works_in_a_deferred_call)
{
	int ran = 0;

	CHECK_STR(go_try(panics_and_cleans_up, &ran), "on the way");
	CHECK_EQ(ran, 11);
}

/* In the end there are as many goroutines as there were: what is joined is all but gone. */
TEST(scope, leaves_no_goroutine_behind)
{
	begin_counting();
	for (int i = 0; i < 20; i++) {
		struct work w = { 0 };

		go_try(body_panics, &w);
		go_try(child_panics, &w, true);
	}
	while (go_count() > at_start)
		go_yield();
	CHECK_EQ(go_count(), at_start);
}
