/* runq.c - single producer, many consumers, after Go's ring.
 *
 * Invariants: 0 <= tail - head <= CAP (indices wrap mod 2^32); slots in [head, tail)
 * are filled; only the owner moves tail; whoever moves head by CAS owns the slots
 * it passed. */
#include "rt/runq.h"

bool mri_runq_push(struct mri_runq *q, struct g *g)
{
	/* Q2: acquire, pairs with Q3. The slot reused below was read by its taker
	 * before head moved past it. */
	uint32_t h = atomic_get(&q->head, acquire);
	/* Relaxed: only this thread writes tail. */
	uint32_t t = atomic_get(&q->tail, relaxed);

	if (t - h >= MRI_RUNQ_CAP)
		return false;
	/* Relaxed: Q1 orders it; atomic at all because a thief that will lose the
	 * CAS may read the slot while we overwrite it. */
	atomic_set(&q->slots[t % MRI_RUNQ_CAP], g, relaxed);
	/* Q1: release, pairs with Q4. Publishes the slot and *g. */
	atomic_set(&q->tail, t + 1, release);
	return true;
}

struct g *mri_runq_pop(struct mri_runq *q)
{
	/* Relaxed: the CAS below decides, and fails if head has moved. */
	uint32_t h = atomic_get(&q->head, relaxed);

	for (;;) {
		/* Relaxed: only this thread writes tail. */
		uint32_t t = atomic_get(&q->tail, relaxed);
		struct g *g;

		if (t == h)
			return NULL;
		/* Relaxed: this thread wrote it. */
		g = atomic_get(&q->slots[h % MRI_RUNQ_CAP], relaxed);
		/* Q3: release, pairs with Q2. The owner is the only one to reuse the
		 * slot, so for itself the release is for form; thieves need theirs. */
		if (atomic_cas(&q->head, &h, h + 1, release))
			return g;
	}
}

struct g *mri_runq_swap_next(struct mri_runq *q, struct g *g)
{
	/* Q5: acq_rel, pairs with itself: publishes *g to a thief, and shows us what
	 * the g that comes out was published with. */
	return atomic_swap(&q->next, g, acq_rel);
}

struct g *mri_runq_steal(struct mri_runq *thief, struct mri_runq *victim, bool next)
{
	/* Relaxed: only the thief's owner, that is the caller, writes its tail. */
	uint32_t t = atomic_get(&thief->tail, relaxed);

	/* Q2: acquire, pairs with Q3: whoever emptied the thief's ring has read the
	 * slots that are filled below. */
	if (atomic_get(&thief->head, acquire) != t)
		return NULL;
	for (;;) {
		/* Q6: acquire, pairs with Q3 in another taker: the tail read below is
		 * not older than this head, or the difference would be nonsense. */
		uint32_t h = atomic_get(&victim->head, acquire);
		/* Q4: acquire, pairs with Q1: the slots below tail are filled. */
		uint32_t n = atomic_get(&victim->tail, acquire) - h;
		struct g *last;

		n -= n / 2;
		if (n == 0) {
			/* Q5: acq_rel, pairs with itself. */
			return next ? atomic_swap(&victim->next, NULL, acq_rel) : NULL;
		}
		/* head and tail were not read at one moment: too many, look again. */
		if (n > MRI_RUNQ_CAP / 2)
			continue;
		for (uint32_t i = 0; i < n; i++) {
			/* Relaxed: Q4 ordered it; if the owner overwrites it now, the CAS
			 * fails. */
			struct g *g = atomic_get(&victim->slots[(h + i) % MRI_RUNQ_CAP],
						 relaxed);

			/* Relaxed: published by Q1 below, or never. */
			atomic_set(&thief->slots[(t + i) % MRI_RUNQ_CAP], g, relaxed);
		}
		/* Q3: release, pairs with Q2: the reads above are over before the owner
		 * may reuse the slots. */
		if (!atomic_cas(&victim->head, &h, h + n, release))
			continue;
		/* The last one is for the caller, the rest for its ring. */
		n--;
		last = atomic_get(&thief->slots[(t + n) % MRI_RUNQ_CAP], relaxed);
		if (n != 0)
			/* Q1: release, pairs with Q4. */
			atomic_set(&thief->tail, t + n, release);
		return last;
	}
}

uint32_t mri_runq_len(struct mri_runq *q)
{
	uint32_t h = atomic_get(&q->head, relaxed);               /* relaxed: a hint */
	int32_t n = (int32_t)(atomic_get(&q->tail, relaxed) - h); /* relaxed: a hint */

	return n < 0 ? 0 : (uint32_t)n;
}

bool mri_runq_empty(struct mri_runq *q)
{
	/* Relaxed: callers that must not miss anything fence before they look. */
	return mri_runq_len(q) == 0 && atomic_get(&q->next, relaxed) == NULL;
}
