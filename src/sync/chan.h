/* chan.h - what chan.c shares with select.c and the files of std. */
#ifndef MRI_SYNC_CHAN_H
#define MRI_SYNC_CHAN_H
#include "sync/waitq.h"

/* Up to `fed` one line of cache. By lock; what is atomic is read without it, too. */
struct mri_chan {
	struct mri_lock lock;
	uint8_t live;                   /* atomic: not freed */
	bool closed;                    /* atomic */
	bool timer;                     /* of a timer: looks unbuffered from outside */
	uint32_t elem_size;
	/* atomic: counts what let a send or a receive go that could not before */
	uint32_t turned;
	uint32_t cap;
	uint32_t head;                  /* ring index of the oldest element */
	size_t count;                   /* atomic */
	char *ring;                     /* cap elements; malloc'ed; NULL when cap is 0 */
	struct mri_waiter *recvq, *sendq;       /* atomic */
	/* atomic. Set if something that is no goroutine sends here; called with the lock
	 * held: is more to come? Then whoever receives here is not stuck. */
	bool (*fed)(const struct mri_chan *c);
	void *owner;                    /* atomic, as fed: reports read it */
	/* of a timer or a context; chan_free calls free_owner, or without one panics */
	void (*free_owner)(struct mri_chan *c);
	struct mri_chan *next_free;
#if defined(MRI_RACE)
	struct mri_chan_race *race;
#endif
};

/* A new life for a block whose lock was made before and is free. */
void mri_chan_init(struct mri_chan *c, size_t elem_size, size_t cap, char *ring);

/* One send or receive with c->lock held, if it can be done now. Sets *wake to a G that
 * must be passed to mri_sched_ready after the lock is dropped, or NULL. */
enum mri_chan_result { MRI_CHAN_DONE, MRI_CHAN_BLOCKS, MRI_CHAN_IS_CLOSED };
enum mri_chan_result mri_chan_send_now(struct mri_chan *c, const void *elem,
				       struct g **wake);
/* IS_CLOSED: closed and drained; *elem has been zeroed. elem may be NULL. */
enum mri_chan_result mri_chan_recv_now(struct mri_chan *c, void *elem, struct g **wake);
/* What that leaves of *elem, for whoever knows without the lock that it is so. */
void mri_chan_recv_zero(struct mri_chan *c, void *elem);
/* Close c, with c->lock held; c is not closed. Returns list with all who waited put in
 * front, chained by g->link: for mri_chan_ready_all once no lock is held. */
struct g *mri_chan_close_now(struct mri_chan *c, struct g *list);
void mri_chan_ready_all(struct g *list);
noreturn_fn void mri_chan_is_freed(void);
/* From a handle; dev builds panic if the channel was freed. */
static inline struct mri_chan *mri_chan_of(const volatile void *ch)
{
	struct mri_chan *c = (struct mri_chan *)(uintptr_t)ch;

	/* Relaxed: a check for programs that are wrong anyway. */
	if (MRI_IS_DEV && c && !atomic_get(&c->live, relaxed))
		mri_chan_is_freed();
	return c;
}

/* ---- what can be known of a channel without its lock: docs/design/024 ---- */

/* Under the lock: what could not go before can now, maybe. After the word that says so:
 * B3: release, pairs with B4 in select.c. */
static inline void mri_chan_turn(struct mri_chan *c)
{
	atomic_set(&c->turned, c->turned + 1, release);
}

static inline bool mri_chan_is_empty(const struct mri_chan *c)
{
	/* B2: acquire, pairs with B1: see mri_chan_peek_recv. */
	return c->cap ? atomic_get(&c->count, acquire) == 0 :
			atomic_get(&c->sendq, acquire) == NULL;
}
static inline bool mri_chan_is_full(const struct mri_chan *c)
{
	/* B2: acquire, pairs with B1: see mri_chan_peek_recv. */
	return c->cap ? atomic_get(&c->count, acquire) == c->cap :
			atomic_get(&c->recvq, acquire) == NULL;
}
static inline bool mri_chan_is_closed(const struct mri_chan *c)
{
	/* B6: acquire, pairs with B5: what was sent before. */
	return atomic_get(&c->closed, acquire);
}

/* Could a receive go? BLOCKS and IS_CLOSED are its result, as if it had been done when
 * the channel was so; DONE: maybe, under the lock.
 *
 * Empty, it has been so since the step of some lock holder that B2 has acquired. If it
 * was closed before that step, this is seen; if not, it was empty and open then. And
 * closed, nothing is sent any more: empty after that is empty for good. */
static inline enum mri_chan_result mri_chan_peek_recv(const struct mri_chan *c)
{
	if (!mri_chan_is_empty(c))
		return MRI_CHAN_DONE;
	if (likely(!mri_chan_is_closed(c)))
		return MRI_CHAN_BLOCKS;
	return mri_chan_is_empty(c) ? MRI_CHAN_IS_CLOSED : MRI_CHAN_DONE;
}
/* The same for a send: full first, then open. */
static inline enum mri_chan_result mri_chan_peek_send(const struct mri_chan *c)
{
	bool full = mri_chan_is_full(c);

	if (unlikely(mri_chan_is_closed(c)))
		return MRI_CHAN_IS_CLOSED;
	return full ? MRI_CHAN_BLOCKS : MRI_CHAN_DONE;
}

/* w waits on q, which is c's, or not any more. By lock. */
static inline void mri_chan_queue(struct mri_chan *c, struct mri_waiter **q,
				  struct mri_waiter *w)
{
	struct mri_waiter *head = *q;

	mri_waitq_push(&head, w);
	if (*q)
		return;
	/* B1: release, pairs with B2. */
	atomic_set(q, head, release);
	mri_chan_turn(c);
}
static inline void mri_chan_unqueue(struct mri_waiter **q, struct mri_waiter *w)
{
	struct mri_waiter *head = *q;

	mri_waitq_remove(&head, w);
	if (head != *q)
		/* B1: release, pairs with B2. */
		atomic_set(q, head, release);
}

/* c->fed's answer, false if it has none. By lock; c may also have been freed, or reused
 * as another channel: then that one's. */
bool mri_chan_is_fed(const struct mri_chan *c);
bool mri_chan_always_fed(const struct mri_chan *c);     /* a `fed`: true */
void mri_chan_unlock(void *c);          /* an unlock function for park */

/* A goroutine has just dropped a channel's lock: in a hostile build it may now lose its
 * turn, the partner it has met running first, or others who find the channel so. */
static inline void mri_chan_unlocked(void)
{
	if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 8))
		mri_sched_yield();
}
#endif
