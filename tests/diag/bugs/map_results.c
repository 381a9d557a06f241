/* map_results.c - unsynchronised map: results of several regions
 *
 * Every region's receiver adds its results to one map.
 *
 * From:     https://github.com/goadapp/goad/issues/181
 * Detector: map
 * Says:     concurrent map writes */
#include <millrace.h>

static void add_results(map(int, int) results, int region, mutex *mu)
{
	for (int i = 0; i < 200000; i++) {
#ifdef FIXED
		mutex_lock(mu);
#else
		(void)mu;
#endif
		map_set(results, region * 100 + i % 100, i);
#ifdef FIXED
		mutex_unlock(mu);
#endif
	}
}

int main(void)
{
	map(int, int) results = map_make(int, int);
	waitgroup wg = {0};
	mutex mu = {0};

	go_procs(4);
	for (int region = 0; region < 4; region++)
		wg_go(&wg, add_results, results, region, &mu);
	wg_wait(&wg);
	map_free(results);
}
