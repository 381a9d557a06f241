/* context_bench.c - contexts and semaphores. CommonParentCancel, CheckCanceled and
 * DeepValue are from Go's context/benchmark_test.go; the rest says what its op is. */
#include "bench.h"

static void with_cancel(bench_pb *pb, void *arg)
{
	(void)arg;
	int64_t done = 0;
	for (; pb_next(pb); done++)
		ctx_free(ctx_with_cancel(ctx_background()));
	bench_work(pb->b, done);
}

/* An op is to make a context of one's own and to cancel and free it. */
BENCH(ContextWithCancel) { bench_parallel(b, with_cancel, NULL); }

static void with_timeout(bench_pb *pb, void *arg)
{
	(void)arg;
	int64_t done = 0;
	for (; pb_next(pb); done++)
		ctx_free(ctx_with_timeout(ctx_background(), HOUR));
	bench_work(pb->b, done);
}

/* The same with a deadline that does not come. */
BENCH(ContextWithTimeout) { bench_parallel(b, with_timeout, NULL); }

static void common_parent(bench_pb *pb, void *arg)
{
	int64_t done = 0;
	for (; pb_next(pb); done++)
		ctx_free(ctx_with_cancel(arg));
	bench_work(pb->b, done);
}

/* All goroutines make and cancel children of one context. */
BENCH(ContextCommonParentCancel)
{
	context *root = ctx_with_cancel(ctx_background());

	bench_parallel(b, common_parent, root);
	ctx_free(root);
}

/* An op is to make 1,000 children of a context, to cancel it, and to free them all. */
BENCH(ContextCancel1000)
{
	enum { N = 1000 };
	static context *child[N];
	int64_t cancelled = 0;

	for (int64_t i = 0; i < b->n; i++) {
		context *root = ctx_with_cancel(ctx_background());

		for (int k = 0; k < N; k++)
			child[k] = ctx_with_cancel(root);
		ctx_cancel(root);
		cancelled += ctx_err(child[i % N]) == CTX_CANCELED;
		for (int k = 0; k < N; k++)
			ctx_free(child[k]);
		ctx_free(root);
	}
	bench_work(b, cancelled);
}

static void check_canceled(bench_pb *pb, void *arg)
{
	int64_t lives = 0;

	while (pb_next(pb))
		lives += ctx_err(arg) == 0;
	bench_work(pb->b, lives);
}

/* All goroutines ask one context whether it has ended, which it has not. */
BENCH(ContextCheckCanceled)
{
	context *ctx = ctx_with_cancel(ctx_background());

	bench_parallel(b, check_canceled, ctx);
	ctx_free(ctx);
}

/* An op is to look for a value that is 10 contexts up. */
BENCH(ContextDeepValue)
{
	static int key, other;
	context *c[11] = { ctx_with_value(ctx_background(), &key, &key) };

	for (int i = 1; i <= 10; i++)
		c[i] = i % 2 ? ctx_with_cancel(c[i - 1]) :
			       ctx_with_value(c[i - 1], &other, &other);
	int64_t found = 0;
	for (int64_t i = 0; i < b->n; i++)
		found += ctx_value(c[10], &key) == &key;
	bench_work(b, found);
	for (int i = 10; i >= 0; i--)
		ctx_free(c[i]);
}

static void semaphore_body(bench_pb *pb, void *arg)
{
	int64_t done = 0;

	while (pb_next(pb)) {
		done += sem_acquire(arg, ctx_background(), 1) == 0;
		sem_release(arg, 1);
	}
	bench_work(pb->b, done);
}

/* An op is to acquire and release 1 of 128, by goroutines that need not wait. */
BENCH(SemaphoreUncontended)
{
	semaphore s = SEMAPHORE(128);

	bench_parallel(b, semaphore_body, &s);
}
