/* map_nodes.c - unsynchronised map: read and written
 *
 * The events of devices are written to a map that a status page reads. Go 1.8's check
 * found it in a program that had run for months.
 *
 * From:     https://github.com/stampzilla/gozwave/issues/9
 * Detector: map
 * Says:     concurrent map read and map write */
#include <millrace.h>

#ifdef FIXED
static mutex mu;
#endif

static void discover(map(int, int) nodes)
{
	for (int i = 0; i < 400000; i++) {
#ifdef FIXED
		mutex_lock(&mu);
#endif
		map_set(nodes, i % 64, i);
#ifdef FIXED
		mutex_unlock(&mu);
#endif
	}
}

static void status(map(int, int) nodes, int *sum)
{
	for (int i = 0; i < 400000; i++) {
#ifdef FIXED
		mutex_lock(&mu);
#endif
		*sum ^= map_get(nodes, i % 64);
#ifdef FIXED
		mutex_unlock(&mu);
#endif
	}
}

int main(void)
{
	map(int, int) nodes = map_make(int, int);
	waitgroup wg = {0};
	int sum = 0;

	go_procs(4);
	wg_go(&wg, discover, nodes);
	wg_go(&wg, status, nodes, &sum);
	wg_wait(&wg);
	map_free(nodes);
}
