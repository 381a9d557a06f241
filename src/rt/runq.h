/* runq.h - a queue of runnable goroutines: a ring that its owner pushes to and pops from,
 * at either end, and that others steal half of, and in front of it the hand-off slot. */
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
bool mri_runq_push(struct mri_runq *q, struct g *g);    /* owner; false: full */
struct g *mri_runq_pop(struct mri_runq *q);             /* owner; NULL: empty */
struct g *mri_runq_pop_last(struct mri_runq *q);        /* the same, the newest */
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
#endif
