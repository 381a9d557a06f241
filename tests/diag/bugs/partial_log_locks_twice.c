/* partial_log_locks_twice.c - double lock: a helper takes the lock its caller holds
 *
 * The logger's public function locks and calls an internal one that locks again, while
 * the rest of the program goes on.
 *
 * From:     https://github.com/statsig-io/go-sdk/pull/10
 * Detector: partial
 * Says:     already holds */
#include <millrace.h>

typedef struct { mutex mu; int events; } logger;

static void log_internal(logger *l)
{
#ifndef FIXED
	mutex_lock(&l->mu);
	defer(mutex_unlock, &l->mu);
#endif
	l->events++;
}

static void log_event(logger *l, waitgroup *wg)
{
	defer(wg_done, wg);
	mutex_lock(&l->mu);
	defer(mutex_unlock, &l->mu);
	log_internal(l);
}

int main(void)
{
	logger l = {0};
	waitgroup wg = {0};

	wg_add(&wg, 1);
	go(log_event, &l, &wg);
	wg_wait(&wg);
	return l.events != 1;
}
