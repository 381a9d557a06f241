/* waitgroup.c - a counter, and those who wait for it to be 0.
 *
 * mr_state is counter << 32 | waiters, in one word so that the add that ends the wait
 * knows from its result whether anybody waits. Whenever the bucket lock is free the
 * number of waiters is the length of mr_wait; it grows only while the counter is not 0.
 *
 * Memory: an add that finds no waiters touches *wg once. One that takes the counter to
 * 0 and finds some touches it until it has made it 0; nobody returns from his wait
 * before he is readied, after that. (Whoever comes later sees the counter 0 and returns
 * at once, but the user keeps *wg until all have returned.) */
#include "sync/waitq.h"
#include <millrace/sync.h>

static struct mri_waiter **list(mr_waitgroup *wg)
{
	return (struct mri_waiter **)&wg->mr_wait;
}
static int32_t counter(uint64_t s)
{
	return (int32_t)(s >> 32);
}
static uint32_t waiters(uint64_t s)
{
	return (uint32_t)s;
}

/* This add has made the counter 0 while others waited: nobody else may change *wg now,
 * as nobody waits for a counter of 0 and adding to it would be misuse. */
static noinline void wake_all(mr_waitgroup *wg, uint64_t s)
{
	struct mri_lock *bucket;
	struct mri_waiter *w, *next, *first;

	/* In the child of a fork a deferred mr_wg_done() must work, and nobody waits. */
	if (mri_forked)
		return;
	bucket = mri_waitq_lock(wg);
	first = *list(wg);
	/* Relaxed: only looks for misuse. */
	if (!first || atomic_get(&wg->mr_state, relaxed) != s) {
		mri_waitq_unlock(bucket);
		mri_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	}
	*list(wg) = NULL;
	first->prev->next = NULL;
	/* W2: release, pairs with W3: for those who come now and need not wait. */
	atomic_set(&wg->mr_state, (uint64_t)0, release);
	mri_waitq_unlock(bucket);
	for (w = first; w; w = next) {
		next = w->next;         /* *w is gone once its g is ready */
		mri_sched_ready(w->g);
	}
}

void mr_wg_add(mr_waitgroup *wg, int n)
{
	uint64_t add = (uint64_t)(int64_t)n << 32, s;

	if (n > 0)
		mri_init_check_fork();
	else
		mri_race_release(wg);
	/* W1: acq_rel, pairs with W1 and W3: what was done before is seen by whom this
	 * wakes, and by whoever else reads the 0. */
	s = atomic_add(&wg->mr_state, add, acq_rel) + add;
	/* Adding from 0 is for before the wait: read here, written there, neither ordered
	 * by the wait group, it is a race if nothing else orders them. */
	if (n > 0 && counter(s) == n)
		mri_race_read(&wg->mr_wait, sizeof wg->mr_wait);
	if (likely(counter(s) > 0 && (waiters(s) == 0 || n < 0)))
		return;
	if (counter(s) < 0)
		mri_panic("sync: negative WaitGroup counter");
	if (waiters(s) != 0 && n > 0 && counter(s) == n)
		mri_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	if (counter(s) == 0 && waiters(s) != 0 && n != 0)
		wake_all(wg, s);
}

void mr_wg_done(mr_waitgroup *wg)
{
	mr_wg_add(wg, -1);
}

void mr_wg_wait(mr_waitgroup *wg)
{
	struct mri_waiter w;
	struct mri_lock *bucket;
	uint64_t s;

	mri_init_check_fork();
	/* W3: acquire, pairs with W1 and W2. */
	if (counter(atomic_get(&wg->mr_state, acquire)) == 0) {
		mri_race_acquire(wg);
		return;
	}
	w.g = mri_self();
	bucket = mri_waitq_lock(wg);
	do {
		/* W3: acquire, pairs with W1 and W2. */
		s = atomic_get(&wg->mr_state, acquire);
		if (counter(s) == 0) {
			mri_waitq_unlock(bucket);
			mri_race_acquire(wg);
			return;
		}
		/* Relaxed: it hands nothing over; the list is the bucket lock's. */
	} while (!atomic_cas(&wg->mr_state, &s, s + 1, relaxed));
	if (waiters(s) == 0)
		mri_race_write(&wg->mr_wait, sizeof wg->mr_wait);       /* as in add */
	mri_waitq_push(list(wg), &w);
	mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_WAITGROUP, wg);
	mri_race_acquire(wg);
	/* Relaxed: only looks for misuse. */
	if (unlikely(atomic_get(&wg->mr_state, relaxed) != 0))
		mri_panic("sync: WaitGroup is reused before previous Wait has returned");
}
