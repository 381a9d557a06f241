/* chan.h - what chan.c shares with select.c and the files of std. */
#ifndef MRI_SYNC_CHAN_H
#define MRI_SYNC_CHAN_H
#include "sync/waitq.h"

struct mri_chan {
	struct mri_lock lock;
	uint8_t live;                   /* atomic: not freed; set by lock */
	bool closed;
	bool timer;                     /* of a timer: looks unbuffered from outside */
	uint32_t elem_size;
	size_t cap;
	size_t count;                   /* atomic: chan_len reads it without the lock */
	size_t head;                    /* ring index of the oldest element */
	char *ring;                     /* cap elements; malloc'ed; NULL when cap is 0 */
	struct mri_waiter *recvq, *sendq;
	struct mri_chan *next_free;
#if defined(MRI_RACE)
	struct mri_chan_race *race;
#endif
	/* of a timer or a context; chan_free calls free_owner, or without one panics */
	void (*free_owner)(struct mri_chan *c);
	void *owner;                    /* atomic, as fed: reports read it */
	/* Set if something that is no goroutine sends here; called with the lock held:
	 * is more to come? Then whoever receives here is not stuck. */
	bool (*fed)(const struct mri_chan *c);
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
/* Close c, with c->lock held; c is not closed. Returns list with all who waited put in
 * front, chained by g->link: for mri_chan_ready_all once no lock is held. */
struct g *mri_chan_close_now(struct mri_chan *c, struct g *list);
void mri_chan_ready_all(struct g *list);
/* From a handle; dev builds panic if the channel was freed. */
struct mri_chan *mri_chan_of(const volatile void *ch);
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
