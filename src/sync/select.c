/* select.c - wait for the first of several sends, receives and a timeout.
 *
 * Look without any lock which cases could go (chan.h). Of these take one, at random
 * (or the first), lock its channel and do it. None: with a default that is all. Else
 * lock all channels, in address order, and look again; still none: put a waiter on each,
 * arm the timer, park, dropping the locks. Whoever sets g->chosen first (a partner, a
 * close, the timer) does the case and wakes us; then take the other waiters off, each
 * under its channel's lock.
 *
 * That is as if it had all been done at one moment under all locks: docs/design/024. */
#include "millrace/select.h"
#include "base/fault.h"
#include "sync/chan.h"
#include <stdlib.h>
#include <string.h>

enum { INLINE_CASES = 9, MAX_CASES = 65536, FEW = 4 };

/* Those arrays have room for one entry a case. */
struct sel {
	mr_select_case *cases;
	uint32_t ncases, n;             /* all; those with a channel */
	int timeout, fallback;          /* index of the timeout and the default, or -1 */
	bool ordered;
	uint32_t nready, *ready;        /* indices of cases that may go */
	uint32_t *turned;               /* what the channels' said before that was seen */
	struct mri_waiter *waiters;     /* n, in the table's order */
	struct mri_waiter **lock;       /* the same in lock order */
	struct mri_timers *heap;        /* locked until parked, if there is a timeout */
	void *pc;                       /* the caller's, for reports of races */
};
/* Room for a select of the usual size; larger ones allocate. */
struct room {
	struct mri_waiter waiters[INLINE_CASES];
	struct mri_waiter *lock[INLINE_CASES];
	uint32_t ready[INLINE_CASES], turned[INLINE_CASES];
	void *heap;
};

/* ---------------------------------------------- looking, without the locks -- */

static inline bool is_op(const mr_select_case *k)
{
	return (k->op == MR_SELECT_RECV || k->op == MR_SELECT_SEND) && k->ch;
}

/* As mri_chan_peek_recv, for either. */
static inline enum mri_chan_result peek(const mr_select_case *k, struct mri_chan *c)
{
	return k->op == MR_SELECT_SEND ? mri_chan_peek_send(c) : mri_chan_peek_recv(c);
}

/* A case without a channel: a timeout, a default, or a hole between designators. */
static noinline void read_other_case(struct sel *s, int i)
{
	const mr_select_case *k = &s->cases[i];

	if (k->op == MR_SELECT_TIMEOUT) {
		if (s->timeout < 0 || k->time < s->cases[s->timeout].time)
			s->timeout = i;
	} else if (k->op == MR_SELECT_DEFAULT) {
		if (s->fallback >= 0)
			mri_panic("select: more than one default");
		s->fallback = i;
	}
}

/* Read the table, and see what could go. */
static inline void read_cases(struct sel *s)
{
	const mr_select_case *k = s->cases;
	uint32_t n = 0, nready = 0;

	s->timeout = s->fallback = -1;
	for (uint32_t i = 0; i < s->ncases; i++, k++) {
		struct mri_chan *c;

		if (!is_op(k)) {
			read_other_case(s, (int)i);
			continue;
		}
		c = mri_chan_of(k->ch);
		n++;
		/* B4: acquire, pairs with B3: before the peek. */
		s->turned[i] = atomic_get(&c->turned, acquire);
		if (peek(k, c) != MRI_CHAN_BLOCKS)
			s->ready[nready++] = i;
	}
	s->n = n;
	s->nready = nready;
	if (s->fallback < 0 && s->timeout >= 0 && s->cases[s->timeout].time <= 0)
		s->fallback = s->timeout;
}

/* None of the first n cases could go when it was looked at. Was there a moment when none
 * of all of them could? If no channel has turned since, there was. */
static bool none_has_turned(const struct sel *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct mri_chan *c = (void *)(uintptr_t)s->cases[i].ch;

		/* Relaxed: the peeks before have acquired all that they rely on. */
		if (is_op(&s->cases[i]) &&
		    atomic_get(&c->turned, relaxed) != s->turned[i])
			return false;
	}
	return true;
}

/* The next to try of those that may go: any, or the first. */
static uint32_t pick(struct sel *s)
{
	uint32_t r = 0, i;

	if (!s->ordered && s->nready > 1)
		r = mri_choice_below(mri_self()->m, s->nready);
	i = s->ready[r];
	s->nready--;
	if (s->ordered)
		memmove(&s->ready[0], &s->ready[1], s->nready * sizeof s->ready[0]);
	else
		s->ready[r] = s->ready[s->nready];
	return i;
}

static void set_ok(const mr_select_case *k, bool ok)
{
	if (k->ok)
		*k->ok = ok;
}

/* Its channel's lock is held: do case k if it can be done. */
static enum mri_chan_result attempt(const mr_select_case *k, struct g **wake)
{
	struct mri_chan *c = (struct mri_chan *)(uintptr_t)k->ch;

	return k->op == MR_SELECT_SEND ? mri_chan_send_now(c, k->val, wake) :
					 mri_chan_recv_now(c, k->val, wake);
}

/* Case i was done with this result, and no lock is held any more. */
static int done(const struct sel *s, uint32_t i, enum mri_chan_result r, struct g *wake)
{
	const mr_select_case *k = &s->cases[i];

	mri_chan_unlocked();
	if (k->op == MR_SELECT_SEND && unlikely(r == MRI_CHAN_IS_CLOSED))
		mri_panic("send on closed channel");
	if (wake)
		mri_sched_ready(wake);
	if (k->op == MR_SELECT_RECV)
		set_ok(k, r == MRI_CHAN_DONE);
	return (int)i;
}

static void race_access(const struct sel *s, const mr_select_case *k, size_t size)
{
	mri_race_access(k->val, size, k->op == MR_SELECT_RECV, s->pc);
}

/* Some may go: the index of one that did, or -1. */
static int try_ready(struct sel *s)
{
	while (s->nready) {
		uint32_t i = pick(s);
		const mr_select_case *k = &s->cases[i];
		struct mri_chan *c = (struct mri_chan *)(uintptr_t)k->ch;
		enum mri_chan_result r = MRI_CHAN_BLOCKS;
		size_t size = c->elem_size;
		struct g *wake = NULL;

		mri_chan_unlocked();
		if (k->op == MR_SELECT_RECV && !s->ordered &&
		    mri_chan_peek_recv(c) == MRI_CHAN_IS_CLOSED) {
			mri_chan_recv_zero(c, k->val);
			race_access(s, k, size);
			return done(s, i, MRI_CHAN_IS_CLOSED, NULL);
		}
		mri_lock_take(&c->lock);
		/* In order: those before it could not go when this one can. */
		if (!s->ordered || none_has_turned(s, i))
			r = attempt(k, &wake);
		if (r != MRI_CHAN_BLOCKS)
			race_access(s, k, size);
		mri_lock_drop(&c->lock);
		if (r != MRI_CHAN_BLOCKS)
			return done(s, i, r, wake);
		if (s->ordered)
			break;
	}
	return -1;
}

/* ------------------------------------------------------------ all the locks -- */

static struct mri_chan *chan_at(const struct sel *s, uint32_t i)
{
	return (struct mri_chan *)(uintptr_t)s->lock[i]->obj;
}

/* Lock order is by address, so that a channel's own waiters are adjacent. */
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

/* Shell's: no recursion, no allocation, and for a few nothing but insertions. */
static void sort(struct mri_waiter **w, uint32_t n)
{
	uint32_t gap = 1;

	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (uint32_t i = gap; i < n; i++) {
			struct mri_waiter *t = w[i];
			uint32_t j = i;

			for (; j >= gap && (uintptr_t)w[j - gap]->obj > (uintptr_t)t->obj;
			     j -= gap)
				w[j] = w[j - gap];
			w[j] = t;
		}
}

static void make_waiters(struct sel *s, struct g *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->ncases; i++) {
		const mr_select_case *k = &s->cases[i];

		if (!is_op(k))
			continue;
		s->waiters[n] = (struct mri_waiter){
			.g = g,
			.elem = k->val,
			.obj = (const void *)(uintptr_t)k->ch,
			.index = (int)i,
			.is_select = 1,
			.elem_size = mri_chan_of(k->ch)->elem_size,
		};
		s->lock[n] = &s->waiters[n];
		n++;
	}
	sort(s->lock, n);
}

/* All locked: the case that went, or -1. Unlocks if there is one. Who is found waiting
 * may already have been chosen by others, and then it cannot go after all. */
static int look(struct sel *s)
{
	s->nready = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t k = (uint32_t)s->waiters[i].index;
		struct mri_chan *c = (void *)(uintptr_t)s->waiters[i].obj;

		if (peek(&s->cases[k], c) != MRI_CHAN_BLOCKS)
			s->ready[s->nready++] = k;
	}
	while (s->nready) {
		uint32_t i = pick(s);
		const mr_select_case *k = &s->cases[i];
		struct g *wake;
		enum mri_chan_result r = attempt(k, &wake);

		if (r == MRI_CHAN_BLOCKS)
			continue;
		race_access(s, k, mri_chan_of(k->ch)->elem_size);
		unlock_all(s);
		return done(s, i, r, wake);
	}
	return -1;
}

static struct mri_waiter **queue_of(const struct sel *s, uint32_t i)
{
	struct mri_chan *c = chan_at(s, i);

	return s->cases[s->lock[i]->index].op == MR_SELECT_SEND ? &c->sendq : &c->recvq;
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
	for (uint32_t i = 0; i < s->n; i++)
		mri_chan_queue(chan_at(s, i), queue_of(s, i), s->lock[i]);
}

/* By its channel's lock. */
static void take_off(struct sel *s, uint32_t i)
{
	if (s->lock[i]->queued)
		mri_chan_unqueue(queue_of(s, i), s->lock[i]);
}

/* We have been chosen, but others may look at our waiters until they, or we, have taken
 * them off. */
static void dequeue_all(struct sel *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct mri_waiter *w = s->lock[i];

		/* J2: acquire, pairs with J1: nobody touches it any more. */
		if (!atomic_get(&w->queued, acquire))
			continue;
		mri_lock_take(&chan_at(s, i)->lock);
		take_off(s, i);
		mri_lock_drop(&chan_at(s, i)->lock);
	}
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
static inline int wait(struct sel *s, struct g *g)
{
	struct mri_timer timer = { .claim = timer_claim, .fire = timer_fire, .arg = g };
	struct mri_waiter *w;

	enqueue_all(s, g);
	if (s->timeout >= 0) {
		int64_t d = s->cases[s->timeout].time, now = mri_choice_now();

		timer.when = d > INT64_MAX - now ? INT64_MAX : now + d;
		s->heap = mri_timer_start_held(&timer);
		if (!s->heap) {
			for (uint32_t i = 0; i < s->n; i++)
				take_off(s, i);
			unlock_all(s);
			mri_panic("out of memory for a timer");
		}
		mri_sched_park_timed(unlock_heap_and_all, s, MRI_WHY_SELECT,
				     s->lock[0]->obj);
		mri_timer_stop(&timer);
	} else {
		mri_sched_park(unlock_all, s, MRI_WHY_SELECT, s->lock[0]->obj);
	}
	mri_chan_unlocked();            /* others find our waiters, already chosen */
	dequeue_all(s);
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

/* Nobody but timers can end it. */
static int wait_without_channels(struct sel *s)
{
	if (s->timeout >= 0) {
		mri_timer_sleep(s->cases[s->timeout].time);
		return s->timeout;
	}
	for (;;)
		mri_sched_park(NULL, NULL, MRI_WHY_SELECT_NONE, NULL);
}

/* Inline, as what it calls: each return after a park is one more that the processor does
 * not foresee. */
static inline int run_locked(struct sel *s)
{
	struct g *g = mri_self();
	int i;

	if (s->n == 0)
		return wait_without_channels(s);
	make_waiters(s, g);
	lock_all(s);
	i = look(s);
	if (i >= 0)
		return i;
	if (s->fallback < 0)
		return wait(s, g);
	unlock_all(s);
	return s->fallback;
}

static inline int run(struct sel *s)
{
	bool none;

	read_cases(s);
	none = s->nready == 0;
	if (!none) {
		int i = try_ready(s);

		if (likely(i >= 0))
			return i;
	}
	/* Of one channel what was seen was so at that moment. */
	if (none && s->fallback >= 0 && (s->n <= 1 || none_has_turned(s, s->ncases))) {
		mri_chan_unlocked();
		return s->fallback;
	}
	return run_locked(s);
}

static void free_room(struct room *r)
{
	if (unlikely(r->heap != NULL))
		free(r->heap);
}

static inline int select_n(mr_select_case *cases, size_t n, bool ordered, void *pc)
{
	struct room room __attribute__((cleanup(free_room)));
	struct sel s;

	mri_init_check_fork();
	room.heap = NULL;
	s.cases = cases;
	s.ncases = (uint32_t)n;
	s.ordered = ordered;
	s.pc = pc;
	s.waiters = room.waiters;
	s.lock = room.lock;
	s.ready = room.ready;
	s.turned = room.turned;
	if (unlikely(n > INLINE_CASES)) {
		if (n > MAX_CASES)
			mri_panic("select: too many cases");
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): locks are pointers */
		room.heap = malloc(n * (sizeof *s.waiters + sizeof *s.lock +
					sizeof *s.ready + sizeof *s.turned));
		if (!room.heap)
			mri_panic("out of memory for a select");
		s.waiters = room.heap;
		s.lock = (struct mri_waiter **)(void *)(s.waiters + n);
		s.ready = (uint32_t *)(void *)(s.lock + n);
		s.turned = s.ready + n;
	}
	return run(&s);
}

/* One case and a default, the commonest select: its index if it can be told without a
 * lock, or -1. */
static inline int one_or_default(const mr_select_case *k, void *pc)
{
	struct mri_chan *c = mri_chan_of(k->ch);
	enum mri_chan_result r = peek(k, c);

	if (likely(r == MRI_CHAN_BLOCKS))
		return 1;
	if (r != MRI_CHAN_IS_CLOSED || k->op != MR_SELECT_RECV)
		return -1;
	mri_chan_recv_zero(c, k->val);
	mri_race_access(k->val, c->elem_size, true, pc);
	set_ok(k, false);
	return 0;
}

/* The same for a few: the default's index n, or -1. */
static inline int none_or_default(const mr_select_case *k, size_t n)
{
	uint32_t turned[FEW];

	for (size_t i = 0; i < n; i++) {
		struct mri_chan *c;

		if (unlikely(!is_op(&k[i])))
			return -1;
		c = mri_chan_of(k[i].ch);
		/* B4: acquire, pairs with B3: before the peek. */
		turned[i] = atomic_get(&c->turned, acquire);
		if (peek(&k[i], c) != MRI_CHAN_BLOCKS)
			return -1;
	}
	/* Relaxed: as in none_has_turned(). The last was seen so last of all. */
	for (size_t i = 0; i + 1 < n; i++)
		if (atomic_get(&mri_chan_of(k[i].ch)->turned, relaxed) != turned[i])
			return -1;
	return (int)n;
}

int mr_chan_select_n(mr_select_case *cases, size_t n)
{
	void *pc = __builtin_return_address(0);

	mri_init_check_fork();
	if (n - 2 < FEW && cases[n - 1].op == MR_SELECT_DEFAULT) {
		int i = n == 2 && is_op(&cases[0]) ? one_or_default(&cases[0], pc) :
						     none_or_default(cases, n - 1);

		mri_chan_unlocked();
		if (likely(i >= 0))
			return i;
	}
	return select_n(cases, n, false, pc);
}

int mr_chan_select_ordered_n(mr_select_case *cases, size_t n)
{
	return select_n(cases, n, true, __builtin_return_address(0));
}
