/* sysmon.c - the thread that watches: it takes Ps from stuck threads, wakes idle ones
 * for work that waits, gives stacks back, and finds the process asleep for ever.
 *
 * A P is stuck if in one turn of 6 ms or more its thread burned 3 ms of CPU since that
 * was first read, however long that took, or if it sleeps in the kernel; a thread that
 * is merely descheduled is not. It is taken only if something waits that the P could
 * run.
 *
 * sysmon has no P and runs no goroutine. It looks after 50 us, then less and
 * less often, up to every 4 ms, and sleeps once all have been idle from one look to the
 * next. */
#include "base/hooks.h"
#include "os/os.h"
#include "rt/netpoll.h"
#include "rt/rt.h"
#include "rt/sched.h"
#include "rt/stack.h"
#include <limits.h>

enum {
	SHORT = 50 * 1000,
	LONG = 4 * 1000 * 1000,
	UNPOLLED = 500 * 1000,
	STUCK = 6 * 1000 * 1000, /* no turn for so long, twice looked at: look closer */
	SCAVENGE = 500 * 1000 * 1000,
	FIRST_POLL = 10 * 1000 * 1000,
	LAST_POLL = 1000 * 1000 * 1000,
	HOGS_PER_PROC = 4,
	NO_THREADS = 1000 * 1000 * 1000,
};

static int sysmon_tid; /* atomic */

no_tsan void mri_sysmon_wake(void)
{
	/* Y1: release, pairs with Y2. */
	if (atomic_swap(&mri_sched.sysmon_word, 1u, release) == 0)
		mri_os_futex_wake(&mri_sched.sysmon_word, 1);
}

static bool timer_due(int64_t by)
{
	/* N1: acquire, pairs with N2. */
	for (int i = 0; i < atomic_get(&mri_sched.nps, acquire); i++) {
		int64_t next = mri_timer_next(mri_sched.all_ps[i]->timers);

		if (next && next <= by)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------ retaking -- */

/* Ms that burn CPU without a P. One that went to sleep since is no hog any more. */
static uint32_t count_hogs(void)
{
	uint32_t n = 0;

	/* A2: acquire, pairs with A1. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next) {
		/* Relaxed: a heuristic. */
		if (m->hog && atomic_get(&m->proc, relaxed) == 0 &&
		    mri_os_thread_state(atomic_get(&m->tid, relaxed)) == 'R')
			n++;
		else
			m->hog = false;
	}
	return n;
}

/* Something that p could run; a timer may be due on any P when none is idle. */
static bool work_waits(struct p *p, bool timer_due)
{
	/* Relaxed: hints. */
	return mri_proc_queued(p) != 0 || atomic_get(&mri_sched.nqueue, relaxed) != 0 ||
	       atomic_get(&p->retired, relaxed) || timer_due;
}

/* p made no turn for a while: is its thread to blame? */
static void look_closer(struct p *p, struct m *m)
{
	int tid = atomic_get(&m->tid, relaxed); /* relaxed: it had a P long since */
	int64_t cpu = mri_os_thread_cpu(tid);
	bool burns = cpu - p->seen_cpu > STUCK / 2;
	char state = mri_os_thread_state(tid);

	if (!burns && (state == 'R' || state == '?')) {
		return; /* descheduled, or nearly so: healthy */
	}
	if (burns && count_hogs() >= HOGS_PER_PROC * (uint32_t)atomic_get(
							     &mri_sched.procs, relaxed))
		return; /* enough threads burn CPU already */
	if (!mri_proc_take(m, p, p->seen_tick))
		return;
	m->hog = burns;
	mri_sched_handoff(p);
}

static bool check_p(struct p *p, int64_t now, bool timer_due)
{
	/* Relaxed: hints; mri_proc_take decides. */
	struct m *m = atomic_get(&p->m, relaxed);
	uint32_t tick = atomic_get(&p->tick, relaxed);

	if (!m) {
		p->seen_m = NULL;
		return false;
	}
	if (tick != p->seen_tick || m != p->seen_m) {
		p->seen_tick = tick;
		p->seen_m = m;
		p->seen_at = now;
		p->seen_cpu = -1;
		return true;
	}
	if (!work_waits(p, timer_due))
		return false;
	/* The hand-off slot or ring waits for a P that computes: is another idle? */
	if (atomic_get(&mri_sched.nidle_ps, relaxed) != 0)
		mri_sched_wake();
	if (p->seen_cpu < 0) {
		p->seen_cpu = mri_os_thread_cpu(atomic_get(&m->tid, relaxed));
	} else if (now - p->seen_at >= STUCK) {
		look_closer(p, m);
	}
	return true;
}

/* ------------------------------------------------------------ deadlock -- */

/* No M but the caller's runs, nothing is runnable, no timer is due before `until`;
 * *stirred: how often an M has become active so far. */
static bool all_asleep(int64_t until, uint64_t *stirred)
{
	uint32_t mine = mri_self()->m != NULL;
	bool asleep;

	mri_lock_take(&mri_sched.lock);
	/* A keeper that wakes becomes active under the lock before it takes its timer. */
	asleep = mri_sched.nactive_ms == mine && mri_sched.nqueue == 0 &&
		 !timer_due(until);
	*stirred = mri_sched.stirred;
	mri_lock_drop(&mri_sched.lock);
	return asleep;
}

/* Threads that are not ours and do not wait in one of our calls. */
static int threads_that_could_act(void)
{
	static struct mri_lock lock = MRI_LOCK_INIT(MRI_RANK_LEAF);
	static int ours[10001 + 1]; /* by lock */
	uint32_t parked, still;
	int n = 0, foreign;

	mri_lock_take(&lock);
	ours[n++] = atomic_get(&sysmon_tid, relaxed);   /* relaxed: as below */
	/* A2: acquire, pairs with A1. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next)
		if (n < (int)ARRAY_LEN(ours))
			ours[n++] = atomic_get(&m->tid, relaxed); /* relaxed: asleep */
	/* Relaxed, both: a thread that is counted below may make another that parks, so
	 * those count as parked that were before, and a woken one no more. */
	parked = atomic_get(&mri_sched.nparked_threads, relaxed);
	foreign = mri_os_foreign_threads(ours, n);
	mri_lock_drop(&lock);
	if (foreign < 0)
		return INT_MAX; /* unknown: say nothing */
	still = atomic_get(&mri_sched.nparked_threads, relaxed);
	return foreign - (int)(parked < still ? parked : still);
}

/* The threads are counted between two looks at our own, in which time none of ours was
 * active: so nobody can have acted and gone while we were looking elsewhere. */
bool mri_sysmon_quiet(int64_t until)
{
	/* Relaxed: before it has started it is a thread that could act. */
	bool sysmon = mri_os_tid() == atomic_get(&sysmon_tid, relaxed);
	int mine = mri_self()->is_thread && !sysmon;
	uint64_t before, after;

	return !mri_netpoll_wanted() && all_asleep(until, &before) &&
	       threads_that_could_act() <= mine && all_asleep(until, &after) &&
	       before == after;
}

static bool is_deadlock(void)
{
	return !(mri_hooks.signals_wanted && mri_hooks.signals_wanted()) &&
	       mri_sysmon_quiet(INT64_MAX);
}

/* ------------------------------------------------------ giving back -- */

/* The free slots of a P that is nobody's, or whose M does not touch it this moment. */
static struct g *take_cache(struct p *p, bool *taken)
{
	struct m *m = atomic_get(&p->m, relaxed); /* relaxed: mri_proc_hold decides */
	struct g *list = NULL;

	mri_lock_take(&mri_sched.lock);
	*taken = p->idle || p->away;
	if (*taken)
		list = mri_stack_uncache(p);
	mri_lock_drop(&mri_sched.lock);
	if (!*taken && m && mri_proc_hold(m, p)) {
		list = mri_stack_uncache(p);
		mri_proc_unhold(m, p);
		*taken = true;
	}
	return list;
}

/* What a P keeps it may not need for long, and may have been deep: every now and then it
 * goes to all, where it is given back if nobody needs it. */
static void sweep(struct p *p, int64_t now)
{
	struct g *list;
	bool taken;

	if (now - p->swept < SCAVENGE)
		return;
	list = take_cache(p, &taken);
	if (list)
		mri_stack_put_back(list);
	if (taken)
		p->swept = now;
}

/* ------------------------------------------------- short of threads -- */

/* A thread could not be started: try again, as long as somebody runs who may come for
 * the work. But those there are may all be blocked until just this work is done: so it is
 * the end when work waits for long and no P is in use. */
static void check_threads(int64_t now, bool timer_due)
{
	static int64_t since;
	/* Relaxed: if not now, the next look sees it. */
	int err = atomic_swap(&mri_sched.thread_err, 0, relaxed);

	if (!err || !(timer_due || mri_find_missed())) {
		since = 0;
		return;
	}
	/* Relaxed: hints, and looked at for long. */
	if ((int)atomic_get(&mri_sched.nidle_ps, relaxed) <
	    atomic_get(&mri_sched.procs, relaxed))
		since = 0;
	else if (!since)
		since = now;
	else if (now - since > NO_THREADS)
		mri_fatal("millrace: cannot start a thread (error %d), and all that "
			  "there are are blocked", err);
	mri_sched_wake();
}

/* ----------------------------------------------------------- descriptors -- */

/* Goroutines wait for descriptors, and nobody is told when they are ready: a P with
 * nothing to do has no M that polls. True: look again soon whether that is so. */
static bool check_poller(int64_t now)
{
	/* Relaxed: a hint. */
	if (!mri_netpoll_wanted() || atomic_get(&mri_sched.poller, relaxed))
		return false;
	if (atomic_get(&mri_sched.nidle_ps, relaxed) != 0) {
		mri_sched_wake();
		return true;
	}
	if (mri_netpoll_late(now))
		mri_sched_ready_all(mri_netpoll_look());
	return false;
}

/* ---------------------------------------------------------------- loop -- */

static void sleep_until(int64_t deadline)
{
	/* Y2: acquire, pairs with Y1. */
	if (atomic_swap(&mri_sched.sysmon_word, 0u, acquire) == 0)
		mri_os_futex_wait(&mri_sched.sysmon_word, 0, deadline);
}

/* Has any M been active since the last look? If not, whoever becomes so next is asked to
 * wake us. One look more after the last goes to sleep is what finds a deadlock; and with
 * short pauses between requests nobody wakes us at each. */
static bool any_ran(void)
{
	static uint64_t seen;
	bool any;

	mri_lock_take(&mri_sched.lock);
	any = mri_sched.nactive_ms != 0 || mri_sched.stirred != seen;
	seen = mri_sched.stirred;
	/* Under the lock, since set_active() reads it there. */
	atomic_set(&mri_sched.sysmon_idle, any ? 0u : 1u, relaxed);
	mri_lock_drop(&mri_sched.lock);
	return any;
}

static void watch(void)
{
	int64_t period = SHORT, scavenged = 0, poll = FIRST_POLL;

	for (;;) {
		int64_t now = mri_os_now();
		bool changing = false, unpolled;

		/* Late: its P's M computes, or its P is idle and nobody keeps its
		 * time. */
		bool due = timer_due(now - SHORT);

		/* Relaxed: a coarse clock. */
		atomic_set(&mri_sched.now, now, relaxed);
		if (mri_hooks.signals)
			mri_hooks.signals();
		if (mri_hooks.quit)
			mri_hooks.quit();
		/* N1: acquire, pairs with N2. */
		for (int i = 0; i < atomic_get(&mri_sched.nps, acquire); i++) {
			changing |= check_p(mri_sched.all_ps[i], now, due);
			sweep(mri_sched.all_ps[i], now);
		}
		check_threads(now, due);
		unpolled = check_poller(now);
		if (due)
			mri_sched_wake();
		if (now - scavenged >= SCAVENGE) {
			mri_stack_scavenge();
			scavenged = now;
		}
		if (any_ran()) {
			poll = FIRST_POLL;
			period = changing ? period * 5 / 4 : period * 2;
			period = period < LONG ? period : LONG;
			if (unpolled && period > UNPOLLED)
				period = UNPOLLED;
			sleep_until(now + period);
			continue;
		}
		if (is_deadlock())
			mri_hooks.deadlock();
		if (mri_find_missed())
			mri_sched_wake();
		period = SHORT;
		sleep_until(now + poll);
		poll = poll * 2 < LAST_POLL ? poll * 2 : LAST_POLL;
	}
}

static void *sysmon_main(void *arg)
{
	static struct g g;

	(void)arg;
	g.is_thread = 1;
	g.state = G_RUNNING;
	mri_init_set_self(&g);
	atomic_set(&sysmon_tid, mri_os_tid(), relaxed);
	watch();
	return NULL;
}

void mri_sysmon_start(void)
{
	int rc = mri_os_thread_start(sysmon_main, NULL, 0);

	if (rc < 0)
		mri_fatal("millrace: cannot start a thread (error %d)", -rc);
}
