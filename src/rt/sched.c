/* sched.c - the scheduler's switches: park, ready, yield, exit.
 *
 * A parking goroutine switches straight to the next one when its own P has one, else
 * to its M's scheduler context (g0), which looks further (find.c). Whoever is switched
 * to finishes what the other left to do ("landed"): the unlock of a park, the queueing
 * of a yield, the end of a dead one; not before is that one fully saved.
 *
 * in_rt is 1 across every switch; the side that arrives leaves. */
#include "os/os.h"
#include "rt/rt.h"
#include "rt/sched.h"
#include "rt/stack.h"

enum {
	CROWD = MRI_IS_HOSTILE ? 2 : 128, /* started in one turn */
	BULK = MRI_IS_HOSTILE ? 2 : 256,  /* queued for everybody at a time */
	AHEAD = 8,                        /* how far a queued one points ahead */
};

struct mri_sched mri_sched = { .lock = MRI_LOCK_INIT(MRI_RANK_SCHED) };

/* ------------------------------------------------------------- switching -- */

/* The one caller of the assembly. TSan must not instrument it: its entry would be
 * counted on one fiber and its exit on another. */
no_tsan static noinline void switch_to(struct m *m, struct g *from, struct g *to,
				       bool dying)
{
	from->err = *m->errno_at;
	to->m = m;
	/* Relaxed: for reports. */
	atomic_set(&m->curg, to, relaxed);
	mri_init_set_self(to);
	mri_san_switch_out(&from->san, &to->san, dying);
	mri_arch_switch(&from->ctx, &to->ctx);
	mri_san_switch_in(&from->san);
	*from->m->errno_at = from->err;
}

/* First thing on the stack that was switched to: finish what the other left. */
static void landed(struct m *m)
{
	struct g *prev = m->prev;
	enum mri_after after = m->after;

	m->after = MRI_AFTER_NONE;
	switch (after) {
	case MRI_AFTER_NONE: break;
	case MRI_AFTER_PARK:
		mri_g_move(prev, G_WAITING);
		/* From here on prev may run on another M, and end. */
		if (m->unlock)
			m->unlock(m->unlock_arg);
		break;
	case MRI_AFTER_YIELD:
		mri_g_move(prev, G_RUNNABLE);
		mri_find_yielded(m, prev);
		break;
	case MRI_AFTER_EXIT: mri_g_free(m, prev); break;
	}
}

/* Leave g; back when somebody switches to it again. Entered, m->after is set. */
static void switch_away(struct m *m, struct g *g, bool dying)
{
	struct g *next;

	mri_stack_check(g);
	next = mri_find_quick(m);
	m->prev = g;
	if (next)
		mri_g_move(next, G_RUNNING);
	else
		next = &m->g0;
	switch_to(m, g, next, dying);
	m = g->m;
	landed(m);
	mri_proc_leave(m);
}

/* The first code on a new goroutine's stack. */
void mri_sched_first(void *arg)
{
	struct g *g = arg;
	struct m *m;

	mri_san_switch_in(&g->san);
	m = g->m;
	*m->errno_at = 0;
	landed(m);
	mri_proc_leave(m);
	g->start(g);
	mri_g_exit(g);
}

/* ------------------------------------------------------------ park, ready -- */

static void park_thread(struct g *g, void (*unlock)(void *), void *arg, bool timed)
{
	void *parked = mri_race_thread_parks(&g->san);

	/* Relaxed: the waker stores 1 after it has taken our lock. */
	atomic_set(&g->park, 0u, relaxed);
	mri_g_move(g, G_WAITING);
	if (!timed)
		/* Relaxed: a count for the deadlock detector, which looks twice. */
		atomic_add(&mri_sched.nparked_threads, 1u, relaxed);
	if (unlock)
		unlock(arg);
	/* Perhaps nobody runs any more. Relaxed: too late is a hundredth of a second. */
	if (!timed && atomic_get(&mri_sched.sysmon_idle, relaxed))
		mri_sysmon_wake();
	/* K1: acquire, pairs with K2: what the waker wrote into the waiter. */
	while (atomic_get(&g->park, acquire) == 0)
		mri_os_futex_wait(&g->park, 0, 0);
	mri_race_thread_wakes(&g->san, parked);
	mri_g_move(g, G_RUNNING);
}

static void park(void (*unlock)(void *), void *arg, enum mri_why why, const void *obj,
		 bool timed)
{
	struct g *g = mri_self();
	struct m *m;

	mri_init_check_fork();
	/* Relaxed: reports read them at any time. */
	atomic_set(&g->wait.obj, obj, relaxed);
	atomic_set(&g->wait.since, atomic_get(&mri_sched.now, relaxed), relaxed);
	atomic_set(&g->wait.why, (uint8_t)why, relaxed);
	atomic_set(&g->wait.timed, timed, relaxed);
	if (g->is_thread) {
		park_thread(g, unlock, arg, timed);
	} else {
		m = g->m;
		mri_proc_enter(m);
		m->after = MRI_AFTER_PARK;
		m->unlock = unlock;
		m->unlock_arg = arg;
		switch_away(m, g, false);
	}
	/* Relaxed: for reports. */
	atomic_set(&g->wait.why, (uint8_t)MRI_WHY_NONE, relaxed);
}

void mri_sched_park(void (*unlock)(void *), void *arg, enum mri_why why, const void *obj)
{
	park(unlock, arg, why, obj, false);
}
void mri_sched_park_timed(void (*unlock)(void *), void *arg, enum mri_why why,
			  const void *obj)
{
	park(unlock, arg, why, obj, true);
}

/* A goroutine whose P was taken while it computed comes back to one here: waking
 * somebody is where it rejoins the others. Entered; leaves. */
static void rejoin(struct m *m, struct g *self)
{
	/* Relaxed: its own. */
	if (!self->is_sched && atomic_get(&self->state, relaxed) == G_RUNNING)
		mri_sched_regain(self);
	else
		mri_proc_leave(m);
}

void mri_sched_ready(struct g *g)
{
	struct g *self;
	struct m *m;
	struct p *p;

	if (g->is_thread) {
		/* Counted here, by one who acts, and not by the thread once it runs: in
		 * between it would look as if nobody could. Relaxed: as when parking. */
		if (!atomic_get(&g->wait.timed, relaxed))
			atomic_sub(&mri_sched.nparked_threads, 1u, relaxed);
		/* K2: release, pairs with K1. Its thread may be gone before the wake,
		 * which only names an address. */
		atomic_set(&g->park, 1u, release);
		mri_os_futex_wake(&g->park, 1);
		return;
	}
	mri_g_move(g, G_RUNNABLE);
	if (unlikely(g->bound != NULL)) {
		mri_idle_queue_bound(g);
		return;
	}
	self = mri_self();
	m = self->m;
	p = m ? mri_proc_enter(m) : NULL;
	if (likely(p && !mri_choice_hostile(m, 2)))
		mri_find_queue_next(p, g);
	else
		mri_globq_add(g, g, 1);
	if (likely(p))
		mri_proc_leave(m);
	else if (m)
		rejoin(m, self);
}

/* Ready, for everybody's queue; linked. */
struct chain {
	struct g *first, *last, *recent[AHEAD];
	uint32_t n;
};

/* To its end, where it is not far to it from the one that is AHEAD before it. */
static void chain(struct chain *c, struct g *g)
{
	struct g **before = &c->recent[c->n % AHEAD];

	if (c->last)
		c->last->link = g;
	else
		c->first = g;
	c->last = g;
	g->ahead = NULL;
	if (c->n >= AHEAD)
		(*before)->ahead = g;
	*before = g;
	c->n++;
}

/* To the end of the ring of m's P, or of c if there is no room. False: neither is for g,
 * or m has no P. */
static bool queue_or_chain(struct m *m, struct g *g, struct chain *c)
{
	struct p *p = m ? mri_proc_enter(m) : NULL;
	bool can = p && !g->is_thread && !g->bound && !mri_choice_hostile(m, 4);

	if (can) {
		mri_g_move(g, G_RUNNABLE);
		if (!mri_find_queue_last(p, g))
			chain(c, g);
	}
	if (m)
		mri_proc_leave(m);
	return can;
}

static void flush(struct chain *c)
{
	if (c->n)
		mri_globq_add(c->first, c->last, c->n);
	c->first = c->last = NULL;
	c->n = 0;
}

void mri_sched_ready_all(struct g *list)
{
	struct chain c = { .n = 0 };

	while (list) {
		struct g *g = list;

		list = g->link;
		__builtin_prefetch(list, 1);
		/* Each time anew: ready() may go on on another M. */
		if (!queue_or_chain(mri_self()->m, g, &c)) {
			flush(&c);
			mri_sched_ready(g);
		} else if (c.n == BULK) {
			flush(&c);
		}
	}
	flush(&c);
}

/* Whoever starts many in one turn gives it up to them (docs/design/012). Not one that is
 * bound, since it may hold what others want of its thread. */
static bool is_crowd(struct p *p, const struct g *self)
{
	/* Relaxed: its own. */
	uint32_t tick = atomic_get(&p->tick, relaxed);

	if (unlikely(p->start_tick != tick)) {
		p->start_tick = tick;
		p->nstarted = 0;
	}
	return unlikely(++p->nstarted >= CROWD) && !self->is_sched && !self->bound;
}

void mri_sched_start(struct g *g)
{
	struct g *self = mri_self();
	struct m *m = self->m;
	struct p *p;

	mri_g_move(g, G_RUNNABLE);
	p = m ? mri_proc_enter(m) : NULL;
	if (likely(p && !mri_choice_hostile(m, 2)))
		mri_find_queue_new(p, g);
	else
		mri_globq_add(g, g, 1);
	if (unlikely(!p)) {
		if (m)
			rejoin(m, self);
		return;
	}
	if (likely(!is_crowd(p, self))) {
		mri_proc_leave(m);
		return;
	}
	m->after = MRI_AFTER_YIELD;
	switch_away(m, self, false);
}

void mri_sched_yield(void)
{
	struct g *g = mri_self();
	struct m *m;

	mri_init_check_fork();
	if (g->is_thread) {
		mri_os_thread_yield();
		return;
	}
	m = g->m;
	if (unlikely(!mri_proc_enter(m))) {
		/* Its P was taken. */
		mri_sched_regain(g);
		return;
	}
	m->after = MRI_AFTER_YIELD;
	switch_away(m, g, false);
}

/* Without a P a goroutine is one that has given up its turn: it queues with all others,
 * and its M goes back to the scheduler. An idle P it takes at once. */
void mri_sched_regain(struct g *g)
{
	struct m *m = g->m;

	if (!mri_idle_take(m)) {
		m->after = MRI_AFTER_YIELD;
		switch_away(m, g, false);
		return;
	}
	if (atomic_get(&g->state, relaxed) == G_BLOCKING) /* relaxed: own */
		mri_g_move(g, G_RUNNING);
	mri_proc_leave(m);
}

void mri_sched_exit_switch(struct g *g)
{
	struct m *m = g->m;

	mri_init_check_fork();
	mri_proc_enter(m);
	m->after = MRI_AFTER_EXIT;
	switch_away(m, g, true);
	mri_throw("a dead goroutine runs again");
}

noreturn_fn void mri_sched_loop(struct m *m)
{
	for (;;) {
		struct g *g = mri_find_next(m);

		mri_g_move(g, G_RUNNING);
		m->prev = &m->g0;
		switch_to(m, &m->g0, g, false);
		landed(m);
	}
}

void mri_sched_first_g0(void *arg)
{
	struct g *g0 = arg;

	mri_san_switch_in(&g0->san);
	landed(g0->m);
	mri_sched_loop(g0->m);
}
