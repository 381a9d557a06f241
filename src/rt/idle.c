/* idle.c - Ms and Ps with nothing to do: the idle lists, sleeping, waking, and the
 * ways a P passes from one M to another.
 *
 * Everything here happens under sched.lock but the sleep itself. An M that is given
 * a P finds it in m->next_p (and perhaps a goroutine in m->next_g) when it wakes;
 * the giver has already taken it off the idle list, so it is given one P only.
 *
 * One idle M at a time is the keeper: it sleeps only until the earliest timer of all
 * Ps. Every M looks at the timers before it sleeps, so a keeper with a later time is
 * relieved by the first M that knows better. And one is the poller: it sleeps until a
 * descriptor is ready (netpoll.c). Both are woken for work only if there is no other. */
#include "os/os.h"
#include "rt/netpoll.h"
#include "rt/rt.h"
#include "rt/sched.h"
#include <errno.h>
#include <stdlib.h>

void mri_idle_put(struct p *p)
{
	if (!p)
		return;
	mri_assert(!p->idle && !p->away);
	if (p->retired) {
		p->away = true;
		return;
	}
	p->idle = true;
	p->idle_next = mri_sched.idle_ps;
	mri_sched.idle_ps = p;
	/* Relaxed: by the lock; wakers fence (I4) before they look. */
	atomic_set(&mri_sched.nidle_ps, mri_sched.nidle_ps + 1, relaxed);
}

static struct p *idle_get(void)
{
	struct p *p = mri_sched.idle_ps;

	if (!p)
		return NULL;
	mri_sched.idle_ps = p->idle_next;
	p->idle = false;
	/* Relaxed: as above. */
	atomic_set(&mri_sched.nidle_ps, mri_sched.nidle_ps - 1, relaxed);
	return p;
}

static struct p *take_idle_list(void)
{
	struct p *list = mri_sched.idle_ps;

	mri_sched.idle_ps = NULL;
	/* Relaxed: as above. */
	atomic_set(&mri_sched.nidle_ps, 0u, relaxed);
	return list;
}

bool mri_idle_take(struct m *m)
{
	struct p *p;

	mri_lock_take(&mri_sched.lock);
	p = idle_get();
	mri_lock_drop(&mri_sched.lock);
	if (p)
		mri_proc_acquire(m, p);
	return p != NULL;
}

/* -------------------------------------------------------------- Ms -- */

static void unlink_idle(struct m *m)
{
	if (m->idle_prev)
		m->idle_prev->idle_next = m->idle_next;
	else
		mri_sched.idle_ms = m->idle_next;
	if (m->idle_next)
		m->idle_next->idle_prev = m->idle_prev;
	m->idle_prev = m->idle_next = NULL;
	if (mri_sched.keeper == m)
		mri_sched.keeper = NULL;
}

static void set_active(struct m *m)
{
	m->state = M_ACTIVE;
	mri_sched.stirred++;
	/* Relaxed: by the lock. */
	if (mri_sched.nactive_ms++ == 0 && atomic_get(&mri_sched.sysmon_idle, relaxed))
		mri_sysmon_wake();
}

/* If it was the last one sysmon looks for a deadlock, some milliseconds from now. */
static void set_inactive(struct m *m, enum m_state s)
{
	m->state = s;
	mri_sched.nactive_ms--;
}

static void wake_m(struct m *m)
{
	/* Relaxed: m has said so under sched.lock before it could be given a P, and goes
	 * on polling until it sees the store below. */
	bool polls = atomic_get(&mri_sched.poller, relaxed) == m;

	/* K3: release, pairs with K4: next_p and next_g. */
	atomic_set(&m->park, 1u, release);
	if (polls)
		mri_os_poll_wake();
	else
		mri_os_futex_wake(&m->park, 1);
}

/* sched.lock held. The M to wake once the lock is dropped: an idle one, or a new one
 * (whose thread is started by wake). */
static struct m *give(struct m *m, struct p *p, struct g *g, bool spinning)
{
	if (m->state == M_IDLE)
		unlink_idle(m);
	m->next_p = p;
	m->next_g = g;
	m->spinning = spinning;
	set_active(m);
	return m;
}

static void *thread_main(void *arg)
{
	struct m *m = arg;

	mri_m_init_thread(m);
	mri_proc_acquire(m, m->next_p);
	m->next_p = NULL;
	mri_sched_loop(m);
	return NULL;
}

/* An M without a thread: one whose thread could not be started, or a new one. NULL: out
 * of memory. */
static struct m *get_unborn(void)
{
	struct m *m;

	mri_lock_take(&mri_sched.lock);
	m = mri_sched.unborn_ms;
	if (m)
		mri_sched.unborn_ms = m->idle_next;
	mri_lock_drop(&mri_sched.lock);
	if (!m)
		return mri_m_new();
	m->idle_next = NULL;
	return m;
}

/* No thread for p. Its goroutines queue for the others, who come back sooner or later;
 * and sysmon tries again, for nobody else may look before one of them has run. m, which
 * was to have it, waits for the next try: all_ms has it already. */
static void do_without(struct m *m, struct p *p, bool spinning, int err)
{
	bool nobody, end;
	struct g *g;

	mri_lock_take(&mri_sched.lock);
	if (m) {
		m->next_p = NULL;
		m->spinning = false;
		set_inactive(m, M_WAITS);
		m->idle_next = mri_sched.unborn_ms;
		mri_sched.unborn_ms = m;
	}
	while ((g = mri_find_any(p)) != NULL)
		mri_globq_push_locked(g);
	mri_idle_put(p);
	nobody = mri_sched.nactive_ms == 0;
	end = nobody && !mri_sched.idle_ms;
	mri_lock_drop(&mri_sched.lock);
	if (end)
		mri_fatal("millrace: cannot start a thread (error %d)", err);
	if (spinning)
		/* Relaxed: no look follows. Who saw a spinner in us and went away
		 * content left it to sysmon. */
		atomic_sub(&mri_sched.nspinning, 1u, relaxed);
	/* Relaxed: as long as an M is active sysmon looks again and again. */
	atomic_set(&mri_sched.thread_err, err, relaxed);
	if (nobody)
		mri_sched_wake(); /* somebody went idle meanwhile: that one has time */
}

/* Give p to an idle M or a new thread. Takes and drops sched.lock. */
static void start_m(struct p *p, bool spinning)
{
	int rc = -ENOMEM;
	struct m *m;

	mri_init_check_fork();
	mri_lock_take(&mri_sched.lock);
	m = mri_sched.idle_ms;
	for (struct m *other = m; other; other = other->idle_next)
		/* Relaxed: it only decides who. */
		if (other != mri_sched.keeper &&
		    other != atomic_get(&mri_sched.poller, relaxed)) {
			m = other;
			break;
		}
	if (m) {
		give(m, p, NULL, spinning);
		mri_lock_drop(&mri_sched.lock);
		wake_m(m);
		return;
	}
	mri_lock_drop(&mri_sched.lock);
	m = get_unborn();
	if (m) {
		mri_lock_take(&mri_sched.lock);
		give(m, p, NULL, spinning);
		mri_lock_drop(&mri_sched.lock);
		atomic_set(&m->in_rt, 1u, relaxed); /* relaxed: the start publishes it */
		rc = mri_os_thread_start(thread_main, m, 0);
	}
	if (rc < 0)
		do_without(m, p, spinning, -rc);
}

void mri_sched_wake(void)
{
	for (;;) {
		uint32_t none = 0;
		struct p *p;

		/* I4: seq_cst, pairs with I2: the work is visible before we look whether
		 * somebody is there to do it. */
		atomic_fence(seq_cst);
		/* Relaxed: I4 ordered them. */
		if (atomic_get(&mri_sched.nidle_ps, relaxed) == 0 ||
		    atomic_get(&mri_sched.nspinning, relaxed) != 0)
			return;
		/* Relaxed: it only decides who; one waker at a time. */
		if (!atomic_cas(&mri_sched.nspinning, &none, 1u, relaxed))
			return;
		mri_lock_take(&mri_sched.lock);
		p = idle_get();
		mri_lock_drop(&mri_sched.lock);
		if (p) {
			start_m(p, true);
			return;
		}
		/* Others may have seen a spinner in us and gone away content: look
		 * again, as a spinner does. Relaxed: I2 follows. */
		atomic_sub(&mri_sched.nspinning, 1u, relaxed);
		if (!mri_find_missed() && !mri_find_timer())
			return;
	}
}

/* Nobody has woken m, but it has something to do: it takes itself off the list, with a P
 * if there is one. False: somebody was faster. */
static bool get_up(struct m *m, bool spinning)
{
	struct p *p;

	mri_lock_take(&mri_sched.lock);
	if (m->state != M_IDLE) {
		mri_lock_drop(&mri_sched.lock);
		return false; /* a P is on its way: sleep on */
	}
	unlink_idle(m);
	set_active(m);
	p = idle_get();
	m->spinning = p && spinning;
	mri_lock_drop(&mri_sched.lock);
	if (m->spinning)
		/* Relaxed: I2 or I4 follows when it stops. */
		atomic_add(&mri_sched.nspinning, 1u, relaxed);
	if (p)
		mri_proc_acquire(m, p);
	return true;
}

static void take_given(struct m *m)
{
	/* Relaxed: nobody sets it again before it is idle again. */
	atomic_set(&m->park, 0u, relaxed);
	mri_proc_acquire(m, m->next_p);
	m->next_p = NULL;
}

static void wait_for_p(struct m *m, int64_t deadline)
{
	/* K4: acquire, pairs with K3. */
	while (atomic_get(&m->park, acquire) == 0)
		if (mri_os_futex_wait(&m->park, 0, deadline) == -ETIMEDOUT &&
		    /* Spinning, so that it looks at all Ps' timers. */
		    deadline && get_up(m, true))
			return;
	take_given(m);
}

/* The same, as the poller. */
static void poll_for_p(struct m *m, int64_t deadline)
{
	bool up = false, coming = false;
	struct g *ready = NULL;

	/* K4: acquire, pairs with K3. */
	while (!up && atomic_get(&m->park, acquire) == 0) {
		if (coming) {
			mri_os_thread_yield();
			continue;
		}
		ready = mri_netpoll_wait(deadline);
		if (ready || (deadline && mri_os_now() >= deadline)) {
			up = get_up(m, !ready);
			coming = !up;
		}
	}
	/* Relaxed: the next poller is chosen under sched.lock, which m takes before it
	 * can be that again. */
	atomic_set(&mri_sched.poller, NULL, relaxed);
	if (!up)
		take_given(m);
	mri_sched_ready_all(ready);
}

/* sched.lock held: bound goroutines that came meanwhile cannot run without a P, and
 * queue for one like everybody. */
static void requeue_bound(struct m *m)
{
	struct g *g;

	mri_lock_take(&m->bound_lock);
	g = m->bound_head;
	atomic_set(&m->bound_head, NULL, relaxed); /* relaxed: by the lock */
	m->bound_tail = NULL;
	mri_lock_drop(&m->bound_lock);
	while (g) {
		struct g *rest = g->link;

		mri_globq_push_locked(g);
		g = rest;
	}
}

void mri_idle_sleep(struct m *m, int64_t until)
{
	bool keep, polls;

	mri_assert(!m->spinning);
	mri_lock_take(&mri_sched.lock);
	requeue_bound(m);
	if (mri_sched.nqueue != 0 && mri_sched.idle_ps) {
		mri_lock_drop(&mri_sched.lock);
		mri_idle_take(m);
		return;
	}
	m->idle_prev = NULL;
	m->idle_next = mri_sched.idle_ms;
	if (m->idle_next)
		m->idle_next->idle_prev = m;
	mri_sched.idle_ms = m;
	keep = until && (!mri_sched.keeper || until < mri_sched.keeper_until);
	if (keep) {
		mri_sched.keeper = m;
		mri_sched.keeper_until = until;
	}
	/* Relaxed, both: by the lock, and its own M. */
	polls = mri_netpoll_is_open() && !atomic_get(&mri_sched.poller, relaxed);
	if (polls)
		atomic_set(&mri_sched.poller, m, relaxed);
	set_inactive(m, M_IDLE);
	mri_lock_drop(&mri_sched.lock);
	if (polls)
		poll_for_p(m, keep ? until : 0);
	else
		wait_for_p(m, keep ? until : 0);
}

/* --------------------------------------------- goroutines bound to an M -- */

void mri_idle_queue_bound(struct g *g)
{
	struct m *b = g->bound;
	struct p *p = NULL;

	mri_lock_take(&mri_sched.lock);
	if (b->state == M_ACTIVE) {
		/* It looks at its own queue before it sleeps, under this lock. */
		mri_find_push_bound(b, g);
		mri_lock_drop(&mri_sched.lock);
		return;
	}
	p = idle_get();
	if (p)
		give(b, p, g, false);
	else
		mri_globq_push_locked(g);
	mri_lock_drop(&mri_sched.lock);
	/* Else nobody: no P is idle, and before one is put away its M looks at the queue
	 * under this lock, or wakes another afterwards, or leaves it to sysmon. */
	if (p)
		wake_m(b);
}

void mri_idle_deliver(struct m *m, struct g *g)
{
	struct m *b = g->bound;
	struct p *p;

	mri_lock_take(&mri_sched.lock);
	if (b->state == M_ACTIVE) {
		mri_find_push_bound(b, g);
		mri_lock_drop(&mri_sched.lock);
		return;
	}
	p = mri_proc_release(m);
	give(b, p, g, false);
	mri_lock_drop(&mri_sched.lock);
	wake_m(b);
}

void mri_idle_sleep_only(struct m *m)
{
	struct p *p = mri_proc_release(m);

	if (p)
		mri_sched_handoff(p);
	mri_lock_take(&mri_sched.lock);
	/* Some may have been readied while this M was still active. */
	requeue_bound(m);
	set_inactive(m, M_WAITS);
	mri_lock_drop(&mri_sched.lock);
	mri_sched_wake();
	wait_for_p(m, 0);
}

/* ------------------------------------------------- passing a P on -- */

void mri_sched_handoff(struct p *p)
{
	bool work, surplus;

	mri_lock_take(&mri_sched.lock);
	/* Decided here, once: when the lock is dropped it may be in use again. */
	surplus = p->retired;
	work = mri_proc_queued(p) != 0 || mri_sched.nqueue != 0;
	if (!surplus && !work)
		mri_idle_put(p);
	mri_lock_drop(&mri_sched.lock);
	if (surplus)
		mri_idle_drain(NULL, p);
	else if (work)
		start_m(p, false);
	else if (mri_find_missed() || mri_timer_next(p->timers))
		mri_sched_wake(); /* for what came meanwhile; or to keep the time */
}

/* Its timers go to the first P, which is never surplus. */
void mri_idle_drain(struct m *m, struct p *p)
{
	struct g *g;

	while ((g = mri_find_any(p)) != NULL)
		mri_globq_add(g, g, 1);
	mri_timer_move_all(p->timers, mri_sched.all_ps[0]->timers);
	if (m)
		mri_proc_release(m);
	mri_lock_take(&mri_sched.lock);
	mri_idle_put(p);
	mri_lock_drop(&mri_sched.lock);
	mri_sched_wake();
}

/* Ps are made once and never freed. False: out of memory. */
bool mri_idle_make_ps(int n)
{
	for (int i = mri_sched.nps; i < n; i++) {
		struct p *p = mri_try_alloc(sizeof *p);

		if (!p || (p->timers = mri_timer_heap_new()) == NULL) {
			free(p);
			return false;
		}
		p->id = i;
		p->away = p->retired = true;
		mri_sched.all_ps[i] = p;
		/* N2: release, pairs with N1. */
		atomic_set(&mri_sched.nps, i + 1, release);
	}
	return true;
}

/* A surplus P that runs is put away by its M at its next turn, or taken by sysmon;
 * one in use again before that just goes on. */
void mri_sched_set_procs(int n)
{
	mri_lock_take(&mri_sched.lock);
	/* Relaxed: changed under the lock only. */
	for (int i = 0; i < mri_sched.nps; i++)
		/* Relaxed: its M sees it sooner or later. */
		atomic_set(&mri_sched.all_ps[i]->retired, i >= n, relaxed);
	for (struct p *p, *list = take_idle_list(); (p = list) != NULL;) {
		list = p->idle_next;
		p->idle = false;
		mri_idle_put(p);
	}
	for (int i = 0; i < mri_sched.nps && i < n; i++) {
		struct p *p = mri_sched.all_ps[i];

		if (p->away) {
			p->away = false;
			mri_idle_put(p);
		}
	}
	/* Relaxed: a hint for everybody else. */
	atomic_set(&mri_sched.procs, n, relaxed);
	mri_lock_drop(&mri_sched.lock);
	/* One still in use may start more of them; they move when it is drained. */
	for (int i = n; i < mri_sched.nps; i++)
		mri_timer_move_all(mri_sched.all_ps[i]->timers,
				   mri_sched.all_ps[0]->timers);
	mri_sched_wake();
}

/* ------------------------------------------------- blocking sections -- */

void mri_sched_block_begin(void)
{
	struct g *g = mri_self();
	struct m *m = g->m;
	struct p *p;

	mri_init_check_fork();
	if (g->is_thread)
		return;
	/* Relaxed: own. */
	if (atomic_get(&g->state, relaxed) == G_BLOCKING)
		mri_panic("go_blocking_begin within go_blocking_begin");
	mri_proc_enter(m);
	p = mri_proc_release(m);
	mri_g_move(g, G_BLOCKING);
	if (p)
		mri_sched_handoff(p);
	mri_proc_leave(m);
}

void mri_sched_block_end(void)
{
	struct g *g = mri_self();

	mri_init_check_fork();
	if (g->is_thread)
		return;
	/* Relaxed: own. */
	if (atomic_get(&g->state, relaxed) != G_BLOCKING)
		mri_panic("go_blocking_end without go_blocking_begin");
	mri_proc_enter(g->m);
	mri_sched_regain(g);
}
