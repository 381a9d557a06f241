/* shelf_test.c - trees of scopes, and error groups with limits, that end in all their ways
 * at once: by returns, errors, panics, go_exit, a cancel from above and a deadline. What is
 * checked holds on every schedule: who has left a scope finds its goroutines ended. */
#include "harness.h"
#include <errno.h>
#include <millrace.h>
#include <string.h>

static uint32_t next_random(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/* The frame of a scope's owner, which its goroutines use until they end. */
struct frame { mutex mu; int running; uint32_t seed; };
static void leave_frame(struct frame *f)
{
	mutex_lock(&f->mu);
	f->running--;
	mutex_unlock(&f->mu);
}
static uint32_t draw(struct frame *f)
{
	uint32_t n;

	mutex_lock(&f->mu);
	n = next_random(&f->seed);
	mutex_unlock(&f->mu);
	return n;
}

static int branch(struct frame *above, context *ctx, int depth);

static int grow(context *ctx, struct frame *f, int depth)
{
	scope *s = scope_begin(ctx);
	defer(scope_end, s);

	for (int i = 0; i < 4; i++) {
		mutex_lock(&f->mu);
		f->running++;
		mutex_unlock(&f->mu);
		scope_go(s, branch, f, scope_ctx(s), depth - 1);
	}
	switch (draw(f) % 8) {
	case 0: panic("body");
	case 1: ctx_cancel(scope_ctx(s)); break;
	case 2: return -EAGAIN;
	}
	return scope_wait(s);
}

static int branch(struct frame *above, context *ctx, int depth)
{
	struct frame f = { .seed = draw(above) };
	const char *why = NULL;

	defer(leave_frame, above);
	if (depth > 0) {
		why = go_try(grow, ctx, &f, depth);
		CHECK_EQ(f.running, 0);         /* plain: they have ended */
		CHECK(!why || strcmp(why, "body") == 0 || strcmp(why, "leaf") == 0);
		return 0;
	}
	switch (draw(&f) % 8) {
	case 0: panic("leaf");
	case 1: go_exit();
	case 2: return -EIO;
	case 3: chan_select(on_done(ctx), on_timeout(20 * MICROSECOND)); break;
	case 4: go_yield(); break;
	}
	return 0;
}
TEST(shelf_stress, scopes_end_in_all_ways)
{
	uint32_t seed = (uint32_t)test_seed();

	for (int i = 0; i < test_rounds(200); i++) {
		struct frame f = { .running = 1, .seed = seed += 77 };
		context *ctx = ctx_with_timeout(ctx_background(),
						next_random(&f.seed) % 1000000);

		go_try(branch, &f, ctx, 3);
		CHECK_EQ(f.running, 0);
		ctx_free(ctx);
	}
}

/* Groups whose members fail, wait for room in a semaphore, or time out. */
static int member(context *ctx, semaphore *s, uint32_t seed)
{
	int64_t n = 1 + next_random(&seed) % 3;

	if (sem_acquire(s, ctx, n) != 0)
		return ctx_err(ctx);
	if (next_random(&seed) % 2)
		go_yield();
	sem_release(s, n);
	return next_random(&seed) % 50 == 0 ? -EIO : 0;
}
static void run_group(semaphore *s, uint32_t seed)
{
	context *top = ctx_with_timeout(ctx_background(), next_random(&seed) % 2000000), *ctx;
	errgroup *g = eg_make(top, &ctx);
	int err;

	eg_set_limit(g, 1 + (int)(next_random(&seed) % 5));
	for (int i = 0; i < 30; i++)
		if (next_random(&seed) % 2)
			eg_go(g, member, ctx, s, next_random(&seed));
		else
			(void)eg_trygo(g, member, ctx, s, next_random(&seed));
	err = eg_wait(g);
	CHECK(err == 0 || err == -EIO || err == CTX_CANCELED || err == CTX_DEADLINE_EXCEEDED);
	ctx_free(top);
}
static void run_groups(semaphore *s, int n, uint32_t seed)
{
	while (n-- > 0)
		run_group(s, next_random(&seed));
}
TEST(shelf_stress, groups_share_a_semaphore)
{
	semaphore s = SEMAPHORE(4);
	waitgroup wg = { 0 };

	for (uint32_t i = 0; i < 8; i++)
		wg_go(&wg, run_groups, &s, test_rounds(50), i);
	wg_wait(&wg);
	CHECK(sem_tryacquire(&s, 4));
}
