/* epoch.h - reading without a lock what others may remove: an object that can no longer
 * be found is retired, and freed when everybody who may have found it before has gone.
 *
 *	uint64_t *slot = mri_epoch_enter();
 *	...find the object, copy out of it...          must not park, nor call the user
 *	mri_epoch_leave(slot);
 *
 * Entering writes to a word of this thread's own and nothing else, so readers do not
 * slow each other down. */
#ifndef MRI_RT_EPOCH_H
#define MRI_RT_EPOCH_H
#include "rt/rt.h"

extern uint64_t mri_epoch;              /* atomic; from 1 */
uint64_t *mri_epoch_thread_slot(void);  /* of a thread that has no M: a free one, taken */

static inline uint64_t *mri_epoch_enter(void)
{
	struct m *m = mri_self()->m;
	uint64_t *slot = likely(m != NULL) ? &m->reading : mri_epoch_thread_slot();

	/* F1: acquire, pairs with F4: in this epoch what was retired before it cannot be
	 * found. F2: release, pairs with F6: who sees it sees that earlier reads are
	 * over. */
	atomic_set(slot, atomic_get(&mri_epoch, acquire), release);
	/* F3: pairs with F5: visible before anything is looked for. */
	compiler_barrier();
	if (unlikely(mri_sched.no_membarrier))
		/* F3: seq_cst, pairs with F5. */
		atomic_fence(seq_cst);
	return slot;
}
static inline void mri_epoch_leave(uint64_t *slot)
{
	/* F2: release, pairs with F6: the reads are over. */
	atomic_set(slot, (uint64_t)0, release);
}

/* At the beginning of an object that can be retired. */
struct mri_retired {
	struct mri_retired *next;
	uint64_t epoch;
};
/* The retired objects of one owner. Zero, with destroy set, to begin with. */
struct mri_limbo {
	void (*destroy)(struct mri_retired *r);
	struct mri_retired *recent;             /* atomic: a stack */
	uint32_t nrecent;                       /* atomic: about as many */
	uint32_t busy;                          /* atomic: somebody collects */
	/* by him: a queue, oldest first */
	struct mri_retired *oldest, **newest;
};
/* r can no longer be found: destroy it when nobody uses it any more. From within a
 * section or not; may destroy others. */
void mri_epoch_retire(struct mri_limbo *l, struct mri_retired *r);
/* Destroy what can be by now. For the owner's tests, and when memory is short. */
void mri_epoch_collect(struct mri_limbo *l);
/* Destroy all: nobody uses any of them. */
void mri_epoch_finish(struct mri_limbo *l);
#endif
