/* panic.h - panics, stopping one, and deferred calls.
 *
 * A panic is the end of a goroutine that found a mistake in the program: its deferred
 * calls run, innermost first, and then, unless an mr_go_try() on the way out stops it,
 * the process prints "panic: ", the message and a trace of the goroutine, and exits
 * with status 2. All code that a panic may pass through is built with -fexceptions, or
 * its deferred calls are skipped. */
#ifndef MILLRACE_PANIC_H
#define MILLRACE_PANIC_H

#include <millrace/base.h>
#include <millrace/errno.h>
#include <millrace/go.h>
#include <millrace/thread_safety.h>

MR_C_BEGIN
/* Panic, with a message as printf would make it, cut after 1,023 bytes.
 *
 * Runs the deferred calls of the goroutine, up to the innermost mr_go_try(). A panic
 * in a deferred call replaces the message, and the others still run. No newline is
 * needed. */
MR_NORETURN MR_API void mr_panic(const char *fmt, ...) MR_PRINTF(1, 2);

/* The library's half of mr_go_try(): call fn with the arguments captured just before. */
MR_API const char *mr_try_captured(void (*fn)(void));

/* True while the calling goroutine runs deferred calls on behalf of a panic or of
 * mr_go_exit(). Never blocks. */
MR_API bool mr_unwinding(void);

/* The library's half of mr_defer(): what is called with what when the block is left,
 * and that call while the goroutine unwinds. It runs under a try of its own, as clang
 * ends the process if a cleanup itself unwinds; a panic in it replaces the message. */
struct mr_deferred {
	void (*fn)(void *);
	void *arg;
};
MR_API void mr_run_deferred_caught(struct mr_deferred *d);
MR_C_END

#ifndef __cplusplus
/* mr_go_try(fn, args...): call fn(args...) here and now, and stop a panic in it.
 *
 * fn and args are as in mr_go(), with its limits; fn's result is dropped.
 * Returns NULL when fn has returned, or the message of its panic; all calls deferred in
 * between have run. The message belongs to the goroutine and lives until its next
 * mr_go_try(): copy it to keep it. mr_go_exit() in fn is not stopped: mr_go_try does
 * not return then. Blocks only as fn does. */
#define mr_go_try(...)                                                                  \
	(mr_capture(__VA_ARGS__), mr_try_captured((void (*)(void))(mr_fn(__VA_ARGS__))))

#ifdef __EXCEPTIONS
#define MR_HAVE_EXCEPTIONS 1
#else
#define MR_HAVE_EXCEPTIONS 0
#endif
#ifdef __clang__		/* fn is called as void (void *), whatever its type */
#define MR_NO_FN_CHECK __attribute__((no_sanitize("function", "cfi-icall")))
#else
#define MR_NO_FN_CHECK
#endif
static inline MR_NO_FN_CHECK void mr_run_deferred(struct mr_deferred *d)
{
	if (__builtin_expect(mr_unwinding(), 0))
		mr_run_deferred_caught(d);
	else
		d->fn(d->arg);
}

/* mr_defer(fn, arg): call fn(arg) when the enclosing block is left: at its end, by
 * return, break, continue or goto, by a panic or mr_go_exit(). (By longjmp: never.)
 *
 * fn: a function of one parameter, a pointer or an integer no wider than one; the call
 * is type-checked here. arg is evaluated now. fn's result is dropped.
 * A declaration: several in a block run last first, and none may stand directly after
 * a label. Unlike Go's defer it belongs to the block, not to the function. (With
 * MR_THREAD_SAFETY defined, see thread_safety.h, fn is a plain name.) */
#ifdef MR_THREAD_SAFETY
#define mr_defer(f, a)		mr_defer_known(f, a, __COUNTER__)
#define mr_defer_known(f, a, n)                                                         \
	__attribute__((cleanup(mr_ts_deferred(f)), unused))                             \
	__typeof__((a) + 0) const MR_CAT(mr_ts_, n) = (a);                              \
	mr_defer_as(f, MR_CAT(mr_ts_, n), n)
#else
#define mr_defer(f, a)		mr_defer_as(f, a, __COUNTER__)
#endif
#define mr_defer_as(f, a, n)                                                            \
	struct mr_deferred MR_CAT(mr_defer_, n)                                         \
	__attribute__((cleanup(mr_run_deferred), unused)) = {                           \
		(void (*)(void *))(void (*)(void))(                                     \
			mr_static_assert(MR_HAVE_EXCEPTIONS,                            \
					 "defer needs -fexceptions: compile with it"),  \
			(void)sizeof((f)(a), 0), (f)),                                  \
		(void *)(uintptr_t)(a)                                                  \
	}
#endif

#endif
