/* runq.h - a P's queue of runnable goroutines: a ring that its owner pushes to and
 * pops from and that others steal half of, and in front of it the hand-off slot. */
#ifndef MRI_RT_RUNQ_H
#define MRI_RT_RUNQ_H
#include "base/atomic.h"
#include "base/attr.h"
struct g;

enum { MRI_RUNQ_CAP = MRI_IS_HOSTILE ? 4 : 256 };

struct mri_runq {
	uint32_t head cacheline;        /* next to take; owner and thieves, by CAS */
	uint32_t tail cacheline;        /* next to fill; written by the owner only */
	struct g *next;                 /* the hand-off slot; by swap */
	struct g *slots[MRI_RUNQ_CAP];
};
bool mri_runq_push(struct mri_runq *q, struct g *g);    /* owner; false: full */
struct g *mri_runq_pop(struct mri_runq *q);             /* owner; NULL: empty */
/* Put g into the hand-off slot; returns who was there before. Owner only. */
struct g *mri_runq_swap_next(struct mri_runq *q, struct g *g);
/* Move half of victim's ring to the thief's own, empty ring; returns one of them to
 * run at once, or NULL. With `next` the hand-off slot is taken if the ring is empty. */
struct g *mri_runq_steal(struct mri_runq *thief, struct mri_runq *victim, bool next);
uint32_t mri_runq_len(struct mri_runq *q);              /* ring only; a snapshot */
bool mri_runq_empty(struct mri_runq *q);                /* slot included; a snapshot */
#endif
