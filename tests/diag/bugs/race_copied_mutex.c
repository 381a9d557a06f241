/* race_copied_mutex.c - copied lock: the constructor returns a copy
 *
 * The constructor starts a goroutine with the object's address and returns the object
 * by value: two mutexes guard one counter.
 *
 * From:     https://github.com/golang/go/issues/32550
 * Detector: race
 * Says:     count */
#include <millrace.h>

typedef struct { mutex mu; int *hits; } counter;

static void count(counter *c)
{
	for (int i = 0; i < 100; i++) {
		mutex_lock(&c->mu);
		++*c->hits;
		mutex_unlock(&c->mu);
	}
}

int main(void)
{
	int hits = 0;
	counter made = { .hits = &hits };
	waitgroup wg = {0};

	wg_go(&wg, count, &made);
#ifdef FIXED
	count(&made);
#else
	counter copy = { .hits = made.hits };
	count(&copy);
#endif
	wg_wait(&wg);
	return hits > 200;
}
