/* timer.c - timers: a 4-ary heap per P, each with a lock of its own.
 *
 * A timer knows its heap and its place in it, so stopping one is a removal, not a
 * mark; it may then be freed at once. Entries carry `when` beside the pointer: sifting
 * compares without touching the timers, which lie on parked stacks.
 *
 * heap->next is the earliest `when` (0: none), for those who only want to know. */
#include "os/os.h"
#include "rt/rt.h"
#include <stdlib.h>

enum { ARITY = 4, FIRST_CAP = 64 };

struct entry {
	int64_t when;
	struct mri_timer *t;
};
struct mri_timers {
	struct mri_lock lock;
	uint32_t n, cap;
	struct entry *e;
	int64_t next; /* atomic */
};

struct mri_timers *mri_timer_heap_new(void)
{
	struct mri_timers *h = mri_try_alloc(sizeof *h);

	if (!h)
		return NULL;
	mri_lock_init(&h->lock, MRI_RANK_HEAP);
	h->cap = FIRST_CAP;
	h->e = mri_try_alloc(FIRST_CAP * sizeof *h->e);
	if (!h->e) {
		free(h);
		return NULL;
	}
	return h;
}

static void place(struct mri_timers *h, uint32_t i, struct entry e)
{
	h->e[i] = e;
	e.t->pos = i;
}
static void sift_up(struct mri_timers *h, uint32_t i, struct entry e)
{
	while (i > 0) {
		uint32_t up = (i - 1) / ARITY;

		if (h->e[up].when <= e.when)
			break;
		place(h, i, h->e[up]);
		i = up;
	}
	place(h, i, e);
}
static void sift_down(struct mri_timers *h, uint32_t i, struct entry e)
{
	for (;;) {
		uint32_t first = i * ARITY + 1, best = first;
		uint32_t end = first + ARITY < h->n ? first + ARITY : h->n;

		if (first >= h->n)
			break;
		for (uint32_t c = first + 1; c < end; c++)
			if (h->e[c].when < h->e[best].when)
				best = c;
		if (h->e[best].when >= e.when)
			break;
		place(h, i, h->e[best]);
		i = best;
	}
	place(h, i, e);
}
static void remove_at(struct mri_timers *h, uint32_t i)
{
	struct entry last = h->e[--h->n];

	if (i == h->n)
		return;
	if (i > 0 && last.when < h->e[(i - 1) / ARITY].when)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
static void publish(struct mri_timers *h)
{
	/* Relaxed: a hint, the heap's lock decides. The fences I4 and I2 see to it that
	 * nobody goes to sleep past a timer that its starter leaves to him. */
	atomic_set(&h->next, h->n ? h->e[0].when : 0, relaxed);
}

static bool grow(struct mri_timers *h)
{
	struct entry *e = realloc(h->e, 2 * (size_t)h->cap * sizeof *e);

	if (!e)
		return false;
	h->e = e;
	h->cap *= 2;
	return true;
}

/* Into the heap of the current P; without one (a pthread, a goroutine whose P was
 * taken) the first P's. */
struct mri_timers *mri_timer_start_held(struct mri_timer *t)
{
	struct m *m = mri_self()->m;
	struct p *p = m ? mri_proc_enter(m) : NULL;
	struct mri_timers *h = p ? p->timers : mri_sched.all_ps[0]->timers;

	if (t->when <= 0)
		t->when = 1;
	mri_lock_take(&h->lock);
	if (m)
		mri_proc_leave(m);
	if (h->n == h->cap && !grow(h)) {
		mri_lock_drop(&h->lock);
		return NULL;
	}
	/* Relaxed: whoever stops it has it from us. */
	atomic_set(&t->heap, h, relaxed);
	sift_up(h, h->n++, (struct entry){ t->when, t });
	publish(h);
	if (!p)
		mri_sched_wake(); /* nobody of ours may be awake to look at it */
	return h;
}

void mri_timer_unlock(void *h)
{
	mri_lock_drop(&((struct mri_timers *)h)->lock);
}

bool mri_timer_start(struct mri_timer *t)
{
	struct mri_timers *h = mri_timer_start_held(t);

	if (h)
		mri_timer_unlock(h);
	return h != NULL;
}

static void wake_sleeper(struct mri_timer *t)
{
	mri_sched_ready(t->arg);
}

void mri_timer_sleep(int64_t d)
{
	struct mri_timer t = { .fire = wake_sleeper };
	struct mri_timers *h;
	int64_t now;

	mri_init_check_fork();
	if (d <= 0)
		return;
	now = mri_choice_now();
	t.arg = mri_self();
	t.when = d > INT64_MAX - now ? INT64_MAX : now + d;
	h = mri_timer_start_held(&t);
	if (!h)
		mri_panic("out of memory for a timer");
	/* The heap's lock is the one under which we queued. */
	mri_sched_park_timed(mri_timer_unlock, h, MRI_WHY_SLEEP, NULL);
}

/* The locked heap that t is in, or NULL. It may be moved to another one meanwhile. */
static struct mri_timers *lock_heap_of(struct mri_timer *t)
{
	struct mri_timers *h;

	/* T2: acquire, pairs with T1. */
	while ((h = atomic_get(&t->heap, acquire)) != NULL) {
		mri_lock_take(&h->lock);
		/* Relaxed: by the lock. */
		if (atomic_get(&t->heap, relaxed) == h)
			break;
		mri_lock_drop(&h->lock);
	}
	return h;
}

bool mri_timer_stop(struct mri_timer *t)
{
	struct mri_timers *h = lock_heap_of(t);

	if (!h)
		return false;
	remove_at(h, t->pos);
	/* Relaxed: only the owner, that is the caller, looks at it now. */
	atomic_set(&t->heap, NULL, relaxed);
	publish(h);
	mri_lock_drop(&h->lock);
	return true;
}

/* Locks both in address order; they are of one rank. */
void mri_timer_move_all(struct mri_timers *from, struct mri_timers *to)
{
	struct mri_timers *first = from < to ? from : to, *second = from < to ? to : from;

	if (!mri_timer_next(from))
		return;
	mri_lock_take(&first->lock);
	mri_lock_take(&second->lock);
	while (from->n) {
		struct entry e = from->e[from->n - 1];

		if (to->n == to->cap && !grow(to))
			mri_fatal("out of memory for %u timers", to->n);
		from->n--;
		/* Relaxed: heaps live for ever; who follows takes the lock of `to`. */
		atomic_set(&e.t->heap, to, relaxed);
		sift_up(to, to->n++, e);
	}
	publish(from);
	publish(to);
	mri_lock_drop(&second->lock);
	mri_lock_drop(&first->lock);
}

int64_t mri_timer_run(struct mri_timers *h, int64_t now)
{
	mri_lock_take(&h->lock);
	while (h->n && h->e[0].when <= now) {
		struct mri_timer *t = h->e[0].t;
		void (*fire)(struct mri_timer *) = t->fire;
		bool claimed;

		remove_at(h, 0);
		publish(h);
		claimed = !t->claim || t->claim(t);
		/* T1: release, pairs with T2: who sees NULL may free an unclaimed timer
		 * at once; it is not touched again. */
		atomic_set(&t->heap, NULL, release);
		if (!claimed)
			continue;
		mri_lock_drop(&h->lock);
		fire(t);
		mri_lock_take(&h->lock);
	}
	mri_lock_drop(&h->lock);
	return mri_timer_next(h);
}

int64_t mri_timer_next(struct mri_timers *h)
{
	/* Relaxed: as in publish. */
	return atomic_get(&h->next, relaxed);
}
