/* runq.c - single producer, many consumers, after Go's ring; the producer can also take
 * back what it pushed last.
 *
 * Invariants: 0 <= tail - head <= CAP (indices wrap mod 2^32), but for a moment of
 * mri_runq_pop_last; slots in [head, tail) are filled; only the owner moves tail; whoever
 * moves head by CAS owns the slots it passed. A taker that has read tail before the owner
 * took it back fails, since the version in head is another by then. */
#include "rt/runq.h"
#include "rt/rt.h"

#define VERSION ((uint64_t)1 << 32)

static uint64_t moved(uint64_t head, uint32_t n)
{
	return (head & ~(VERSION - 1)) | (uint32_t)((uint32_t)head + n);
}

bool mri_runq_push(struct mri_runq *q, struct g *g)
{
	/* Q2: acquire, pairs with Q3. The slot reused below was read by its taker
	 * before head moved past it. */
	uint32_t h = (uint32_t)atomic_get(&q->head, acquire);
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
	uint64_t h = atomic_get(&q->head, relaxed);

	for (;;) {
		/* Relaxed: only this thread writes tail. */
		uint32_t t = atomic_get(&q->tail, relaxed);
		struct g *g;

		if (t == (uint32_t)h)
			return NULL;
		/* Relaxed: this thread wrote it. */
		g = atomic_get(&q->slots[(uint32_t)h % MRI_RUNQ_CAP], relaxed);
		/* Q3: release, pairs with Q2. The owner is the only one to reuse the
		 * slot, so for itself the release is for form; thieves need theirs. */
		if (atomic_cas(&q->head, &h, moved(h, 1), release))
			return g;
	}
}

struct g *mri_runq_pop_last(struct mri_runq *q)
{
	/* Relaxed: the CAS below decides. */
	uint64_t h = atomic_get(&q->head, relaxed);
	/* Relaxed: only this thread writes tail. */
	uint32_t t = atomic_get(&q->tail, relaxed);
	struct g *g;

	if (t == (uint32_t)h)
		return NULL;
	/* Relaxed: this thread wrote it. */
	g = atomic_get(&q->slots[(t - 1) % MRI_RUNQ_CAP], relaxed);
	/* Q1: release, pairs with Q4: whoever sees it before the CAS below takes less,
	 * or nothing, but what that was published with. */
	atomic_set(&q->tail, t - 1, release);
	/* Q7: release, pairs with Q6: a taker that succeeds after this has read this head,
	 * and so the tail above. */
	while (!atomic_cas(&q->head, &h, h + VERSION, release)) {
		if ((uint32_t)h != t)
			continue;
		/* All of them were stolen. Q1: release, for form: nothing is there. */
		atomic_set(&q->tail, t, release);
		return NULL;
	}
	return g;
}

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
		if (n == 0 || atomic_cas(&from->head, &h, moved(h, n), release))
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
