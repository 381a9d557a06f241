/* semaphore.h - weighted semaphores: a bound on a sum, waited for no longer than a
 * context lasts. As Go's golang.org/x/sync/semaphore.
 *
 *	static mr_semaphore memory = MR_SEMAPHORE(1 << 20);
 *	if (mr_sem_acquire(&memory, ctx, size) == 0) {
 *		...
 *		mr_sem_release(&memory, size);
 *	} */
#ifndef MILLRACE_SEMAPHORE_H
#define MILLRACE_SEMAPHORE_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>

MR_C_BEGIN
/* It lives in the user's storage, is made by MR_SEMAPHORE(), never allocates, needs no
 * destruction, and may be neither copied nor moved once used. Its fields are the
 * library's. Those who wait are served in the order in which they came, and nobody is
 * served before them: a large request is not starved by small ones. */
typedef struct mr_semaphore {
	int64_t mr_size, mr_held;
	void *mr_wait;
} mr_semaphore;

/* An initialiser: a semaphore of which n, 0 or more, can be held altogether. */
#define MR_SEMAPHORE(n)	{ (n), 0, NULL }

/* Acquire n of s.
 *
 * Blocks until they can be had, or ctx has ended; more than s has altogether never can.
 * Returns 0, or mr_ctx_err(ctx), nothing being acquired then; if ctx has ended already,
 * that. The releases that made the room happen before this returns 0. Panics "semaphore:
 * negative weight". */
MR_API MR_MUST_USE int mr_sem_acquire(mr_semaphore *s, mr_context *ctx, int64_t n);

/* Acquire n of s if that can be done at once and nobody waits. Never blocks.
 *
 * Returns true when they are acquired, ordered as by mr_sem_acquire(); false orders
 * nothing. */
MR_API MR_MUST_USE bool mr_sem_tryacquire(mr_semaphore *s, int64_t n);

/* Give n of s back, by any goroutine. Never blocks. s is not touched once others can have
 * them. Panics "semaphore: released more than held". */
MR_API void mr_sem_release(mr_semaphore *s, int64_t n);
MR_C_END

#endif
