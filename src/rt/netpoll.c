/* netpoll.c - the slots of descriptors, and who goes on when the kernel says that one is
 * ready. Who polls, and when, is decided in find.c, idle.c and sysmon.c. */
#include "rt/netpoll.h"
#include "rt/ring.h"
#include <errno.h>
#include <stdlib.h>

enum {
	PER_CHUNK = 64,
	NCHUNKS = 1 << 15, /* two million descriptors */
	EVENTS = 128,
	LATE = 10 * 1000 * 1000,
};

static struct mri_fd *chunks[NCHUNKS]; /* atomic; never freed */
static int top;                                 /* atomic: no chunk beyond it */
static struct mri_lock lock = MRI_LOCK_INIT(MRI_RANK_LEAF);
static uint32_t open_now;      /* atomic */
static int nwaiting cacheline; /* atomic */
static int64_t polled;         /* atomic: when, coarse */

/* ---------------------------------------------------------------- slots -- */

static bool make_chunk(int i)
{
	struct mri_fd *c = mri_try_alloc(PER_CHUNK * sizeof *c), *none = NULL;

	if (!c)
		return false;
	for (int k = 0; k < PER_CHUNK; k++) {
		mri_lock_init(&c[k].lock, MRI_RANK_FD);
		c[k].fd = i * PER_CHUNK + k;
	}
	/* N5: release, pairs with N5: the slots. */
	if (!atomic_cas(&chunks[i], &none, c, release))
		free(c);
	/* Relaxed: for reports. */
	for (int t = atomic_get(&top, relaxed); t < i;)
		if (atomic_cas(&top, &t, i, relaxed))
			break;
	return true;
}

int mri_netpoll_number(const void *at)
{
	/* Relaxed: as above. */
	for (int i = 0; i <= atomic_get(&top, relaxed); i++) {
		/* Relaxed: only where it is matters. */
		struct mri_fd *c = atomic_get(&chunks[i], relaxed);

		if (c && (uintptr_t)at - (uintptr_t)c < PER_CHUNK * sizeof *c)
			return i * PER_CHUNK + (int)((const struct mri_fd *)at - c);
	}
	return -1;
}

static int open_once(void)
{
	int rc = 0;

	mri_lock_take(&lock);
	/* Relaxed: by the lock. */
	if (!atomic_get(&open_now, relaxed)) {
		rc = mri_os_poll_open();
		if (rc == 0)
			/* N6: release, pairs with N6. */
			atomic_set(&open_now, 1u, release);
	}
	mri_lock_drop(&lock);
	return rc;
}

struct mri_fd *mri_netpoll_find(int fd)
{
	struct mri_fd *c;

	if (fd < 0 || fd >= NCHUNKS * PER_CHUNK)
		return NULL;
	/* N5: acquire, pairs with N5. */
	c = atomic_get(&chunks[fd / PER_CHUNK], acquire);
	return c ? &c[fd % PER_CHUNK] : NULL;
}

int mri_netpoll_slot(int fd, struct mri_fd **slot)
{
	int rc;

	*slot = mri_netpoll_find(fd);
	if (likely(*slot != NULL))
		return 0;
	if (fd < 0 || fd >= NCHUNKS * PER_CHUNK)
		return -EBADF;
	mri_self(); /* starts the runtime */
	rc = open_once();
	if (rc < 0)
		return rc;
	if (!make_chunk(fd / PER_CHUNK))
		return -ENOMEM;
	*slot = mri_netpoll_find(fd);
	return 0;
}

int mri_netpoll_watch(struct mri_fd *s)
{
	return mri_os_poll_add(s->fd, (uint64_t)s->seq << 32 | (uint32_t)s->fd);
}

/* ---------------------------------------------------------------- waking -- */

struct g *mri_netpoll_wake(struct mri_fd_waiter *w, int err, struct g *list)
{
	uint32_t none = 0;

	/* Its context may have ended. Relaxed: it only decides who. The slot's lock was
	 * taken since chosen was made 0. */
	if (!atomic_cas(&w->g->chosen, &none, 1u, relaxed))
		return list;
	w->err = err;
	w->g->woken_by = w;
	w->g->link = list;
	return w->g;
}

struct g *mri_netpoll_wake_side(struct mri_fd *s, enum mri_fd_way way, int err,
				struct g *list)
{
	struct mri_fd_side *d = &s->side[way];
	struct mri_fd_waiter *w = d->waiter;

	if (w) {
		/* Relaxed: by the lock. */
		atomic_set(&d->waiter, NULL, relaxed);
		list = mri_netpoll_wake(w, err, list);
	}
	if (!err)
		return list;
	while ((w = d->first) != NULL) {
		d->first = w->next;
		w->queued = false;
		list = mri_netpoll_wake(w, err, list);
	}
	return list;
}

static struct g *is_ready(struct mri_fd *s, const struct mri_os_event *e, struct g *list)
{
	mri_lock_take(&s->lock);
	if (s->seq != (uint32_t)(e->tag >> 32) || s->state == MRI_FD_FREE) {
		mri_lock_drop(&s->lock); /* news of one that is gone */
		return list;
	}
	/* Relaxed, all: by the lock. */
	if (e->what & MRI_OS_HUP)
		atomic_set(&s->hup, true, relaxed);
	if (e->what & MRI_OS_IN) {
		atomic_set(&s->side[MRI_FD_READ].ready, true, relaxed);
		list = mri_netpoll_wake_side(s, MRI_FD_READ, 0, list);
	}
	if (e->what & (MRI_OS_OUT | MRI_OS_HUP)) {
		atomic_set(&s->side[MRI_FD_WRITE].ready, true, relaxed);
		list = mri_netpoll_wake_side(s, MRI_FD_WRITE, 0, list);
	}
	mri_lock_drop(&s->lock);
	return list;
}

/* The slots of n events. With many descriptors neither they nor who waits are in the
 * caches: first all are asked for, then they are looked at. */
static void fetch(const struct mri_os_event *e, int n, struct mri_fd *slots[])
{
	for (int i = 0; i < n; i++) {
		slots[i] = e[i].tag == MRI_RING_TAG ?
				   NULL :
				   mri_netpoll_find((int)(uint32_t)e[i].tag);
		__builtin_prefetch(slots[i], 1);
	}
	for (int i = 0; i < n; i++)
		if (slots[i])
			/* Relaxed: whoever it is, it is only fetched. */
			__builtin_prefetch(atomic_get(&slots[i]->side[MRI_FD_READ].waiter,
						      relaxed), 1);
}

/* --------------------------------------------------------------- polling -- */

bool mri_netpoll_is_open(void)
{
	/* N6: acquire, pairs with N6. */
	return atomic_get(&open_now, acquire) != 0;
}

void mri_netpoll_count(int n)
{
	/* Relaxed: I2 and I4 order it for who goes to sleep, and sysmon looks again. */
	atomic_add(&nwaiting, n, relaxed);
}

bool mri_netpoll_wanted(void)
{
	return atomic_get(&nwaiting, relaxed) != 0; /* relaxed: a hint */
}

struct g *mri_netpoll_wait(int64_t deadline)
{
	struct mri_os_event e[EVENTS];
	struct mri_fd *slots[EVENTS];
	struct g *list = NULL;
	int n = mri_os_poll_wait(e, EVENTS, deadline);

	if (unlikely(n < 0 && n != -EINTR))
		/* Somebody has closed what is not his. */
		mri_fatal("millrace: cannot wait for descriptors (error %d)", -n);
	/* Relaxed, both: coarse clocks. */
	atomic_set(&polled, atomic_get(&mri_sched.now, relaxed), relaxed);
	fetch(e, n, slots);
	/* The last first, so that the list is in the kernel's order. */
	while (n-- > 0)
		list = slots[n] ? is_ready(slots[n], &e[n], list) : mri_ring_ended(list);
	return list;
}

struct g *mri_netpoll_look(void)
{
	return mri_netpoll_is_open() ? mri_netpoll_wait(-1) : NULL;
}

bool mri_netpoll_late(int64_t now)
{
	/* Relaxed: a coarse clock. */
	return mri_netpoll_wanted() && now - atomic_get(&polled, relaxed) >= LATE;
}
