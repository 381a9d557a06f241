/* ring.c - see ring.h. The lock is held from the last look at what has ended until the
 * goroutine has parked, so that its own end is not missed. */
#include "rt/ring.h"
#include <errno.h>

/* On the stack of who waits; its address is the request's tag. */
struct request {
	struct g *g;
	bool parked, ended;             /* by lock */
	int64_t result;
};

static struct mri_lock lock = MRI_LOCK_INIT(MRI_RANK_FD);
static enum { UNTRIED, NONE, OPEN } state;      /* by lock */
static int under_way;                           /* by lock */

/* lock held. Its answers have room, however late they are read. */
static bool may_begin(void)
{
	if (unlikely(state == UNTRIED))
		state = mri_os_ring_open(MRI_RING_TAG) ? OPEN : NONE;
	return state == OPEN && under_way < MRI_OS_RING_SIZE;
}

/* lock held. Those who are parked and whose requests have ended are put in front of
 * list. */
static struct g *take_ended(struct g *list)
{
	uint64_t tag;
	int64_t result;

	while (mri_os_ring_next(&tag, &result)) {
		struct request *r = (struct request *)(uintptr_t)tag;

		under_way--;
		r->ended = true;
		r->result = result;
		if (r->parked) {
			r->g->link = list;
			list = r->g;
		}
	}
	return list;
}

struct g *mri_ring_ended(struct g *list)
{
	mri_lock_take(&lock);
	list = take_ended(list);
	mri_lock_drop(&lock);
	return list;
}

static void unlock(void *arg)
{
	(void)arg;
	mri_lock_drop(&lock);
}

/* Nothing has been done: it must be tried another way. */
static bool is_refused(int64_t result)
{
	switch (result) {
	case -EINTR:
	case -ECANCELED:        /* the thread that began it has ended */
	case -EINVAL:           /* not this kind of file */
	case -EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

int64_t mri_ring_read(struct mri_fd *s, void *buf, size_t n)
{
	struct request r = { .g = mri_self() };
	struct g *others;

	mri_lock_take(&lock);
	if (!may_begin()) {
		mri_lock_drop(&lock);
		return -EAGAIN;
	}
	under_way++;
	if (mri_os_ring_read(s->fd, buf, n, (uintptr_t)&r) < 0) {
		under_way--;
		r.ended = true;
		r.result = -ECANCELED;
	}
	/* What ended in that call, refused or not, is no news to the poller, whosever it
	 * was. Not with the lock: ready() may go on on another thread. */
	while ((others = take_ended(NULL)) != NULL) {
		mri_lock_drop(&lock);
		mri_sched_ready_all(others);
		mri_lock_take(&lock);
	}
	if (r.ended) {
		mri_lock_drop(&lock);
	} else {
		r.parked = true;
		mri_netpoll_count(1);
		mri_sched_park(unlock, NULL, MRI_WHY_IO, s);
		mri_netpoll_count(-1);
	}
	return is_refused(r.result) ? -EAGAIN : r.result;
}
