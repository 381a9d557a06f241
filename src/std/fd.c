/* fd.c - operations on descriptors: turns, waits, deadlines, closing. See rt/netpoll.h.
 *
 * Trying comes before waiting. The poller sets `ready` at each change that the kernel
 * reports; who tries resets it first, so that a change in between is not lost, and sets
 * it again unless that was all there is. */
#include "std/fd.h"
#include "rt/ring.h"
#include "sync/chan.h"
#include <errno.h>

/* Who waits: on the slot, and on the queue of his context's done channel, as in a select
 * of two cases; whichever side sets g->chosen first has him. */
struct wait {
	struct mri_fd_waiter w;
	struct mri_waiter done;
	struct mri_chan *chan; /* NULL: the context never ends */
	struct mri_fd *s;
};

/* ----------------------------------------------------------- open, close -- */

/* s->lock held: a new life. */
static int open_slot(struct mri_fd *s, enum mri_os_kind kind)
{
	int rc;

	s->state = MRI_FD_FREE; /* mri_fd_open() also gets those that we have lost */
	if (++s->seq == 0)
		s->seq = 1;
	s->listens = false;
	/* Relaxed, all: by the lock. */
	atomic_set(&s->kind, (uint8_t)kind, relaxed);
	atomic_set(&s->hup, false, relaxed);
	for (int way = 0; way < 2; way++) {
		struct mri_fd_side *d = &s->side[way];

		atomic_set(&d->ready, true, relaxed);
		d->busy = d->expired = false;
		s->rest[way].deadline = 0;
	}
	if (kind == MRI_OS_FILE) {
		s->state = MRI_FD_OPEN;
		return 0;
	}
	rc = mri_netpoll_watch(s);
	if (rc == -EEXIST) {
		/* Closed behind our back, and a copy of it has lived on. */
		mri_os_poll_remove(s->fd);
		rc = mri_netpoll_watch(s);
	}
	if (rc == -EPERM) {
		/* Relaxed: as above. */
		atomic_set(&s->kind, (uint8_t)MRI_OS_FILE, relaxed);
		rc = 0;
	}
	if (rc == 0)
		s->state = MRI_FD_OPEN;
	return rc;
}

int mri_fd_open(int fd, enum mri_os_kind kind, struct mri_fd_ref *ref)
{
	struct g *stale = NULL;
	struct mri_fd *s;
	int rc = mri_netpoll_slot(fd, &s);

	if (rc < 0)
		return rc;
	mri_lock_take(&s->lock);
	/* The kernel has just given the number out: who holds it has lost it. */
	for (int way = 0; way < 2 && s->state == MRI_FD_OPEN; way++)
		stale = mri_netpoll_wake_side(s, way, -ECANCELED, stale);
	rc = open_slot(s, kind);
	*ref = (struct mri_fd_ref){ s, s->seq };
	mri_lock_drop(&s->lock);
	mri_sched_ready_all(stale);
	return rc;
}

int mri_fd_use(int fd, struct mri_fd_ref *ref)
{
	struct mri_fd *s;
	int rc = mri_netpoll_slot(fd, &s);

	if (rc < 0)
		return rc;
	*ref = (struct mri_fd_ref){ s, 0 };
	mri_lock_take(&s->lock);
	if (s->state == MRI_FD_FREE) {
		rc = mri_os_fd_kind(fd);
		if (rc >= 0)
			rc = open_slot(s, (enum mri_os_kind)rc);
		mri_race_release(&s->closer);
	}
	mri_lock_drop(&s->lock);
	return rc;
}

/* The number has been closed by others and given out again. */
static bool is_lost(struct mri_fd_ref ref)
{
	return ref.seq && ref.seq != ref.s->seq;
}

static bool is_open(struct mri_fd_ref ref)
{
	return ref.s->state == MRI_FD_OPEN && !is_lost(ref);
}

static void disarm(struct mri_fd *s, enum mri_fd_way way)
{
	s->rest[way].deadline = 0;
	if (s->side[way].armed && mri_timer_stop(&s->rest[way].timer))
		s->side[way].armed = false;
}

static bool is_busy(const struct mri_fd *s)
{
	return s->side[MRI_FD_READ].busy || s->side[MRI_FD_WRITE].busy;
}

static void unlock(void *arg)
{
	mri_lock_drop(&((struct mri_fd *)arg)->lock);
}

int mri_fd_close(struct mri_fd_ref ref)
{
	struct mri_fd *s = ref.s;
	struct g *list = NULL;
	int fd;

	mri_lock_take(&s->lock);
	if (!is_open(ref)) {
		bool unknown = s->state == MRI_FD_FREE && !ref.seq;

		mri_lock_drop(&s->lock);
		return unknown ? mri_os_fd_close(s->fd) : -EBADF;
	}
	s->state = MRI_FD_CLOSING;
	mri_race_release(&s->state);
	for (int way = 0; way < 2; way++) {
		list = mri_netpoll_wake_side(s, way, -ECANCELED, list);
		disarm(s, way);
	}
	mri_lock_drop(&s->lock);
	mri_sched_ready_all(list);
	/* Those who are between begin and end use the number. */
	mri_lock_take(&s->lock);
	if (is_busy(s)) {
		s->closer = mri_self();
		mri_sched_park(unlock, s, MRI_WHY_IO_TURN, s);
		mri_lock_take(&s->lock);
	}
	if (s->kind != MRI_OS_FILE)
		mri_os_poll_remove(s->fd);
	fd = s->fd;
	mri_race_acquire(&s->closer);
	s->state = MRI_FD_FREE;
	mri_lock_drop(&s->lock);
	/* Not before: then the number may be somebody else's, and the slot. */
	return mri_os_fd_close(fd);
}

/* ------------------------------------------------------------- waiting -- */

static void unlock_both(void *arg)
{
	struct wait *w = arg;
	struct mri_chan *c = w->chan;

	/* Once the first lock is dropped w may be gone. */
	mri_lock_drop(&w->s->lock);
	if (c)
		mri_chan_unlock(c);
}

/* Both locks are held, and dropped here, and w is on a queue of the slot. True: its waker
 * has said why; false: the context has ended, and w may still be queued. */
static bool park(struct wait *w, enum mri_why why)
{
	struct g *g = w->w.g;

	/* Relaxed: the locks publish it. */
	atomic_set(&g->chosen, 0u, relaxed);
	g->woken_by = NULL;
	if (w->chan)
		mri_chan_queue(w->chan, &w->chan->recvq, &w->done);
	mri_sched_park(unlock_both, w, why, w->s);
	if (g->woken_by != &w->w)
		return false;
	if (w->chan) {
		mri_lock_take(&w->chan->lock);
		if (w->done.queued)
			mri_chan_unqueue(&w->chan->recvq, &w->done);
		mri_lock_drop(&w->chan->lock);
	}
	if (w->w.err == -ECANCELED)
		mri_race_acquire(&w->s->state);
	return true;
}

/* Takes both locks; the context's error if it has ended, with none of them held. */
static int prepare(struct wait *w, struct mri_fd *s, mr_context *ctx)
{
	*w = (struct wait){ .s = s, .done.is_select = 1 };
	w->w.g = w->done.g = mri_self();
	w->chan = mri_chan_of(mr_ctx_done(ctx));
	if (w->chan) {
		mri_lock_take(&w->chan->lock);
		if (w->chan->closed) {
			mri_lock_drop(&w->chan->lock);
			return mr_ctx_err(ctx);
		}
	}
	mri_lock_take(&s->lock);
	return 0;
}

static void unqueue(struct mri_fd *s, enum mri_fd_way way, struct mri_fd_waiter *w)
{
	struct mri_fd_waiter **at = &s->side[way].first, *before = NULL;

	for (; *at != w; at = &(*at)->next)
		before = *at;
	*at = w->next;
	if (s->rest[way].last == w)
		s->rest[way].last = before;
}

/* s->lock held. */
static int may_begin(struct mri_fd_ref ref, const struct mri_fd_side *d)
{
	if (unlikely(!is_open(ref)))
		return -EBADF;
	return unlikely(d->expired) ? -ETIMEDOUT : 0;
}

static int wait_for_turn(struct mri_fd_ref ref, enum mri_fd_way way, mr_context *ctx)
{
	struct mri_fd *s = ref.s;
	struct mri_fd_side *d = &s->side[way];
	struct wait w;
	int err = prepare(&w, s, ctx);

	if (err)
		return err;
	err = may_begin(ref, d);
	if (err || !d->busy) {
		if (!err)
			d->busy = true;
		unlock_both(&w);
		return err;
	}
	if (d->first)
		s->rest[way].last->next = &w.w;
	else
		d->first = &w.w;
	s->rest[way].last = &w.w;
	w.w.queued = true;
	if (park(&w, MRI_WHY_IO_TURN))
		return w.w.err;
	mri_lock_take(&s->lock);
	if (w.w.queued)
		unqueue(s, way, &w.w);
	mri_lock_drop(&s->lock);
	return mr_ctx_err(ctx);
}

int mri_fd_begin(struct mri_fd_ref ref, enum mri_fd_way way, mr_context *ctx)
{
	struct mri_fd *s = ref.s;
	struct mri_fd_side *d = &s->side[way];
	int err = mr_ctx_err(ctx);
	bool busy;

	if (unlikely(err))
		return err;
	mri_lock_take(&s->lock);
	err = may_begin(ref, d);
	busy = d->busy;
	if (likely(!err && !busy))
		d->busy = true;
	mri_lock_drop(&s->lock);
	return likely(err || !busy) ? err : wait_for_turn(ref, way, ctx);
}

void mri_fd_end(struct mri_fd_ref ref, enum mri_fd_way way)
{
	struct mri_fd *s = ref.s;
	struct mri_fd_side *d = &s->side[way];
	struct mri_fd_waiter *w;
	struct g *wake = NULL;

	mri_lock_take(&s->lock);
	if (unlikely(is_lost(ref))) {
		mri_lock_drop(&s->lock);        /* and with it the turn */
		return;
	}
	mri_race_release(&s->closer);
	while (!wake && (w = d->first) != NULL) {
		d->first = w->next;
		w->queued = false;
		wake = mri_netpoll_wake(w, 0, NULL);
	}
	if (!wake) {
		d->busy = false;
		if (unlikely(s->state == MRI_FD_CLOSING) && !is_busy(s)) {
			wake = s->closer;
			s->closer = NULL;
		}
	}
	mri_lock_drop(&s->lock);
	if (unlikely(wake != NULL))
		mri_sched_ready(wake);
}

/* s->lock held. */
static int may_wait(struct mri_fd_ref ref, unsigned ways, bool *ready)
{
	struct mri_fd *s = ref.s;

	*ready = false;
	if (unlikely(!is_open(ref)))
		return -ECANCELED;
	for (unsigned way = 0; way < 2; way++) {
		if (!(ways & 1u << way))
			continue;
		if (unlikely(s->side[way].expired))
			return -ETIMEDOUT;
		/* Relaxed: by the lock. */
		*ready |= atomic_get(&s->side[way].ready, relaxed);
	}
	return 0;
}

/* Who waits on both sides, or whose context has ended, may still be on one. */
static void leave(struct mri_fd *s, const struct mri_fd_waiter *w)
{
	mri_lock_take(&s->lock);
	for (int way = 0; way < 2; way++)
		if (s->side[way].waiter == w)
			/* Relaxed: by the lock. */
			atomic_set(&s->side[way].waiter, NULL, relaxed);
	mri_lock_drop(&s->lock);
}

int mri_fd_wait(struct mri_fd_ref ref, unsigned ways, mr_context *ctx)
{
	struct mri_fd *s = ref.s;
	struct wait w;
	int err = prepare(&w, s, ctx);
	bool ready, woken;

	if (err)
		return err;
	err = may_wait(ref, ways, &ready);
	if (err || ready) {
		unlock_both(&w);
		return err;
	}
	for (unsigned way = 0; way < 2; way++)
		if (ways & 1u << way)
			/* Relaxed: by the lock. */
			atomic_set(&s->side[way].waiter, &w.w, relaxed);
	mri_netpoll_count(1);
	woken = park(&w, MRI_WHY_IO);
	mri_netpoll_count(-1);
	if (!woken || (ways & (ways - 1)))
		leave(s, &w.w);
	return woken ? w.w.err : mr_ctx_err(ctx);
}

/* ------------------------------------------------------------- deadlines -- */

/* The timer only says that it may be time: the deadline may have been moved. */
static void deadline_passed(struct mri_timer *t)
{
	struct mri_fd_rest *r = container_of(t, struct mri_fd_rest, timer);
	struct mri_fd *s = t->arg;
	enum mri_fd_way way = r == &s->rest[MRI_FD_WRITE] ? MRI_FD_WRITE : MRI_FD_READ;
	struct mri_fd_side *d = &s->side[way];
	struct g *list = NULL;

	mri_lock_take(&s->lock);
	d->armed = false;
	if (r->deadline > mri_choice_now()) {
		t->when = r->fires = r->deadline;
		d->armed = mri_timer_start(t);
	}
	/* Or there is no memory for the timer: too early rather than never. */
	if (r->deadline && !d->armed) {
		d->expired = true;
		list = mri_netpoll_wake_side(s, way, -ETIMEDOUT, NULL);
	}
	mri_lock_drop(&s->lock);
	mri_sched_ready_all(list);
}

int mri_fd_set_deadline(struct mri_fd_ref ref, enum mri_fd_way way, int64_t when)
{
	struct mri_fd *s = ref.s;
	struct mri_fd_side *d = &s->side[way];
	struct mri_fd_rest *r = &s->rest[way];
	struct g *list = NULL;
	int rc = 0;

	mri_lock_take(&s->lock);
	if (!is_open(ref)) {
		mri_lock_drop(&s->lock);
		return -EBADF;
	}
	r->deadline = when;
	d->expired = when && when <= mri_choice_now();
	if (d->expired) {
		list = mri_netpoll_wake_side(s, way, -ETIMEDOUT, NULL);
	} else if (when && d->armed && when < r->fires && mri_timer_stop(&r->timer)) {
		d->armed = false;
	}
	/* One that fires earlier looks again. */
	if (when && !d->expired && !d->armed) {
		r->timer.when = r->fires = when;
		r->timer.fire = deadline_passed;
		r->timer.arg = s;
		d->armed = mri_timer_start(&r->timer);
		rc = d->armed ? 0 : -ENOMEM;
	}
	mri_lock_drop(&s->lock);
	mri_sched_ready_all(list);
	return rc;
}

/* ------------------------------------------------------------ operations -- */

/* Without readiness: on a thread of its own, as far as others can tell. */
static int64_t do_blocking(struct mri_fd *s, struct mri_fd_op *op)
{
	int64_t rc;

	mri_sched_block_begin();
	rc = op->call(op, s->fd);
	mri_sched_block_end();
	return rc;
}

/* One that is alone is done soonest on its thread; several need no thread each. */
static int64_t read_file(struct mri_fd *s, struct mri_fd_op *op)
{
	static uint32_t under_way;      /* atomic */
	int64_t rc = op->call_cached(op, s->fd);

	if (rc != -EAGAIN)
		return rc;
	/* Relaxed, both: a hint. */
	if (atomic_add(&under_way, 1u, relaxed) != 0 || mri_choice_hostile(NULL, 2))
		rc = mri_ring_read(s, op->buf, op->n);
	if (rc == -EAGAIN)
		rc = do_blocking(s, op);
	atomic_sub(&under_way, 1u, relaxed);
	return rc;
}

/* In a hostile build the kernel's news, a close or a deadline may come just here. */
static void dawdle(void)
{
	if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 4))
		mri_sched_yield();
}

/* Inlined into each of the following with its call: after a system call it is the
 * returns through one's own frames that are dear, since the processor has forgotten where
 * they go. */
always_inline int64_t transfer(struct mri_fd_ref ref, enum mri_fd_way way,
			       mr_context *ctx, struct mri_fd_op *op,
			       int64_t (*call)(struct mri_fd_op *op, int fd))
{
	struct mri_fd *s = ref.s;
	struct mri_fd_side *d = &s->side[way];
	int64_t rc = mri_fd_begin(ref, way, ctx);

	if (unlikely(rc < 0))
		return rc;
	/* Relaxed: as at the begin, unless we have lost it meanwhile. */
	op->kind = (enum mri_os_kind)atomic_get(&s->kind, relaxed);
	op->drained = false;
	if (op->kind == MRI_OS_FILE) {
		rc = op->call_cached ? read_file(s, op) : do_blocking(s, op);
		mri_fd_end(ref, way);
		return rc;
	}
	for (;;) {
		/* Relaxed, all: what the poller saw comes after it set it. */
		if (atomic_get(&d->ready, relaxed)) {
			atomic_set(&d->ready, false, relaxed);
			dawdle();
			rc = call(op, s->fd);
			if (rc != -EAGAIN)
				break;
		}
		dawdle();
		rc = mri_fd_wait(ref, 1u << way, ctx);
		if (rc < 0)
			break;
	}
	if (!op->drained || atomic_get(&s->hup, relaxed))
		atomic_set(&d->ready, true, relaxed);
	mri_fd_end(ref, way);
	return rc;
}

int64_t mri_fd_do(struct mri_fd_ref ref, enum mri_fd_way way, mr_context *ctx,
		  struct mri_fd_op *op)
{
	return transfer(ref, way, ctx, op, op->call);
}

static int64_t call_read(struct mri_fd_op *op, int fd)
{
	int64_t got = mri_os_fd_read(fd, op->kind, op->buf, op->n);

	/* Of a stream that is less than asked for nothing is left: epoll(7). */
	op->drained = op->kind == MRI_OS_STREAM && got > 0 && (size_t)got < op->n;
	return got;
}
static int64_t call_read_cached(struct mri_fd_op *op, int fd)
{
	int64_t got = mri_os_fd_read_cached(fd, op->buf, op->n);

	if (got > 0)
		mri_race_access(op->buf, (size_t)got, true, __builtin_return_address(0));
	return got;
}
static int64_t call_write(struct mri_fd_op *op, int fd)
{
	return mri_os_fd_write(fd, op->kind, op->buf, op->n);
}

int64_t mri_fd_read(struct mri_fd_ref ref, mr_context *ctx, void *buf, size_t n)
{
	struct mri_fd_op op = { .call = call_read, .call_cached = call_read_cached };

	op.buf = buf;
	op.n = n;
	return transfer(ref, MRI_FD_READ, ctx, &op, call_read);
}

int64_t mri_fd_write(struct mri_fd_ref ref, mr_context *ctx, const void *buf, size_t n)
{
	struct mri_fd_op op = { .call = call_write,
				.buf = (void *)(uintptr_t)buf,
				.n = n };

	return transfer(ref, MRI_FD_WRITE, ctx, &op, call_write);
}

/* It goes on until the kernel takes no more; what it has taken counts. */
static int64_t call_writeall(struct mri_fd_op *op, int fd)
{
	do {
		int64_t put = mri_os_fd_write(fd, op->kind, (char *)op->buf + op->done,
					      op->n - op->done);

		if (put < 0)
			return put;
		op->done += (size_t)put;
	} while (op->done < op->n && op->kind != MRI_OS_SOCKET);
	return (int64_t)op->done;
}

int64_t mri_fd_writeall(struct mri_fd_ref ref, mr_context *ctx, const void *buf, size_t n)
{
	struct mri_fd_op op = { .call = call_writeall,
				.buf = (void *)(uintptr_t)buf,
				.n = n };
	int64_t rc = transfer(ref, MRI_FD_WRITE, ctx, &op, call_writeall);

	return rc < 0 && op.done ? (int64_t)op.done : rc;
}
