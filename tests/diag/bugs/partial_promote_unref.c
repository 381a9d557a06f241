/* partial_promote_unref.c - read lock taken again on the way out
 *
 * The cache promotes a node under its read lock; the node that falls out is released,
 * which read-locks the cache.
 *
 * From:     https://github.com/syndtr/goleveldb/issues/340
 * Detector: partial
 * Says:     RWMutex */
#include <millrace.h>

typedef struct { rwmutex mu; int nodes; } cache;

static void unref(cache *c, bool locked)
{
	if (!locked)
		rwmutex_rlock(&c->mu);
	__atomic_fetch_sub(&c->nodes, 1, __ATOMIC_RELAXED);
	if (!locked)
		rwmutex_runlock(&c->mu);
}

static void cache_close(cache *c)
{
	rwmutex_lock(&c->mu);
	c->nodes = 0;
	rwmutex_unlock(&c->mu);
}

static void promote(cache *c, waitgroup *wg)
{
	rwmutex_rlock(&c->mu);
	defer(rwmutex_runlock, &c->mu);
	wg_go(wg, cache_close, c);
	go_sleep(5 * MILLISECOND);
#ifdef FIXED
	unref(c, true);
#else
	unref(c, false);
#endif
}

int main(void)
{
	static cache c = { .nodes = 3 };
	waitgroup wg = {0};
	timer *stats = ticker_make(MILLISECOND);
	defer(timer_free, stats);

	promote(&c, &wg);
	wg_wait(&wg);
}
