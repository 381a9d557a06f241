/* context_test.c - contexts made, canceled, timed out and freed from all sides at once.
 * What is checked holds on every schedule: one that was canceled has ended, and so have
 * those below; a function runs once or was stopped; what is freed is not touched again
 * (the debug build's checks and the sanitizers look on). */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>

static uint32_t next_random(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/* Timeouts of next to nothing: firing, canceled from above and freed all at once. */
static void time_out(context *top, int n, uint32_t seed)
{
	while (n-- > 0) {
		context *ctx = ctx_with_timeout(top, next_random(&seed) % 3000);
		context *below = ctx_with_cancel(ctx);

		switch (next_random(&seed) % 4) {
		case 0: ctx_cancel(ctx); break;
		case 1: chan_recv(ctx_done(below)); break;
		case 2: go_yield(); break;
		}
		if (next_random(&seed) % 2) {
			ctx_free(ctx);
			CHECK(ctx_err(below) != 0);
			ctx_unref(below);
		} else {
			ctx_free(below);
			ctx_free(ctx);
		}
	}
}
struct args { context *top; int n; };
static void *time_out_thread(void *arg)
{
	struct args *a = arg;

	time_out(a->top, a->n, 99);
	return NULL;
}
TEST(context_stress, freed_as_they_time_out)
{
	struct args a = { ctx_with_cancel(ctx_background()), test_rounds(3000) };
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, time_out_thread, &a), 0);
	for (uint32_t i = 0; i < 6; i++)
		wg_go(&wg, time_out, a.top, a.n, i);
	wg_wait(&wg);
	pthread_join(t, NULL);
	ctx_free(a.top);
}

/* The last reference is dropped by whoever comes last, the timer among them. */
static void drop(context *ctx, bool cancel, waitgroup *wg)
{
	if (cancel)
		ctx_free(ctx);
	else
		ctx_unref(ctx);
	wg_done(wg);
}
TEST(context_stress, dropped_by_many)
{
	uint32_t seed = (uint32_t)test_seed();

	for (int i = 0; i < test_rounds(2000); i++) {
		context *ctx = ctx_with_timeout(ctx_background(),
						next_random(&seed) % 20000);
		waitgroup wg = { 0 };

		wg_add(&wg, 4);
		for (int k = 0; k < 4; k++)
			go(drop, ctx_ref(ctx), k == i % 8, &wg);
		if (i % 2)
			chan_recv(ctx_done(ctx));
		ctx_unref(ctx);
		wg_wait(&wg);
	}
}

/* Whole trees are made and freed below one that is canceled meanwhile. */
static void grow(context *top, int n, uint32_t seed)
{
	context *c[32];

	while (n-- > 0) {
		c[0] = ctx_with_cancel(top);
		for (uint32_t i = 1; i < 32; i++) {
			context *parent = c[next_random(&seed) % i];

			c[i] = next_random(&seed) % 3 ? ctx_with_cancel(parent) :
				ctx_with_timeout(parent, next_random(&seed) % 100000);
		}
		ctx_cancel(c[next_random(&seed) % 32]);
		if (next_random(&seed) % 2)
			go_yield();
		for (uint32_t i = 0; i < 32; i++)
			next_random(&seed) % 2 ? ctx_free(c[i]) : ctx_unref(c[i]);
	}
}
static void prune(context **top, int n, chan(char) ended)
{
	for (int i = 0; i < n; i++) {
		ctx_cancel(top[i]);
		go_sleep(100 * MICROSECOND);
	}
	chan_close(ended);
}
TEST(context_stress, trees_grow_as_they_are_cut)
{
	enum { TOPS = 20 };
	context *root = ctx_with_cancel(ctx_background()), *top[TOPS];
	chan(char) ended = chan_make(char);
	waitgroup wg = { 0 };

	for (int i = 0; i < TOPS; i++)
		top[i] = ctx_with_cancel(root);
	for (uint32_t i = 0; i < TOPS; i++)
		wg_go(&wg, grow, top[i], test_rounds(40), i);
	go(prune, top, TOPS, ended);
	wg_wait(&wg);
	chan_recv(ended);
	for (int i = 0; i < TOPS; i++)
		ctx_free(top[i]);
	ctx_free(root);
	chan_free(ended);
}

/* Each function runs, or its stop said that it never will. */
static void count_up(void *arg) { __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELEASE); }
static void stop_some(context *top, int n, uint32_t seed, int *ran, int *stopped)
{
	ctx_after *a[8];

	while (n-- > 0) {
		context *ctx = ctx_with_timeout(top, next_random(&seed) % 20000);

		for (int i = 0; i < 8; i++)
			a[i] = ctx_after_func(ctx, count_up, ran);
		if (next_random(&seed) % 2)
			go(ctx_free, ctx);
		else
			ctx_unref(ctx);
		for (int i = 0; i < 8; i++)
			if (ctx_after_stop(a[i]))
				__atomic_add_fetch(stopped, 1, __ATOMIC_RELAXED);
	}
}
TEST(context_stress, funcs_run_or_are_stopped)
{
	context *top = ctx_with_cancel(ctx_background());
	int n = test_rounds(300), ran = 0, stopped = 0;
	waitgroup wg = { 0 };

	for (uint32_t i = 0; i < 8; i++)
		wg_go(&wg, stop_some, top, n, i * 31, &ran, &stopped);
	wg_wait(&wg);
	ctx_free(top);
	/* The last ones are on their way; the test's time limit bounds this. */
	while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) + stopped < n * 8 * 8)
		go_yield();
	CHECK_EQ(ran + stopped, n * 8 * 8);
}

/* Selects on several contexts, which end as they are waited for. */
static void choose(context *a, context *b, chan(int) ch, int n, uint32_t seed)
{
	while (n-- > 0) {
		context *mine = ctx_with_timeout(next_random(&seed) % 2 ? a : b,
						 next_random(&seed) % 30000);
		int v = 0;

		switch (chan_select(on_done(mine), on_recv(ch, &v), on_done(a), on_done(b))) {
		case 0: CHECK(ctx_err(mine) != 0); break;
		case 1: CHECK_EQ(v, 7); break;
		default: FAIL("an outer context has ended");
		}
		ctx_free(mine);
	}
}
static void feed(chan(int) ch, context *until)
{
	while (chan_select(on_send(ch, 7), on_done(until)) == 0)
		go_sleep(10 * MICROSECOND);
}
TEST(context_stress, selects_on_contexts_that_end)
{
	context *a = ctx_with_cancel(ctx_background()), *b = ctx_with_cancel(a);
	context *until = ctx_with_cancel(ctx_background());
	chan(int) ch = chan_make(int);
	waitgroup wg = { 0 }, feeder = { 0 };

	wg_go(&feeder, feed, ch, until);
	for (uint32_t i = 0; i < 8; i++)
		wg_go(&wg, choose, a, b, ch, test_rounds(1000), i);
	wg_wait(&wg);
	ctx_cancel(until);
	wg_wait(&feeder);
	ctx_free(until);
	ctx_free(b);
	ctx_free(a);
	chan_free(ch);
}
