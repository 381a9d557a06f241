/* lock.c - the slow half of the futex lock, and the rank check of dev builds. */
#include "rt/lock.h"
#include "base/fault.h"
#include "os/os.h"

enum { FIRST_SPINS = MRI_IS_HOSTILE ? 1 : 4, LAST_SPINS = MRI_IS_HOSTILE ? 16 : 64 };

/* The word is 2 while anybody may sleep. A thread that slept takes the lock as 2,
 * since it cannot know whether it was the only one; the cost is one needless wake. */
noinline void mri_lock_slow(struct mri_lock *l)
{
	/* Each look takes the line from the holder, who needs it: ever fewer, and all in
	 * all longer than the longest section takes. */
	for (int n = FIRST_SPINS; n <= LAST_SPINS; n *= 2) {
		uint32_t free = 0;

		for (int i = 0; i < n; i++)
			cpu_relax();
		/* Relaxed: only a hint, the swap decides. */
		if (atomic_get(&l->word, relaxed) != 0)
			continue;
		/* L1: acquire, pairs with L2. */
		if (atomic_cas(&l->word, &free, 1u, acquire))
			return;
	}
	/* L3: acquire, pairs with L2. */
	while (atomic_swap(&l->word, 2u, acquire) != 0)
		mri_os_futex_wait(&l->word, 2, 0);
}

noinline void mri_lock_wake(uint32_t *word)
{
	mri_os_futex_wake(word, 1);
}

#ifdef MRI_DEV
/* Locks held by this thread, per rank. A lock taken before a switch is dropped
 * after it by the same thread, so a thread-local count is right. */
static __thread uint32_t held[MRI_RANK_LEAF + 1];

/* Several of one rank, in address order. */
static bool is_ordered(uint32_t rank)
{
	return rank == MRI_RANK_CHAN || rank == MRI_RANK_HEAP;
}

noinline void mri_lock_check(struct mri_lock *l, bool taking)
{
	if (!taking) {
		if (held[l->rank]-- == 0)
			mri_throw("lock of rank %u dropped but not held", l->rank);
		return;
	}
	for (uint32_t r = l->rank; r <= MRI_RANK_LEAF; r++)
		if (held[r] && !(r == l->rank && is_ordered(r)))
			mri_throw("lock of rank %u taken under one of rank %u", l->rank,
				  r);
	held[l->rank]++;
}
#endif
