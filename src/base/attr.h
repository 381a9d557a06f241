/* attr.h - compiler attributes and the small helpers every file uses. */
#ifndef MRI_BASE_ATTR_H
#define MRI_BASE_ATTR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define noinline    __attribute__((__noinline__))
#define always_inline static inline __attribute__((__always_inline__))
#define cold_fn       __attribute__((__cold__, __noinline__))
#define noreturn_fn __attribute__((__noreturn__, __cold__, __noinline__))
#define unused_fn   __attribute__((__unused__))
#define printf_fn(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
/* A cache line of its own: what one core writes and others read. */
#define cacheline   __attribute__((aligned(64)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)       (1u << (n))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#if defined(__SANITIZE_ADDRESS__)
#define MRI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MRI_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MRI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MRI_TSAN 1
#endif
#endif

/* Nothing in the function is told to TSan: for those in which the running fiber changes,
 * and for signal handlers, which may interrupt TSan itself. clang's no_sanitize still
 * counts entry and exit. */
#if defined(__clang__) && defined(MRI_TSAN)
#define no_tsan __attribute__((disable_sanitizer_instrumentation))
#elif defined(MRI_TSAN)
#define no_tsan __attribute__((no_sanitize("thread")))
#else
#define no_tsan
#endif

/* The builds: DEV checks invariants (asserts, lock ranks, the state table, freed
 * objects); HOSTILE makes every rare path common. A release build has neither. */
#ifdef MRI_HOSTILE
enum { MRI_IS_HOSTILE = 1 };
#else
enum { MRI_IS_HOSTILE = 0 };
#endif
#ifdef MRI_DEV
enum { MRI_IS_DEV = 1 };
#else
enum { MRI_IS_DEV = 0 };
#endif
#endif
