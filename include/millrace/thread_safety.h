/* thread_safety.h - the locks in the terms of clang's thread-safety analysis.
 *
 * With MR_THREAD_SAFETY defined, clang itself finds uses of guarded data without the
 * lock, and locks that are still held when a function returns. It must understand that
 * lock and data are members of one struct, and `defer`, which takes clang 22 and
 *
 *	-Wthread-safety -Wthread-safety-beta -fexperimental-late-parse-attributes
 *
 * `millrace build -Wthread-safety` tries whether the compiler does, and gives it all of
 * this. Otherwise everything here is empty, and `millrace vet` looks for the same. (clang
 * takes another struct's mu for this one's; vet does not.) */
#ifndef MILLRACE_THREAD_SAFETY_H
#define MILLRACE_THREAD_SAFETY_H

#include <millrace/base.h>

#if defined(MR_THREAD_SAFETY) && !defined(__cplusplus)
#define MR_TS(...)		__attribute__((__VA_ARGS__))
#else
#define MR_TS(...)
#endif
#define MR_LOCKABLE		MR_TS(capability("mutex"))
#define MR_LOCKS(m)		MR_TS(acquire_capability(m))
#define MR_LOCKS_SHARED(m)	MR_TS(acquire_shared_capability(m))
#define MR_UNLOCKS(m)		MR_TS(release_capability(m))
#define MR_UNLOCKS_SHARED(m)	MR_TS(release_shared_capability(m))
#define MR_TRY_LOCKS(m)		MR_TS(try_acquire_capability(true, m))
#define MR_TRY_LOCKS_SHARED(m)	MR_TS(try_acquire_shared_capability(true, m))

/* Behind the declarator of a struct's member, or of a variable: it is used only while m,
 * another member of the same struct or another variable, is locked:
 *
 *	struct account {
 *		mr_mutex mu;
 *		long balance mr_guarded_by(mu);
 *	};
 *
 * For the reader, for `millrace vet`, and for the analysis above. */
#ifdef __clang__
#define mr_guarded_by(m)                                                                \
	__attribute__((annotate("mr_guarded_by:" #m))) MR_TS(guarded_by(&m))
#else
#define mr_guarded_by(m)
#endif

/* Behind the declaration of a function: it is called with the lock that m points to, an
 * expression of its parameters: mr_requires_lock(&account->mu). For the same readers;
 * `millrace vet` takes a name that ends in "_locked" for this as well. */
#ifdef __clang__
#define mr_requires_lock(m)                                                             \
	__attribute__((annotate("mr_requires_lock"))) MR_TS(requires_capability(m))
#else
#define mr_requires_lock(m)
#endif

#if defined(MR_THREAD_SAFETY) && !defined(__cplusplus)
/* For mr_defer(f, a): the cleanup that says of a what f does. f is a name. */
#define mr_ts_deferred(f)	mr_ts_deferred_(mr_ts_of_##f)
#define mr_ts_deferred_(...)	mr_ts_second(__VA_ARGS__, mr_ts_nothing, ~)
#define mr_ts_second(a, b, ...)	b
#define mr_ts_of_mr_mutex_unlock	~, mr_ts_mutex_unlock
#define mr_ts_of_mr_rwmutex_unlock	~, mr_ts_rwmutex_unlock
#define mr_ts_of_mr_rwmutex_runlock	~, mr_ts_rwmutex_runlock
static inline void mr_ts_nothing(const void *at)
{
	(void)at;
}
#endif

#endif
