/* proc_test.c - src/rt/proc.c, the taking of a P: sysmon and the M never both have it,
 * whoever gets it sees what the other did to it, and it is not lost. What is done to
 * the P is plain (p->born): two owners at a time would be a race. */
#include "base/atomic.h"
#include "rt/rt.h"

struct mri_sched mri_sched;
static struct m m1, m2;
static struct p p;
static int touches[MODEL_THREADS + 1];
static uint32_t passed_on;              /* sysmon's hand-over to m2; by lock in idle.c */
static uint32_t tick0;

static void setup(void)
{
	m1.in_rt = m2.in_rt = 1;
	mri_proc_acquire(&m1, &p);
	m1.in_rt = m2.in_rt = 0;
}
static void setup_fences(void)
{
	setup();
	mri_sched.no_membarrier = true;
}

static void touch(struct p *q)
{
	q->born++;
	touches[model_self()]++;
}
static bool use(struct m *m)
{
	struct p *q = mri_proc_enter(m);

	if (q)
		touch(q);
	mri_proc_leave(m);
	return q != NULL;
}
static void nested(void)
{
	struct p *q = mri_proc_enter(&m1), *q2;

	if (q)
		touch(q);
	q2 = mri_proc_enter(&m1);
	model_check(q == q2);
	if (q2)
		touch(q2);
	mri_proc_leave(&m1);
	if (q)
		touch(q);
	mri_proc_leave(&m1);
}

static void user(void) { use(&m1); }
static void user_twice(void) { use(&m1); use(&m1); }
static void user_turns(void)
{
	for (int i = 0; i < 2; i++) {
		struct p *q = mri_proc_enter(&m1);

		if (q) {
			atomic_set(&q->tick, q->tick + 1, relaxed);
			touch(q);
		}
		mri_proc_leave(&m1);
	}
}
/* Gives the P back by itself; m2 may then be given it, or sysmon was faster. */
static void user_lets_go(void)
{
	struct p *q = mri_proc_enter(&m1);

	if (q) {
		touch(q);
		if (mri_proc_release(&m1))
			atomic_set(&passed_on, 1u, release);
	}
	mri_proc_leave(&m1);
}
/* Lets go and gets it back: the same P and the same turn. */
static void user_returns(void)
{
	struct p *q = mri_proc_enter(&m1);

	if (q) {
		touch(q);
		q = mri_proc_release(&m1);
		if (q) {
			touch(q);
			mri_proc_acquire(&m1, q);
			touch(q);
		}
	}
	mri_proc_leave(&m1);
	use(&m1);
}

static void sysmon(void)
{
	if (mri_proc_take(&m1, &p, tick0)) {
		touch(&p);
		atomic_set(&passed_on, 1u, release);
	}
}
static void sysmon_twice(void)
{
	for (int i = 0; i < 2; i++) {
		if (mri_proc_take(&m1, &p, atomic_get(&p.tick, relaxed))) {
			touch(&p);
			atomic_set(&passed_on, 1u, release);
			return;
		}
	}
}
/* Only touches it and gives it back. */
static void sysmon_holds(void)
{
	if (mri_proc_hold(&m1, &p)) {
		touch(&p);
		mri_proc_unhold(&m1, &p);
	}
}
static void next_m(void)
{
	struct p *q = mri_proc_enter(&m2);

	if (!q && atomic_get(&passed_on, acquire)) {
		mri_proc_acquire(&m2, &p);
		touch(&p);
	}
	mri_proc_leave(&m2);
	use(&m2);
}

/* Takes it from m1, then from m2, to whom it was passed on. */
static void sysmon_both(void)
{
	if (!mri_proc_take(&m1, &p, tick0))
		return;
	touch(&p);
	atomic_set(&passed_on, 1u, release);
	if (mri_proc_take(&m2, &p, tick0)) {
		touch(&p);
		atomic_set(&passed_on, 2u, release);
	}
}

static void check(void)
{
	uintptr_t a = m1.proc, b = m2.proc;
	int n = 0;

	for (int i = 0; i <= MODEL_THREADS; i++)
		n += touches[i];
	model_check(p.born == n);
	model_check(m1.in_rt == 0 && m2.in_rt == 0);
	model_check(!((a | b) & MRI_TAKING));
	model_check(!(a && b));
	/* With nobody only if sysmon or the M has let go and m2 came too early. */
	model_check(a || b || passed_on);
}

#define BOTH(id, ...) \
	MODEL(id, .setup = setup, .threads = { __VA_ARGS__ }, .check = check, \
	      .load_buffering = true) \
	MODEL(id##_fences, .setup = setup_fences, .threads = { __VA_ARGS__ }, .check = check, \
	      .load_buffering = true)
BOTH(proc_take, user, sysmon)
BOTH(proc_take_twice, user_twice, sysmon_twice)
BOTH(proc_take_nested, nested, sysmon)
BOTH(proc_take_turns, user_turns, sysmon)
BOTH(proc_take_and_pass_on, user_twice, sysmon, next_m)
MODEL(proc_take_again, .setup = setup, .threads = { user, sysmon_both, next_m },
      .check = check, .preemptions = 4, .slow = true)
MODEL(proc_take_again_fences, .setup = setup_fences, .threads = { user, sysmon_both, next_m },
      .check = check)
BOTH(proc_let_go, user_lets_go, sysmon, next_m)
BOTH(proc_comes_back, user_returns, sysmon)
BOTH(proc_hold, user_twice, sysmon_holds)
BOTH(proc_hold_nested, nested, sysmon_holds)
BOTH(proc_hold_let_go, user_lets_go, sysmon_holds, next_m)
BOTH(proc_hold_comes_back, user_returns, sysmon_holds)
