/* select.c - wait for the first of several sends, receives and a timeout.
 *
 * Lock all channels, in address order. Look for a case that can go, in random (or
 * given) order. None: put a waiter on every channel, arm the timer, park, dropping
 * the locks. Whoever sets g->chosen first (a partner, a close, the timer) does the
 * case and wakes us; then lock again and take the other waiters off. */
#include "millrace/select.h"
#include "base/fault.h"
#include "sync/chan.h"
#include <stdlib.h>

enum { INLINE_CASES = 6, MAX_CASES = 65536 };

struct sel {
	mr_select_case *cases;
	size_t ncases;
	uint32_t n;                     /* cases with a channel */
	int timeout, fallback;          /* index of the timeout and the default, or -1 */
	/* n each: case indices to look at, in this order; waiters in lock order */
	uint32_t *poll;
	struct mri_waiter *lock;
	struct mri_timers *heap;        /* locked until parked, if there is a timeout */
	void *pc;                       /* the caller's, for reports of races */
};
/* Room for a select of the usual size; larger ones allocate. */
struct room {
	uint32_t poll[INLINE_CASES];
	struct mri_waiter lock[INLINE_CASES];
	void *heap;
};

static struct mri_chan *chan_at(const struct sel *s, uint32_t i)
{
	return (struct mri_chan *)(uintptr_t)s->lock[i].obj;
}

/* Lock order is the waiters' order: by address, a channel's own waiters adjacent. */
static void lock_all(struct sel *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (i == 0 || chan_at(s, i) != chan_at(s, i - 1))
			mri_lock_take(&chan_at(s, i)->lock);
}

/* After a lock is dropped its channel's last waiter may be gone, and with the last
 * of all the whole struct: the next channel is read before. */
static void unlock_all(void *arg)
{
	struct sel *s = arg;
	struct mri_chan *c = chan_at(s, 0), *next;

	for (uint32_t i = 1, n = s->n; i <= n; i++) {
		next = i < n ? chan_at(s, i) : NULL;
		if (next != c)
			mri_lock_drop(&c->lock);
		c = next;
	}
}

/* The timer may fire now, but we cannot go on before the last lock is dropped. */
static void unlock_heap_and_all(void *arg)
{
	mri_timer_unlock(((struct sel *)arg)->heap);
	unlock_all(arg);
}

static void sift(struct mri_waiter *w, uint32_t i, uint32_t n)
{
	for (;;) {
		uint32_t c = 2 * i + 1;
		struct mri_waiter t;

		if (c >= n)
			return;
		if (c + 1 < n && (uintptr_t)w[c].obj < (uintptr_t)w[c + 1].obj)
			c++;
		if ((uintptr_t)w[i].obj >= (uintptr_t)w[c].obj)
			return;
		t = w[i];
		w[i] = w[c];
		w[c] = t;
		i = c;
	}
}

/* Heapsort: no recursion, no allocation, no bad case. */
static void sort(struct mri_waiter *w, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(w, i, n);
	while (n > 1) {
		struct mri_waiter t = w[0];

		w[0] = w[--n];
		w[n] = t;
		sift(w, 0, n);
	}
}

static void shuffle(uint32_t *poll, uint32_t n)
{
	struct m *m = mri_self()->m;

	for (uint32_t i = 1; i < n; i++) {
		uint32_t j = mri_choice_below(m, i + 1), t = poll[i];

		poll[i] = poll[j];
		poll[j] = t;
	}
}

static void read_cases(struct sel *s)
{
	struct mri_chan *c;

	s->n = 0;
	s->timeout = s->fallback = -1;
	for (size_t i = 0; i < s->ncases; i++) {
		mr_select_case *k = &s->cases[i];

		switch (k->op) {
		case MR_SELECT_RECV:
		case MR_SELECT_SEND:
			if ((c = mri_chan_of(k->ch)) != NULL) {
				s->poll[s->n] = (uint32_t)i;
				s->lock[s->n++] = (struct mri_waiter){
					.obj = (const void *)(uintptr_t)k->ch,
					.elem = k->val,
					.elem_size = c->elem_size,
					.index = (int)i,
					.is_select = 1,
				};
			}
			break;
		case MR_SELECT_TIMEOUT:
			if (s->timeout < 0 || k->time < s->cases[s->timeout].time)
				s->timeout = (int)i;
			break;
		case MR_SELECT_DEFAULT:
			if (s->fallback >= 0)
				mri_panic("select: more than one default");
			s->fallback = (int)i;
			break;
		default:
			break;          /* a hole between designators */
		}
	}
	if (s->fallback < 0 && s->timeout >= 0 && s->cases[s->timeout].time <= 0)
		s->fallback = s->timeout;
}

static void set_ok(const mr_select_case *k, bool ok)
{
	if (k->ok)
		*k->ok = ok;
}

/* All locked: the first case that can go, or -1. Unlocks if it found one. */
static int look(struct sel *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const mr_select_case *k = &s->cases[s->poll[i]];
		struct mri_chan *c = (struct mri_chan *)(uintptr_t)k->ch;
		bool sends = k->op == MR_SELECT_SEND;
		struct g *wake;
		enum mri_chan_result r = sends ? mri_chan_send_now(c, k->val, &wake) :
						 mri_chan_recv_now(c, k->val, &wake);

		if (r == MRI_CHAN_BLOCKS)
			continue;
		mri_race_access(k->val, c->elem_size, !sends, s->pc);
		unlock_all(s);
		mri_chan_unlocked();
		if (sends && r == MRI_CHAN_IS_CLOSED)
			mri_panic("send on closed channel");
		if (wake)
			mri_sched_ready(wake);
		if (!sends)
			set_ok(k, r == MRI_CHAN_DONE);
		return (int)s->poll[i];
	}
	return -1;
}

static struct mri_waiter **queue_of(const struct sel *s, uint32_t i)
{
	struct mri_chan *c = chan_at(s, i);

	return s->cases[s->lock[i].index].op == MR_SELECT_SEND ? &c->sendq : &c->recvq;
}

/* For reports: a channel that will be sent on whatever other goroutines do, or could
 * be. */
static struct mri_chan *fed_channel(const struct sel *s)
{
	struct mri_chan *found = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct mri_chan *c = chan_at(s, i);

		if (likely(!atomic_get(&c->fed, relaxed))) /* relaxed: by the lock */
			continue;
		if (mri_chan_is_fed(c))
			return c;
		found = c;
	}
	return found;
}

static void enqueue_all(struct sel *s, struct g *g)
{
	/* Relaxed: the channels' locks publish it. */
	atomic_set(&g->chosen, 0u, relaxed);
	g->woken_by = NULL;
	atomic_set(&g->wait.from, fed_channel(s), relaxed);     /* relaxed: for reports */
	for (uint32_t i = 0; i < s->n; i++) {
		s->lock[i].g = g;
		mri_waitq_push(queue_of(s, i), &s->lock[i]);
	}
}

static void dequeue_all(struct sel *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->lock[i].queued)
			mri_waitq_remove(queue_of(s, i), &s->lock[i]);
}

static bool timer_claim(struct mri_timer *t)
{
	struct g *g = t->arg;
	uint32_t none = 0;

	/* Relaxed: as in chan.c, by the heap's lock. */
	return atomic_cas(&g->chosen, &none, 1u, relaxed);
}
static void timer_fire(struct mri_timer *t)
{
	mri_sched_ready(t->arg);
}

/* Nothing can go: wait. The index of the case that somebody did for us. */
static int wait(struct sel *s)
{
	struct g *g = mri_self();
	struct mri_timer timer = { .claim = timer_claim, .fire = timer_fire, .arg = g };
	struct mri_waiter *w;

	enqueue_all(s, g);
	if (s->timeout >= 0) {
		int64_t d = s->cases[s->timeout].time, now = mri_choice_now();

		timer.when = d > INT64_MAX - now ? INT64_MAX : now + d;
		s->heap = mri_timer_start_held(&timer);
		if (!s->heap) {
			dequeue_all(s);
			unlock_all(s);
			mri_panic("out of memory for a timer");
		}
		mri_sched_park_timed(unlock_heap_and_all, s, MRI_WHY_SELECT,
				     s->lock[0].obj);
		mri_timer_stop(&timer);
	} else {
		mri_sched_park(unlock_all, s, MRI_WHY_SELECT, s->lock[0].obj);
	}
	mri_chan_unlocked();            /* others find our waiters, already chosen */
	lock_all(s);
	dequeue_all(s);
	unlock_all(s);
	w = g->woken_by;
	if (!w)
		return s->timeout;
	mri_race_access(w->elem, w->elem_size,
			s->cases[w->index].op == MR_SELECT_RECV, s->pc);
	if (s->cases[w->index].op == MR_SELECT_SEND) {
		if (!w->ok)
			mri_panic("send on closed channel");
	} else {
		set_ok(&s->cases[w->index], w->ok);
	}
	return w->index;
}

static int run(struct sel *s, bool ordered)
{
	int done;

	read_cases(s);
	if (s->n == 0) {
		if (s->fallback >= 0)
			return s->fallback;
		if (s->timeout >= 0) {
			mri_timer_sleep(s->cases[s->timeout].time);
			return s->timeout;
		}
		for (;;)
			mri_sched_park(NULL, NULL, MRI_WHY_SELECT_NONE, NULL);
	}
	if (!ordered)
		shuffle(s->poll, s->n);
	sort(s->lock, s->n);
	lock_all(s);
	done = look(s);
	if (done >= 0)
		return done;
	if (s->fallback >= 0) {
		unlock_all(s);
		return s->fallback;
	}
	return wait(s);
}

static void free_room(struct room *r)
{
	free(r->heap);
}

static int select_n(mr_select_case *cases, size_t n, bool ordered, void *pc)
{
	struct room room __attribute__((cleanup(free_room)));
	struct sel s = { .cases = cases, .ncases = n, .pc = pc };

	mri_init_check_fork();
	room.heap = NULL;
	s.poll = room.poll;
	s.lock = room.lock;
	if (n > INLINE_CASES) {
		if (n > MAX_CASES)
			mri_panic("select: too many cases");
		room.heap = malloc(n * (sizeof *s.lock + sizeof *s.poll));
		if (!room.heap)
			mri_panic("out of memory for a select");
		s.lock = room.heap;
		s.poll = (uint32_t *)(void *)(s.lock + n);
	}
	return run(&s, ordered);
}

int mr_chan_select_n(mr_select_case *cases, size_t n)
{
	return select_n(cases, n, false, __builtin_return_address(0));
}

int mr_chan_select_ordered_n(mr_select_case *cases, size_t n)
{
	return select_n(cases, n, true, __builtin_return_address(0));
}
