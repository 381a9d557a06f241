/* globq.c - the run queue that all Ps share: what no P's ring has room for, and what
 * must not belong to one. */
#include "rt/rt.h"
#include "rt/sched.h"

static void append(struct g *first, struct g *last, uint32_t n)
{
	last->link = NULL;
	if (mri_sched.queue_tail)
		mri_sched.queue_tail->link = first;
	else
		mri_sched.queue_head = first;
	mri_sched.queue_tail = last;
	/* Relaxed: others read it as a hint; by the lock. */
	atomic_set(&mri_sched.nqueue, mri_sched.nqueue + n, relaxed);
}

void mri_globq_push_locked(struct g *g)
{
	g->ahead = NULL;
	append(g, g, 1);
}

void mri_globq_add(struct g *first, struct g *last, uint32_t n)
{
	if (first == last)
		first->ahead = NULL;
	mri_lock_take(&mri_sched.lock);
	append(first, last, n);
	mri_lock_drop(&mri_sched.lock);
	mri_sched_wake();
}

static struct g *pop(void)
{
	struct g *g = mri_sched.queue_head;

	if (!g)
		return NULL;
	/* Who has waited in a long queue has gone from the caches, and each says where
	 * the next is. */
	__builtin_prefetch(g->ahead, 1);
	mri_sched.queue_head = g->link;
	if (!g->link)
		mri_sched.queue_tail = NULL;
	/* Relaxed: as above. */
	atomic_set(&mri_sched.nqueue, mri_sched.nqueue - 1, relaxed);
	return g;
}

void mri_globq_refill(struct p *p, uint32_t max)
{
	uint32_t space = MRI_RUNQ_CAP - mri_runq_len(&p->q), n;
	struct g *g;

	mri_lock_take(&mri_sched.lock);
	n = mri_sched.nqueue / (uint32_t)mri_sched.procs + 1;
	n = n < space ? n : space;
	n = n < max ? n : max;
	/* Only its owner fills a ring, so the room can but grow. */
	while (n-- > 0 && (g = pop()) != NULL)
		if (!mri_runq_push(&p->q, g))
			mri_throw("a ring with room is full");
	mri_lock_drop(&mri_sched.lock);
}
