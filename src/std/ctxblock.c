/* ctxblock.c - the memory of contexts, and at exit what is left of it.
 *
 * The done channel lies in a context. So blocks are reused as contexts only, with their
 * locks' words as they are, for the reason that channels are (chan.c); and slabs of them
 * are never given back. Each P keeps some free ones (keep.h); the rest is by one lock
 * that nothing is locked under. */
#include "base/hooks.h"
#include "rt/keep.h"
#include "std/context.h"
#include "std/std.h"
#include <stdlib.h>
#include <string.h>

enum { SLAB = 64 };

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

/* free_lock held. */
static struct mr_context *take_free(void)
{
	struct mr_context *c;

	if (!free_list)
		add_slab();
	c = free_list;
	if (c)
		free_list = c->next_free;
	return c;
}

/* First in, first out: the use of a freed one is found for longer. */
static void put_free(struct mr_context *c)
{
	c->next_free = NULL;
	if (free_list)
		free_tail->next_free = c;
	else
		free_list = c;
	free_tail = c;
}

struct mr_context *mri_ctxblock_alloc(void)
{
	const size_t link = offsetof(struct mr_context, next_free);
	struct mr_context *c = mri_keep_take(MRI_KEEP_CTXS, link);

	if (unlikely(!c)) {
		mri_lock_take(&free_lock);
		c = take_free();
		for (int i = 0; i < MRI_KEEP / 2; i++) {
			struct mr_context *more = take_free();

			if (more && !mri_keep_put(MRI_KEEP_CTXS, link, more)) {
				put_free(more);
				break;
			}
		}
		mri_lock_drop(&free_lock);
	}
	if (!c)
		mri_panic("out of memory for a context");
	memset(c, 0, offsetof(struct mr_context, done));
	return c;
}

void mri_ctxblock_free(struct mr_context *c)
{
	const size_t link = offsetof(struct mr_context, next_free);

	/* Relaxed: for checks of programs that are wrong anyway. */
	atomic_set(&c->kind, (uint8_t)CTX_FREED, relaxed);
	if (likely(mri_keep_put(MRI_KEEP_CTXS, link, c)))
		return;
	mri_lock_take(&free_lock);
	for (int i = 0; c; c = i++ < MRI_KEEP / 2 ?
				       mri_keep_take(MRI_KEEP_CTXS, link) : NULL)
		put_free(c);
	mri_lock_drop(&free_lock);
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
	static const char *const made_by[] = {
		[CTX_CANCEL] = "ctx_with_cancel, _deadline or _timeout",
		[CTX_VALUE] = "ctx_with_value",
		[CTX_WITHOUT] = "ctx_without_cancel",
		[CTX_AFTER] = "ctx_after_func",
	};

	mri_out_fmt(o, "context leak: %u from %s in ", s->n, made_by[s->kind]);
	mri_hooks.symbol(o, (char *)s->pc - 1); /* in the call, not after it */
	mri_out_str(o, "\n");
}

/* The process exits. Who still runs may rightly hold contexts, so with other goroutines
 * there is nothing to say. */
static void report_leaks(void)
{
	/* Not on main's stack: others may have written to its frames until just now, in
	 * ways that they and main need not have ordered for this. */
	static struct site sites[SITES];
	static struct mri_out o;

	if (mri_forked || mri_g_count() > 1)
		return;
	mri_lock_take(&free_lock);
	for (struct slab *s = slabs; s; s = s->next)
		for (int i = 0; i < SLAB; i++)
			if (!mri_ctxblock_is_freed(&s->ctx[i]))
				count(sites, &s->ctx[i]);
	mri_lock_drop(&free_lock);
	mri_out_init(&o, 2);
	for (int i = 0; i < SITES && sites[i].n; i++)
		print_site(&o, &sites[i]);
	mri_out_flush(&o);
}

void mri_ctxblock_install(void)
{
	atexit(report_leaks);
}
#else
void mri_ctxblock_install(void)
{
}
#endif
