/* context.h - a context, and where its memory comes from. */
#ifndef MRI_STD_CONTEXT_H
#define MRI_STD_CONTEXT_H
#include "millrace/context.h"
#include "sync/chan.h"

enum mri_ctx_kind { CTX_FREED, CTX_ROOT, CTX_CANCEL, CTX_VALUE, CTX_WITHOUT, CTX_AFTER };

struct mr_context {
	uint32_t refs;                  /* atomic; from 0 it does not rise again */
	uint8_t kind;                   /* atomic: what uses a freed one looks at it */
	bool timed;                     /* has a deadline earlier than those above */
	/* never changed */
	struct mr_context *parent;      /* a reference */
	struct mr_context *up;          /* nearest CTX_CANCEL, or NULL */
	struct mr_context *tree;        /* of these and CTX_AFTER: the top one */
	int64_t deadline;               /* own or from above */
	void *pc;                       /* who made it */
	union {
		struct { const void *key; void *value; };       /* CTX_VALUE */
		struct { void (*fn)(void *); void *arg; };      /* CTX_AFTER */
	};
	/* by tree->lock, of a CTX_CANCEL or CTX_AFTER */
	struct mr_context *child;       /* first of its list */
	struct mr_context *next, *prev; /* in up's list, or in one of an ending */
	/* atomic; why it ended: set before done is closed; of CTX_AFTER: 1 */
	int err;
	const char *cause;              /* text, or that of one above, or static */
	char *text;                     /* the cause it was canceled with */
	struct mri_timer timer;         /* if timed */
	/* what keeps its locks' words from one use of the block to the next */
	struct mri_chan done;           /* elements of 1 byte, none is ever sent */
	struct mri_lock lock;           /* of the tree that this is the top of */
	struct mr_context *next_free;
};

/* A block, zero up to its locks. Panics when there is no memory. */
struct mr_context *mri_ctxblock_alloc(void);
void mri_ctxblock_free(struct mr_context *c);
static inline bool mri_ctxblock_is_freed(const struct mr_context *c)
{
	/* Relaxed: for checks of programs that are wrong anyway. */
	return atomic_get(&c->kind, relaxed) == CTX_FREED;
}
#endif
