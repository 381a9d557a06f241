/* chan.c - channels: a lock, a ring of cap elements, two FIFO wait queues.
 * Whenever c->lock is free:
 *   - recvq nonempty  => count == 0          (a receiver never waits past data)
 *   - sendq nonempty  => count == cap        (a sender never waits past room)
 *   - closed          => both queues empty   (close wakes everybody)
 * Lock order: c->lock before any run-queue lock. select locks several channels
 * in address order; nothing else holds two. No user code runs under it.
 *
 * Whether an operation can go is also seen without the lock, by the words that are
 * stored atomically (chan.h): one that cannot takes no lock if it does not wait.
 *
 * An element goes straight from the sender's storage into the waiting receiver's, or
 * the other way round; who is woken has nothing left to do.
 *
 * A channel may be freed by one side while the other is still on its way out of its
 * call: after an operation has dropped the lock it does not touch the channel, and
 * blocks are reused as channels only, so that the futex wake of a late unlock names
 * an address that is still a lock. */
#include "sync/chan.h"
#include "sync/chan_race.h"
#include "millrace/chan.h"
#include "rt/keep.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLAB = 64,
	MAX_ELEM = 1 << 30,
	BULK = MRI_IS_HOSTILE ? 2 : 256, /* receivers told of a close at a time */
};
#define MAX_RING ((size_t)1 << 40)      /* bytes: more than any machine gives */

/* Neighbours share no line. */
union block {
	struct mri_chan c;
	char lines[128];
};
static struct mri_lock free_lock = MRI_LOCK_INIT(MRI_RANK_LEAF);
static struct mri_chan *free_list, *free_tail;

/* -------------------------------------------------------- make and free -- */

/* free_lock held. */
static struct mri_chan *take_free(void)
{
	struct mri_chan *c;

	if (!free_list) {
		union block *slab = mri_try_alloc(SLAB * sizeof *slab);

		for (int i = 0; slab && i < SLAB; i++) {
			mri_lock_init(&slab[i].c.lock, MRI_RANK_CHAN);
			slab[i].c.next_free = i + 1 < SLAB ? &slab[i + 1].c : NULL;
		}
		free_list = slab ? &slab->c : NULL;
		free_tail = slab ? &slab[SLAB - 1].c : NULL;
	}
	c = free_list;
	if (c)
		free_list = c->next_free;
	return c;
}

/* Last in, last out: a dev build finds the use of a freed channel for longer. */
static void put_free(struct mri_chan *c)
{
	c->next_free = NULL;
	if (free_list)
		free_tail->next_free = c;
	else
		free_list = c;
	free_tail = c;
}

static struct mri_chan *block_alloc(void)
{
	const size_t link = offsetof(struct mri_chan, next_free);
	struct mri_chan *c = mri_keep_take(MRI_KEEP_CHANS, link);

	if (likely(c))
		return c;
	mri_lock_take(&free_lock);
	c = take_free();
	for (int i = 0; i < MRI_KEEP / 2; i++) {
		struct mri_chan *more = take_free();

		if (more && !mri_keep_put(MRI_KEEP_CHANS, link, more)) {
			put_free(more);
			break;
		}
	}
	mri_lock_drop(&free_lock);
	return c;
}

static void block_free(struct mri_chan *c)
{
	const size_t link = offsetof(struct mri_chan, next_free);

	if (likely(mri_keep_put(MRI_KEEP_CHANS, link, c)))
		return;
	mri_lock_take(&free_lock);
	for (int i = 0; c; c = i++ < MRI_KEEP / 2 ?
				       mri_keep_take(MRI_KEEP_CHANS, link) : NULL)
		put_free(c);
	mri_lock_drop(&free_lock);
}

/* The lock keeps its word: see the head of this file. */
void mri_chan_init(struct mri_chan *c, size_t elem_size, size_t cap, char *ring)
{
	c->live = 1;
	c->closed = c->timer = false;
	c->elem_size = (uint32_t)elem_size;
	c->cap = (uint32_t)cap;
	c->turned = c->head = 0;
	atomic_set(&c->count, (size_t)0, relaxed);      /* relaxed: nobody has it yet */
	c->ring = ring;
	c->recvq = c->sendq = NULL;
	c->free_owner = NULL;
	/* Relaxed: a report may still look at the one whose block this was. */
	atomic_set(&c->owner, NULL, relaxed);
	atomic_set(&c->fed, NULL, relaxed);
	mri_chan_race_init(c);
}

void *mr_chan_new(size_t elem_size, size_t cap)
{
	struct mri_chan *c;
	char *ring = NULL;

	mri_init_check_fork();
	/* INT_MAX: mr_chan_cap() must be able to say it. */
	if (elem_size > MAX_ELEM || cap > INT_MAX || cap * elem_size > MAX_RING)
		mri_panic("makechan: size out of range");
	if (cap && elem_size && (ring = malloc(cap * elem_size)) == NULL)
		mri_panic("makechan: out of memory");
	c = block_alloc();
	if (!c) {
		free(ring);
		mri_panic("makechan: out of memory");
	}
	mri_chan_init(c, elem_size, cap, ring);
	return c;
}

noreturn_fn void mri_chan_is_freed(void)
{
	mri_panic("use of freed channel");
}

void mr_chan_free(const volatile void *ch)
{
	struct mri_chan *c = mri_chan_of(ch);
	bool freed, waited_on;

	/* The child of a fork may return from main, through deferred calls of this. */
	if (!c || unlikely(mri_forked))
		return;
	if (atomic_get(&c->owner, relaxed)) {   /* relaxed: the caller's own */
		if (!c->free_owner)
			mri_panic("chan_free of a channel that belongs to a %s",
				  c->timer ? "timer" : "context");
		c->free_owner(c);
		return;
	}
	mri_lock_take(&c->lock);
	freed = !c->live;
	waited_on = c->recvq || c->sendq;
	if (!waited_on)
		atomic_set(&c->live, 0, relaxed);       /* relaxed: as above */
	mri_lock_drop(&c->lock);
	if (freed)              /* twice on the list, it would be two channels */
		mri_panic("free of freed channel");
	if (waited_on)
		mri_panic("chan_free of a channel that is waited on");
	free(c->ring);
	mri_chan_race_free(c);
	block_free(c);
}

/* ----------------------------------------------------------- primitives -- */

/* Without a call for the common sizes. */
static inline void copy(void *to, const void *from, size_t n)
{
	if (n == 8)
		memcpy(to, from, 8);
	else if (n == 4)
		memcpy(to, from, 4);
	else if (n == 1)
		memcpy(to, from, 1);
	else if (n == 16)
		memcpy(to, from, 16);
	else if (n)             /* else to and from may be NULL */
		memcpy(to, from, n);
}

static inline char *slot(const struct mri_chan *c, size_t i)
{
	return c->ring ? c->ring + i * c->elem_size : NULL;     /* NULL: of no size */
}
static inline void set_count(struct mri_chan *c, size_t n)
{
	/* B1: release, pairs with B2. */
	atomic_set(&c->count, n, release);
}
static inline void put(struct mri_chan *c, const void *elem)
{
	size_t i = c->head + c->count;

	copy(slot(c, i >= c->cap ? i - c->cap : i), elem, c->elem_size);
	set_count(c, c->count + 1);
	if (c->count == 1)
		mri_chan_turn(c);
}

/* The first waiter that can still be chosen. A select waits on several channels:
 * whoever sets chosen first has it, and leaves it to unlink the others. */
static inline struct mri_waiter *dequeue(struct mri_waiter **q)
{
	struct mri_waiter *w;

	while ((w = *q) != NULL) {
		uint32_t none = 0;
		/* While it is queued its select cannot go away, even if it has been
		 * chosen. Relaxed: it only decides who. The select made it 0 before it
		 * let go of this channel's lock, and goes on only after J1. */
		bool ours = !w->is_select ||
			    atomic_cas(&w->g->chosen, &none, 1u, relaxed);

		mri_chan_unqueue(q, w);
		if (ours)
			return w;
	}
	return NULL;
}

static struct g *outcome(struct mri_waiter *w, bool ok)
{
	w->ok = ok;
	w->g->woken_by = w;
	return w->g;
}

/* Inline into four callers: a quarter of a send that need not wait. */
always_inline enum mri_chan_result send_now(struct mri_chan *c, const void *elem,
					    struct g **wake)
{
	struct mri_waiter *w;

	*wake = NULL;
	if (unlikely(c->closed)) {
		mri_chan_race_saw_close(c, NULL);
		return MRI_CHAN_IS_CLOSED;
	}
	if (c->recvq && (w = dequeue(&c->recvq)) != NULL) {
		if (w->elem)
			copy(w->elem, elem, c->elem_size);
		mri_chan_race_meet(c, NULL, w->g);
		*wake = outcome(w, true);
		return MRI_CHAN_DONE;
	}
	if (c->count < c->cap) {
		put(c, elem);
		mri_chan_race_send(c, NULL);
		return MRI_CHAN_DONE;
	}
	return MRI_CHAN_BLOCKS;
}

void mri_chan_recv_zero(struct mri_chan *c, void *elem)
{
	mri_chan_race_saw_close(c, NULL);
	if (elem)
		memset(elem, 0, c->elem_size);
}

always_inline enum mri_chan_result recv_now(struct mri_chan *c, void *elem,
					    struct g **wake)
{
	struct mri_waiter *w = NULL;

	*wake = NULL;
	if (c->count) {
		char *at = slot(c, c->head);

		if (elem)
			copy(elem, at, c->elem_size);
		c->head = c->head + 1 == c->cap ? 0 : c->head + 1;
		mri_chan_race_recv(c, NULL);
		/* The first sender that waits has the place: it is the ring's last now,
		 * and the ring as full as before. */
		if (c->sendq && (w = dequeue(&c->sendq)) != NULL) {
			copy(at, w->elem, c->elem_size);
			mri_chan_race_send(c, w->g);
		} else {
			set_count(c, c->count - 1);
			if (c->count + 1 == c->cap)
				mri_chan_turn(c);
		}
	} else if (c->sendq && (w = dequeue(&c->sendq)) != NULL) {
		if (elem)
			copy(elem, w->elem, c->elem_size);
		mri_chan_race_meet(c, w->g, NULL);
	} else if (c->closed) {
		mri_chan_recv_zero(c, elem);
		return MRI_CHAN_IS_CLOSED;
	} else {
		return MRI_CHAN_BLOCKS;
	}
	if (w)
		*wake = outcome(w, true);
	return MRI_CHAN_DONE;
}

enum mri_chan_result mri_chan_send_now(struct mri_chan *c, const void *elem,
				       struct g **wake)
{
	return send_now(c, elem, wake);
}

enum mri_chan_result mri_chan_recv_now(struct mri_chan *c, void *elem, struct g **wake)
{
	return recv_now(c, elem, wake);
}

bool mri_chan_always_fed(const struct mri_chan *c)
{
	(void)c;
	return true;
}

bool mri_chan_is_fed(const struct mri_chan *c)
{
	/* Relaxed: set before c was given to anybody, but for signals. */
	bool (*fed)(const struct mri_chan *) = atomic_get(&c->fed, relaxed);

	return fed && fed(c);
}

void mri_chan_unlock(void *c)
{
	mri_lock_drop(&((struct mri_chan *)c)->lock);
}

/* The last step of an operation, the lock being dropped: wake whom it met. */
static void finish(struct g *wake)
{
	mri_chan_unlocked();
	if (wake)
		mri_sched_ready(wake);
	mri_chan_unlocked();
}

/* ----------------------------------------------------------- operations -- */

/* c's lock is held, and dropped once parked. False: closed. Inline: each return after a
 * switch is one that the processor does not foresee. */
static inline bool wait_send(struct mri_chan *c, const void *elem)
{
	struct mri_waiter w = { .g = mri_self(), .elem = (void *)(uintptr_t)elem };

	mri_chan_queue(c, &c->sendq, &w);
	mri_sched_park(mri_chan_unlock, c, MRI_WHY_SEND, c);
	return w.ok;
}

static inline bool wait_recv(struct mri_chan *c, void *elem)
{
	struct mri_waiter w = { .g = mri_self(), .elem = elem };

	atomic_set(&w.g->wait.from, c, relaxed); /* relaxed: for reports */
	mri_chan_queue(c, &c->recvq, &w);
	mri_sched_park(mri_chan_unlock, c, MRI_WHY_RECV, c);
	return w.ok;
}

void mr_chan_send_from(const volatile void *ch, const void *elem)
{
	struct mri_chan *c = mri_chan_of(ch);
	enum mri_chan_result r;
	struct g *wake;

	mri_init_check_fork();
	if (unlikely(!c))
		for (;;)
			mri_sched_park(NULL, NULL, MRI_WHY_SEND_NIL, NULL);
	mri_race_read(elem, c->elem_size);
	mri_lock_take(&c->lock);
	r = send_now(c, elem, &wake);
	if (r == MRI_CHAN_BLOCKS) {
		if (wait_send(c, elem))
			return;
		r = MRI_CHAN_IS_CLOSED;
	} else {
		mri_lock_drop(&c->lock);
	}
	if (unlikely(r == MRI_CHAN_IS_CLOSED))
		mri_panic("send on closed channel");
	finish(wake);
}

bool mr_chan_recv_into(const volatile void *ch, void *elem)
{
	struct mri_chan *c = mri_chan_of(ch);
	enum mri_chan_result r;
	struct g *wake;
	size_t size;
	bool ok;

	mri_init_check_fork();
	if (unlikely(!c))
		for (;;)
			mri_sched_park(NULL, NULL, MRI_WHY_RECV_NIL, NULL);
	size = c->elem_size;
	mri_lock_take(&c->lock);
	r = recv_now(c, elem, &wake);
	if (r == MRI_CHAN_BLOCKS) {
		ok = wait_recv(c, elem);
		mri_race_write(elem, size);
		return ok;
	}
	mri_lock_drop(&c->lock);
	finish(wake);
	mri_race_write(elem, size);
	return r == MRI_CHAN_DONE;
}

static int try_result(struct mri_chan *c, enum mri_chan_result r, struct g *wake)
{
	mri_lock_drop(&c->lock);
	finish(wake);
	return r == MRI_CHAN_DONE ? MR_CHAN_OK :
	       r == MRI_CHAN_BLOCKS ? MR_CHAN_WOULD_BLOCK : MR_CHAN_CLOSED;
}

int mr_chan_trysend_from(const volatile void *ch, const void *elem)
{
	struct mri_chan *c = mri_chan_of(ch);
	enum mri_chan_result r;
	struct g *wake;

	mri_init_check_fork();
	if (unlikely(!c))
		return MR_CHAN_WOULD_BLOCK;
	r = mri_chan_peek_send(c);
	mri_chan_unlocked();
	if (r == MRI_CHAN_BLOCKS)
		return MR_CHAN_WOULD_BLOCK;
	mri_lock_take(&c->lock);
	r = send_now(c, elem, &wake);
	if (r == MRI_CHAN_DONE)
		mri_race_read(elem, c->elem_size);
	return try_result(c, r, wake);
}

int mr_chan_tryrecv_into(const volatile void *ch, void *elem)
{
	struct mri_chan *c = mri_chan_of(ch);
	enum mri_chan_result r;
	struct g *wake;

	mri_init_check_fork();
	if (unlikely(!c))
		return MR_CHAN_WOULD_BLOCK;
	r = mri_chan_peek_recv(c);
	mri_chan_unlocked();
	if (r == MRI_CHAN_BLOCKS)
		return MR_CHAN_WOULD_BLOCK;
	if (r == MRI_CHAN_IS_CLOSED) {
		mri_chan_recv_zero(c, elem);
		mri_race_write(elem, c->elem_size);
		return MR_CHAN_CLOSED;
	}
	mri_lock_take(&c->lock);
	r = recv_now(c, elem, &wake);
	if (r != MRI_CHAN_BLOCKS)
		mri_race_write(elem, c->elem_size);
	return try_result(c, r, wake);
}

/* Those on q are told of the close, at most max; they are chained through g->link. */
static struct g *dismiss(struct mri_chan *c, struct mri_waiter **q, struct g *list,
			 uint32_t max)
{
	bool receivers = q == &c->recvq;
	struct mri_waiter *w;

	for (; max && (w = dequeue(q)) != NULL; max--) {
		if (receivers && w->elem)
			memset(w->elem, 0, c->elem_size);
		mri_chan_race_saw_close(c, w->g);
		w->g->link = list;
		list = outcome(w, false);
	}
	return list;
}

/* And all senders: of a closed channel nothing is received that was not in it. */
static struct g *mark_closed(struct mri_chan *c, struct g *list)
{
	mri_chan_race_close(c);
	/* B5: release, pairs with B6. */
	atomic_set(&c->closed, true, release);
	mri_chan_turn(c);
	return dismiss(c, &c->sendq, list, UINT32_MAX);
}

struct g *mri_chan_close_now(struct mri_chan *c, struct g *list)
{
	return dismiss(c, &c->recvq, mark_closed(c, list), UINT32_MAX);
}

void mri_chan_ready_all(struct g *list)
{
	if (list && !list->link)
		mri_sched_ready(list);  /* next */
	else
		mri_sched_ready_all(list);
}

void mr_chan_close_it(const volatile void *ch)
{
	struct mri_chan *c = mri_chan_of(ch);
	struct g *list;

	mri_init_check_fork();
	if (!c)
		mri_panic("close of nil channel");
	mri_lock_take(&c->lock);
	if (c->closed) {
		mri_lock_drop(&c->lock);
		mri_panic("close of closed channel");
	}
	list = mark_closed(c, NULL);
	for (;;) {
		bool more;

		/* So many that they are still in the caches when they are queued. */
		list = dismiss(c, &c->recvq, list, BULK);
		more = c->recvq != NULL;
		mri_lock_drop(&c->lock);
		mri_chan_unlocked();
		mri_chan_ready_all(list);
		/* Who has woken the last one may find the channel gone. */
		if (!more)
			break;
		list = NULL;
		mri_lock_take(&c->lock);
	}
	finish(NULL);
}

int mr_chan_len(const volatile void *ch)
{
	struct mri_chan *c = mri_chan_of(ch);

	/* Relaxed: a snapshot. */
	return c && !c->timer ? (int)atomic_get(&c->count, relaxed) : 0;
}

int mr_chan_cap(const volatile void *ch)
{
	struct mri_chan *c = mri_chan_of(ch);

	return c && !c->timer ? (int)c->cap : 0;
}
