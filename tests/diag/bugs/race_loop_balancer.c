/* race_loop_balancer.c - captured variable: all for the last of the range
 *
 * Every balancer is to be updated, each in its goroutine; all look at the one variable
 * of the range.
 *
 * From:     https://github.com/bobrik/zoidberg/pull/20
 * Detector: race
 * Says:     update */
#include <millrace.h>

typedef struct { int port; bool updated; } balancer;

static void update(balancer *const *b, waitgroup *wg)
{
	__atomic_store_n(&(*b)->updated, true, __ATOMIC_RELAXED);
	wg_done(wg);
}

#ifdef FIXED
static void update_value(balancer *b, waitgroup *wg)
{
	update(&b, wg);
}
#endif

int main(void)
{
	static balancer all[3];
	static balancer *b;
	waitgroup wg = {0};

	wg_add(&wg, 3);
	for (int i = 0; i < 3; i++) {
		b = &all[i];
#ifdef FIXED
		go(update_value, b, &wg);
#else
		go(update, &b, &wg);
#endif
	}
	wg_wait(&wg);
}
