/* race_started_types.c - unsynchronised table: "the writes are all the same"
 *
 * Services note which types they have started in one table. Its author thought it
 * harmless, as all write true.
 *
 * From:     https://github.com/driusan/dainit/issues/1
 * Detector: race
 * Says:     start_service */
#include <millrace.h>

enum { TYPES = 8 };
static bool started[TYPES];
static rwmutex mu;

static bool is_started(int type)
{
#ifdef FIXED
	rwmutex_rlock(&mu);
	defer(rwmutex_runlock, &mu);
#else
	(void)mu;
#endif
	return started[type];
}

static void start_service(int type, int needs)
{
	for (int i = 0; i < 100 && !is_started(needs); i++)
		go_yield();
#ifdef FIXED
	rwmutex_lock(&mu);
	defer(rwmutex_unlock, &mu);
#endif
	started[type] = true;
}

int main(void)
{
	waitgroup wg = {0};

	started[0] = true;
	for (int i = 1; i < TYPES; i++)
		wg_go(&wg, start_service, i, i - 1);
	wg_wait(&wg);
}
