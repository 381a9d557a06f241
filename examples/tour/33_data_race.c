/* A data race: two goroutines touch the same variable, one of them writes, and nothing
 * orders the two. In C that is undefined behaviour. `millrace run -race` on this file
 * with -DRACY reports both places and exits with 66; as it stands, with a mutex, it is
 * silent.
 *
 * Output:
 * 2000 */
#include <millrace.h>
#include <stdio.h>

static mutex mu;
static int hits;

static void hit_often(void)
{
	for (int i = 0; i < 1000; i++) {
#ifdef RACY
		hits++;
#else
		mutex_lock(&mu);
		hits++;
		mutex_unlock(&mu);
#endif
	}
}

int main(void)
{
	waitgroup wg = {0};

	wg_go(&wg, hit_often);
	wg_go(&wg, hit_often);
	wg_wait(&wg);
	printf("%d\n", hits);
	(void)mu;
}
