/* partial_nested_collection.c - read lock taken again in another layer
 *
 * A database's collections are read under its lock by a function that a reader calls
 * with the lock held; a configuration change comes in between.
 *
 * From:     https://github.com/couchbase/sync_gateway/pull/7322
 * Detector: partial
 * Says:     RWMutex */
#include <millrace.h>

static rwmutex databases;
static int collections = 2;
static chan(char) reading;

static int count_collections(void)
{
#ifndef FIXED
	rwmutex_rlock(&databases);
	defer(rwmutex_runlock, &databases);
#endif
	return collections;
}

static void change_config(void)
{
	chan_recv(reading);
	rwmutex_lock(&databases);
	defer(rwmutex_unlock, &databases);
	collections++;
}

static int status(void)
{
	rwmutex_rlock(&databases);
	defer(rwmutex_runlock, &databases);
	chan_send(reading, 0);
	go_sleep(5 * MILLISECOND);
	return count_collections();
}

int main(void)
{
	waitgroup wg = {0};
	int n;

	reading = chan_make(char);
	wg_go(&wg, change_config);
	n = status();
	wg_wait(&wg);
	return n != 2;
}
