/* pool.h - things that are dear to make and can be used again. As Go's sync.Pool.
 *
 *	mr_pool *buffers = mr_pool_make(new_buffer, free);
 *	char *b = mr_pool_get(buffers);
 *	...
 *	mr_pool_put(buffers, b);
 *
 * What is bounded is what lies idle, not what is in use. */
#ifndef MILLRACE_POOL_H
#define MILLRACE_POOL_H

#include <millrace/base.h>
#include <millrace/errno.h>

MR_C_BEGIN
typedef struct mr_pool mr_pool;

/* A pool whose things are made by make() and, when there are too many, ended by
 * destroy(). Both are called with no lock held, in the goroutine that gets or puts.
 * make may be NULL: an empty pool then gives NULL. destroy may be NULL: nothing is done.
 *
 * It keeps at most 32 idle things for each of mr_go_procs(0) processors, as that is now.
 * Returns a pool that the caller frees with mr_pool_free(). Panics when there is no
 * memory. Never blocks. */
MR_API MR_MUST_USE mr_pool *mr_pool_make(void *(*make)(void), void (*destroy)(void *));

/* Take a thing out of p, any one, preferably one that was put lately on this processor,
 * or else make one. Blocks only as make() does. */
MR_API void *mr_pool_get(mr_pool *p);

/* Put thing into p; NULL is ignored. It is the pool's now. If p has enough, destroy()
 * ends it. Blocks only as that does. Happens before the mr_pool_get() that returns
 * thing. */
MR_API void mr_pool_put(mr_pool *p, void *thing);

/* End all things that lie in p, and p; NULL is ignored. Nobody uses p any more. */
MR_API void mr_pool_free(mr_pool *p);
MR_C_END

#endif
