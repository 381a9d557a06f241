/* rwmutex.c - many readers or one writer: one word, a FIFO of writers, one of readers.
 * mr_state[0], the word:
 *   WRITER     a writer owns it; the count of readers is then 0
 *   QUEUED     somebody waits; then the word changes only under the bucket lock
 *   ASKED      somebody is about to set SHARED, under the bucket lock
 *   SHARED     two have wanted it at once, and it stays that way
 *   READER * n n readers own it (less than 2^28)
 * mr_state[1] is the number of parked readers, by the bucket lock.
 * Whenever the bucket lock is free:
 *   - QUEUED        => somebody owns it     (the last owner leaves it to a waiter)
 *   - readers wait  => a writer owns it or waits    (so readers never wait for readers)
 *
 * All waiters get it by hand-over. The last reader hands it to the first writer; a
 * writer to all the readers that wait, or else to the next writer. Both sides are
 * bounded: a reader waits for the readers inside and one writer, a writer for those
 * before it in the list and one batch of readers for each.
 * As in mutex.c, unlocking never touches *m after the access that lets others have it.
 *
 * Without SHARED the word is changed by its owner only, if it has one, and he unlocks
 * it by a restartable sequence (arch/restart.h). Whoever else wants it sets SHARED, and
 * from then on all is done by locked instructions. Since the owner's sequence might undo
 * that, ASKED is set first, he is interrupted, and then it is seen whether it is still
 * there. */
#include "arch/restart.h"
#include "sync/held.h"
#include "sync/waitq.h"
#include <millrace/sync.h>

enum { WRITER = 1, QUEUED = 2, ASKED = 4, SHARED = 8, READER = 16 };

static struct mri_waiter **writers(mr_rwmutex *m)
{
	return (struct mri_waiter **)&m->mr_wait[0];
}
static struct mri_waiter **readers(mr_rwmutex *m)
{
	return (struct mri_waiter **)&m->mr_wait[1];
}

/* The race build: what writers have released, and what readers have. A reader is ordered
 * after the one, a writer after both. */
static const void *writers_past(const mr_rwmutex *m)
{
	return &m->mr_state[0];
}
static const void *readers_past(const mr_rwmutex *m)
{
	return &m->mr_state[1];
}
static inline void race_locked(const mr_rwmutex *m)
{
	mri_race_acquire(writers_past(m));
	mri_race_acquire(readers_past(m));
}

/* ---------------------------------------------------------------- locking -- */

/* Set SHARED, with the bucket lock held. */
static void share(mr_rwmutex *m)
{
	bool asked = false;
	/* Relaxed, all: steps in R2's and R4's release sequences. */
	uint32_t s = atomic_get(&m->mr_state[0], relaxed);

	while (!(s & SHARED)) {
		/* Nobody is in a sequence, or he who was has seen ASKED. */
		bool last = s == 0 || (asked && (s & ASKED));
		uint32_t next = last ? (s & ~(uint32_t)ASKED) | SHARED : s | ASKED;

		if (!atomic_cas(&m->mr_state[0], &s, next, relaxed))
			continue;
		if (last)
			return;
		asked = true;
		mri_waitq_interrupt();
		s = atomic_get(&m->mr_state[0], relaxed);
	}
}

/* Take the word from s to s + add if s has no bit of `busy`, else set QUEUED; true if
 * taken. The caller holds the bucket lock, so QUEUED stays once it is seen. */
static bool take_or_queue(mr_rwmutex *m, uint32_t busy, uint32_t add)
{
	uint32_t s;

	share(m);
	/* Relaxed: the CAS decides. */
	s = atomic_get(&m->mr_state[0], relaxed);
	for (;;) {
		if (!(s & busy)) {
			/* R1: acquire, pairs with R2, R3 and R4. */
			if (atomic_cas(&m->mr_state[0], &s, s + add, acquire))
				return true;
		} else if (s & QUEUED) {
			return false;
		} else if (atomic_cas(&m->mr_state[0], &s, s | QUEUED, relaxed)) {
			/* Relaxed: a step in R2's release sequence: R5 sees through. */
			return false;
		}
	}
}

static noinline void rlock_slow(mr_rwmutex *m, void *pc)
{
	struct mri_waiter w = { .g = mri_self() };
	struct mri_lock *bucket = mri_waitq_lock(m);

	if (take_or_queue(m, WRITER | QUEUED, READER)) {
		mri_waitq_unlock(bucket);
		if (mri_held_wanted())
			mri_held_add(m, MRI_WHY_RLOCK, pc);
		return;
	}
	mri_waitq_push(readers(m), &w);
	m->mr_state[1]++;
	if (mri_held_wanted())
		mri_held_wait(m, MRI_WHY_RLOCK, pc);
	mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_RLOCK, m);
}

static noinline void lock_slow(mr_rwmutex *m, void *pc)
{
	struct mri_waiter w = { .g = mri_self() };
	struct mri_lock *bucket = mri_waitq_lock(m);

	if (take_or_queue(m, ~(uint32_t)SHARED, WRITER)) {
		mri_waitq_unlock(bucket);
		if (mri_held_wanted())
			mri_held_add(m, MRI_WHY_WLOCK, pc);
		return;
	}
	mri_waitq_push(writers(m), &w);
	if (mri_held_wanted())
		mri_held_wait(m, MRI_WHY_WLOCK, pc);
	mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_WLOCK, m);
}

/* Nobody keeps us out, but the word is another one's still. */
static noinline void share_now(mr_rwmutex *m)
{
	struct mri_lock *bucket = mri_waitq_lock(m);

	share(m);
	mri_waitq_unlock(bucket);
}

static inline bool tryrlock(mr_rwmutex *m, void *pc)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state[0], relaxed);

	mri_init_check_fork();
	while (!(s & (WRITER | QUEUED))) {
		if (s && !(s & SHARED)) {
			share_now(m);
			/* Relaxed: as above. */
			s = atomic_get(&m->mr_state[0], relaxed);
			continue;
		}
		/* R1: acquire, pairs with R3 and R4: what the last writer wrote. */
		if (!atomic_cas(&m->mr_state[0], &s, s + READER, acquire))
			continue;
		if (mri_held_wanted())
			mri_held_add(m, MRI_WHY_RLOCK, pc);
		mri_race_acquire(writers_past(m));
		return true;
	}
	return false;
}

static inline bool trylock(mr_rwmutex *m, void *pc)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state[0], relaxed);

	mri_init_check_fork();
	while (!(s & ~(uint32_t)(ASKED | SHARED))) {
		if (s == ASKED) {
			share_now(m);
			/* Relaxed: as above. */
			s = atomic_get(&m->mr_state[0], relaxed);
			continue;
		}
		/* R1: acquire, pairs with R2, R3 and R4: what all before wrote. */
		if (!atomic_cas(&m->mr_state[0], &s, s | WRITER, acquire))
			continue;
		if (mri_held_wanted())
			mri_held_add(m, MRI_WHY_WLOCK, pc);
		race_locked(m);
		return true;
	}
	return false;
}

bool mr_rwmutex_tryrlock(mr_rwmutex *m)
{
	return tryrlock(m, __builtin_return_address(0));
}

void mr_rwmutex_rlock(mr_rwmutex *m)
{
	if (likely(tryrlock(m, __builtin_return_address(0))))
		return;
	rlock_slow(m, __builtin_return_address(0));
	mri_race_acquire(writers_past(m));
}

bool mr_rwmutex_trylock(mr_rwmutex *m)
{
	return trylock(m, __builtin_return_address(0));
}

void mr_rwmutex_lock(mr_rwmutex *m)
{
	if (likely(trylock(m, __builtin_return_address(0))))
		return;
	lock_slow(m, __builtin_return_address(0));
	race_locked(m);
}

/* -------------------------------------------------------------- unlocking -- */

/* first to last, which are off their list, are owners now. */
static cold_fn void grant(mr_rwmutex *m, struct mri_waiter *first,
			  struct mri_waiter *last)
{
	mri_held_woken(m, first->g, true);
	while (first != last) {
		first = first->next;
		mri_held_woken(m, first->g, true);
	}
}

/* Give *m, which the caller holds alone, to those who wait, drop the bucket lock and
 * wake them. They own it before they run, so the memory stays until then. */
static void hand_over(mr_rwmutex *m, struct mri_lock *bucket, bool to_readers)
{
	struct mri_waiter *first, *last;
	uint32_t s;

	if (to_readers) {
		first = *readers(m);
		last = first->prev;
		*readers(m) = NULL;
		s = SHARED + m->mr_state[1] * READER;
		m->mr_state[1] = 0;
	} else {
		first = last = mri_waitq_pop(writers(m));
		mri_assert(first != NULL); /* readers do not wait for readers */
		s = SHARED | WRITER;
	}
	if (*writers(m) || *readers(m))
		s |= QUEUED;
	if (mri_held_wanted())
		grant(m, first, last);
	/* R3: release, pairs with R1: for readers that come by without waiting. */
	atomic_set(&m->mr_state[0], s, release);
	mri_waitq_unlock(bucket);
	for (bool end = false; !end;) {
		struct mri_waiter *w = first;
		struct g *g = w->g;

		end = w == last;
		first = w->next;
		mri_sched_ready(g);     /* and *w may be gone */
	}
}

static noinline void runlock_slow(mr_rwmutex *m)
{
	struct mri_lock *bucket = mri_waitq_lock(m);
	/* R5: acquire, pairs with R2: what readers wrote that left before anybody
	 * queued. Those who left since are ordered by the bucket lock. */
	uint32_t s = atomic_get(&m->mr_state[0], acquire);

	if (s < READER || !(s & QUEUED)) {
		mri_waitq_unlock(bucket);
		mri_self();     /* may be the first call: the report names it */
		mri_fatal("sync: RUnlock of unlocked RWMutex");
	}
	if (s - READER >= READER) {
		/* Relaxed: QUEUED is set, so all that follows happens under the bucket
		 * lock until R3. */
		atomic_set(&m->mr_state[0], s - READER, relaxed);
		mri_waitq_unlock(bucket);
		return;
	}
	hand_over(m, bucket, false);
}

static noinline void unlock_slow(mr_rwmutex *m)
{
	struct mri_lock *bucket = mri_waitq_lock(m);
	/* Relaxed: only its owner, and so nobody else, clears WRITER. */
	uint32_t s = atomic_get(&m->mr_state[0], relaxed);

	if (!(s & WRITER) || !(s & QUEUED)) {
		mri_waitq_unlock(bucket);
		mri_self();     /* as above */
		mri_fatal("sync: Unlock of unlocked RWMutex");
	}
	hand_over(m, bucket, *readers(m) != NULL);
}

/* mine, here and below: READER or WRITER, known when this is compiled. */
always_inline void unlock_by_cas(mr_rwmutex *m, uint32_t mine)
{
	/* Relaxed: the CAS decides. */
	uint32_t s = atomic_get(&m->mr_state[0], relaxed);

	/* In the child of a fork deferred unlocks must work, and nobody waits. */
	while ((mine == READER ? s >= READER : (s & WRITER) != 0) &&
	       (!(s & QUEUED) || mri_forked))
		/* R2: release, pairs with R1 and R5. A writer's is R4. */
		if (atomic_cas(&m->mr_state[0], &s, s - mine, release))
			return;
	if (mine == READER)
		runlock_slow(m);
	else
		unlock_slow(m);
}

static noinline void runlock_watched(mr_rwmutex *m)
{
	mri_held_drop(m, MRI_WHY_RLOCK);
	unlock_by_cas(m, READER);
}
static noinline void unlock_watched(mr_rwmutex *m)
{
	mri_held_drop(m, MRI_WHY_WLOCK);
	unlock_by_cas(m, WRITER);
}

/* As in mutex.c. True if `mine` was all there was, and is gone. */
always_inline bool unlock_alone(mr_rwmutex *m, uint32_t mine, ptrdiff_t area)
{
	if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 2))
		return false;
	/* R4: release, pairs with R1. A reader's is R2. */
	return mri_restart_store(&m->mr_state[0], mine, 0, area);
}

always_inline void unlock(mr_rwmutex *m, uint32_t mine, void (*watched)(mr_rwmutex *m))
{
	/* Relaxed: set at the start; 0 only means that it is done otherwise. */
	ptrdiff_t area = atomic_get(&mri_sched.restart_area, relaxed);

	mri_race_release(mine == READER ? readers_past(m) : writers_past(m));
	if (unlikely(!area) && mri_held_wanted())
		watched(m);
	else if (!unlock_alone(m, mine, area))
		unlock_by_cas(m, mine);
}

void mr_rwmutex_runlock(mr_rwmutex *m)
{
	unlock(m, READER, runlock_watched);
}

void mr_rwmutex_unlock(mr_rwmutex *m)
{
	unlock(m, WRITER, unlock_watched);
}
