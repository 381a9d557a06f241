/* context.c - contexts: a tree, parts of which can be canceled.
 *
 * `parent` is the context that one was made from, and holds; values are looked up along
 * it. `up` is the nearest one above that can be canceled, in whose list of children a
 * CANCEL or AFTER hangs until it ends. A CANCEL with nothing above it is the top of a
 * tree, and its lock guards the links and the ending of all in that tree (CTX rank).
 * One that has ended is linked to nothing: what it had below has ended with it.
 *
 * Nothing here recurses: chains are as long as the program makes them.
 *
 * The done channel lies in the context, so blocks are reused as contexts only, with their
 * locks as they are, for the reason that channels are (chan.c). Whoever cancels a tree
 * readies the goroutines it woke after dropping the lock; these are then all that it
 * still knows of the tree. A timer that is due takes a reference under its heap's lock,
 * and so cannot meet a context that is being freed. */
#include "millrace/context.h"
#include "base/hooks.h"
#include "std/std.h"
#include "sync/chan.h"
#include <stdlib.h>
#include <string.h>

enum kind { FREED, ROOT, CANCEL, VALUE, WITHOUT, AFTER, NKINDS };
enum { SLAB = 64 };
#define NEVER INT64_MAX

struct mr_context {
	uint32_t refs;                  /* atomic; from 0 it does not rise again */
	uint8_t kind;                   /* atomic: what uses a freed one looks at it */
	bool timed;                     /* has a deadline earlier than those above */
	/* never changed */
	struct mr_context *parent;      /* a reference */
	struct mr_context *up;          /* a CANCEL, or NULL */
	struct mr_context *tree;        /* CANCEL, AFTER: the top one, maybe itself */
	int64_t deadline;               /* own or from above */
	void *pc;                       /* who made it */
	union {
		struct { const void *key; void *value; };       /* VALUE */
		struct { void (*fn)(void *); void *arg; };      /* AFTER */
	};
	/* by tree->lock, of a CANCEL or AFTER */
	struct mr_context *child;       /* first of its list */
	struct mr_context *next, *prev; /* in up's list, or in one of an ending */
	int err;                        /* atomic; why it ended. AFTER: 1, not waiting */
	const char *cause;              /* X1; text, or that of one above, or static */
	char *text;                     /* the cause it was canceled with */
	struct mri_timer timer;         /* if timed */
	/* what keeps its locks' words from one use of the block to the next */
	struct mri_chan done;           /* elements of 1 byte, none is ever sent */
	struct mri_lock lock;           /* of the tree that this is the top of */
	struct mr_context *next_free;
};

/* --------------------------------------------------------------- blocks -- */

struct slab {
	struct slab *next;
	struct mr_context ctx[SLAB];
};
static struct mri_lock free_lock = MRI_LOCK_INIT(MRI_RANK_LEAF);
static struct slab *slabs;
static struct mr_context *free_list, *free_tail;

static void add_slab(void)
{
	struct slab *s = mri_try_alloc(sizeof *s);

	if (!s)
		return;
	for (int i = 0; i < SLAB; i++) {
		mri_lock_init(&s->ctx[i].lock, MRI_RANK_CTX);
		mri_lock_init(&s->ctx[i].done.lock, MRI_RANK_CHAN);
		s->ctx[i].next_free = i + 1 < SLAB ? &s->ctx[i + 1] : NULL;
	}
	s->next = slabs;
	slabs = s;
	free_list = &s->ctx[0];
	free_tail = &s->ctx[SLAB - 1];
}

static struct mr_context *block_alloc(void)
{
	struct mr_context *c;

	mri_lock_take(&free_lock);
	if (!free_list)
		add_slab();
	c = free_list;
	if (c)
		free_list = c->next_free;
	mri_lock_drop(&free_lock);
	if (!c)
		mri_panic("out of memory for a context");
	memset(c, 0, offsetof(struct mr_context, done));
	return c;
}

/* First in, first out: the use of a freed one is found for longer. */
static void block_free(struct mr_context *c)
{
	mri_lock_take(&free_lock);
	/* Relaxed: for checks of programs that are wrong anyway. */
	atomic_set(&c->kind, (uint8_t)FREED, relaxed);
	c->next_free = NULL;
	if (free_list)
		free_tail->next_free = c;
	else
		free_list = c;
	free_tail = c;
	mri_lock_drop(&free_lock);
}

static bool is_freed(const struct mr_context *c)
{
	return atomic_get(&c->kind, relaxed) == FREED;  /* relaxed: as above */
}

static struct mr_context *check(struct mr_context *c)
{
	if (MRI_IS_DEV && is_freed(c))
		mri_panic("use of freed context");
	return c;
}

/* ----------------------------------------------------------- references -- */

static struct mr_context background = { .kind = ROOT, .deadline = NEVER };
static struct mr_context todo = { .kind = ROOT, .deadline = NEVER };

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
	if (c->kind == CANCEL) {
		atomic_set(&c->done.live, 0, relaxed);  /* relaxed: for checks */
		if (c->done.recvq)
			mri_panic("context freed while its done channel is waited on");
		free(c->text);
	}
	block_free(c);
}

static void unref(struct mr_context *c)
{
	while (c->kind != ROOT) {
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
	if (check(c)->kind != ROOT)
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
	mri_lock_take(&c->done.lock);
	/* X1: release, pairs with X2: the cause. And under this lock: whoever has seen
	 * it finds the channel closed. */
	atomic_set(&c->err, err, release);
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
		unref(a);
		mri_go_start(fn, arg, "ctx_after_func", pc);
	}
}

/* End c, a CANCEL, and all below it, with a cause of its own or none. Owns text. */
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
		if (c->kind == AFTER) {
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
	if (check(c)->kind != CANCEL)
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
	char *text = NULL;

	cancelable(c);
	if (cause && (text = strdup(cause)) == NULL)
		mri_panic("out of memory for the cause of a cancel");
	cancel(c, MR_CTX_CANCELED, text);
}

/* The child of a fork may return from main, through deferred calls of this. */
static bool ignores_free(struct mr_context *c)
{
	if (!c || unlikely(mri_forked))
		return true;
	if (is_freed(c))        /* twice on the list, it would be two contexts */
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
	if (c->kind == CANCEL)
		cancel(c, MR_CTX_CANCELED, NULL);
	unref(c);
}

/* --------------------------------------------------------------- making -- */

static struct mr_context *make(struct mr_context *parent, enum kind kind, void *pc)
{
	struct mr_context *c;

	mri_init_check_fork();
	if (!parent)
		mri_panic("cannot create context from nil parent");
	check(parent);
	if (MRI_IS_DEV)
		mri_self();     /* the runtime: it reports leaks at exit */
	c = block_alloc();
	c->refs = 1;
	c->parent = mr_ctx_ref(parent);
	c->deadline = NEVER;
	c->pc = pc;
	if (kind != WITHOUT) {
		c->up = parent->kind == CANCEL ? parent : parent->up;
		c->deadline = parent->deadline;
	}
	if (kind == CANCEL || kind == AFTER)
		c->tree = c->up ? c->up->tree : c;
	if (kind == CANCEL)
		mri_chan_init(&c->done, 1, 0, NULL);
	c->done.owner = c;              /* chan_free refuses it */
	atomic_set(&c->kind, (uint8_t)kind, relaxed);   /* relaxed: as in block_free */
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
		c->done.closed = true;
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

	cancel(c, MR_CTX_DEADLINE_EXCEEDED, NULL);
	unref(c);
}

static struct mr_context *make_cancel(struct mr_context *parent, int64_t when, void *pc)
{
	struct mr_context *c = make(parent, CANCEL, pc);
	bool armed = true, late = when < c->deadline && when <= mri_choice_now();

	if (when < c->deadline) {
		c->deadline = when;
		c->timed = !late;
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
	return make_cancel(parent, NEVER, __builtin_return_address(0));
}

mr_context *mr_ctx_with_deadline(mr_context *parent, int64_t when)
{
	return make_cancel(parent, when, __builtin_return_address(0));
}

mr_context *mr_ctx_with_timeout(mr_context *parent, mr_duration d)
{
	int64_t now = mri_choice_now(), when = d > NEVER - now ? NEVER : now + d;

	return make_cancel(parent, d > 0 ? when : now, __builtin_return_address(0));
}

mr_context *mr_ctx_with_value(mr_context *parent, const void *key, void *value)
{
	struct mr_context *c;

	if (!key)
		mri_panic("nil key");
	c = make(parent, VALUE, __builtin_return_address(0));
	c->key = key;
	c->value = value;
	return c;
}

mr_context *mr_ctx_without_cancel(mr_context *parent)
{
	return make(parent, WITHOUT, __builtin_return_address(0));
}

/* -------------------------------------------------------------- looking -- */

/* The one with which c ends, or NULL. */
static struct mr_context *ends_with(struct mr_context *c)
{
	return check(c)->kind == CANCEL ? c : c->up;
}

mr_recv_chan(char) mr_ctx_done(mr_context *c)
{
	c = ends_with(c);
	return c ? (mr_recv_chan(char))(void *)&c->done : NULL;
}

int mr_ctx_err(mr_context *c)
{
	c = ends_with(c);
	/* X2: acquire, pairs with X1. */
	return c ? atomic_get(&c->err, acquire) : 0;
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
		if (c->kind == VALUE && c->key == key)
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
	a = make(ctx, AFTER, __builtin_return_address(0));
	a->refs = 2;                    /* the handle's, and the function's */
	a->fn = fn;
	a->arg = arg;
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

/* ---------------------------------------------------------------- leaks -- */

#ifdef MRI_DEV
enum { SITES = 16 };
struct site {
	void *pc;
	uint8_t kind;
	uint32_t n;
};

static void count(struct site *sites, const struct mr_context *c)
{
	for (int i = 0; i < SITES; i++) {
		struct site *s = &sites[i];

		if (s->n && (s->pc != c->pc || s->kind != c->kind))
			continue;
		*s = (struct site){ c->pc, c->kind, s->n + 1 };
		return;
	}
}

static void print_site(struct mri_out *o, const struct site *s)
{
	static const char *const made_by[NKINDS] = {
		[CANCEL] = "ctx_with_cancel, _deadline or _timeout",
		[VALUE] = "ctx_with_value",
		[WITHOUT] = "ctx_without_cancel",
		[AFTER] = "ctx_after_func",
	};

	mri_out_fmt(o, "context leak: %u from %s in ", s->n, made_by[s->kind]);
	mri_hooks.symbol(o, (char *)s->pc - 1); /* in the call, not after it */
	mri_out_str(o, "\n");
}

/* The process exits. Who still runs may rightly hold contexts, so with other goroutines
 * there is nothing to say. */
static void report_leaks(void)
{
	struct site sites[SITES] = { 0 };
	struct mri_out o;

	if (mri_forked || mri_g_count() > 1)
		return;
	mri_lock_take(&free_lock);
	for (struct slab *s = slabs; s; s = s->next)
		for (int i = 0; i < SLAB; i++)
			if (!is_freed(&s->ctx[i]))
				count(sites, &s->ctx[i]);
	mri_lock_drop(&free_lock);
	mri_out_init(&o, 2);
	for (int i = 0; i < SITES && sites[i].n; i++)
		print_site(&o, &sites[i]);
	mri_out_flush(&o);
}

void mri_context_install(void)
{
	atexit(report_leaks);
}
#else
void mri_context_install(void)
{
}
#endif
