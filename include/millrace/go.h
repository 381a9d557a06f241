/* go.h - goroutines: starting them, and what one can say about itself.
 *
 * A goroutine is a function that runs concurrently with the rest of the program, on a
 * stack of its own, on whichever thread is free. A call that blocks, here and in the
 * other headers, blocks the goroutine and never the thread. main is goroutine 1; its
 * return ends the process and waits for nobody. A thread that the program made itself
 * may call everything here that does not say otherwise; it blocks as a whole. In a child
 * of fork() nothing works but exec, exit, _exit and return from main: anything else ends
 * it, saying so. */
#ifndef MILLRACE_GO_H
#define MILLRACE_GO_H

#include <millrace/base.h>
#include <millrace/errno.h>

MR_C_BEGIN
/* How to start a goroutine; zero is the default in each field.
 *
 * name: what reports call it, instead of the function's name. Not copied: it lives as
 * long as the goroutine.
 * stack: the size of its stack in bytes, rounded up to what the system can map. */
typedef struct mr_go_opts {
	const char *name;
	size_t stack;
} mr_go_opts;

/* The library's half of mr_go(). Not to be called in other ways.
 *
 * mr_capture_args, called as a function of any type, saves its arguments in a buffer
 * of the running thread; mr_capture_few does with up to 3. mr_go_captured makes a
 * goroutine of fn and the arguments saved just before. name, file and line say in
 * reports what was started where; the strings are not copied. mr_go_captured_with adds
 * options.
 *
 * Both panic as mr_go() does. What was done before them happens before fn starts. */
extern MR_API void (*const mr_capture_args)(void);
extern MR_API void (*const mr_capture_few)(void);
MR_API void mr_go_captured(void (*fn)(void), const char *name, const char *file,
			   int line);
MR_API void mr_go_captured_with(mr_go_opts opts, void (*fn)(void), const char *name,
				const char *file, int line);

/* Let others run: go to the end of the queue of runnable goroutines.
 *
 * Returns when its turn comes, at once if nobody else is runnable. Orders nothing. */
MR_API void mr_go_yield(void);

/* End the calling goroutine, as runtime.Goexit: its deferred calls run, then it is gone.
 *
 * mr_go_try() does not stop it. In main the other goroutines go on, and the process ends
 * when one of them calls exit(), or when none is left: "fatal error: no goroutines (main
 * called runtime.Goexit) - deadlock!". Not for a thread that is no goroutine. */
MR_NORETURN MR_API void mr_go_exit(void);

/* Block the calling goroutine for ever, as `select {}`. */
MR_NORETURN MR_API void mr_go_block(void);

/* The number of the calling goroutine: 1 for main, never reused in a process; 0 in a
 * thread that is no goroutine. It is what reports print. */
MR_API int64_t mr_go_id(void);

/* The number of goroutines that exist, main among them. Out of date as soon as it is
 * returned. */
MR_API int mr_go_count(void);

/* Ask or set how many goroutines run at the same time, as runtime.GOMAXPROCS.
 *
 * n: the new number if above 0, 1,024 at most; otherwise nothing changes.
 * Returns the number before the call. It starts as the number of CPUs the process may
 * use. It does not bound the number of threads: one stuck in a call that the library
 * cannot see is replaced. */
MR_API int mr_go_procs(int n);

/* Tie the calling goroutine and its thread to each other: it runs on no other thread,
 * and the thread runs nobody else but goroutines that are pinned to it already. For
 * libraries that demand one thread (GUI, OpenGL).
 *
 * Calls nest: as many mr_go_unlock_thread() undo them; one too many does nothing.
 * Switching to and from such a goroutine costs a thread switch. */
MR_API void mr_go_lock_thread(void);
MR_API void mr_go_unlock_thread(void);

/* Keep the calling goroutine on its thread, which goes on serving others when it blocks.
 * For code that keeps thread-local data or holds a pthread mutex across a call that may
 * block. While another goroutine computes or sits in a system call on that thread, it
 * waits.
 *
 * Calls nest: as many mr_go_unpin() undo them; one too many does nothing. */
MR_API void mr_go_pin(void);
MR_API void mr_go_unpin(void);

/* Write a report to fd: every goroutine, what it waits for since when, and where it was
 * started; and then, for each function that goroutines run, the most that one of them has
 * used of its stack. That counts whole pages, and what an earlier goroutine has used of
 * the same stack.
 *
 * SIGQUIT makes the library write a report with traces to stderr and end the process with
 * status 2, if the signal had its default action when the library was first used.
 *
 * Best effort: errors of fd are ignored. Allocates nothing; async-signal-safe. */
MR_API void mr_go_dump(int fd);

/* Around a call that may block the thread (read from a disk, a foreign library): the
 * other goroutines get another thread at once. Without them that happens too, after the
 * library has noticed.
 *
 * begin never blocks; end may wait for its turn to run. In between call nothing else of
 * this library; pairs do not nest. In a thread that is no goroutine they do nothing. */
MR_API void mr_go_blocking_begin(void);
MR_API void mr_go_blocking_end(void);
MR_C_END

#ifndef __cplusplus
/* mr_go(fn, args...): call fn(args...) in a new goroutine, as Go's `go fn(args...)`.
 *
 * fn: any function or pointer to one, also a variadic one; its result is dropped (gcc
 * warns if that is one that must be used). args: type-checked and converted by the
 * compiler as in a plain call, and evaluated now, in the caller; the goroutine owns
 * copies. What a pointer points to must live long enough, as ever. An expression of type
 * void.
 *
 * Never blocks: fn runs later, or on another thread, and of several that have not begun
 * any may be first, often the last. A caller that starts very many in a
 * row loses its turn to them now and then, as by mr_go_yield(), unless it is pinned or
 * locked to its thread. What it did before happens before fn starts; the end of a
 * goroutine is ordered before nothing, unless by a channel or a waitgroup.
 *
 * Refused at compile time: more than 8 arguments; an argument or a result over 16 bytes
 * (it would travel through memory that dies with the caller); a result that is a long
 * double. Not noticed, but as bad: a result that is a packed struct or a struct of one
 * long double; a function that has the noreturn attribute in its type, which is any one
 * in clang (exit), and in gcc a pointer to one. Give these a wrapper. The noreturn
 * functions of this library may be named. Not for code built with -fsanitize=cfi-icall.
 * A compound literal with commas wants parentheses, as in any macro:
 * mr_go(f, ((point){ 1, 2 })).
 *
 * Panics with the number of goroutines when there is no memory for one more, and when
 * no arguments were captured: fn is declared const or pure, and the compiler dropped
 * its call. A NULL fn ends the process: "fatal error: go of nil func value". */
#define mr_go(...)                                                                      \
	(mr_capture(__VA_ARGS__),                                                       \
	 mr_go_captured((void (*)(void))(mr_fn(__VA_ARGS__)),                           \
			mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__),              \
	 mr_here())

/* mr_go_with(opts, fn, args...): mr_go() with options, an mr_go_opts:
 * mr_go_with(((mr_go_opts){ .name = "feeder", .stack = 1 << 20 }), feed, ch).
 * opts is evaluated first. A compound literal among args is gone when this is done. */
#define mr_go_with(opts, ...)                                                           \
	__extension__ ({                                                                \
		mr_go_opts mr_o = (opts);                                               \
		mr_capture(__VA_ARGS__);                                                \
		mr_go_captured_with(mr_o, (void (*)(void))(mr_fn(__VA_ARGS__)),         \
				    mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__);    \
		mr_here();                                                              \
	})

/* Capture the arguments of a call fn(args...), which nothing that could park may part
 * from the call that uses them.
 *
 * The call is compiled against mr_capture_args, or mr_capture_few, with fn's own type:
 * a routine that finds the arguments where fn would, in the argument registers and 16
 * words of stack. Hence the limits. A long double result would stay on the x87 stack, as
 * nothing fetches it. */
#define mr_capture(...)                                                                 \
	(mr_static_assert(mr_args_fit(__VA_ARGS__),                                     \
			  "argument over 16 bytes: pass a pointer"),                    \
	 mr_static_assert(__extension__ sizeof(mr_result(__VA_ARGS__)) <= 16,           \
			  "result over 16 bytes: store it through a pointer"),          \
	 mr_static_assert(!__builtin_types_compatible_p(mr_result(__VA_ARGS__),         \
							long double),                   \
			  "result is a long double: store it through a pointer"),       \
	 (void)mr_call(((mr_fn_type(mr_fn(__VA_ARGS__)))                               \
			MR_CAT(mr_capture_, mr_narg(__VA_ARGS__))),                    \
		       __VA_ARGS__))
#define mr_capture_0		mr_capture_few
#define mr_capture_1		mr_capture_few
#define mr_capture_2		mr_capture_few
#define mr_capture_3		mr_capture_few
#define mr_capture_4		mr_capture_args
#define mr_capture_5		mr_capture_args
#define mr_capture_6		mr_capture_args
#define mr_capture_7		mr_capture_args
#define mr_capture_8		mr_capture_args
#define mr_capture_too_many	mr_capture_args
#define mr_result(...)	__typeof__(mr_call((mr_fn(__VA_ARGS__)), __VA_ARGS__))

/* A pointer to fn's type, for a function's name and for a pointer to one. Of a name,
 * `typeof(fn) *` lets gcc forget noreturn, which would drop the code after the
 * capture. */
#define mr_fn_type(fn)                                                                  \
	__typeof__(__builtin_choose_expr(                                               \
		__builtin_types_compatible_p(__typeof__(fn), __typeof__(&*(fn))),       \
		(__typeof__(&*(fn)))0, (__typeof__(fn) *)0))

#define mr_args_fit(...) MR_CAT(mr_fit_, mr_narg(__VA_ARGS__))(__VA_ARGS__)
#define mr_fits(a) (sizeof(__typeof__(((void)0, (a)))) <= 16)
#define mr_fit_too_many(...)                                                            \
	sizeof(struct {                                                                 \
		_Static_assert(0, "more than 8 arguments: pass a pointer");             \
		int i;                                                                  \
	})
#define mr_fit_0(f) 1
#define mr_fit_1(f, a) mr_fits(a)
#define mr_fit_2(f, a, ...) (mr_fits(a) && mr_fit_1(f, __VA_ARGS__))
#define mr_fit_3(f, a, ...) (mr_fits(a) && mr_fit_2(f, __VA_ARGS__))
#define mr_fit_4(f, a, ...) (mr_fits(a) && mr_fit_3(f, __VA_ARGS__))
#define mr_fit_5(f, a, ...) (mr_fits(a) && mr_fit_4(f, __VA_ARGS__))
#define mr_fit_6(f, a, ...) (mr_fits(a) && mr_fit_5(f, __VA_ARGS__))
#define mr_fit_7(f, a, ...) (mr_fits(a) && mr_fit_6(f, __VA_ARGS__))
#define mr_fit_8(f, a, ...) (mr_fits(a) && mr_fit_7(f, __VA_ARGS__))
#endif

#endif
