/* find.c - which goroutine runs next.
 *
 * A P has two rings: q of goroutines that have run before, first in first out, and fresh
 * of those that have not, the newest first: a tree of goroutines is walked depth first
 * (docs/design/023). An M whose P has nothing steals from the others, the oldest.
 *
 * Why none starves: the hand-off slot is not taken twice in a row while a ring holds
 * another; the rings take turns; the global queue flows into q's tail at least as fast as
 * q empties. So with k goroutines runnable on a P each in q runs within 4k turns. Who
 * yields lets the new ones into q, before itself. If none does, the oldest of them have
 * ROUND turns every NEW_FIRST.
 *
 * Waking (after Go): an M that makes work visible wakes another only if a P is idle
 * and nobody is spinning; the last M to stop spinning looks at everything once more
 * after it has said so. A goroutine that is alone on its P wakes nobody: the P will run
 * it next, and sysmon sees if it does not. The second wakes; those after it need not, as
 * long as there are two: whoever came to have time since has seen those. */
#include "os/os.h"
#include "rt/netpoll.h"
#include "rt/rt.h"
#include "rt/sched.h"

enum {
	STREAK = 1,                     /* turns in a row for the hand-off slot */
	REFILL = 64,                    /* moved at a time from the global queue */
	REFILL_BELOW = 64,              /* a ring shorter than this is refilled at once */
	STEAL_ROUNDS = 16, PAUSES = 20, /* how long a thief looks */
	FAR = MRI_IS_HOSTILE ? 0 : 16,  /* a long queue: its end is out of the caches */
	AHEAD = 2,                      /* how far ahead of it those are fetched */
	CLOCK_TURNS = 8,                /* turns between looks at the clock */
	LONG = MRI_IS_HOSTILE ? 2 : 128, /* a ring that lets the global queue in */
	NEW_FIRST = 20 * 1000 * 1000,   /* ns between turns of the oldest of the new */
	ROUND = 16,                     /* how many then */
};

/* ---------------------------------------------------- queueing a goroutine -- */

/* How many of them others can steal. */
static uint32_t stealable(struct p *p)
{
	/* Relaxed: a hint; who must not miss anything fences before. */
	return mri_runq_len(&p->q) + mri_runq_len(&p->fresh) +
	       (atomic_get(&p->q.next, relaxed) != NULL);
}

static bool has_new(struct p *p)
{
	return mri_runq_len(&p->fresh) != 0 || p->spilled;
}

/* So many may go to q's tail. When others wait in the global queue a long ring takes no
 * more: it has to shrink for them to flow in. */
static uint32_t room(struct p *p)
{
	uint32_t len = mri_runq_len(&p->q);

	/* Relaxed: a hint. */
	if (likely(len < LONG || atomic_get(&mri_sched.nqueue, relaxed) == 0))
		return MRI_RUNQ_CAP - len;
	return 0;
}

static bool push_tail(struct p *p, struct g *g)
{
	return likely(room(p) != 0 && mri_runq_push(&p->q, g));
}

/* The oldest of those that did not fit into the ring of the new. */
static struct g *pop_spilled(struct p *p)
{
	struct g *g = p->spilled;

	if (!g)
		return NULL;
	p->spilled = g->link;
	/* Relaxed: sysmon reads it as a hint. */
	atomic_set(&p->nspilled, p->nspilled - 1, relaxed);
	return g;
}

/* The ring of the new is full: half of it is put aside. Not to the global queue, from
 * where they would be begun though younger ones wait. */
static void spill(struct p *p)
{
	struct g *g;

	for (int n = MRI_RUNQ_CAP / 2; n > 0; n--) {
		g = mri_runq_pop(&p->fresh);
		if (!g)
			return;
		g->link = NULL;
		if (p->spilled)
			p->spilled_tail->link = g;
		else
			p->spilled = g;
		p->spilled_tail = g;
		/* Relaxed: as above. */
		atomic_set(&p->nspilled, p->nspilled + 1, relaxed);
	}
}

/* All new ones wait in q from now on, or with everybody. */
static noinline void join(struct p *p)
{
	struct g *g;

	if (likely(!p->spilled)) {
		mri_runq_move(&p->q, &p->fresh, room(p));
		if (mri_runq_len(&p->fresh) == 0)
			return;
	}
	mri_lock_take(&mri_sched.lock);
	while ((g = pop_spilled(p)) != NULL || (g = mri_runq_pop(&p->fresh)) != NULL)
		mri_globq_push_locked(g);
	mri_lock_drop(&mri_sched.lock);
	mri_sched_wake();
}

/* A goroutine that gave its turn up: behind all others. On an M that is locked the P
 * must go round through other Ms, so it queues with everybody. */
void mri_find_yielded(struct m *m, struct g *g)
{
	/* Relaxed: entered. */
	struct p *p = (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);

	if (unlikely(m->nlocked || !p)) {
		mri_globq_add(g, g, 1);
		return;
	}
	if (has_new(p))
		join(p);
	if (!push_tail(p, g))
		mri_globq_add(g, g, 1);
}

/* Into the hand-off slot; who was there goes to q's tail. */
void mri_find_queue_next(struct p *p, struct g *g)
{
	uint32_t others = stealable(p);
	struct g *kicked = mri_runq_swap_next(&p->q, g);

	if (kicked && !push_tail(p, kicked))
		mri_globq_add(kicked, kicked, 1);
	if (others == 1)
		mri_sched_wake();
}

bool mri_find_queue_last(struct p *p, struct g *g)
{
	uint32_t others = stealable(p);

	if (!push_tail(p, g))
		return false;
	if (others == 1)
		mri_sched_wake();
	return true;
}

void mri_find_queue_new(struct p *p, struct g *g)
{
	uint32_t others = stealable(p);

	if (others == 0)
		/* Relaxed: a coarse clock. */
		p->rounded = atomic_get(&mri_sched.now, relaxed);
	if (unlikely(!mri_runq_push(&p->fresh, g))) {
		spill(p);
		if (!mri_runq_push(&p->fresh, g))
			mri_throw("a ring with room is full");
	}
	if (others == 1)
		mri_sched_wake();
}

/* --------------------------------------------------------- finding work -- */

static bool refill_due(struct p *p)
{
	/* Relaxed: a hint; the lock decides. */
	return atomic_get(&mri_sched.nqueue, relaxed) != 0 &&
	       (p->tick % 8 == 0 || mri_runq_len(&p->q) < REFILL_BELOW);
}

/* Nothing younger is left than what was put aside: back with it, where others see it. */
static bool unspill_due(struct p *p)
{
	return unlikely(p->spilled != NULL) && mri_runq_len(&p->fresh) == 0;
}

static void unspill(struct p *p)
{
	struct g *g;

	for (int n = MRI_RUNQ_CAP / 2; n > 0 && (g = pop_spilled(p)) != NULL; n--)
		if (!mri_runq_push(&p->fresh, g))
			mri_throw("a ring with room is full");
	mri_sched_wake();
}

/* Is it a turn of the oldest new one? The clock is sysmon's: this is asked often. */
static bool round_due(struct p *p)
{
	/* Relaxed: a coarse clock. */
	int64_t now = atomic_get(&mri_sched.now, relaxed);

	if (unlikely(p->round == 0 && now - p->rounded >= NEW_FIRST)) {
		p->rounded = now;
		p->round = ROUND;
	}
	return p->round != 0;
}

static struct g *take_new(struct p *p)
{
	struct g *g;

	if (unlikely(round_due(p)) || mri_choice_hostile(NULL, 2)) {
		if (p->round)
			p->round--;
		g = pop_spilled(p);
		return g ? g : mri_runq_pop(&p->fresh);
	}
	g = mri_runq_pop_last(&p->fresh);
	/* What was left has just been stolen: as unspill(), but only one. */
	return likely(g) ? g : pop_spilled(p);
}

/* Who has waited in a long queue has gone from the caches: its lines are fetched while
 * those before it run, first the G, which says where the stack is. */
static noinline void fetch_ahead(struct p *p)
{
	/* Relaxed, all: what is there now need not be what will be taken. */
	uint32_t h = (uint32_t)atomic_get(&p->q.head, relaxed);
	struct g *soon = atomic_get(&p->q.slots[h % MRI_RUNQ_CAP], relaxed);
	struct g *later = atomic_get(&p->q.slots[(h + AHEAD) % MRI_RUNQ_CAP], relaxed);
	const char *sp;

	/* They have just been stolen, and the place was never filled. */
	if (unlikely(!soon || !later))
		return;
	sp = atomic_get(&soon->ctx.sp, relaxed);
	if (unlikely(!sp))
		return; /* it has ended since, and its stack was given back */
	for (int i = 0; i < 4; i++)
		__builtin_prefetch((const char *)later + 64 * i, 1);
	for (int i = 0; i < 12; i++)
		__builtin_prefetch(sp + 64 * i, 1);
}

/* From the P itself: see the head of this file. */
static struct g *take_own(struct p *p)
{
	bool old = mri_runq_len(&p->q) != 0, new = has_new(p);
	struct g *g = NULL;

	/* Relaxed: a hint, the swap decides. */
	if (atomic_get(&p->q.next, relaxed) && (p->streak < STREAK || !(old || new))) {
		g = mri_runq_swap_next(&p->q, NULL);
		if (likely(g)) {
			p->streak++;
			return g;
		}
	}
	p->streak = 0;
	if (new && (p->new_turn || !old))
		g = take_new(p);
	if (g) {
		p->new_turn = false;
		return g;
	}
	p->new_turn = true;
	g = mri_runq_pop(&p->q);
	if (unlikely(mri_runq_len(&p->q) > FAR))
		fetch_ahead(p);
	/* Stolen, all of them, or there are none. */
	if (unlikely(!g) && new)
		g = take_new(p);
	/* Relaxed: as above. */
	if (unlikely(!g) && atomic_get(&p->q.next, relaxed))
		g = mri_runq_swap_next(&p->q, NULL);
	return g;
}

struct g *mri_find_any(struct p *p)
{
	struct g *g = mri_runq_pop(&p->q);

	if (!g)
		g = mri_runq_swap_next(&p->q, NULL);
	if (!g)
		g = pop_spilled(p);
	return g ? g : mri_runq_pop(&p->fresh);
}

/* Is the P's first timer due? The clock is read every few turns only, unless turns are
 * so long that sysmon's coarse one shows it. */
static bool timer_due(struct p *p)
{
	int64_t next = mri_timer_next(p->timers);

	if (!next)
		return false;
	/* Relaxed: a clock. */
	if (next <= atomic_get(&mri_sched.now, relaxed))
		return true;
	return p->tick % CLOCK_TURNS == 0 && next <= mri_choice_now();
}

/* The quick half of finding work: runs on the parking goroutine's stack with its
 * locks held, so whatever takes locks or time is left to g0 (NULL). */
struct g *mri_find_quick(struct m *m)
{
	/* Relaxed: entered. */
	struct p *p = (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);
	struct g *g;

	/* Relaxed: hints; g0 looks again. */
	if (!p || atomic_get(&p->retired, relaxed) || m->nlocked ||
	    atomic_get(&m->bound_head, relaxed))
		return NULL;
	if (refill_due(p) || unspill_due(p) || mri_choice_hostile(m, 4))
		return NULL;
	if (timer_due(p))
		return NULL;
	/* Relaxed: sysmon only compares. */
	atomic_set(&p->tick, p->tick + 1, relaxed);
	g = take_own(p);
	if (likely(!g || !g->bound || g->bound == m))
		return g;
	m->next_g = g; /* g0 delivers it */
	return NULL;
}

static struct g *pop_bound(struct m *m)
{
	struct g *g;

	/* Relaxed: a hint; looked at again under sched.lock before sleeping. */
	if (!atomic_get(&m->bound_head, relaxed))
		return NULL;
	mri_lock_take(&m->bound_lock);
	g = m->bound_head;
	if (g) {
		/* Relaxed: by the lock. */
		atomic_set(&m->bound_head, g->link, relaxed);
		if (!g->link)
			m->bound_tail = NULL;
	}
	mri_lock_drop(&m->bound_lock);
	return g;
}

void mri_find_push_bound(struct m *m, struct g *g)
{
	g->link = NULL;
	mri_lock_take(&m->bound_lock);
	if (m->bound_tail)
		m->bound_tail->link = g;
	else
		/* Relaxed: by the lock; hints elsewhere. */
		atomic_set(&m->bound_head, g, relaxed);
	m->bound_tail = g;
	mri_lock_drop(&m->bound_lock);
}

static struct g *steal_from(struct p *p, struct p *victim, bool last)
{
	struct g *g;
	int64_t next = mri_timer_next(victim->timers);
	uint32_t n;

	if (next && next <= mri_choice_now()) {
		mri_timer_run(victim->timers, mri_choice_now());
		g = take_own(p);
		if (g)
			return g;
	}
	g = mri_runq_steal(&p->q, &victim->q);
	n = stealable(victim);
	if (g || n == 0)
		return g;
	if (n == 1) {
		/* In the slot, or new: it is about to run where it is. Take it only from
		 * a P that makes no turn for a while. Relaxed: hints. */
		uint32_t tick = atomic_get(&victim->tick, relaxed);

		if (!last)
			return NULL;
		for (int i = 0; i < 100; i++)
			cpu_relax();
		if (tick != atomic_get(&victim->tick, relaxed))
			return NULL;
	}
	g = mri_runq_steal(&p->fresh, &victim->fresh);
	if (!g && n == 1)
		g = mri_runq_swap_next(&victim->q, NULL);
	return g;
}

/* Goes round for some 20 us before it gives up: less than it costs to put a thread to
 * sleep and wake it again, and while it does nobody else need be woken. */
static struct g *steal(struct m *m, struct p *p)
{
	/* N1: acquire, pairs with N2: the Ps below nps are there. */
	uint32_t n = (uint32_t)atomic_get(&mri_sched.nps, acquire);

	for (int round = 0; round < STEAL_ROUNDS; round++) {
		uint32_t at = mri_choice_below(m, n);

		for (uint32_t i = 0; i < n; i++, at++) {
			struct p *victim = mri_sched.all_ps[at % n];
			struct g *g;

			if (victim == p)
				continue;
			g = steal_from(p, victim, round % 4 == 3);
			if (g)
				return g;
		}
		/* Relaxed: a hint. */
		if (atomic_get(&mri_sched.nqueue, relaxed) != 0)
			break;
		for (int i = 0; i < PAUSES; i++)
			cpu_relax();
	}
	return NULL;
}

/* Followed by a look at everything (rest) or by mri_sched_wake: who saw us spin has
 * left his work to us. */
static void stop_spinning(struct m *m)
{
	if (!m->spinning)
		return;
	m->spinning = false;
	/* Relaxed: both begin with a fence, I2 or I4. */
	atomic_sub(&mri_sched.nspinning, 1u, relaxed);
}

/* One pass over everything this P may run. */
static struct g *look(struct m *m, struct p *p)
{
	int64_t next = mri_timer_next(p->timers), now;
	struct g *g;

	bool refills = refill_due(p); /* as find_quick saw it, before this turn counts */

	/* Relaxed: sysmon only compares. */
	atomic_set(&p->tick, p->tick + 1, relaxed);
	if (next && next <= (now = mri_choice_now()))
		mri_timer_run(p->timers, now);
	/* Every other turn is the bound ones', or either kind could starve the other. */
	if (p->tick % 2 == 0 && (g = pop_bound(m)) != NULL)
		return g;
	if (refills)
		mri_globq_refill(p, REFILL);
	if (unspill_due(p))
		unspill(p);
	if ((g = take_own(p)) != NULL || (g = pop_bound(m)) != NULL)
		return g;
	if (mri_netpoll_wanted()) {
		mri_sched_ready_all(mri_netpoll_look());
		if ((g = take_own(p)) != NULL || (g = pop_bound(m)) != NULL)
			return g;
	}
	if (!m->spinning) {
		/* Relaxed: a heuristic: half the busy Ps' worth of thieves is enough. */
		uint32_t busy = (uint32_t)atomic_get(&mri_sched.procs, relaxed) -
				atomic_get(&mri_sched.nidle_ps, relaxed);

		if (busy <= 1 || 2 * atomic_get(&mri_sched.nspinning, relaxed) >= busy)
			return NULL; /* of one busy P, ours, nobody can steal */
		m->spinning = true;
		/* Relaxed: nobody need be woken now. Who does not see it yet wakes one
		 * too many; who does is seen when we stop. */
		atomic_add(&mri_sched.nspinning, 1u, relaxed);
	}
	return steal(m, p);
}

/* After this M has given its P back and stopped spinning: is there anything that
 * somebody made visible without waking anyone, because we were there? */
bool mri_find_missed(void)
{
	int n;

	/* I2: seq_cst, pairs with I4: either the waker sees an idle P and no spinner,
	 * or we see its work. */
	atomic_fence(seq_cst);
	/* N1: acquire, pairs with N2. Relaxed below: I2 orders them. */
	n = atomic_get(&mri_sched.nps, acquire);
	for (int i = 0; i < n; i++) {
		struct p *p = mri_sched.all_ps[i];

		if (mri_runq_len(&p->q) != 0 || stealable(p) > 1)
			return true;
	}
	return atomic_get(&mri_sched.nqueue, relaxed) != 0;
}

int64_t mri_find_timer(void)
{
	/* N1: acquire, pairs with N2. */
	int n = atomic_get(&mri_sched.nps, acquire);
	int64_t first = 0;

	for (int i = 0; i < n; i++) {
		int64_t t = mri_timer_next(mri_sched.all_ps[i]->timers);

		if (t && (!first || t < first))
			first = t;
	}
	return first;
}

/* Nothing to do: give the P back and sleep until somebody brings another. Returns
 * with a P, or at once if there was something after all. */
static void rest(struct m *m)
{
	mri_lock_take(&mri_sched.lock);
	if (mri_sched.nqueue != 0) {
		mri_lock_drop(&mri_sched.lock);
		return;
	}
	mri_idle_put(mri_proc_release(m));
	mri_lock_drop(&mri_sched.lock);
	stop_spinning(m);
	if (mri_find_missed() && mri_idle_take(m)) {
		m->spinning = true;
		atomic_add(&mri_sched.nspinning, 1u, relaxed); /* relaxed: as above */
		return;
	}
	mri_idle_sleep(m, mri_find_timer());
}

/* The running context is g0 and the last goroutine is behind: the next one. */
struct g *mri_find_next(struct m *m)
{
	for (;;) {
		/* Relaxed: entered. */
		struct p *p = (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);
		struct g *g;
		bool was_spinning, elsewhere;

		if (m->next_g) {
			g = m->next_g;
			m->next_g = NULL;
		} else if (m->nlocked) {
			if (!p || (g = pop_bound(m)) == NULL) {
				mri_idle_sleep_only(m);
				continue;
			}
		} else if (!p) {
			if (!mri_idle_take(m))
				mri_idle_sleep(m, 0);
			continue;
		} else if (unlikely(atomic_get(&p->retired, relaxed))) {
			stop_spinning(m);
			mri_idle_drain(m, p);
			continue;
		} else if ((g = look(m, p)) == NULL) {
			rest(m);
			continue;
		}
		was_spinning = m->spinning;
		stop_spinning(m);
		elsewhere = g->bound && g->bound != m;
		if (elsewhere)
			mri_idle_deliver(m, g); /* our P goes with it */
		if (was_spinning)
			mri_sched_wake(); /* where it found something there may be more */
		if (!elsewhere)
			return g;
	}
}
