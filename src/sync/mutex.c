/* mutex.c - mutual exclusion: one word, and a FIFO of parked waiters.
 *   LOCKED  somebody owns it
 *   PARKED  mr_wait is not empty; both change only under the bucket lock
 *   WOKEN   a waiter was taken off the list and will try again: set by the owner as it
 *           unlocks, cleared by that waiter. Nobody else is woken meanwhile.
 *   CROWD * n   the next n unlocks need a locked instruction
 * Unlock frees the word and wakes the first waiter, which competes with whoever comes
 * by: the mutex does not idle while the waiter travels. If it loses it goes back to the
 * head of the list. One that has waited for STARVING is handed the mutex instead, LOCKED
 * staying set. So a wait is bounded: the head of the list is passed over until it has
 * been awake once and STARVING is over, and not again.
 *
 * The last access to *m in unlock is the one that lets another have it: he may lock,
 * unlock and free m before unlock returns. Therefore the bucket lock, which does not lie
 * in m, is taken before that access where a waiter must be woken after it.
 *
 * Where n is 0 and nobody is to be woken, the owner unlocks by a restartable sequence
 * (arch/restart.h). It could undo what a waiter does to the word meanwhile, who sets
 * PARKED and clears his WOKEN. So a waiter who finds n = 0 sets it to CROWDED, has the
 * sequence interrupted, and looks whether his bits are still there. Only the owner lets n
 * fall: as long as it is his, the first waiter's interruption is enough for all. It is a
 * system call, and an interrupt for each processor: a mutex that many want at once pays
 * for it once in CROWDED unlocks. */
#include "arch/restart.h"
#include "sync/held.h"
#include "sync/waitq.h"
#include <millrace/sync.h>

enum { LOCKED = 1, PARKED = 2, WOKEN = 4, CROWD = 8 };
#ifdef MRI_MODEL
enum { CROWDED = CROWD };
#else
enum { CROWDED = 1000 * CROWD };
#endif
enum { STARVING = 1000 * 1000 /* ns */, SPINS = 4, RELAX = 30 };

static struct mri_waiter **list(mr_mutex *m)
{
	return (struct mri_waiter **)&m->mr_wait;
}

/* Without the count. */
static uint32_t bits(uint32_t s)
{
	return s & (CROWD - 1);
}

/* What unlocking leaves of s. */
static uint32_t unlocked(uint32_t s)
{
	return (s & ~LOCKED) - (s >= CROWD ? CROWD : 0);
}

/* Somebody waits, and nobody of them has been woken. */
static bool must_wake(uint32_t s)
{
	return (s & (PARKED | WOKEN)) == PARKED;
}

/* Waiting without parking pays if the owner runs on another processor meanwhile and
 * this one has nothing else to do. */
static bool spin_pays(void)
{
	/* Relaxed: hints. */
	uint32_t procs = (uint32_t)atomic_get(&mri_sched.procs, relaxed);
	uint32_t idle = atomic_get(&mri_sched.nidle_ps, relaxed) +
			atomic_get(&mri_sched.nspinning, relaxed);
	struct m *m;
	struct p *p;

	if (procs <= 1 || idle + 1 >= procs)
		return false;
	m = mri_self()->m;
	if (!m)
		return true;
	/* Relaxed: not entered, so the P may just be taken; Ps are never freed. */
	p = (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);
	return p && mri_proc_queued(p) == 0;
}

/* This waiter has set n, PARKED, and taken `mine` away: is it still so? If not the owner
 * has unlocked. The bucket lock is held, so nobody else can have done the same since. */
static bool seen_by_owner(mr_mutex *m, uint32_t mine)
{
	if (!mri_waitq_interrupt())
		return true;
	/* Relaxed: a barrier lies between this and a store that did not see it. */
	return (atomic_get(&m->mr_state, relaxed) & (PARKED | mine)) == PARKED;
}

/* Queue and park; false if the mutex turned out to be free. mine: WOKEN if this waiter
 * has been awake before. */
static bool park(mr_mutex *m, struct mri_waiter *w, uint32_t mine, void *pc)
{
	struct mri_lock *bucket = mri_waitq_lock(m);
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state, relaxed);

	do {
		if (!(s & LOCKED)) {
			mri_waitq_unlock(bucket);
			return false;
		}
		/* Relaxed: it hands nothing over; the list is the bucket lock's. Done
		 * in one step, since from the moment WOKEN is clear the owner counts
		 * on finding us in the list. */
	} while (!atomic_cas(&m->mr_state, &s, (bits(s) | PARKED | CROWDED) & ~mine,
			     relaxed));
	if (s < CROWD && !seen_by_owner(m, mine)) {
		mri_waitq_unlock(bucket);
		return false;
	}
	w->ok = false;
	if (mine)
		mri_waitq_push_front(list(m), w);
	else
		mri_waitq_push(list(m), w);
	if (mri_held_wanted())
		mri_held_wait(m, MRI_WHY_MUTEX, pc);
	mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_MUTEX, m);
	return true;
}

static noinline void lock_slow(mr_mutex *m, void *pc)
{
	struct mri_waiter w = { .g = NULL };
	uint32_t mine = 0;
	int spins = 0;

	mri_init_check_fork();
	for (;;) {
		/* Relaxed: the CAS decides. */
		uint32_t s = atomic_get(&m->mr_state, relaxed);

		if (!(s & LOCKED)) {
			/* M1: acquire, pairs with M2 and M3. */
			if (!atomic_cas(&m->mr_state, &s, (s | LOCKED) & ~mine, acquire))
				continue;
			if (mri_held_wanted())
				mri_held_add(m, MRI_WHY_MUTEX, pc);
			return;
		}
		/* A newcomer does not compete with those who already queue. */
		if ((mine || !(s & PARKED)) && spins < SPINS && spin_pays()) {
			spins++;
			for (int i = 0; i < RELAX; i++)
				cpu_relax();
			continue;
		}
		if (!w.g) {
			w.g = mri_self();
			w.since = mri_choice_now();
		}
		if (!park(m, &w, mine, pc))
			continue;
		if (w.ok)
			return;         /* handed over */
		mine = WOKEN;
		spins = 0;
	}
}

/* Yield, where that is possible: timers' callbacks run in a scheduler. */
static void give_way(void)
{
	struct g *self = mri_self();

	if (!self->is_thread && !self->is_sched && !mri_forked)
		mri_sched_yield();
}

/* The owner unlocks, with waiters and none of them awake: PARKED and LOCKED are set,
 * WOKEN is not, and all three stay so, but for misuse (false). */
static bool wake_one(mr_mutex *m)
{
	struct mri_lock *bucket = mri_waitq_lock(m);
	struct mri_waiter *w;
	struct g *g;
	uint32_t left;
	bool hand_over, run_it;

	/* Relaxed: we are the owner; nobody else changes it. */
	if (bits(atomic_get(&m->mr_state, relaxed)) != (LOCKED | PARKED)) {
		mri_waitq_unlock(bucket);
		return false;
	}
	w = mri_waitq_pop(list(m));
	g = w->g;
	hand_over = mri_choice_now() - w->since > STARVING;
	if (MRI_IS_HOSTILE)
		hand_over |= mri_choice_hostile(mri_self()->m, 2);
	w->ok = hand_over;
	if (mri_held_wanted())
		mri_held_woken(m, g, hand_over);
	left = CROWDED | (*list(m) ? PARKED : 0);
	/* M3: release, pairs with M1. */
	atomic_set(&m->mr_state, left | (hand_over ? LOCKED : WOKEN), release);
	mri_waitq_unlock(bucket);

	/* Others wait for the new owner, and it waits for our P: let it run. A thread
	 * needs none. Read first: after ready g may be gone. */
	run_it = hand_over && !g->is_thread;
	mri_sched_ready(g);
	if (run_it)
		give_way();
	return true;
}

/* s: the word as it was when the loop in unlock gave up. */
static noinline void unlock_slow(mr_mutex *m, uint32_t s)
{
	if ((s & LOCKED) && wake_one(m))
		return;
	mri_self();     /* may be the first call: the report names it */
	mri_fatal("sync: unlock of unlocked mutex");
}

/* Lock and unlock look before their CAS, so that one is enough while a waiter is on its
 * way: the word of a free mutex is not 0 then, and a busy one is often like that. */
static inline void lock(mr_mutex *m, void *pc)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state, relaxed);

	/* M1: acquire, pairs with M2 and M3: what the last owner wrote is seen. */
	if (unlikely((s & LOCKED) || mri_held_wanted() ||
		     !atomic_cas(&m->mr_state, &s, s | LOCKED, acquire)))
		lock_slow(m, pc);
	mri_race_acquire(m);
}

void mr_mutex_lock(mr_mutex *m)
{
	lock(m, __builtin_return_address(0));
}

void mri_mutex_lock_at(mr_mutex *m, void *pc)
{
	lock(m, pc);
}

bool mr_mutex_trylock(mr_mutex *m)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state, relaxed);

	while (!(s & LOCKED)) {
		/* M1: acquire, pairs with M2 and M3. */
		if (!atomic_cas(&m->mr_state, &s, s | LOCKED, acquire))
			continue;
		if (mri_held_wanted())
			mri_held_add(m, MRI_WHY_MUTEX, __builtin_return_address(0));
		mri_race_acquire(m);
		return true;
	}
	return false;
}

/* With n > 0, or somebody to wake. */
static noinline void unlock_shared(mr_mutex *m)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state, relaxed);
	bool done = false;

	/* In the child of a fork deferred unlocks must work, and nobody waits. */
	while (!done && (s & LOCKED) && (!must_wake(s) || mri_forked))
		/* M2: release, pairs with M1. */
		done = atomic_cas(&m->mr_state, &s, unlocked(s), release);
	if (unlikely(!done))
		unlock_slow(m, s);
	if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 8))
		give_way();
}

static noinline void unlock_watched(mr_mutex *m)
{
	mri_held_drop(m, MRI_WHY_MUTEX);
	unlock_shared(m);
}

/* If the word is s. Known when this is compiled: what is stored then does not depend on
 * what was loaded, and the next lock need not wait for that. */
always_inline bool unlock_if(mr_mutex *m, uint32_t s, ptrdiff_t area)
{
	/* M2: release, pairs with M1. */
	return mri_restart_store(&m->mr_state, s, s & ~LOCKED, area);
}

/* As little as there can be before the next locked instruction, which may well be the
 * next lock: it waits for each word that was stored, in a frame too. */
void mr_mutex_unlock(mr_mutex *m)
{
	/* Relaxed: set at the start; 0 only means that it is done otherwise. */
	ptrdiff_t area = atomic_get(&mri_sched.restart_area, relaxed);

	mri_race_release(m);
	if (unlikely(!area) && mri_held_wanted())
		unlock_watched(m);
	else if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 2))
		unlock_shared(m);
	/* All there is with n = 0 and nobody to wake. */
	else if (!unlock_if(m, LOCKED, area) &&
		 !unlock_if(m, LOCKED | PARKED | WOKEN, area) &&
		 !unlock_if(m, LOCKED | WOKEN, area))
		unlock_shared(m);
}
