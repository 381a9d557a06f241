/* ring.c - see ring.h. The lock is held from a request's start until its goroutine has
 * parked, so that its end is not seen before, or seen to have ended. */
#include "rt/ring.h"
#include <errno.h>

/* On the stack of who waits; its address is the request's tag. */
struct request {
	struct g *g;
	bool ended;
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

/* lock held. Those whose requests have ended, but for `own`, are put in front of list. */
static struct g *take_ended(const struct request *own, struct g *list)
{
	uint64_t tag;
	int64_t result;

	while (mri_os_ring_next(&tag, &result)) {
		struct request *r = (struct request *)(uintptr_t)tag;

		under_way--;
		r->ended = true;
		r->result = result;
		if (r == own)
			continue;
		r->g->link = list;
		list = r->g;
	}
	return list;
}

struct g *mri_ring_ended(struct g *list)
{
	mri_lock_take(&lock);
	list = take_ended(NULL, list);
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

	mri_lock_take(&lock);
	if (!may_begin() || mri_os_ring_read(s->fd, buf, n, (uintptr_t)&r) < 0) {
		mri_lock_drop(&lock);
		return -EAGAIN;
	}
	under_way++;
	mri_sched_ready_all(take_ended(&r, NULL));
	if (r.ended) {
		mri_lock_drop(&lock);
	} else {
		mri_netpoll_count(1);
		mri_sched_park(unlock, NULL, MRI_WHY_IO, s);
		mri_netpoll_count(-1);
	}
	return is_refused(r.result) ? -EAGAIN : r.result;
}
