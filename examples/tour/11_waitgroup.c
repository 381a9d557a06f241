/* waitgroup: wait for N goroutines. wg_add before the goroutine is started, wg_done,
 * deferred, as its first line. wg_go does both.
 *
 * Output, in any order:
 * worker 1
 * worker 2
 * worker 3
 * worker 4
 * worker 5
 * all done */
#include <millrace.h>
#include <stdio.h>

static void worker(int i, waitgroup *wg)
{
	defer(wg_done, wg);
	printf("worker %d\n", i);
}

int main(void)
{
	waitgroup wg = {0};

	for (int i = 1; i <= 5; i++) {
		wg_add(&wg, 1);
		go(worker, i, &wg);
	}
	wg_wait(&wg);
	puts("all done");
}
