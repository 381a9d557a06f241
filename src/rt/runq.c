/* runq.c - single producer, many consumers, after Go's ring; the producer can also take
 * back what it pushed last.
 */
#include "rt/runq.h"
#include "rt/rt.h"

struct g *mri_runq_swap_next(struct mri_runq *q, struct g *g)
{
	/* Q5: acq_rel, pairs with itself: publishes *g to a thief, and shows us what
	 * the g that comes out was published with. */
	return atomic_swap(&q->next, g, acq_rel);
}

/* The oldest of `from`, half of them or all but no more than room, into the slots behind
 * the tail of `to`, whose owner is the caller and moves that tail. How many. */
static uint32_t copy(struct mri_runq *to, struct mri_runq *from, uint32_t room, bool half)
{
	/* Relaxed: only its owner, that is the caller, writes it. */
	uint32_t t = atomic_get(&to->tail, relaxed);

	for (;;) {
		/* Q6: acquire, pairs with Q3 in another taker and with Q7: the tail read
		 * below is not older than this head, or the difference would be
		 * nonsense. */
		uint64_t h = atomic_get(&from->head, acquire);
		/* Q4: acquire, pairs with Q1: the slots below tail are filled. */
		uint32_t n = atomic_get(&from->tail, acquire) - (uint32_t)h;

		/* Less than none: the owner is about to find it empty (pop_last). */
		if ((int32_t)n <= 0)
			return 0;
		/* head and tail were not read at one moment: too many, look again. */
		if (n > MRI_RUNQ_CAP)
			continue;
		if (half)
			n -= n / 2;
		if (n > room)
			n = room;
		for (uint32_t i = 0; i < n; i++) {
			/* Relaxed: Q4 ordered it; if the owner overwrites it now, the CAS
			 * fails. */
			struct g *g = atomic_get(
				&from->slots[((uint32_t)h + i) % MRI_RUNQ_CAP], relaxed);

			/* Relaxed: published by Q1, or never. */
			atomic_set(&to->slots[(t + i) % MRI_RUNQ_CAP], g, relaxed);
		}
		/* Q3: release, pairs with Q2: the reads above are over before the owner
		 * may reuse the slots. */
		if (n == 0 || atomic_cas(&from->head, &h, mri_runq_moved(h, n), release))
			return n;
	}
}

uint32_t mri_runq_move(struct mri_runq *to, struct mri_runq *from, uint32_t max)
{
	/* Q2: acquire, pairs with Q3: the slots that are filled were read. */
	uint32_t h = (uint32_t)atomic_get(&to->head, acquire);
	/* Relaxed: only this thread writes tail. */
	uint32_t t = atomic_get(&to->tail, relaxed), room = MRI_RUNQ_CAP - (t - h), n;

	n = copy(to, from, room < max ? room : max, false);
	if (n != 0)
		/* Q1: release, pairs with Q4. */
		atomic_set(&to->tail, t + n, release);
	return n;
}

struct g *mri_runq_steal(struct mri_runq *thief, struct mri_runq *victim)
{
	/* Relaxed: only the thief's owner, that is the caller, writes its tail. */
	uint32_t t = atomic_get(&thief->tail, relaxed), n;

	/* Q2: acquire, pairs with Q3: whoever emptied the thief's ring has read the
	 * slots that are filled below. */
	if ((uint32_t)atomic_get(&thief->head, acquire) != t)
		return NULL;
	n = copy(thief, victim, MRI_RUNQ_CAP, true);
	if (n == 0)
		return NULL;
	/* The last one is for the caller, the rest for its ring. */
	n--;
	if (n != 0)
		/* Q1: release, pairs with Q4. */
		atomic_set(&thief->tail, t + n, release);
	/* Relaxed: this thread wrote it. */
	return atomic_get(&thief->slots[(t + n) % MRI_RUNQ_CAP], relaxed);
}
