/* errgroup.h - goroutines that work on parts of one task: the first error ends the rest.
 *
 *	mr_context *ctx;
 *	mr_errgroup *g = mr_eg_make(parent, &ctx);
 *	for (int i = 0; i < n; i++)
 *		mr_eg_go(g, fetch, ctx, url[i]);	an int fetch(ctx, url)
 *	err = mr_eg_wait(g);
 *
 * As Go's golang.org/x/sync/errgroup. For goroutines that must not outlive a block see
 * scope.h. */
#ifndef MILLRACE_ERRGROUP_H
#define MILLRACE_ERRGROUP_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <millrace/go.h>

MR_C_BEGIN
typedef struct mr_errgroup mr_errgroup;

/* A group without goroutines, and a context for those that will be in it.
 *
 * The context, made from parent and stored in *ctx_out unless that is NULL, is canceled
 * by the first error, which is its cause ("error -2: No such file or directory"), or
 * else by mr_eg_wait(). It is the group's, and lives until mr_eg_wait() returns.
 * Returns a group that is freed by mr_eg_wait(). Panics "cannot create context from nil
 * parent", and when there is no memory. Never blocks. */
MR_API MR_MUST_USE mr_errgroup *mr_eg_make(mr_context *parent, mr_context **ctx_out);

/* At most n goroutines at a time; negative: any number, as at the start; 0: none.
 *
 * Panics "errgroup: modify limit while 3 goroutines in the group are still active". */
MR_API void mr_eg_set_limit(mr_errgroup *g, int n);

/* The library's half of mr_eg_go() and mr_eg_trygo(): mr_go_captured() in the group. */
MR_API void mr_eg_go_captured(mr_errgroup *g, void (*fn)(void), const char *name,
			      const char *file, int line);
MR_API bool mr_eg_trygo_captured(mr_errgroup *g, void (*fn)(void), const char *name,
				 const char *file, int line);

/* Block until all goroutines of g have ended, then free g and its context.
 *
 * Returns the first error that one of them returned, or 0. The end of each goroutine
 * happens before this returns. To be called once, by one goroutine or thread. */
MR_API int mr_eg_wait(mr_errgroup *g);
MR_C_END

#ifndef __cplusplus
/* mr_eg_go(g, fn, args...): call fn(args...) in a new goroutine of g. fn returns an int:
 * 0, or an error.
 *
 * As mr_go(), with its limits and panics. g is evaluated first. Blocks while there are
 * as many goroutines as mr_eg_set_limit() allows. A goroutine that calls mr_go_exit()
 * has ended without an error. One that panics ends the process, at once, as any other.
 * May also be called by goroutines of g. A compound literal among args is gone when this
 * is done. */
#define mr_eg_go(g, ...)                                                                \
	__extension__ ({                                                                \
		mr_errgroup *mr_g = (g);                                                \
		mr_returns_int("eg_go", __VA_ARGS__);                                   \
		mr_capture(__VA_ARGS__);                                                \
		mr_eg_go_captured(mr_g, (void (*)(void))(mr_fn(__VA_ARGS__)),           \
				  mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__);      \
		mr_here();                                                              \
	})

/* mr_eg_trygo(g, fn, args...): the same if there is room for one more goroutine; never
 * blocks. true if it was started. args are evaluated in either case. */
#define mr_eg_trygo(g, ...)                                                             \
	__extension__ ({                                                                \
		mr_errgroup *mr_g = (g);                                                \
		mr_returns_int("eg_trygo", __VA_ARGS__);                                \
		mr_capture(__VA_ARGS__);                                                \
		bool mr_ok = mr_eg_trygo_captured(                                      \
			mr_g, (void (*)(void))(mr_fn(__VA_ARGS__)),                     \
			mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__);                \
		mr_here();                                                              \
		mr_ok;                                                                  \
	})
#define mr_returns_int(what, ...)                                                       \
	mr_static_assert(__builtin_types_compatible_p(mr_result(__VA_ARGS__), int),     \
			 what " needs a function returning int")
#endif

#endif
