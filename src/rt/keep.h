/* keep.h - free blocks that a P keeps, so that making and freeing small objects takes no
 * lock: docs/design/026. What does not fit goes to, and comes from, a list for all, half
 * a P's worth at a time. A dev build keeps none: it reuses a block as late as it can, so
 * that the use of a freed one is found. */
#ifndef MRI_RT_KEEP_H
#define MRI_RT_KEEP_H
#include "rt/rt.h"

enum { MRI_KEEP = MRI_IS_DEV ? 0 : 64 };

/* Who makes a channel does not start the runtime by that. */
static inline struct m *mri_keep_m(void)
{
	struct g *self = MRI_KEEP ? mri_self_or_null() : NULL;

	return self ? self->m : NULL;
}

/* One of this P's, or NULL. link is where in a block the pointer to the next one is. */
static inline void *mri_keep_take(enum mri_keep_kind kind, size_t link)
{
	struct m *m = mri_keep_m();
	struct p *p = m ? mri_proc_enter(m) : NULL;
	char *block = p ? p->keep[kind].first : NULL;

	if (likely(block)) {
		p->keep[kind].first = *(void **)(void *)(block + link);
		p->keep[kind].n--;
	}
	if (m)
		mri_proc_leave(m);
	return block;
}

/* False: this P has enough of them. */
static inline bool mri_keep_put(enum mri_keep_kind kind, size_t link, void *block)
{
	struct m *m = mri_keep_m();
	struct p *p = m ? mri_proc_enter(m) : NULL;
	bool room = p && p->keep[kind].n < MRI_KEEP;

	if (likely(room)) {
		*(void **)(void *)((char *)block + link) = p->keep[kind].first;
		p->keep[kind].first = block;
		p->keep[kind].n++;
	}
	if (m)
		mri_proc_leave(m);
	return room;
}
#endif
