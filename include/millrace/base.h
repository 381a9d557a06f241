/* base.h - what the other headers stand on: the version, attributes, macro tools.
 *
 * Names that the other headers leave without a comment of their own, and all of this
 * file but the version, are helpers: they may change with any release. */
#ifndef MILLRACE_BASE_H
#define MILLRACE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __GNUC__
#error "millrace needs gcc or clang: statement expressions, __typeof__, cleanup"
#endif

#ifdef __cplusplus
#define MR_C_BEGIN	extern "C" {
#define MR_C_END	}
#define MR_NORETURN	[[noreturn]]
#else
#define MR_C_BEGIN
#define MR_C_END
#define MR_NORETURN	_Noreturn
#endif
/* Part of the library's interface: exported, though the rest of it is built hidden. */
#define MR_API		__attribute__((visibility("default")))
/* The body of a function of the library for where nothing is to be waited for. Where the
 * compiler does not inline, and by its address, the function is the library's. Not in a
 * program under TSan, which knows only what the library tells it. */
#if defined(MR_NO_INLINE)
#elif defined(__SANITIZE_THREAD__)
#define MR_NO_INLINE
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MR_NO_INLINE
#endif
#endif
#define MR_INLINE	extern inline __attribute__((gnu_inline))
/* Dropping the result is a leak or a mistake. */
#define MR_MUST_USE	__attribute__((warn_unused_result))
#define MR_PRINTF(f, a)	__attribute__((format(printf, f, a)))

/* The version of these headers. mr_version() is that of the library. */
#define MR_VERSION_MAJOR 0
#define MR_VERSION_MINOR 1
#define MR_VERSION_PATCH 0

MR_C_BEGIN
/* The version of the library that the program runs with, as "0.1.0".
 *
 * The string is static. Never blocks; callable from anywhere. */
MR_API const char *mr_version(void);
MR_C_END

#define MR_CAT_(a, b)	a##b
#define MR_CAT(a, b)	MR_CAT_(a, b)
#define mr_str_(x)	#x
#define mr_str(x)	mr_str_(x)

#ifndef __cplusplus
/* _Static_assert as an expression of type void. */
#define mr_static_assert(cond, msg)                                                     \
	((void)sizeof(struct { int mr_ok; _Static_assert(cond, msg); }))

/* One of several macros, by the number of arguments. */
#define MR_PICK2(a, b, name, ...)	name
#define MR_PICK3(a, b, c, name, ...)	name
#define MR_18TH(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, ...) r

/* Of the list `fn, args...`: fn, and the number of args, 0 to 8 or too_many. fn is
 * never missing, so __VA_ARGS__ is never empty. */
#define mr_fn(...)	mr_fn_(__VA_ARGS__, ~)
#define mr_fn_(f, ...)	f
#define mr_narg(...)                                                                    \
	MR_18TH(__VA_ARGS__, too_many, too_many, too_many, too_many, too_many,          \
		too_many, too_many, too_many, 8, 7, 6, 5, 4, 3, 2, 1, 0, ~)

/* mr_call(k, fn, args...) is k(args...). */
#define mr_call(k, ...)	MR_CAT(mr_call_, mr_narg(__VA_ARGS__))(k, __VA_ARGS__)
#define mr_call_too_many(k, ...) 0
#define mr_call_0(k, f) k()
#define mr_call_1(k, f, a) k(a)
#define mr_call_2(k, f, a, b) k(a, b)
#define mr_call_3(k, f, a, b, c) k(a, b, c)
#define mr_call_4(k, f, a, b, c, d) k(a, b, c, d)
#define mr_call_5(k, f, a, b, c, d, e) k(a, b, c, d, e)
#define mr_call_6(k, f, a, b, c, d, e, g) k(a, b, c, d, e, g)
#define mr_call_7(k, f, a, b, c, d, e, g, h) k(a, b, c, d, e, g, h)
#define mr_call_8(k, f, a, b, c, d, e, g, h, i) k(a, b, c, d, e, g, h, i)
#endif

#ifndef __cplusplus
/* Something after a call, so that it is no tail call: reports name the function that
 * said `go` by its return address. */
static inline void mr_here(void)
{
	__asm__ volatile("");
}
#endif

#endif
