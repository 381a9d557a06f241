/* pool.c - idle things, in a stack for each processor.
 *
 * Each stack has a lock of its own, which nearly always only its processor takes. It is
 * found by the number of the P that one has at the moment: a hint, as the P may change at
 * once. Who finds his own empty, or full, looks at the others' before anything is made or
 * destroyed; so the bound is one for the whole pool. No user code runs under a lock. */
#include "millrace/pool.h"
#include "rt/rt.h"
#include <stdlib.h>

enum { CAP = 32 };

struct shelf {
	struct mri_lock lock cacheline;
	uint32_t n;                     /* atomic: read without the lock, as a hint */
	void *thing[CAP];
};
struct mr_pool {
	void *(*make)(void);
	void (*destroy)(void *);
	int n;
	struct shelf shelf[];
};

mr_pool *mr_pool_make(void *(*make)(void), void (*destroy)(void *))
{
	int n;
	mr_pool *p;

	mri_init_check_fork();
	mri_self();
	/* Relaxed: any number will do. */
	n = atomic_get(&mri_sched.procs, relaxed);
	p = mri_alloc(sizeof *p + (size_t)n * sizeof p->shelf[0]);
	p->make = make;
	p->destroy = destroy;
	p->n = n;
	for (int i = 0; i < n; i++)
		mri_lock_init(&p->shelf[i].lock, MRI_RANK_LEAF);
	return p;
}

/* The number of the caller's shelf. Others but goroutines have the first. */
static int here(const mr_pool *p)
{
	struct m *m = mri_self()->m;
	struct p *proc;
	int id = 0;

	if (m) {
		proc = mri_proc_enter(m);
		if (proc)
			id = proc->id;
		mri_proc_leave(m);
	}
	return id % p->n;
}

static void *take(struct shelf *s)
{
	void *thing = NULL;

	/* Relaxed: who misses one that is being put makes one. */
	if (atomic_get(&s->n, relaxed) == 0)
		return NULL;
	mri_lock_take(&s->lock);
	if (s->n) {
		/* Relaxed: by the lock. */
		atomic_set(&s->n, s->n - 1, relaxed);
		thing = s->thing[s->n];
		mri_race_acquire(&s->thing[s->n]);
	}
	mri_lock_drop(&s->lock);
	return thing;
}

static bool give(struct shelf *s, void *thing)
{
	bool room;

	/* Relaxed: as above. */
	if (atomic_get(&s->n, relaxed) == CAP)
		return false;
	mri_lock_take(&s->lock);
	room = s->n < CAP;
	if (room) {
		s->thing[s->n] = thing;
		mri_race_publish(&s->thing[s->n]);
		/* Relaxed: by the lock. */
		atomic_set(&s->n, s->n + 1, relaxed);
	}
	mri_lock_drop(&s->lock);
	return room;
}

void *mr_pool_get(mr_pool *p)
{
	int first;

	mri_init_check_fork();
	first = here(p);
	for (int i = 0; i < p->n; i++) {
		void *thing = take(&p->shelf[(first + i) % p->n]);

		if (thing)
			return thing;
	}
	return p->make ? p->make() : NULL;
}

static void destroy(mr_pool *p, void *thing)
{
	if (p->destroy)
		p->destroy(thing);
}

void mr_pool_put(mr_pool *p, void *thing)
{
	int first;

	/* The child of a fork may return from main, through deferred calls of this. */
	if (!thing || unlikely(mri_forked))
		return;
	first = here(p);
	for (int i = 0; i < p->n; i++)
		if (give(&p->shelf[(first + i) % p->n], thing))
			return;
	destroy(p, thing);
}

void mr_pool_free(mr_pool *p)
{
	if (!p || unlikely(mri_forked))
		return;
	for (int i = 0; i < p->n; i++)
		while (p->shelf[i].n)
			destroy(p, take(&p->shelf[i]));
	free(p);
}
