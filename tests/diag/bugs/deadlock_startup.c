/* deadlock_startup.c - forgotten unlock: a write lock on the error path
 *
 * Opening the store fails and leaves with the write lock held; every reader waits.
 *
 * From:     https://github.com/flynn/flynn/pull/2591
 * Detector: deadlock
 * Says:     sync.RWMutex.RLock */
#include <millrace.h>

typedef struct { rwmutex mu; int leader; } store;

static int store_open(store *s, int dir)
{
	rwmutex_lock(&s->mu);
#ifdef FIXED
	defer(rwmutex_unlock, &s->mu);
#endif
	if (dir < 0)
		return -2;
	s->leader = 1;
#ifndef FIXED
	rwmutex_unlock(&s->mu);
#endif
	return 0;
}

static int store_leader(store *s)
{
	rwmutex_rlock(&s->mu);
	defer(rwmutex_runlock, &s->mu);
	return s->leader;
}

int main(void)
{
	store s = {0};
	int err = store_open(&s, -1);

	return err != -2 || store_leader(&s) != 0;
}
