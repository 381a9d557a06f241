/* race_loop_index.c - captured variable: the index of the loop
 *
 * Workers are given the loop's variable and not its value. What was a closure there is
 * a pointer here.
 *
 * From:     https://github.com/syke99/gworker/issues/2
 * Detector: race
 * Says:     refill */
#include <millrace.h>

enum { N = 4 };
static int source[N] = { 1, 2, 3, 4 }, sum;
static mutex mu;

static void refill(const int *i, waitgroup *wg)
{
	defer(wg_done, wg);
	mutex_lock(&mu);
	defer(mutex_unlock, &mu);
	sum += *i < N ? source[*i] : 0;
}

#ifdef FIXED
static void refill_value(int i, waitgroup *wg)
{
	refill(&i, wg);
}
#endif

int main(void)
{
	waitgroup wg = {0};

	for (int i = 0; i < N; i++) {
		wg_add(&wg, 1);
#ifdef FIXED
		go(refill_value, i, &wg);
#else
		go(refill, &i, &wg);
#endif
	}
	wg_wait(&wg);
#ifdef FIXED
	return sum != 10;
#endif
}
