/* lock.h - the runtime's own lock: a futex word that one M may lock on one stack
 * and unlock on another. A pthread mutex could not be released by the scheduler on
 * a parked goroutine's behalf.
 *
 * Lock order, outermost first; a thread may only take a lock of a higher rank than
 * those it holds, but for channels and heaps, several of which are locked in address
 * order. */
#ifndef MRI_RT_LOCK_H
#define MRI_RT_LOCK_H
#include "base/atomic.h"
#include "base/attr.h"

enum mri_rank {
	MRI_RANK_TIMER_OBJ,             /* a timer's state (std/time.c) */
	MRI_RANK_CTX,                   /* a tree of contexts (std/context.c) */
	MRI_RANK_CHAN,                  /* one channel */
	MRI_RANK_FD,                    /* a descriptor's waits */
	MRI_RANK_WAITQ,                 /* a bucket of sync objects' wait lists */
	MRI_RANK_HEAP,                  /* a P's timer heap */
	MRI_RANK_SCHED,                 /* idle lists, global queue, all Ms */
	MRI_RANK_BOUND,                 /* an M's queue of goroutines bound to it */
	MRI_RANK_STACK,                 /* arenas and free slots */
	MRI_RANK_LEAF,                  /* nothing is locked under it */
};

/* word: 0 free, 1 held, 2 held and somebody sleeps on it. */
struct mri_lock {
	uint32_t word;
#ifdef MRI_DEV
	uint32_t rank;
#endif
};
#ifdef MRI_DEV
#define MRI_LOCK_INIT(r) { 0, (r) }
#else
#define MRI_LOCK_INIT(r) { 0 }
#endif

static inline void mri_lock_init(struct mri_lock *l, enum mri_rank rank)
{
	l->word = 0;
#ifdef MRI_DEV
	l->rank = rank;
#else
	(void)rank;
#endif
}
void mri_lock_slow(struct mri_lock *l);
void mri_lock_wake(uint32_t *word);
void mri_lock_check(struct mri_lock *l, bool taking);   /* dev: ranks */

static inline void mri_lock_take(struct mri_lock *l)
{
	uint32_t free = 0;

#ifdef MRI_DEV
	mri_lock_check(l, true);
#endif
	/* L1: acquire, pairs with L2: what the last holder wrote is seen. */
	if (unlikely(!atomic_cas(&l->word, &free, 1u, acquire)))
		mri_lock_slow(l);
}

/* Once the word is free another thread may take the lock, finish with the object it
 * lies in and free that: nothing of *l is read after the swap, and a wake only names
 * an address. */
static inline void mri_lock_drop(struct mri_lock *l)
{
#ifdef MRI_DEV
	mri_lock_check(l, false);
#endif
	/* L2: release, pairs with L1 and L3. */
	if (unlikely(atomic_swap(&l->word, 0u, release) == 2))
		mri_lock_wake(&l->word);
}
static inline bool mri_lock_try(struct mri_lock *l)
{
	uint32_t free = 0;

	/* L1: acquire, pairs with L2. */
	if (!atomic_cas(&l->word, &free, 1u, acquire))
		return false;
#ifdef MRI_DEV
	mri_lock_check(l, true);
#endif
	return true;
}
#endif
