/* cond.c - condition variables: a FIFO of waiters.
 *
 * A waiter queues itself, unlocks the mutex and then parks: whoever locks the mutex
 * after it finds it in the list. A wake-up may come before it has parked. So it says
 * under the bucket lock that it will (PARKED), and is readied only then; else it sees,
 * under that lock, that it is not queued any more, and does not park.
 *
 * mr_state[0] is the number of waiters, changed under the bucket lock. Once a waiter is
 * off the list it does not touch *c again; signal and broadcast do not after dropping
 * the bucket lock. Lock order: the mutex is unlocked and locked with no lock held. */
#include "sync/held.h"
#include "sync/waitq.h"
#include <millrace/sync.h>

enum { UNPARKED, PARKED };      /* waiter->kind, by the bucket lock */

static struct mri_waiter **list(mr_cond *c)
{
	return (struct mri_waiter **)&c->mr_wait[0];
}

static void count(mr_cond *c, uint32_t n)
{
	/* Relaxed: see any_waiter. */
	atomic_set(&c->mr_state[0], n, relaxed);
}

/* Relaxed: a waiter that must be woken unlocked the mutex before the caller locked it
 * and changed the condition, and so is seen. */
static bool any_waiter(mr_cond *c)
{
	return atomic_get(&c->mr_state[0], relaxed) != 0;
}

void mr_cond_wait(mr_cond *c, mr_mutex *m)
{
	struct mri_waiter w = { .g = mri_self(), .kind = UNPARKED };
	void *pc = __builtin_return_address(0);
	struct mri_lock *bucket;

	mri_init_check_fork();
	bucket = mri_waitq_lock(c);
	mri_waitq_push(list(c), &w);
	/* Relaxed: by the bucket lock. */
	count(c, atomic_get(&c->mr_state[0], relaxed) + 1);
	mri_waitq_unlock(bucket);

	mr_mutex_unlock(m);

	bucket = mri_waitq_lock(c);     /* of c's address only: c may be gone */
	if (w.queued) {
		w.kind = PARKED;
		mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_COND, c);
	} else {
		mri_waitq_unlock(bucket);
	}
	mri_race_acquire(&w.ok);
	mri_mutex_lock_at(m, pc);
}

void mr_cond_signal(mr_cond *c)
{
	struct mri_lock *bucket;
	struct mri_waiter *w;
	struct g *g = NULL;

	mri_init_check_fork();
	if (!any_waiter(c))
		return;
	bucket = mri_waitq_lock(c);
	w = mri_waitq_pop(list(c));
	if (w) {
		mri_waitq_order(w);
		/* Relaxed: by the bucket lock. */
		count(c, atomic_get(&c->mr_state[0], relaxed) - 1);
		if (w->kind == PARKED)
			g = w->g;
	}
	mri_waitq_unlock(bucket);
	if (g)
		mri_sched_ready(g);
}

void mr_cond_broadcast(mr_cond *c)
{
	struct mri_lock *bucket;
	struct mri_waiter *w, *parked = NULL, **end = &parked;

	mri_init_check_fork();
	if (!any_waiter(c))
		return;
	bucket = mri_waitq_lock(c);
	while ((w = mri_waitq_pop(list(c))) != NULL) {
		mri_waitq_order(w);
		/* One that has not parked goes its way as soon as the lock is dropped. */
		if (w->kind != PARKED)
			continue;
		*end = w;
		end = &w->next;
	}
	*end = NULL;
	count(c, 0);
	mri_waitq_unlock(bucket);
	while (parked) {
		w = parked;
		parked = w->next;       /* *w is gone once its g is ready */
		mri_sched_ready(w->g);
	}
}
