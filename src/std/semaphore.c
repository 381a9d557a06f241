/* semaphore.c - weighted semaphores: a sum, and a FIFO of those for whom it is too large.
 *
 * Everything is by the bucket lock of the semaphore's address (sync/waitq.h). Whoever
 * waits has a waiter there and one in the queue of his context's done channel, as in a
 * select of two cases, and whichever side sets g->chosen first has him.
 *
 * Whenever the bucket lock is free the first who waits asks for more than is left. */
#include "millrace/semaphore.h"
#include "sync/chan.h"

struct request {
	struct mri_waiter w;            /* on the semaphore */
	struct mri_waiter done;         /* on the channel */
	struct mri_chan *chan;          /* NULL: the context never ends */
	struct mri_lock *bucket;        /* locked until parked */
	int64_t n;
};

static struct mri_waiter **list(mr_semaphore *s)
{
	return (struct mri_waiter **)&s->mr_wait;
}

static void check_weight(int64_t n)
{
	if (n < 0)
		mri_panic("semaphore: negative weight");
}

/* By the bucket lock: true if n could be had, and then they are. */
static bool take(mr_semaphore *s, int64_t n)
{
	if (*list(s) || n > s->mr_size - s->mr_held)
		return false;
	s->mr_held += n;
	mri_race_acquire(s);
	return true;
}

/* By the bucket lock: serve from the front those for whom there is enough, and return
 * them chained by g->link. */
static struct g *serve(mr_semaphore *s)
{
	struct g *woken = NULL, **end = &woken;
	struct mri_waiter *w;

	while ((w = *list(s)) != NULL) {
		struct request *r = container_of(w, struct request, w);
		uint32_t none = 0;

		if (r->n > s->mr_size - s->mr_held)
			break;
		mri_waitq_pop(list(s));
		/* His context may have ended. Relaxed: it only decides who; he made it 0
		 * under the bucket lock. */
		if (!atomic_cas(&w->g->chosen, &none, 1u, relaxed))
			continue;
		s->mr_held += r->n;
		/* Now, not when it runs: releases between the two do not order it. */
		mri_race_acquire_for(&w->g->san, s);
		w->g->woken_by = w;
		*end = w->g;
		end = &w->g->link;
	}
	*end = NULL;
	return woken;
}

static void unlock_both(void *arg)
{
	struct request *r = arg;
	struct mri_chan *c = r->chan;

	/* Once the first lock is dropped r may be gone. */
	mri_waitq_unlock(r->bucket);
	if (c)
		mri_chan_unlock(c);
}

/* The context has ended, and this request is off the channel's queue. Those behind it may
 * have waited for it only. */
static void give_up(mr_semaphore *s, struct request *r)
{
	struct mri_lock *bucket = mri_waitq_lock(s);
	struct g *woken;

	if (r->w.queued)
		mri_waitq_remove(list(s), &r->w);
	woken = serve(s);
	mri_waitq_unlock(bucket);
	mri_chan_ready_all(woken);
}

/* Both locks are held, and dropped here. True: served; false: the context has ended. */
static bool wait(mr_semaphore *s, struct request *r)
{
	struct g *g = r->w.g;

	/* Relaxed: the locks publish it. */
	atomic_set(&g->chosen, 0u, relaxed);
	g->woken_by = NULL;
	atomic_set(&g->wait.from, r->chan, relaxed);    /* relaxed: for reports */
	mri_waitq_push(list(s), &r->w);
	if (r->chan)
		mri_chan_queue(r->chan, &r->chan->recvq, &r->done);
	mri_sched_park(unlock_both, r, MRI_WHY_SEMAPHORE, s);
	if (g->woken_by != &r->w) {
		give_up(s, r);
		return false;
	}
	if (r->chan) {
		mri_lock_take(&r->chan->lock);
		if (r->done.queued)
			mri_chan_unqueue(&r->chan->recvq, &r->done);
		mri_lock_drop(&r->chan->lock);
	}
	return true;
}

static int acquire_slow(mr_semaphore *s, mr_context *ctx, int64_t n)
{
	struct request r = { .n = n, .w.is_select = 1, .done.is_select = 1 };
	bool ended;

	r.w.g = r.done.g = mri_self();
	r.chan = mri_chan_of(mr_ctx_done(ctx));
	if (r.chan)
		mri_lock_take(&r.chan->lock);
	ended = r.chan && r.chan->closed;
	r.bucket = mri_waitq_lock(s);
	if (ended || take(s, n))
		unlock_both(&r);
	else
		ended = !wait(s, &r);
	return ended ? mr_ctx_err(ctx) : 0;
}

int mr_sem_acquire(mr_semaphore *s, mr_context *ctx, int64_t n)
{
	int err;

	mri_init_check_fork();
	check_weight(n);
	err = mr_ctx_err(ctx);
	if (err)
		return err;
	if (mr_sem_tryacquire(s, n))
		return 0;
	if (n <= s->mr_size)
		return acquire_slow(s, ctx, n);
	/* It must not hold up those who come after it, who may well be served. */
	mr_chan_recv_into(mr_ctx_done(ctx), NULL);
	return mr_ctx_err(ctx);
}

bool mr_sem_tryacquire(mr_semaphore *s, int64_t n)
{
	struct mri_lock *bucket;
	bool taken;

	check_weight(n);
	bucket = mri_waitq_lock(s);
	taken = take(s, n);
	mri_waitq_unlock(bucket);
	return taken;
}

void mr_sem_release(mr_semaphore *s, int64_t n)
{
	struct mri_lock *bucket;
	struct g *woken = NULL;
	bool held;

	/* In the child of a fork a deferred release must work, and nobody waits. */
	if (unlikely(mri_forked))
		return;
	check_weight(n);
	bucket = mri_waitq_lock(s);
	held = n <= s->mr_held;
	if (held) {
		s->mr_held -= n;
		mri_race_release(s);
		woken = serve(s);
	}
	mri_waitq_unlock(bucket);
	if (!held)
		mri_panic("semaphore: released more than held");
	mri_chan_ready_all(woken);
}
