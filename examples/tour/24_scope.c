/* A scope: goroutines that cannot outlive the block that started them. However it is
 * left they have ended, so they may use its variables; the first error cancels the rest.
 *
 * Output:
 * error -5 after 1 result
 * caught: out of range */
#include <millrace.h>
#include <stdio.h>

static int part(context *ctx, int i, mutex *mu, int *results)
{
	if (i == 1) {
		while (!ctx_err(ctx)) {
			mutex_lock(mu);
			bool others_are_done = *results == 1;
			mutex_unlock(mu);
			if (others_are_done)
				return -5;
			go_yield();
		}
	}
	if (i == 2) {
		chan_recv(ctx_done(ctx));       /* would take for ever */
		return 0;
	}
	mutex_lock(mu);
	++*results;
	mutex_unlock(mu);
	return 0;
}

static int all_parts(int *results)
{
	mutex mu = {0};
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	for (int i = 0; i < 3; i++)
		scope_go(s, part, scope_ctx(s), i, &mu, results);
	return scope_wait(s);
}

static void breaks(void)
{
	panic("out of range");
}

static void with_a_panic(void)
{
	scope *s = scope_begin(ctx_background());
	defer(scope_end, s);

	scope_go(s, breaks);
}

int main(void)
{
	int results = 0, err = all_parts(&results);

	printf("error %d after %d result\n", err, results);
	printf("caught: %s\n", go_try(with_a_panic));
}
