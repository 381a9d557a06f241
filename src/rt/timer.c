/* timer.c - timers: a 4-ary heap per P, each with a lock of its own.
 *
 * A timer knows its heap and its seat in it, which says where its entry is: so stopping
 * one is a removal, not a mark, and it may then be freed at once. Sifting touches entries
 * and seats, not the timers, which lie on parked stacks.
 *
 * heap->next is the earliest `when` (0: none), for those who only want to know. */
#include "os/os.h"
#include "rt/rt.h"
#include <stdlib.h>

enum {
	ARITY = 4,
	FIRST_CAP = 64,
	BATCH = 16, /* fired at a time */
};

struct entry {
	int64_t when;
	uint32_t seat;
};
struct seat {
	struct mri_timer *t;
	uint32_t pos; /* of its entry; if nobody sits here, the next vacant seat */
};
struct mri_timers {
	struct mri_lock lock;
	uint32_t n, cap;
	struct entry *e;
	struct seat *seats;
	uint32_t vacant; /* the first free seat; there is one while n < cap */
	int64_t next;    /* atomic */
};

/* Room for cap. */
static bool grow(struct mri_timers *h, uint32_t cap)
{
	struct entry *e = realloc(h->e, cap * sizeof *e);
	struct seat *seats;

	if (!e)
		return false;
	h->e = e;
	seats = realloc(h->seats, cap * sizeof *seats);
	if (!seats)
		return false;
	h->seats = seats;
	for (uint32_t i = h->cap; i < cap; i++)
		seats[i].pos = i + 1;
	h->vacant = h->cap;
	h->cap = cap;
	return true;
}

struct mri_timers *mri_timer_heap_new(void)
{
	struct mri_timers *h = mri_try_alloc(sizeof *h);

	if (!h)
		return NULL;
	mri_lock_init(&h->lock, MRI_RANK_HEAP);
	if (!grow(h, FIRST_CAP)) {
		free(h->e);
		free(h);
		return NULL;
	}
	return h;
}

static uint32_t sit_down(struct mri_timers *h, struct mri_timer *t)
{
	uint32_t seat = h->vacant;

	h->vacant = h->seats[seat].pos;
	h->seats[seat].t = t;
	t->seat = seat;
	return seat;
}
static void stand_up(struct mri_timers *h, uint32_t seat)
{
	h->seats[seat].pos = h->vacant;
	h->vacant = seat;
}

static void place(struct mri_timers *h, uint32_t i, struct entry e)
{
	h->e[i] = e;
	h->seats[e.seat].pos = i;
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

	stand_up(h, h->e[i].seat);
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
	if (h->n == h->cap && !grow(h, 2 * h->cap)) {
		mri_lock_drop(&h->lock);
		return NULL;
	}
	/* Relaxed: whoever stops it has it from us. */
	atomic_set(&t->heap, h, relaxed);
	sift_up(h, h->n++, (struct entry){ t->when, sit_down(h, t) });
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
	remove_at(h, h->seats[t->seat].pos);
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
		struct mri_timer *t = from->seats[e.seat].t;

		if (to->n == to->cap && !grow(to, 2 * to->cap))
			mri_fatal("out of memory for %u timers", to->n);
		remove_at(from, from->n - 1);
		/* Relaxed: heaps live for ever; who follows takes the lock of `to`. */
		atomic_set(&t->heap, to, relaxed);
		sift_up(to, to->n++, (struct entry){ e.when, sit_down(to, t) });
	}
	publish(from);
	publish(to);
	mri_lock_drop(&second->lock);
	mri_lock_drop(&first->lock);
}

/* Those that are due, at most BATCH; how many, and which of them are to be fired in t[].
 * Locked. The timers are not in the caches, nor are those whom they wake: they are
 * fetched side by side. */
static int take_due(struct mri_timers *h, int64_t now, struct mri_timer *t[], int *nfire)
{
	int n = 0;

	*nfire = 0;
	for (; n < BATCH && h->n && h->e[0].when <= now; n++) {
		t[n] = h->seats[h->e[0].seat].t;
		__builtin_prefetch(t[n], 1);
		remove_at(h, 0);
	}
	publish(h);
	for (int i = 0; i < n; i++) {
		bool claimed = !t[i]->claim || t[i]->claim(t[i]);
		struct mri_timer *it = t[i];

		if (claimed) {
			__builtin_prefetch(it->arg, 1);
			t[(*nfire)++] = it;
		}
		/* T1: release, pairs with T2: who sees NULL may free an unclaimed timer
		 * at once; it is not touched again. */
		atomic_set(&it->heap, NULL, release);
	}
	return n;
}

int64_t mri_timer_run(struct mri_timers *h, int64_t now)
{
	struct mri_timer *t[BATCH];
	int n, nfire;

	do {
		mri_lock_take(&h->lock);
		n = take_due(h, now, t, &nfire);
		mri_lock_drop(&h->lock);
		for (int i = 0; i < nfire; i++)
			t[i]->fire(t[i]);
	} while (n == BATCH);
	return mri_timer_next(h);
}

int64_t mri_timer_next(struct mri_timers *h)
{
	/* Relaxed: as in publish. */
	return atomic_get(&h->next, relaxed);
}
