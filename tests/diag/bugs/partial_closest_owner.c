/* partial_closest_owner.c - nested read locks across two functions
 *
 * getClosestN holds the read lock and asks GetPartitionOwner, a public function with a
 * read lock of its own; Add wants to write.
 *
 * From:     https://github.com/buraksezer/consistent/issues/23
 * Detector: partial
 * Says:     RWMutex */
#include <millrace.h>

enum { MEMBERS = 4 };
typedef struct { rwmutex mu; int owner[MEMBERS]; } ring;

static int owner_locked(ring *r, int partition)
{
	return r->owner[partition % MEMBERS];
}

static int partition_owner(ring *r, int partition)
{
	rwmutex_rlock(&r->mu);
	defer(rwmutex_runlock, &r->mu);
	return owner_locked(r, partition);
}

static int closest(ring *r, int partition, chan(char) between)
{
	rwmutex_rlock(&r->mu);
	defer(rwmutex_runlock, &r->mu);
	chan_send(between, 0);
	go_sleep(5 * MILLISECOND);
#ifdef FIXED
	return owner_locked(r, partition + 1);
#else
	return partition_owner(r, partition + 1);
#endif
}

static void add(ring *r, int member, chan(char) between)
{
	chan_recv(between);
	rwmutex_lock(&r->mu);
	defer(rwmutex_unlock, &r->mu);
	r->owner[member] = member;
}

int main(void)
{
	ring r = {0};
	chan(char) between = chan_make(char);
	waitgroup wg = {0};
	int got;

	wg_go(&wg, add, &r, 3, between);
	got = closest(&r, 0, between);
	wg_wait(&wg);
	return got + partition_owner(&r, 0);
}
