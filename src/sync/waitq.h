/* waitq.h - who waits: a FIFO of waiters, each on its own stack.
 *
 * A waiter lies in the frame of the call that blocks, so waiting never allocates. It
 * is linked and unlinked under the lock of the object it waits on: a channel's own,
 * or for the sync types a bucket lock (below), since they have no room for one and
 * may be freed as soon as the last unlock is visible. */
#ifndef MRI_SYNC_WAITQ_H
#define MRI_SYNC_WAITQ_H
#include "rt/rt.h"

struct mri_waiter {
	struct mri_waiter *next, *prev;
	struct g *g;
	void *elem;                     /* channel: the element's place */
	const void *obj;                /* the channel (select has one waiter per case) */
	int index;                      /* select: which case */
	uint8_t queued;                 /* atomic: on a queue; by the queue's lock */
	uint8_t ok;                     /* outcome, by the waker before ready */
	uint8_t is_select;              /* must win g->chosen before it may be dequeued */
	uint8_t kind;                   /* the owner's (reader or writer, ...) */
	union {
		int64_t since;          /* mutex: when it began to wait */
		size_t elem_size;       /* select: of the channel, which may be freed */
	};
};

/* For the race build: what came before happens before w's owner goes on. Where that is a
 * thread nothing is written to w: TSan takes a thread's stack for written by the thread
 * when it began, which is not ordered before us. */
static inline void mri_waitq_order(struct mri_waiter *w)
{
	if (w->g->is_thread)
		mri_race_release(&w->ok);
	else
		mri_race_publish(&w->ok);
}

/* Circular list; the head pointer names the first waiter, NULL is empty. */
static inline void mri_waitq_push(struct mri_waiter **head, struct mri_waiter *w)
{
	struct mri_waiter *first = *head;

	w->queued = 1;
	if (!first) {
		*head = w->next = w->prev = w;
		return;
	}
	w->next = first;
	w->prev = first->prev;
	first->prev->next = w;
	first->prev = w;
}
static inline void mri_waitq_push_front(struct mri_waiter **head, struct mri_waiter *w)
{
	mri_waitq_push(head, w);
	*head = w;
}
static inline void mri_waitq_remove(struct mri_waiter **head, struct mri_waiter *w)
{
	if (w->next == w) {
		*head = NULL;
	} else {
		w->next->prev = w->prev;
		w->prev->next = w->next;
		if (*head == w)
			*head = w->next;
	}
	/* J1: release, pairs with J2 in select.c: whose waiter this is may take it away
	 * without the lock, if it is not to be woken by us. */
	atomic_set(&w->queued, (uint8_t)0, release);
}
static inline struct mri_waiter *mri_waitq_pop(struct mri_waiter **head)
{
	struct mri_waiter *w = *head;

	if (w)
		mri_waitq_remove(head, w);
	return w;
}

/* The lock that guards the wait list of the sync object at `addr`. Buckets are
 * shared by unrelated objects and live for ever: code inside holds only one, never
 * parks but by mri_sched_park(mri_waitq_unlock, bucket, ...), and readies whom it
 * dequeued after dropping it. */
struct mri_lock *mri_waitq_lock(const void *addr);
void mri_waitq_unlock(void *bucket);            /* an unlock function for park */
/* Interrupt all who are about to unlock by a restartable sequence (arch/restart.h); false
 * where nobody does it that way. */
bool mri_waitq_interrupt(void);
#endif
