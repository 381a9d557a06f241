/* runq.h - a queue of runnable goroutines: a ring that its owner pushes to and pops from,
 * at either end, and that others steal half of, and in front of it the hand-off slot.
 *
 * Invariants: 0 <= tail - head <= CAP (indices wrap mod 2^32), but for a moment of
 * mri_runq_pop_last; slots in [head, tail) are filled; only the owner moves tail; whoever
 * moves head by CAS owns the slots it passed. A taker that has read tail before the owner
 * took it back fails, since the version in head is another by then. */
#ifndef MRI_RT_RUNQ_H
#define MRI_RT_RUNQ_H
#include "base/atomic.h"
#include "base/attr.h"
struct g;

enum { MRI_RUNQ_CAP = MRI_IS_HOSTILE ? 4 : 512 };

struct mri_runq {
	/* Low half: next to take. High half: a version, another whenever the owner has
	 * taken from the other end. By owner and thieves, by CAS. */
	uint64_t head cacheline;
	uint32_t tail cacheline;        /* next to fill; written by the owner only */
	struct g *next;                 /* the hand-off slot; by swap */
	struct g *slots[MRI_RUNQ_CAP];
};
/* Move up to max of the oldest to another ring that has the same owner; how many. */
uint32_t mri_runq_move(struct mri_runq *to, struct mri_runq *from, uint32_t max);
/* Put g into the hand-off slot; returns who was there before. NULL: by anyone. */
struct g *mri_runq_swap_next(struct mri_runq *q, struct g *g);
/* Move the older half of victim's ring to the thief's own, empty ring; returns one of
 * them to run at once, or NULL. */
struct g *mri_runq_steal(struct mri_runq *thief, struct mri_runq *victim);

static inline uint32_t mri_runq_len(struct mri_runq *q)  /* ring only; a snapshot */
{
	/* Relaxed, both: a hint. */
	uint32_t h = (uint32_t)atomic_get(&q->head, relaxed);
	int32_t n = (int32_t)(atomic_get(&q->tail, relaxed) - h);

	return n < 0 ? 0 : (uint32_t)n;
}
#define MRI_RUNQ_VERSION ((uint64_t)1 << 32)

static inline uint64_t mri_runq_moved(uint64_t head, uint32_t n)
{
	return (head & ~(MRI_RUNQ_VERSION - 1)) | (uint32_t)((uint32_t)head + n);
}

/* Owner; false: full. */
static inline bool mri_runq_push(struct mri_runq *q, struct g *g)
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

/* Owner; NULL: empty. */
static inline struct g *mri_runq_pop(struct mri_runq *q)
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
		if (atomic_cas(&q->head, &h, mri_runq_moved(h, 1), release))
			return g;
	}
}

/* The same, the newest. */
static inline struct g *mri_runq_pop_last(struct mri_runq *q)
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
	/* Q7: release, pairs with Q6: a taker that succeeds after this has read this
	 * head, and so the tail above. */
	while (!atomic_cas(&q->head, &h, h + MRI_RUNQ_VERSION, release)) {
		if ((uint32_t)h != t)
			continue;
		/* All of them were stolen. Q1: release, for form: nothing is there. */
		atomic_set(&q->tail, t, release);
		return NULL;
	}
	return g;
}

#endif
