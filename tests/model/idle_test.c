/* idle_test.c - src/rt/idle.c beyond sched_test.c: goroutines bound to an M, Ps that are
 * surplus, made while others run or needed again, and the keeper of the timers. At the end
 * everybody sleeps: each goroutine has run, and each P lies where it belongs. */
#include "world.h"
#include "rt/sched.h"

static void m0(void) { world_m(0); }
static void m1(void) { world_m(1); }

static uint32_t ran;
static void count(void) { atomic_add(&ran, 1u, relaxed); }
static struct g *one, *two;

static void first(int m, struct g *g)
{
	world_ms[m].next_g = g;
	g->state = G_RUNNABLE;
}
static void queue(int p, struct g *g)
{
	g->state = G_RUNNABLE;
	mri_runq_push(&world_ps[p].q, g);
}
/* Nobody has a P, and those not in use are put away. */
static void all_at_rest(void)
{
	uint32_t idle = 0;

	world_all_done();
	if (world_started_ghosts())
		return;
	for (int i = 0; i < mri_sched.nps; i++) {
		struct p *p = mri_sched.all_ps[i];

		model_check(p->idle == (i < mri_sched.procs) && p->away == !p->idle);
		idle += p->idle;
	}
	model_check(mri_sched.nidle_ps == idle && mri_sched.nspinning == 0);
	model_check(mri_sched.nqueue == 0 && mri_sched.nactive_ms == 0);
}

/* ---- goroutines bound to an M ---- */
static struct mri_lock l;
static struct g *waiting;
static bool flag;
static void unlock(void *lock) { mri_lock_drop(lock); }
static void waits_bound(void)
{
	model_check(mri_self()->m == &world_ms[0]);
	mri_lock_take(&l);
	if (!flag) {
		waiting = mri_self();
		mri_sched_park(unlock, &l, MRI_WHY_RECV, &l);
	} else {
		mri_lock_drop(&l);
	}
	model_check(mri_self()->m == &world_ms[0]);
}
static void wakes(void)
{
	struct g *g;

	mri_lock_take(&l);
	flag = true;
	g = waiting;
	mri_lock_drop(&l);
	if (g)
		mri_sched_ready(g);
}
static void wakes_thread(void)
{
	world_thread();
	wakes();
}
/* On M 0, which is its alone if locked; else the M runs others too. */
static void bind(bool locked)
{
	struct g *g = world_g(waits_bound);

	mri_lock_init(&l, MRI_RANK_CHAN);
	g->bound = &world_ms[0];
	if (locked) {
		g->locked = 1;
		world_ms[0].nlocked = 1;
	}
	first(0, g);
}
static void setup_locked(void)
{
	world_procs(1);
	world_m_init(0);
	bind(true);
	world_ghosts_ok = true;
}
static void setup_pinned(void)
{
	world_procs(1);
	world_m_init(0);
	bind(false);
	world_ghosts_ok = true;
}
/* One P, for which the waker queues on an M of its own. */
static void setup_locked_behind(void)
{
	world_procs(1);
	world_m_init(0);
	world_m_init(1);
	bind(true);
	queue(0, world_g(wakes));
}
static void setup_pinned_behind(void)
{
	world_procs(1);
	world_m_init(0);
	world_m_init(1);
	bind(false);
	queue(0, world_g(wakes));
}
/* Two Ps: the waker runs beside it. */
static void setup_two(bool locked)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	bind(locked);
	first(1, world_g(wakes));
	world_ghosts_ok = true;
}
static void setup_locked_two(void) { setup_two(true); }
static void setup_pinned_two(void) { setup_two(false); }

MODEL(idle_locked, .setup = setup_locked, .threads = { m0, wakes_thread }, .daemons = 1,
      .preemptions = 2, .check = all_at_rest)
MODEL(idle_pinned, .setup = setup_pinned, .threads = { m0, wakes_thread }, .daemons = 1,
      .preemptions = 2, .check = all_at_rest)
MODEL(idle_locked_behind, .setup = setup_locked_behind, .threads = { m0, m1, world_spare },
      .daemons = 7, .preemptions = 1, .check = all_at_rest)
MODEL(idle_pinned_behind, .setup = setup_pinned_behind, .threads = { m0, m1, world_spare },
      .daemons = 7, .preemptions = 1, .check = all_at_rest)
MODEL(idle_locked_two, .setup = setup_locked_two, .threads = { m0, m1 }, .daemons = 3,
      .preemptions = 1, .check = all_at_rest)
MODEL(idle_pinned_two, .setup = setup_pinned_two, .threads = { m0, m1 }, .daemons = 3,
      .preemptions = 1, .check = all_at_rest)

/* ---- fewer Ps, more, and fewer and more ---- */
static void fewer(void)
{
	world_thread();
	mri_sched_set_procs(1);
}
static void fewer_and_more(void)
{
	fewer();
	mri_sched_set_procs(2);
}
static void grow(void)
{
	world_thread();
	model_check(mri_idle_make_ps(2));
	mri_sched_set_procs(2);
}
/* Turns on M 1, whose P is the surplus one, with one behind it in the ring. */
static void turns(void)
{
	mri_sched_yield();
	count();
}
static void setup_surplus(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	first(1, world_g(turns));
	queue(1, world_g(count));
	world_ghosts_ok = true;
}
/* Nobody runs on it. */
static void setup_surplus_idle(void)
{
	world_procs(2);
	world_m_init(0);
	first(0, world_g(turns));
}
static void starts_two(void)
{
	mri_sched_ready(one);           /* not start: who starts two would yield */
	mri_sched_ready(two);
}
static void setup_grow(void)
{
	world_procs(1);
	world_m_init(0);
	one = world_g(count);
	two = world_g(count);
	first(0, world_g(starts_two));
}
/* What waits in the ring of an M that computes is for the new P. */
static uint32_t flag_set;
static void sets_flag(void) { atomic_set(&flag_set, 1u, release); }
static void starts_and_computes(void)
{
	starts_two();                   /* the second kicks the first out of the slot */
	model_await(&flag_set, 1);
}
static void setup_grow_for_work(void)
{
	world_procs(1);
	world_m_init(0);
	one = world_g(sets_flag);
	two = world_g(count);
	first(0, world_g(starts_and_computes));
}
/* The same, but it is the P of one that goes into a system call. */
static void blocks(void)
{
	mri_sched_block_begin();
	model_await(&flag_set, 1);
	mri_sched_block_end();
}
static void setup_block_for_work(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	one = world_g(sets_flag);
	two = world_g(count);
	first(0, world_g(starts_and_computes));
	first(1, world_g(blocks));
}
/* An M that spins finds more than it can run at once; who brought it relied upon it. */
static void needs_flag(void) { model_await(&flag_set, 1); }
static void starts_two_thread(void)
{
	world_thread();
	starts_two();
}
static void setup_found_more(void)
{
	world_procs(2);
	world_m_init(0);
	one = world_g(needs_flag);
	two = world_g(sets_flag);
}
/* No thread can be had for what comes as the only M goes to sleep. */
static void start_thread(void)
{
	world_thread();
	mri_sched_ready(one);
}
static void setup_no_threads(void)
{
	world_procs(1);
	world_m_init(0);
	one = world_g(count);
	world_no_threads = true;
}
/* A P that is surplus when it is given up, but not any more when it is put away. */
static uint32_t is_fewer, will_block;
static void blocks_when_fewer(void)
{
	model_await(&is_fewer, 1);
	atomic_set(&will_block, 1u, relaxed);
	blocks();
}
static void fewer_and_more_later(void)
{
	fewer();
	atomic_set(&is_fewer, 1u, relaxed);
	model_await(&will_block, 1);
	mri_sched_set_procs(2);
}
static void setup_block_when_fewer(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	one = world_g(sets_flag);
	two = world_g(count);
	first(0, world_g(starts_and_computes));
	first(1, world_g(blocks_when_fewer));
}
/* Who spins on a surplus P has been relied upon. */
static void fewer_and_start(void)
{
	fewer();
	mri_sched_start(one);
}
static void setup_surplus_spins(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	one = world_g(count);
	world_ghosts_ok = true;
}
/* Somebody counts the goroutines, P by P. */
static void counts(void)
{
	world_thread();
	model_check(mri_g_count() == 0);
}
static void setup_count(void)
{
	world_procs_busy(1);
	world_ghosts_ok = true;
}
/* Its M looks for work, and steals, while they become more. */
static void setup_grow_spinning(void)
{
	world_procs(1);
	world_m_init(0);
	world_ghosts_ok = true;
}
MODEL(idle_fewer, .setup = setup_surplus, .threads = { m0, m1, fewer }, .daemons = 3,
      .preemptions = 1, .check = all_at_rest)
MODEL(idle_fewer_and_more, .setup = setup_surplus, .threads = { m0, m1, fewer_and_more },
      .daemons = 3, .preemptions = 1, .check = all_at_rest)
MODEL(idle_fewer_of_idle, .setup = setup_surplus_idle,
      .threads = { m0, fewer_and_more, world_spare }, .daemons = 5, .preemptions = 1,
      .check = all_at_rest)
MODEL(idle_grow, .setup = setup_grow, .threads = { m0, grow, world_spare }, .daemons = 5,
      .preemptions = 1, .check = all_at_rest)
MODEL(idle_fewer_spinning, .setup = setup_surplus_spins,
      .threads = { m0, m1, fewer_and_start }, .daemons = 3, .preemptions = 1,
      .check = all_at_rest)
MODEL(idle_found_more, .setup = setup_found_more,
      .threads = { m0, starts_two_thread, world_spare }, .daemons = 5, .preemptions = 1,
      .check = all_at_rest)
MODEL(idle_no_threads, .setup = setup_no_threads, .threads = { m0, start_thread },
      .daemons = 1, .preemptions = 2, .check = all_at_rest)
MODEL(idle_grow_for_work, .setup = setup_grow_for_work,
      .threads = { m0, grow, world_spare }, .daemons = 5, .preemptions = 1,
      .check = all_at_rest)
MODEL(idle_block_for_work, .setup = setup_block_for_work,
      .threads = { m0, m1, world_spare }, .daemons = 7, .preemptions = 1,
      .check = all_at_rest)
MODEL(idle_block_when_fewer, .setup = setup_block_when_fewer,
      .threads = { m0, m1, fewer_and_more_later, world_spare }, .daemons = 11,
      .preemptions = 1, .check = all_at_rest)
MODEL(idle_grow_and_count, .setup = setup_count, .threads = { grow, counts })
MODEL(idle_grow_spinning, .setup = setup_grow_spinning, .threads = { m0, grow },
      .daemons = 1, .preemptions = 2, .check = all_at_rest)

/* ---- the time is kept ---- */
static struct mri_timer timer;
static uint32_t fires;
static void fire(struct mri_timer *t)
{
	(void)t;
	atomic_add(&fires, 1u, relaxed);
}
static void starts_timer(void)
{
	timer.when = 2;
	timer.fire = fire;
	model_check(mri_timer_start(&timer));
}
static void starts_timer_thread(void)
{
	world_thread();
	starts_timer();
}
static void sleeps(void)
{
	mri_timer_sleep(1);
	atomic_add(&fires, 1u, relaxed);
}
static void setup_timer(void)
{
	world_procs(1);
	world_m_init(0);
	world_ghosts_ok = true;
}
static void setup_timer_two(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	world_ghosts_ok = true;
}
static void setup_sleeps(void)
{
	setup_timer_two();
	first(0, world_g(sleeps));
}
static void kept(void)
{
	all_at_rest();
	model_check(fires == 1 || world_started_ghosts());
	model_check(!mri_sched.keeper || world_started_ghosts());
}
MODEL(idle_timer_as_m_sleeps, .setup = setup_timer, .threads = { m0, starts_timer_thread },
      .daemons = 1, .timeouts = 1, .preemptions = 2, .check = kept)
MODEL(idle_timer_two_ms, .setup = setup_timer_two, .threads = { m0, m1, starts_timer_thread },
      .daemons = 3, .timeouts = 1, .preemptions = 1, .check = kept, .slow = true)
MODEL(idle_sleeps, .setup = setup_sleeps, .threads = { m0, m1 }, .daemons = 3,
      .timeouts = 1, .preemptions = 1, .check = kept)

/* ---- an M waits for descriptors ---- */
static void fd_ready(void)
{
	world_thread();
	world_ready(one);
}
static void queues_two(void)
{
	world_thread();
	two->state = G_RUNNABLE;
	mri_globq_add(two, two, 1);
}
static void setup_poller(int ms)
{
	world_procs(ms);
	for (int i = 0; i < ms; i++)
		world_m_init(i);
	one = world_g(count);
	one->state = G_WAITING;
	two = world_g(count);
	world_polls = true;
	world_ghosts_ok = true;
}
static void setup_poller_one(void) { setup_poller(1); }
static void setup_poller_two(void) { setup_poller(2); }
/* And there is still one who polls. */
static void both_ran(void)
{
	all_at_rest();
	model_check(world_started_ghosts() || (ran == 2 && mri_sched.poller));
}
MODEL(idle_poller, .setup = setup_poller_one, .threads = { m0, fd_ready, queues_two },
      .daemons = 1, .preemptions = 2, .check = both_ran)
MODEL(idle_poller_two_ms, .setup = setup_poller_two,
      .threads = { m0, m1, fd_ready, queues_two }, .daemons = 3, .preemptions = 1,
      .check = both_ran)
