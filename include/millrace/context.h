/* context.h - contexts: cancellation, deadlines and values, passed down a tree of calls.
 *
 *	mr_context *ctx = mr_ctx_with_timeout(mr_ctx_background(), 2 * MR_SECOND);
 *	mr_defer(mr_ctx_free, ctx);
 *	mr_go(worker, mr_ctx_ref(ctx));         and worker ends with mr_ctx_unref(ctx)
 *
 * A context is made from a parent. It ends when it is canceled, when its deadline has
 * passed, or with its parent; that reaches all that were made from it, and never those
 * above it. Once ended it stays so, and the first reason counts.
 *
 * Contexts are reference-counted. Whoever made one holds a reference, and ends it with
 * mr_ctx_free() (cancel, and drop: Go's `defer cancel()`). A goroutine that may outlive
 * the maker is given mr_ctx_ref(ctx) and ends with mr_ctx_unref(). A context holds its
 * parent. All functions but those two may be called by any goroutine or thread that
 * holds a reference, at the same time as any others, and none blocks. */
#ifndef MILLRACE_CONTEXT_H
#define MILLRACE_CONTEXT_H

#include <millrace/base.h>
#include <millrace/chan.h>
#include <millrace/errno.h>
#include <millrace/select.h>
#include <millrace/time.h>

/* Why a context has ended: mr_ctx_err(). */
#define MR_CTX_CANCELED		 (-ECANCELED)
#define MR_CTX_DEADLINE_EXCEEDED (-ETIMEDOUT)

MR_C_BEGIN
typedef struct mr_context mr_context;

/* The contexts that trees start from: never canceled, no deadline, no values. TODO is for
 * places where it is not yet clear which one to use. They are static: freeing them, and
 * references to them, do nothing. */
MR_API mr_context *mr_ctx_background(void);
MR_API mr_context *mr_ctx_todo(void);

/* A context that mr_ctx_cancel() ends.
 *
 * Returns it; the caller frees it with mr_ctx_free(). Its parent having ended, it has,
 * too. Panics "cannot create context from nil parent", and when there is no memory; so
 * do all that make one. */
MR_API MR_MUST_USE mr_context *mr_ctx_with_cancel(mr_context *parent);

/* The same, and it also ends when mr_time_now() has reached `when`, with
 * MR_CTX_DEADLINE_EXCEEDED. The earlier of `when` and the parent's deadline counts. */
MR_API MR_MUST_USE mr_context *mr_ctx_with_deadline(mr_context *parent, int64_t when);

/* The same, d nanoseconds from now; d of 0 or less: it has ended. */
MR_API MR_MUST_USE mr_context *mr_ctx_with_timeout(mr_context *parent, mr_duration d);

/* A context in which mr_ctx_value(key) is value, and which otherwise is as its parent.
 *
 * key: compared by address: that of a static variable of whoever sets the value. value
 * is the caller's; it lives as long as the context and all made from it. Panics "nil
 * key". It cannot be canceled; mr_ctx_free() or mr_ctx_unref() drops it. */
MR_API MR_MUST_USE mr_context *mr_ctx_with_value(mr_context *parent, const void *key,
						 void *value);

/* A context with its parent's values that does not end with it, and has no deadline. */
MR_API MR_MUST_USE mr_context *mr_ctx_without_cancel(mr_context *parent);

/* End ctx and all that were made from it: everybody who waits on their mr_ctx_done() is
 * woken. When this returns it has reached them all. Nothing happens if it has ended.
 *
 * Takes time in proportion to their number. Panics "ctx_cancel of a context that cannot
 * be canceled" for background, TODO, and those of mr_ctx_with_value() and
 * mr_ctx_without_cancel(); and as mr_go() does if it has functions of
 * mr_ctx_after_func() to start. What was done before happens before a receive from
 * mr_ctx_done() returns because of it, and before mr_ctx_err() tells of it. */
MR_API void mr_ctx_cancel(mr_context *ctx);

/* The same, with a reason for mr_ctx_cause(), which is copied; none if it is NULL, or if
 * there is no memory for the copy. */
MR_API void mr_ctx_cancel_cause(mr_context *ctx, const char *cause);

/* A channel that is closed when ctx ends; NULL, a channel that is never ready, if it
 * never can. It is ctx's: do not close it, do not free it, and hold a reference to ctx
 * for as long as you use it. */
MR_API MR_RECV_CHAN(char) mr_ctx_done(mr_context *ctx);

/* 0, or why ctx has ended: MR_CTX_CANCELED or MR_CTX_DEADLINE_EXCEEDED. Not 0, its
 * mr_ctx_done() is closed. */
MR_API int mr_ctx_err(mr_context *ctx);

/* The same in words: "context canceled", "context deadline exceeded", NULL before. The
 * string is static. */
MR_API const char *mr_ctx_errstr(mr_context *ctx);

/* The cause given to the mr_ctx_cancel_cause() that ended ctx, or one above it; without
 * one, what mr_ctx_errstr() says. NULL before. The string lives as long as ctx. */
MR_API const char *mr_ctx_cause(mr_context *ctx);

/* When ctx will have ended at the latest.
 *
 * Returns true and sets *when (mr_time_now()'s clock); false without a deadline, *when
 * being untouched. when may be NULL. */
MR_API bool mr_ctx_deadline(mr_context *ctx, int64_t *when);

/* The value of key in ctx, or else in the nearest context above it that has one; NULL if
 * none has. Takes time in proportion to their number. */
MR_API void *mr_ctx_value(mr_context *ctx, const void *key);

/* A function that waits for a context to end. */
typedef struct mr_ctx_after mr_ctx_after;

/* Call fn(arg), in a goroutine of its own, once ctx has ended; at once if it has.
 *
 * Returns a handle that the caller frees with mr_ctx_after_stop(), whether or not fn has
 * run. It holds a reference to ctx; fn itself holds none: pass one in arg if it needs
 * one. What was done before this, and before the cancel, happens before fn starts. */
MR_API MR_MUST_USE mr_ctx_after *mr_ctx_after_func(mr_context *ctx, void (*fn)(void *),
						   void *arg);

/* Keep fn from being called, and free the handle; NULL is ignored.
 *
 * Returns true if fn has not been called and never will be; false if it was started, and
 * may still be running. */
MR_API bool mr_ctx_after_stop(mr_ctx_after *a);

/* One more reference to ctx, which the caller, or whoever it gives it to, drops with
 * mr_ctx_unref(). Returns ctx. */
MR_API mr_context *mr_ctx_ref(mr_context *ctx);

/* Drop a reference to ctx. With the last one ctx is gone; NULL is ignored.
 *
 * Panics "free of freed context" if it was gone already, as far as that can be noticed,
 * and "context freed while its done channel is waited on". */
MR_API void mr_ctx_unref(mr_context *ctx);

/* Cancel ctx, if it can be, and drop the maker's reference: for mr_defer(mr_ctx_free,
 * ctx) right after making one. Others that hold a reference find it canceled. Panics as
 * mr_ctx_unref(). */
MR_API void mr_ctx_free(mr_context *ctx);
MR_C_END

#ifndef __cplusplus
/* mr_on_done(ctx): a case of a select that is chosen once ctx has ended; never for a
 * context that cannot end. */
#define mr_on_done(ctx)	mr_on_recv1(mr_ctx_done(ctx))
#endif

#endif
