/* once.c - a function that runs once, and callers who wait until it has.
 *
 * mr_done is 1 once it has run; all calls after that read it and nothing else.
 * mr_state, by the bucket lock, is RUNNING while the first caller is in it; the others
 * park on mr_wait[0]. A panic or mr_go_exit() in f unwinds through run(), whose cleanup
 * declares it done all the same. Setting mr_done is the last access to *o. */
#include "sync/waitq.h"
#include <millrace/sync.h>

enum { IDLE, RUNNING };

static struct mri_waiter **list(mr_once *o)
{
	return (struct mri_waiter **)&o->mr_wait[0];
}

static void finish(mr_once **o)
{
	struct mri_lock *bucket;
	struct mri_waiter *w, *next, *first;

	/* The child of a fork in f may return from there, and nobody waits. */
	if (mri_forked)
		return;
	bucket = mri_waitq_lock(*o);
	first = *list(*o);
	if (first)
		first->prev->next = NULL;
	*list(*o) = NULL;
	mri_race_release(*o);
	/* O1: release, pairs with O2: what f did. */
	atomic_set(&(*o)->mr_done, 1u, release);
	mri_waitq_unlock(bucket);
	for (w = first; w; w = next) {
		next = w->next;         /* *w is gone once its g is ready */
		mri_sched_ready(w->g);
	}
}

static void run(mr_once *o, void (*f)(void *), void *arg)
{
	__attribute__((cleanup(finish), unused)) mr_once *done = o;

	f(arg);
}

static noinline void call_slow(mr_once *o, void (*f)(void *), void *arg)
{
	struct mri_waiter w = { .g = mri_self() };
	struct mri_lock *bucket = mri_waitq_lock(o);

	/* Relaxed: set under the bucket lock. */
	if (atomic_get(&o->mr_done, relaxed)) {
		mri_waitq_unlock(bucket);
	} else if (o->mr_state == RUNNING) {
		mri_waitq_push(list(o), &w);
		mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_ONCE, o);
	} else {
		o->mr_state = RUNNING;
		mri_waitq_unlock(bucket);
		run(o, f, arg);
	}
}

static void call_plain(void *f)
{
	(*(void (**)(void))f)();
}

void mr_once_do(mr_once *o, void (*f)(void))
{
	/* O2: acquire, pairs with O1. */
	if (unlikely(!atomic_get(&o->mr_done, acquire)))
		call_slow(o, call_plain, &f);
	mri_race_acquire(o);
}

void mr_once_call(mr_once *o, void (*f)(void *), void *arg)
{
	/* O2: acquire, pairs with O1. */
	if (unlikely(!atomic_get(&o->mr_done, acquire)))
		call_slow(o, f, arg);
	mri_race_acquire(o);
}
