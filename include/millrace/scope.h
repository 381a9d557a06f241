/* scope.h - goroutines that do not outlive a block: structured concurrency.
 *
 *	int fetch_all(mr_context *ctx, const char **url, int n)
 *	{
 *		mr_scope *s = mr_scope_begin(ctx);
 *		mr_defer(mr_scope_end, s);
 *
 *		for (int i = 0; i < n; i++)
 *			mr_scope_go(s, fetch, mr_scope_ctx(s), url[i]);
 *		return mr_scope_wait(s);
 *	}
 *
 * However the block is left, by return, a panic or mr_go_exit(), its goroutines have
 * ended then; so they may use its variables. The first error or panic among them cancels
 * the others; a panic goes on in the goroutine that the scope belongs to, as if what
 * panicked had been called and not started. */
#ifndef MILLRACE_SCOPE_H
#define MILLRACE_SCOPE_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <millrace/go.h>
#include <millrace/panic.h>

MR_C_BEGIN
/* A scope. It belongs to the goroutine, or thread, that began it: that one ends it, and
 * it and the goroutines of the scope start others in it. */
typedef struct mr_scope mr_scope;

/* Begin a scope, with a context made from parent.
 *
 * Returns the scope, which mr_scope_end() ends and frees: mr_defer(mr_scope_end, s) is
 * the next line. Panics "cannot create context from nil parent", and when there is no
 * memory. Never blocks. */
MR_API MR_MUST_USE mr_scope *mr_scope_begin(mr_context *parent);

/* The context of s, for its goroutines: canceled by the first error ("error -2: No such
 * file or directory" is then the cause) or panic ("panic: index out of range"), by a
 * panic or mr_go_exit() that leaves the block, or by whoever calls mr_ctx_cancel().
 * It is the scope's, and lives until mr_scope_end() returns. */
MR_API mr_context *mr_scope_ctx(mr_scope *s);

/* The library's half of mr_scope_go(): mr_go_captured() in the scope. */
MR_API void mr_scope_go_captured(mr_scope *s, bool returns_int, void (*fn)(void),
				 const char *name, const char *file, int line);

/* Block until all goroutines of s have ended. Their ends happen before this returns.
 *
 * Returns the first error that one of them returned, or 0. If one has panicked, this
 * panics instead, with its message; uncaught, the report shows where it began. More may
 * be started afterwards. */
MR_API int mr_scope_wait(mr_scope *s);

/* The same, and then free s and its context, for mr_defer(mr_scope_end, s).
 *
 * Cancels the context first if a panic or mr_go_exit() is leaving the block. Of several
 * panics, the block's own included, the first goes on; one that mr_scope_wait() has
 * thrown is not thrown again. */
MR_API void mr_scope_end(mr_scope *s);
MR_C_END

#ifndef __cplusplus
/* mr_scope_go(s, fn, args...): call fn(args...) in a new goroutine of s. fn returns an
 * int, 0 or an error, or nothing.
 *
 * As mr_go(), with its limits and panics. s is evaluated first. A goroutine that calls
 * mr_go_exit() has ended without an error. A compound literal among args is gone when
 * this is done. */
#define mr_scope_go(s, ...)                                                             \
	__extension__ ({                                                                \
		mr_scope *mr_s = (s);                                                   \
		mr_static_assert(mr_gives(int, __VA_ARGS__) ||                          \
					 mr_gives(void, __VA_ARGS__),                   \
				 "scope_go needs a function returning int or nothing"); \
		mr_capture(__VA_ARGS__);                                                \
		mr_scope_go_captured(mr_s, mr_gives(int, __VA_ARGS__),                  \
				     (void (*)(void))(mr_fn(__VA_ARGS__)),              \
				     mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__);   \
		mr_here();                                                              \
	})
#define mr_gives(T, ...) __builtin_types_compatible_p(mr_result(__VA_ARGS__), T)
#endif

#endif
