/* g.c - goroutines: birth, death and the table of legal state moves. */
#include "rt/rt.h"
#include "os/os.h"
#include "rt/sched.h"
#include "rt/stack.h"
#include <stdlib.h>

#ifdef MRI_DEV
static const uint8_t edges[G_NSTATES] = {
	[G_DEAD] = BIT(G_RUNNABLE),
	[G_RUNNABLE] = BIT(G_RUNNING),
	[G_RUNNING] = BIT(G_RUNNABLE) | BIT(G_WAITING) | BIT(G_BLOCKING) | BIT(G_DEAD),
	[G_WAITING] = BIT(G_RUNNABLE) | BIT(G_RUNNING) /* a pthread's own */,
	[G_BLOCKING] = BIT(G_RUNNING) | BIT(G_RUNNABLE),
};
static const char *const state_names[G_NSTATES] = {
	"dead", "runnable", "running", "waiting", "blocking",
};
#endif
const char *const mri_why_names[MRI_NWHY] = {
	[MRI_WHY_NONE] = "running",
	[MRI_WHY_SEND] = "chan send",
	[MRI_WHY_SEND_NIL] = "chan send (nil chan)",
	[MRI_WHY_RECV] = "chan receive",
	[MRI_WHY_RECV_NIL] = "chan receive (nil chan)",
	[MRI_WHY_SELECT] = "select",
	[MRI_WHY_SELECT_NONE] = "select (no cases)",
	[MRI_WHY_SLEEP] = "sleep",
	[MRI_WHY_MUTEX] = "sync.Mutex.Lock",
	[MRI_WHY_RLOCK] = "sync.RWMutex.RLock",
	[MRI_WHY_WLOCK] = "sync.RWMutex.Lock",
	[MRI_WHY_WAITGROUP] = "sync.WaitGroup.Wait",
	[MRI_WHY_COND] = "sync.Cond.Wait",
	[MRI_WHY_ONCE] = "sync.Once.Do",
	[MRI_WHY_SEMAPHORE] = "semaphore.Weighted.Acquire",
	[MRI_WHY_FLIGHT] = "singleflight.Group.Do",
	[MRI_WHY_TIMER] = "timer",
	[MRI_WHY_BLOCK] = "go_block",
	[MRI_WHY_IO] = "IO wait",
	[MRI_WHY_IO_TURN] = "IO turn",
};

#ifdef MRI_DEV
void mri_g_check_move(struct g *g, enum g_state to)
{
	/* Relaxed: the mover owns g. */
	uint32_t from = atomic_get(&g->state, relaxed);

	if (!(edges[from] & BIT(to)))
		mri_throw("goroutine %lld: %s -> %s", (long long)g->id, state_names[from],
			  state_names[to]);
}
#endif

enum { IDS = 256 };      /* taken at a time */

static int64_t next_id(struct m *m)
{
	/* Relaxed, both: ids are only distinct. */
	if (!m)
		return atomic_add(&mri_sched.ids, 1, relaxed);
	if (m->ids == m->ids_end) {
		m->ids = atomic_add(&mri_sched.ids, IDS, relaxed);
		m->ids_end = m->ids + IDS;
	}
	return m->ids++;
}

struct g *mri_g_new(struct g *self, size_t stack, void (*start)(struct g *),
		    void *start_arg, void *pc)
{
	struct m *m = self->m;
	struct p *p = m ? mri_proc_enter(m) : NULL;
	const char *why = NULL;
	struct g *g = mri_stack_alloc(p, stack, &why);

	if (!g) {
		if (m)
			mri_proc_leave(m);
		mri_panic(
			"out of memory: cannot start another goroutine: %s (%lld exist)",
			why, (long long)mri_g_count());
	}
	if (p)
		/* Relaxed: summed for a snapshot. */
		atomic_set(&p->born, p->born + 1, relaxed);
	else
		atomic_add(&mri_sched.born, 1, relaxed);
	/* Relaxed: reports look only after G1. */
	atomic_set(&g->id, next_id(p ? m : NULL), relaxed);
	if (m)
		mri_proc_leave(m);
	g->m = NULL;
	g->err = 0;
	g->bound = NULL;
	g->pinned = 0;
	/* Relaxed: a report may still look at the one whose slot this was. */
	atomic_set(&g->locked, 0, relaxed);
	atomic_set(&g->wait.obj, NULL, relaxed);
	atomic_set(&g->wait.since, 0, relaxed);
	atomic_set(&g->wait.why, (uint8_t)MRI_WHY_NONE, relaxed);
	atomic_set(&g->wait.timed, false, relaxed);
	g->chosen = 0;
	g->tries = NULL;
	g->unwind = NULL;
	g->message = NULL;
	g->start = start;
	g->start_arg = start_arg;
	/* Relaxed: as id. */
	atomic_set(&g->creator, self->id, relaxed);
	atomic_set(&g->creator_pc, pc, relaxed);
	mri_stack_arm(g);
	mri_arch_make(&g->ctx, g->lo, g->hi, mri_sched_first, g);
	mri_san_create(&g->san, g->lo, g->hi, pc);
	return g;
}

/* On the stack of whoever runs next. */
void mri_g_free(struct m *m, struct g *g)
{
	/* Relaxed: entered. */
	struct p *p = (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);

	mri_g_move(g, G_DEAD);
	mri_san_destroy(&g->san);
	if (p)
		/* Relaxed: summed for a snapshot. */
		atomic_set(&p->died, p->died + 1, relaxed);
	else
		atomic_add(&mri_sched.died, 1, relaxed);
	if (g != &mri_main_g)
		mri_stack_free(p, g);
}

void mri_g_exit(struct g *g)
{
	/* Relaxed: own. */
	if (atomic_get(&g->state, relaxed) == G_BLOCKING)
		mri_sched_block_end();
	if (unlikely(g->message)) {
		free(g->message);
		g->message = NULL;
	}
	if (g->locked) {
		g->m->nlocked--;
		/* Relaxed: reports read it. */
		atomic_set(&g->locked, 0, relaxed);
	}
	mri_sched_exit_switch(g);
}

int64_t mri_g_count(void)
{
	/* N1: acquire, pairs with N2. Relaxed below: a snapshot. */
	int n = atomic_get(&mri_sched.nps, acquire);
	int64_t died = atomic_get(&mri_sched.died, relaxed), born;

	for (int i = 0; i < n; i++)
		died += atomic_get(&mri_sched.all_ps[i]->died, relaxed);
	born = atomic_get(&mri_sched.born, relaxed);
	for (int i = 0; i < n; i++)
		born += atomic_get(&mri_sched.all_ps[i]->born, relaxed);
	return born - died;
}
