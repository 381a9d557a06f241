/* held.h - who holds and who waits for which lock: with MILLRACE=deadlock=partial.
 *
 * `how` a lock is locked is what somebody who waits to do so waits for: MRI_WHY_MUTEX,
 * _RLOCK or _WLOCK. pc is where the locking call returns to. */
#ifndef MRI_SYNC_HELD_H
#define MRI_SYNC_HELD_H
#include "millrace/sync.h"
#include "rt/rt.h"

/* Whether the functions below are to be called. True also as long as the environment has
 * not been read, since a lock may be the first call of all. Said here and not by the
 * runtime, in the public header a program's locks ask the same. */
static inline bool mri_held_wanted(void)
{
	/* Relaxed: a lock that is taken while the environment is read may be left out. */
	return unlikely(atomic_get(&mr_locks_watched, relaxed) != 0);
}

/* The running goroutine has locked it, without being granted it by another. */
void mri_held_add(const void *lock, enum mri_why how, void *pc);
/* Somebody is about to unlock it: the caller, as far as it holds it. Called before the
 * unlock: what the table says is held is held. */
void mri_held_drop(const void *lock, enum mri_why how);
/* The running goroutine has queued for the lock, whose bucket lock is held, and is going
 * to park. If that closes a circle the process ends here. */
void mri_held_wait(const void *lock, enum mri_why how, void *pc);
/* g was taken off the queue, granted: as the owner. By the waker, with the bucket lock
 * held and before anybody can see the lock free. */
void mri_held_woken(const void *lock, struct g *g, bool granted);

/* mutex.c: mr_mutex_lock() for the caller at pc. */
void mri_mutex_lock_at(mr_mutex *m, void *pc);
#endif
