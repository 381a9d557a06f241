/* stack.h - goroutine stacks; see stack.c. */
#ifndef MRI_RT_STACK_H
#define MRI_RT_STACK_H
#include "rt/rt.h"

/* default_stack: usable bytes at least; 0: slots of 256 KiB */
void mri_stack_init(size_t default_stack);
/* The G of a slot with at least `stack` usable bytes (0: the default); lo, hi and
 * arena are set, the rest is as the last user left it. NULL: *why says. p may be
 * NULL, else the caller owns it. */
struct g *mri_stack_alloc_slow(struct p *p, size_t stack, const char **why);
static inline struct g *mri_stack_alloc(struct p *p, size_t stack, const char **why)
{
	struct g *g;

	if (unlikely(!p || stack != 0 || !p->free_gs))
		return mri_stack_alloc_slow(p, stack, why);
	g = p->free_gs;
	p->free_gs = g->link;
	p->nfree--;
	return g;
}

enum {
	MRI_STACK_CACHE = MRI_IS_HOSTILE ? 0 : 256, /* a P keeps: more than a crowd */
	MRI_STACK_TRIM = 10 * 1000 * 1000,          /* ns between trims, per P */
};
void mri_stack_free_slow(struct p *p, struct g *g);
static inline void mri_stack_free(struct p *p, struct g *g)
{
	/* Relaxed: a coarse clock. */
	int64_t now = atomic_get(&mri_sched.now, relaxed);

	if (unlikely(!p || g->odd_size || p->nfree >= MRI_STACK_CACHE ||
		     now - p->trimmed >= MRI_STACK_TRIM)) {
		mri_stack_free_slow(p, g);
		return;
	}
	g->link = p->free_gs;
	p->free_gs = g;
	p->nfree++;
}
/* Calls fn for every slot whose goroutine is not dead (the main goroutine first),
 * until it returns false. Takes no lock; async-signal-safe; a slot may change
 * meanwhile. */
void mri_stack_each(bool (*fn)(struct g *g, void *arg), void *arg);
/* The goroutine whose stack or guard contains addr; *overflow: the guard. */
struct g *mri_stack_find(const void *addr, bool *overflow);
/* How much of its stack g has used at most, in bytes, counted in pages. What an earlier
 * goroutine has used of the same slot counts too, until that is given back. 0: unknown.
 * Async-signal-safe. */
size_t mri_stack_used(const struct g *g);
#ifdef MRI_DEV
/* The running goroutine leaves its stack, or is over: fatal if anything has been written
 * past an end of it. arm: it begins. */
void mri_stack_arm(struct g *g);
void mri_stack_check(const struct g *g);
#else
static inline void mri_stack_arm(struct g *g) { (void)g; }
static inline void mri_stack_check(const struct g *g) { (void)g; }
#endif
/* sysmon: give memory back. uncache takes p's free slots from it, the caller owning p
 * for that moment; without p, put_back trims them and makes them anybody's. */
void mri_stack_scavenge(void);
struct g *mri_stack_uncache(struct p *p);
void mri_stack_put_back(struct g *list);
#endif
