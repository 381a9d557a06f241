/* sched_test.c - the shipped scheduler with real goroutines: model threads are Ms that
 * run its loop for ever. A lost wake-up leaves a goroutine behind when all sleep; a
 * stack that two Ms run at once is a race on it. */
#include "world.h"
#include "rt/sched.h"

static void m0(void) { world_m(0); }
static void m1(void) { world_m(1); }

/* ---- idle to spinning: work that comes while an M goes to sleep ---- */
static uint32_t ran;
static void count(void) { atomic_add(&ran, 1u, relaxed); }
static struct g *one, *two;
static void setup_one(void)
{
	world_procs(1);
	world_m_init(0);
	one = world_g(count);
}
static void start_one(void)
{
	world_thread();
	mri_sched_start(one);
}
static void setup_one_ghosts(void)
{
	setup_one();
	world_ghosts_ok = true;
}
MODEL(sched_start_as_m_sleeps_quick, .setup = setup_one_ghosts, .threads = { m0, start_one },
      .daemons = 1, .preemptions = 1, .check = world_all_done)
MODEL(sched_start_as_m_sleeps, .setup = setup_one, .threads = { m0, start_one, world_spare }, .daemons = 5, .preemptions = 1,
      .check = world_all_done)

/* ---- idle to spinning: the ring gets work as the other M goes to sleep, and its own M
 * computes until that work has been done. sysmon would notice later; here nobody does. */
static uint32_t flag_set;
static void sets_flag(void) { atomic_set(&flag_set, 1u, release); }
static void starts_and_computes(void)
{
	mri_sched_ready(one);           /* not start: who starts two would yield */
	mri_sched_ready(two);           /* kicks the first one out of the slot */
	model_await(&flag_set, 1);
}
static void readies_all_and_computes(void)
{
	one->link = two;
	two->link = NULL;
	mri_sched_ready_all(one);
	model_await(&flag_set, 1);
}
static void setup_computing(void (*fn)(void))
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	one = world_g(sets_flag);
	two = world_g(count);
	world_ms[0].next_g = world_g(fn);
	world_ms[0].next_g->state = G_RUNNABLE;
}
static void setup_compute(void) { setup_computing(starts_and_computes); }
static void setup_compute_all(void) { setup_computing(readies_all_and_computes); }
MODEL(sched_ring_as_the_other_sleeps, .setup = setup_compute,
      .threads = { m0, m1, world_spare }, .daemons = 7, .preemptions = 1,
      .check = world_all_done)

MODEL(sched_readied_as_the_other_sleeps, .setup = setup_compute_all,
      .threads = { m0, m1, world_spare }, .daemons = 7, .preemptions = 1,
      .check = world_all_done)

/* ---- a report reads where a goroutine comes from, if it is not dead ---- */
static void names_and_starts(void)
{
	one->name = "one";
	start_one();
}
static void reports(void)
{
	if (atomic_get(&one->state, acquire) != G_DEAD)
		model_check(one->name != NULL);
}
static void setup_report(void)
{
	world_procs_busy(1);
	one = world_g(count);
}
MODEL(sched_report, .setup = setup_report, .threads = { names_and_starts, reports })

/* ---- park and ready ---- */
static struct mri_lock l;
static struct g *waiting;
static bool flag;
static int data;
static void unlock(void *lock) { mri_lock_drop(lock); }
static void waits(void)
{
	mri_lock_take(&l);
	if (!flag) {
		waiting = mri_self();
		mri_sched_park(unlock, &l, MRI_WHY_RECV, &l);
	} else {
		mri_lock_drop(&l);
	}
	model_check(data == 1);
}
static void wakes(void)
{
	struct g *g;

	data = 1;
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
static void setup_park(void)
{
	mri_lock_init(&l, MRI_RANK_CHAN);
	world_procs(1);
	world_m_init(0);
	world_ms[0].next_g = world_g(waits);
	world_ms[0].next_g->state = G_RUNNABLE;
}
static void setup_park_ghosts(void)
{
	setup_park();
	world_ghosts_ok = true;
}
MODEL(sched_park_and_ready_quick, .setup = setup_park_ghosts, .threads = { m0, wakes_thread },
      .daemons = 1, .preemptions = 1, .check = world_all_done)
MODEL(sched_park_and_ready, .setup = setup_park, .threads = { m0, wakes_thread, world_spare },
      .daemons = 5, .preemptions = 1, .check = world_all_done)

/* Two Ms: the waker is a goroutine, and the woken may run on either. */
static void setup_park_two(void)
{
	mri_lock_init(&l, MRI_RANK_CHAN);
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	world_ms[0].next_g = world_g(waits);
	world_ms[0].next_g->state = G_RUNNABLE;
	world_ms[1].next_g = world_g(wakes);
	world_ms[1].next_g->state = G_RUNNABLE;
}
MODEL(sched_park_and_ready_two_ms, .setup = setup_park_two, .threads = { m0, m1, world_spare },
      .daemons = 7, .preemptions = 1, .check = world_all_done, .slow = true)

/* ---- work made while the other M stops spinning ---- */
static void starts_two(void)
{
	mri_sched_ready(one);
	mri_sched_ready(two);
}
static void setup_spread(void)
{
	world_procs(2);
	world_m_init(0);
	world_m_init(1);
	one = world_g(count);
	two = world_g(count);
	world_ms[0].next_g = world_g(starts_two);
	world_ms[0].next_g->state = G_RUNNABLE;
}
MODEL(sched_work_as_the_other_sleeps, .setup = setup_spread, .threads = { m0, m1, world_spare },
      .daemons = 7, .preemptions = 1, .check = world_all_done, .slow = true)

/* ---- the taking of a P from a goroutine that computes ---- */
static uint32_t tick0;
/* Comes back to a P at its yield, and queues for one if there is none. */
static void computes(void)
{
	atomic_add(&ran, 1u, relaxed);
	mri_sched_yield();
	atomic_add(&ran, 1u, relaxed);
}
static void takes(void)
{
	world_thread();
	if (mri_proc_take(&world_ms[0], &world_ps[0], tick0))
		mri_sched_handoff(&world_ps[0]);
}
static void setup_take(void)
{
	world_procs(1);
	world_m_init(0);
	world_ms[0].next_g = world_g(computes);
	world_ms[0].next_g->state = G_RUNNABLE;
}
/* Another one waits behind it, and must run whatever sysmon does. */
static void setup_take_behind(void)
{
	setup_take();
	one = world_g(count);
	one->state = G_RUNNABLE;
	mri_runq_push(&world_ps[0].q, one);
}
MODEL(sched_take, .setup = setup_take, .threads = { m0, takes, world_spare }, .daemons = 5,
      .preemptions = 1, .check = world_all_done,
      .slow = true)
MODEL(sched_take_with_one_behind, .setup = setup_take_behind,
      .threads = { m0, takes, world_spare }, .daemons = 5, .preemptions = 1,
      .check = world_all_done,
      .slow = true)
static void setup_take_fences(void)
{
	setup_take_behind();
	mri_sched.no_membarrier = true;
}
MODEL(sched_take_fences, .setup = setup_take_fences, .threads = { m0, takes, world_spare },
      .daemons = 5, .preemptions = 1, .check = world_all_done,
      .slow = true)

/* ---- blocking sections: the P goes on, the goroutine comes back ---- */
static void blocks(void)
{
	mri_sched_block_begin();
	atomic_add(&ran, 1u, relaxed);
	mri_sched_block_end();
	atomic_add(&ran, 1u, relaxed);
}
static void setup_block(void)
{
	world_procs(1);
	world_m_init(0);
	world_ms[0].next_g = world_g(blocks);
	world_ms[0].next_g->state = G_RUNNABLE;
	one = world_g(count);
	one->state = G_RUNNABLE;
	mri_runq_push(&world_ps[0].q, one);
}
MODEL(sched_block, .setup = setup_block, .threads = { m0, world_spare }, .daemons = 3,
      .preemptions = 1, .check = world_all_done,
      .slow = true)
/* The same while somebody else starts a goroutine. */
static void setup_block_start(void)
{
	world_procs(1);
	world_m_init(0);
	world_ms[0].next_g = world_g(blocks);
	world_ms[0].next_g->state = G_RUNNABLE;
	one = world_g(count);
}
MODEL(sched_block_and_start, .setup = setup_block_start,
      .threads = { m0, start_one, world_spare }, .daemons = 5, .preemptions = 1,
      .check = world_all_done,
      .slow = true)
