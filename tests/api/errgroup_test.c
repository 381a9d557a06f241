/* errgroup_test.c - groups of goroutines that return errors. */
#include "waiting.h"
#include <errno.h>

static int add(int *p, int n) { return __atomic_add_fetch(p, n, __ATOMIC_RELAXED); }
static int load(const int *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

static int result(int err) { return err; }
static int add_all(int *sum, int a, long b, double c)
{
	add(sum, a + (int)b + (int)c);
	return 0;
}

TEST(errgroup, waits_for_all)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	int sum = 0;

	for (int i = 0; i < 100; i++)
		eg_go(g, add_all, &sum, 1, 20L, 300.0);
	CHECK_EQ(eg_wait(g), 0);
	CHECK_EQ(sum, 32100);
}

TEST(errgroup, empty_one_is_done)
{
	CHECK_EQ(eg_wait(eg_make(ctx_background(), NULL)), 0);
}

/* Whoever comes first: with one failing goroutine there is no doubt. */
TEST(errgroup, returns_the_error)
{
	errgroup *g = eg_make(ctx_background(), NULL);

	for (int i = 0; i < 10; i++)
		eg_go(g, result, i == 7 ? -EIO : 0);
	CHECK_EQ(eg_wait(g), -EIO);
}

static int until_canceled(context *ctx, const char *cause)
{
	chan_recv(ctx_done(ctx));
	CHECK_STR(ctx_cause(ctx), cause);
	return ctx_err(ctx);
}
TEST(errgroup, first_error_cancels_the_others)
{
	context *ctx;
	errgroup *g = eg_make(ctx_background(), &ctx);

	for (int i = 0; i < 10; i++)
		eg_go(g, until_canceled, ctx, "error -2: No such file or directory");
	eg_go(g, result, -ENOENT);
	CHECK_EQ(eg_wait(g), -ENOENT);
}
TEST(errgroup, error_may_be_any_number)
{
	context *ctx;
	errgroup *g = eg_make(ctx_background(), &ctx);

	eg_go(g, until_canceled, ctx, "error 7");
	eg_go(g, result, 7);
	CHECK_EQ(eg_wait(g), 7);
}
TEST(errgroup, parent_cancels_all)
{
	context *parent = ctx_with_cancel(ctx_background()), *ctx;
	errgroup *g = eg_make(parent, &ctx);

	for (int i = 0; i < 10; i++)
		eg_go(g, until_canceled, ctx, "enough");
	ctx_cancel_cause(parent, "enough");
	CHECK_EQ(eg_wait(g), CTX_CANCELED);
	ctx_free(parent);
}

/* Its context ends with it, for whoever holds a reference. */
TEST(errgroup, wait_cancels_its_context)
{
	context *ctx;
	errgroup *g = eg_make(ctx_background(), &ctx);

	ctx_ref(ctx);
	eg_go(g, result, 0);
	CHECK_EQ(ctx_err(ctx), 0);
	CHECK_EQ(eg_wait(g), 0);
	CHECK_EQ(ctx_err(ctx), CTX_CANCELED);
	ctx_unref(ctx);
}

/* ------------------------------------------------------------------- the limit -- */

struct limited { int running, most, limit; };
static int run_limited(struct limited *l)
{
	int n = add(&l->running, 1), most = load(&l->most);

	CHECK(n <= l->limit);
	while (n > most && !__atomic_compare_exchange_n(&l->most, &most, n, 0,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	go_yield();
	add(&l->running, -1);
	return 0;
}
TEST(errgroup, limit_bounds_what_runs)
{
	for (int limit = 1; limit <= 4; limit++) {
		struct limited l = { .limit = limit };
		errgroup *g = eg_make(ctx_background(), NULL);

		eg_set_limit(g, limit);
		for (int i = 0; i < 200; i++)
			eg_go(g, run_limited, &l);
		CHECK_EQ(eg_wait(g), 0);
		CHECK(l.running == 0 && l.most <= limit);
	}
}

static int take_one(recv_chan(int) ch) { return chan_recv(ch); }

TEST(errgroup, trygo_starts_if_there_is_room)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	chan(int) ch = chan_make(int);

	eg_set_limit(g, 2);
	CHECK(eg_trygo(g, take_one, ch));
	CHECK(eg_trygo(g, take_one, ch));
	CHECK(!eg_trygo(g, take_one, ch));
	chan_send(ch, 0);
	while (!eg_trygo(g, take_one, ch))      /* until the first has ended */
		go_yield();
	chan_close(ch);
	CHECK_EQ(eg_wait(g), 0);
	chan_free(ch);
}
TEST(errgroup, trygo_without_a_limit_always_starts)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	int sum = 0;

	for (int i = 0; i < 100; i++)
		CHECK(eg_trygo(g, add_all, &sum, 1, 1L, 1.0));
	CHECK_EQ(eg_wait(g), 0);
	CHECK_EQ(sum, 300);
}
TEST(errgroup, limit_of_0_lets_nobody_in)
{
	errgroup *g = eg_make(ctx_background(), NULL);

	eg_set_limit(g, 0);
	CHECK(!eg_trygo(g, result, 1));
	eg_set_limit(g, -1);
	CHECK(eg_trygo(g, result, 2));
	CHECK_EQ(eg_wait(g), 2);
}
TEST(errgroup, limit_cannot_change_with_goroutines_in_it)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	chan(int) ch = chan_make(int);

	eg_go(g, take_one, ch);
	eg_go(g, take_one, ch);
	CHECK_STR(go_try(eg_set_limit, g, 1),
		  "errgroup: modify limit while 2 goroutines in the group are still active");
	chan_close(ch);
	CHECK_EQ(eg_wait(g), 0);
	chan_free(ch);
}

/* ---------------------------------------------------------------- how they end -- */

static int leave(int *p)
{
	add(p, 1);
	go_exit();
}
TEST(errgroup, go_exit_is_no_error)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	int left = 0;

	for (int i = 0; i < 50; i++)
		eg_go(g, leave, &left);
	CHECK_EQ(eg_wait(g), 0);
	CHECK_EQ(left, 50);
}

/* Members may start members: the group cannot end before they do. */
static int grow(errgroup *g, int depth, int *leaves)
{
	if (depth == 0)
		add(leaves, 1);
	for (int i = 0; i < 2 && depth > 0; i++)
		eg_go(g, grow, g, depth - 1, leaves);
	return 0;
}
TEST(errgroup, may_grow_while_waited_for)
{
	errgroup *g = eg_make(ctx_background(), NULL);
	int leaves = 0;

	eg_go(g, grow, g, 8, &leaves);
	CHECK_EQ(eg_wait(g), 0);
	CHECK_EQ(leaves, 256);
}

/* Plain variables, for tsan. */
static int set(int *p)
{
	*p = 1;
	return 0;
}
TEST(errgroup, orders_the_work_before_the_wait)
{
	for (int i = 0; i < test_rounds(500); i++) {
		errgroup *g = eg_make(ctx_background(), NULL);
		int a = 0, b = 0;

		eg_go(g, set, &a);
		eg_go(g, set, &b);
		CHECK_EQ(eg_wait(g), 0);
		CHECK_EQ(a + b, 2);
	}
}

static void nil_parent(void) { eg_wait(eg_make(NULL, NULL)); }
TEST(errgroup, nil_parent_panics)
{
	CHECK_STR(go_try(nil_parent), "cannot create context from nil parent");
}
