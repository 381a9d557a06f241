/* context.c - contexts: a tree, parts of which can be canceled.
 *
 * `parent` is the context that one was made from, and holds; values are looked up along
 * it. `up` is the nearest CANCEL above, in whose list of children a CANCEL or AFTER hangs
 * until it ends. A CANCEL with nothing above it is the top of a tree, and its lock guards
 * the links and the ending of all in that tree. One that has ended is linked to nothing:
 * what it had below has ended with it. Nothing here recurses: chains are as long as the
 * program makes them.
 *
 * Whoever cancels readies the goroutines it woke after dropping the lock; they are then
 * all that it knows of the tree. A timer that is due takes a reference under its heap's
 * lock, and so cannot meet a context that is being freed. Lock order: the tree's, a done
 * channel's, a timer heap's. */
#include "std/context.h"
#include "sync/chan_race.h"
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX

static struct mr_context *check(struct mr_context *c)
{
	if (MRI_IS_DEV && mri_ctxblock_is_freed(c))
		mri_panic("use of freed context");
	return c;
}

/* ----------------------------------------------------------- references -- */

static struct mr_context background = { .kind = CTX_ROOT, .deadline = NEVER };
static struct mr_context todo = { .kind = CTX_ROOT, .deadline = NEVER };

mr_context *mr_ctx_background(void)
{
	return &background;
}

mr_context *mr_ctx_todo(void)
{
	return &todo;
}

static void unlink_child(struct mr_context *c)
{
	if (!c->up)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		c->up->child = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next = c->prev = NULL;
}

/* Nobody holds c, so nothing is below it. */
static void destroy(struct mr_context *c)
{
	if (c->up && c->tree) {
		/* If it has ended, whoever cancels the tree may still be at it. */
		mri_lock_take(&c->tree->lock);
		if (!c->err)
			unlink_child(c);
		mri_lock_drop(&c->tree->lock);
	}
	if (c->timed)
		mri_timer_stop(&c->timer);
	if (c->kind == CTX_CANCEL) {
		atomic_set(&c->done.live, 0, relaxed);  /* relaxed: for checks */
		if (c->done.recvq)
			mri_panic("context freed while its done channel is waited on");
		free(c->text);
	}
	mri_ctxblock_free(c);
}

static void unref(struct mr_context *c)
{
	while (c->kind != CTX_ROOT) {
		struct mr_context *parent = c->parent;

		/* X3: acq_rel, pairs with itself: who destroys c has seen all that the
		 * others did to it. */
		if (atomic_sub(&c->refs, 1u, acq_rel) != 1)
			return;
		destroy(c);
		c = parent;
	}
}

mr_context *mr_ctx_ref(mr_context *c)
{
	/* Relaxed: the caller holds one already. */
	if (check(c)->kind != CTX_ROOT)
		atomic_add(&c->refs, 1u, relaxed);
	return c;
}

/* --------------------------------------------------------------- ending -- */

static const char *words(int err)
{
	return err == 0 ? NULL :
	       err == MR_CTX_CANCELED ? "context canceled" : "context deadline exceeded";
}

/* c is off the tree, whose lock is held. Puts whom that wakes in front of woken. */
static struct g *end(struct mr_context *c, int err, const char *cause, struct g *woken)
{
	c->cause = cause;
	/* Relaxed: who has seen the close, without any lock, finds both (B5). */
	atomic_set(&c->err, err, relaxed);
	mri_lock_take(&c->done.lock);
	woken = mri_chan_close_now(&c->done, woken);
	mri_lock_drop(&c->done.lock);
	if (c->timed)
		mri_timer_stop(&c->timer);
	return woken;
}

/* The functions' own references are ours now. */
static void start_funcs(struct mr_context *list)
{
	while (list) {
		struct mr_context *a = list;
		void (*fn)(void *) = a->fn;
		void *arg = a->arg, *pc = a->pc;

		list = a->next;
		mri_race_acquire(&a->timed);    /* its maker's, too */
		unref(a);
		mri_go_start(fn, arg, "ctx_after_func", 0, pc);
	}
}

/* End c, a CTX_CANCEL, and all below it, with a cause of its own or none. Owns text. */
static void cancel(struct mr_context *c, int err, char *text)
{
	struct mr_context *list = c, *funcs = NULL, *child;
	struct mri_lock *lock = &c->tree->lock;
	struct g *woken = NULL;

	mri_lock_take(lock);
	if (c->err) {
		mri_lock_drop(lock);
		free(text);
		return;
	}
	unlink_child(c);
	c->text = text;
	while ((c = list) != NULL) {
		list = c->next;
		if (c->kind == CTX_AFTER) {
			c->err = 1;
			c->next = funcs;
			funcs = c;
			continue;
		}
		woken = end(c, err, text ? text : words(err), woken);
		while ((child = c->child) != NULL) {
			c->child = child->next;
			child->next = list;
			list = child;
		}
	}
	mri_lock_drop(lock);
	mri_chan_ready_all(woken);
	start_funcs(funcs);
}

static struct mr_context *cancelable(struct mr_context *c)
{
	if (check(c)->kind != CTX_CANCEL)
		mri_panic("ctx_cancel of a context that cannot be canceled");
	mri_init_check_fork();
	return c;
}

void mr_ctx_cancel(mr_context *c)
{
	cancel(cancelable(c), MR_CTX_CANCELED, NULL);
}

void mr_ctx_cancel_cause(mr_context *c, const char *cause)
{
	cancelable(c);
	/* Without memory it is canceled all the same. */
	cancel(c, MR_CTX_CANCELED, cause ? strdup(cause) : NULL);
}

/* The child of a fork may return from main, through deferred calls of this. */
static bool ignores_free(struct mr_context *c)
{
	if (!c || unlikely(mri_forked))
		return true;
	/* Twice on the list, it would be two contexts. */
	if (mri_ctxblock_is_freed(c))
		mri_panic("free of freed context");
	return false;
}

void mr_ctx_unref(mr_context *c)
{
	if (!ignores_free(c))
		unref(c);
}

void mr_ctx_free(mr_context *c)
{
	if (ignores_free(c))
		return;
	if (c->kind == CTX_CANCEL)
		cancel(c, MR_CTX_CANCELED, NULL);
	unref(c);
}

/* --------------------------------------------------------------- making -- */

static struct mr_context *make(struct mr_context *parent, enum mri_ctx_kind kind,
			       void *pc)
{
	struct mr_context *c;

	mri_init_check_fork();
	if (!parent)
		mri_panic("cannot create context from nil parent");
	check(parent);
	if (MRI_IS_DEV)
		mri_self();     /* the runtime: it reports leaks at exit */
	c = mri_ctxblock_alloc();
	c->refs = 1;
	c->parent = mr_ctx_ref(parent);
	c->deadline = NEVER;
	c->pc = pc;
	if (kind != CTX_WITHOUT) {
		c->up = parent->kind == CTX_CANCEL ? parent : parent->up;
		c->deadline = parent->deadline;
	}
	if (kind == CTX_CANCEL || kind == CTX_AFTER)
		c->tree = c->up ? c->up->tree : c;
	if (kind == CTX_CANCEL) {
		mri_chan_init(&c->done, 1, 0, NULL);
		/* Relaxed, both: reports may look at any done channel. */
		atomic_set(&c->done.owner, c, relaxed);         /* chan_free refuses it */
		if (c->deadline != NEVER)
			atomic_set(&c->done.fed, mri_chan_always_fed, relaxed);
	}
	atomic_set(&c->kind, (uint8_t)kind, relaxed);   /* relaxed: nobody has it yet */
	return c;
}

/* Into the tree, the lock of which is held, or to the same end as the one above. */
static void join(struct mr_context *c)
{
	struct mr_context *up = c->up;

	if (!up)
		return;
	if (up->err) {
		/* Relaxed: c is nobody's yet. */
		atomic_set(&c->err, up->err, relaxed);
		c->cause = up->cause;
		atomic_set(&c->done.closed, true, relaxed);
		mri_race_acquire(&up->done.closed);
		mri_chan_race_close(&c->done);
		return;
	}
	c->next = up->child;
	if (c->next)
		c->next->prev = c;
	up->child = c;
}

/* At its time, under the heap's lock: keep c, unless it is being freed. */
static bool claim(struct mri_timer *t)
{
	struct mr_context *c = t->arg;
	uint32_t refs = atomic_get(&c->refs, relaxed);

	/* Relaxed, both: fire() takes the tree's lock, and drops the reference by X3. */
	while (refs && !atomic_cas(&c->refs, &refs, refs + 1, relaxed))
		;
	return refs != 0;
}

static void fire(struct mri_timer *t)
{
	struct mr_context *c = t->arg;

	mri_race_library_begin(&c->timed);
	cancel(c, MR_CTX_DEADLINE_EXCEEDED, NULL);
	mri_race_library_end();
	unref(c);
}

/* late: that time has come already. */
static struct mr_context *make_cancel(struct mr_context *parent, int64_t when, bool late,
				      void *pc)
{
	struct mr_context *c = make(parent, CTX_CANCEL, pc);
	bool armed = true;

	late = late && when < c->deadline;
	if (when < c->deadline) {
		c->deadline = when;
		atomic_set(&c->done.fed, mri_chan_always_fed, relaxed);
		c->timed = !late;
		mri_race_publish(&c->timed);
		c->timer = (struct mri_timer){
			.when = when, .claim = claim, .fire = fire, .arg = c };
	}
	mri_lock_take(&c->tree->lock);
	join(c);
	/* Under the lock: a cancel from above stops it, or it is not started. */
	if (c->timed && !c->err)
		armed = mri_timer_start(&c->timer);
	mri_lock_drop(&c->tree->lock);
	if (!armed) {
		unref(c);
		mri_panic("out of memory for a timer");
	}
	if (late)
		cancel(c, MR_CTX_DEADLINE_EXCEEDED, NULL);
	return c;
}

mr_context *mr_ctx_with_cancel(mr_context *parent)
{
	return make_cancel(parent, NEVER, false, __builtin_return_address(0));
}

mr_context *mr_ctx_with_deadline(mr_context *parent, int64_t when)
{
	return make_cancel(parent, when, when <= mri_choice_now(),
			   __builtin_return_address(0));
}

mr_context *mr_ctx_with_timeout(mr_context *parent, mr_duration d)
{
	int64_t now = mri_choice_now(), when = d > NEVER - now ? NEVER : now + d;

	return make_cancel(parent, d > 0 ? when : now, d <= 0,
			   __builtin_return_address(0));
}

mr_context *mr_ctx_with_value(mr_context *parent, const void *key, void *value)
{
	struct mr_context *c;

	if (!key)
		mri_panic("nil key");
	c = make(parent, CTX_VALUE, __builtin_return_address(0));
	c->key = key;
	c->value = value;
	return c;
}

mr_context *mr_ctx_without_cancel(mr_context *parent)
{
	return make(parent, CTX_WITHOUT, __builtin_return_address(0));
}

/* -------------------------------------------------------------- looking -- */

/* The one with which c ends, or NULL. */
static struct mr_context *ends_with(struct mr_context *c)
{
	return check(c)->kind == CTX_CANCEL ? c : c->up;
}

mr_recv_chan(char) mr_ctx_done(mr_context *c)
{
	c = ends_with(c);
	return c ? (mr_recv_chan(char))(void *)&c->done : NULL;
}

int mr_ctx_err(mr_context *c)
{
	/* By the close, not by err: both at once for whoever looks. */
	c = ends_with(c);
	if (!c || !mri_chan_is_closed(&c->done))
		return 0;
	mri_race_acquire(&c->done.closed);
	return atomic_get(&c->err, relaxed);    /* relaxed: ordered by the close */
}

const char *mr_ctx_errstr(mr_context *c)
{
	return words(mr_ctx_err(c));
}

const char *mr_ctx_cause(mr_context *c)
{
	return mr_ctx_err(c) ? ends_with(c)->cause : NULL;
}

bool mr_ctx_deadline(mr_context *c, int64_t *when)
{
	if (check(c)->deadline == NEVER)
		return false;
	if (when)
		*when = c->deadline;
	return true;
}

void *mr_ctx_value(mr_context *c, const void *key)
{
	for (check(c); c; c = c->parent)
		if (c->kind == CTX_VALUE && c->key == key)
			return c->value;
	return NULL;
}

/* ----------------------------------------------------------- after_func -- */

mr_ctx_after *mr_ctx_after_func(mr_context *ctx, void (*fn)(void *), void *arg)
{
	struct mr_context *a;
	bool ended;

	if (!fn)
		mri_panic("ctx_after_func of a NULL function");
	a = make(ctx, CTX_AFTER, __builtin_return_address(0));
	a->refs = 2;                    /* the handle's, and the function's */
	a->fn = fn;
	a->arg = arg;
	mri_race_publish(&a->timed);
	mri_lock_take(&a->tree->lock);
	join(a);
	ended = a->err != 0;
	mri_lock_drop(&a->tree->lock);
	if (ended)
		start_funcs(a);
	return (mr_ctx_after *)a;
}

bool mr_ctx_after_stop(mr_ctx_after *handle)
{
	struct mr_context *a = (struct mr_context *)handle;
	bool stopped;

	if (ignores_free(a))
		return false;
	mri_lock_take(&a->tree->lock);
	stopped = !a->err;
	if (stopped) {
		unlink_child(a);
		a->err = 1;
	}
	mri_lock_drop(&a->tree->lock);
	if (stopped)
		unref(a);
	unref(a);
	return stopped;
}
