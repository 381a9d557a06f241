/* race_add_inside.c - add after wait: Add in the goroutine that is to be counted
 *
 * Wait may find the counter at 0 when none of the goroutines has counted itself yet;
 * their results are read while they write them.
 *
 * From:     https://github.com/filecoin-project/motion/pull/149
 * Detector: race
 * Says:     upload */
#include <millrace.h>

enum { N = 4 };
static int size[N];

static void upload(waitgroup *wg, int i)
{
#ifndef FIXED
	wg_add(wg, 1);
#endif
	defer(wg_done, wg);
	size[i] = i + 1;
}

int main(void)
{
	static waitgroup wg;
	int sum = 0;

	for (int i = 0; i < N; i++) {
#ifdef FIXED
		wg_add(&wg, 1);
#endif
		go(upload, &wg, i);
	}
	wg_wait(&wg);
	for (int i = 0; i < N; i++)
		sum += size[i];
	go_sleep(5 * MILLISECOND);
	return sum > N * N;
}
