/* sync.h - waitgroups, mutexes, once and condition variables.
 *
 * All are ready to use when zero, live in the user's storage, never allocate, and need
 * no destruction. None may be copied or moved once used. Their fields are the library's;
 * they are accessed with the __atomic builtins, so the types are the same in C and C++.
 * They block goroutines, and threads that are none, and are not tied to either: one
 * goroutine may lock a mutex and another unlock it. */
#ifndef MILLRACE_SYNC_H
#define MILLRACE_SYNC_H

#include <millrace/base.h>
#include <millrace/errno.h>
#include <millrace/go.h>
#include <millrace/thread_safety.h>

MR_C_BEGIN
typedef struct mr_waitgroup {
	uint64_t mr_state;
	void *mr_wait;
} mr_waitgroup;

typedef struct MR_LOCKABLE mr_mutex {
	uint32_t mr_state, mr_sema;
	void *mr_wait;
} mr_mutex;

typedef struct MR_LOCKABLE mr_rwmutex {
	uint32_t mr_state[4];
	void *mr_wait[2];
} mr_rwmutex;

typedef struct mr_once {
	uint32_t mr_done, mr_state;
	void *mr_wait[2];
} mr_once;

typedef struct mr_once_value {
	mr_once mr_o;
	void *mr_value;
	bool mr_returned;
} mr_once_value;

typedef struct mr_cond {
	uint32_t mr_state[4];
	void *mr_wait[2];
} mr_cond;

/* Add n, which may be negative, to the counter of wg.
 *
 * To be called before the goroutine that it counts is started, never inside it: adding
 * to a counter of 0 happens before anybody waits. When the counter gets to 0 everybody
 * in mr_wg_wait() is woken.
 * Panics "sync: negative WaitGroup counter" and "sync: WaitGroup misuse: Add called
 * concurrently with Wait". Never blocks. */
MR_API void mr_wg_add(mr_waitgroup *wg, int n);

/* mr_wg_add(wg, -1). Happens before the return of each mr_wg_wait() that it ends. wg is
 * not touched after its wake-up: the waiter may end wg's life at once. */
MR_API void mr_wg_done(mr_waitgroup *wg);

/* Block until the counter of wg is 0. wg lives until then.
 *
 * Each mr_wg_done() that brought it there happens before this returns.
 * Panics "sync: WaitGroup is reused before previous Wait has returned". */
MR_API void mr_wg_wait(mr_waitgroup *wg);

/* The library's half of mr_wg_go(): mr_go_captured() that counts. */
MR_API void mr_wg_go_captured(mr_waitgroup *wg, void (*fn)(void), const char *name,
			      const char *file, int line);

/* Lock m.
 *
 * Blocks until it is free. The unlock before happens before this returns. Locking again
 * what one has locked blocks for ever, as do two who lock two mutexes the one in this
 * order and the other in that: MILLRACE=deadlock=partial in the environment ends the
 * process when that happens, and says who holds what. */
MR_API void mr_mutex_lock(mr_mutex *m) MR_LOCKS(m);

/* Lock m if that can be done at once. Never blocks.
 *
 * Returns true when it is locked, ordered as by mr_mutex_lock(); false orders
 * nothing. */
MR_API MR_MUST_USE bool mr_mutex_trylock(mr_mutex *m) MR_TRY_LOCKS(m);

/* Unlock m, by any goroutine. Never blocks. Happens before the next lock returns.
 *
 * If it is not locked the process ends: "fatal error: sync: unlock of unlocked
 * mutex". */
MR_API void mr_mutex_unlock(mr_mutex *m) MR_UNLOCKS(m);

/* Lock m for reading, together with other readers.
 *
 * Blocks while a writer has it or waits for it: so do not lock it for reading twice in
 * one goroutine. The last mr_rwmutex_unlock() happens before this returns. */
MR_API void mr_rwmutex_rlock(mr_rwmutex *m) MR_LOCKS_SHARED(m);

/* Lock m for reading if that can be done at once. Never blocks.
 *
 * Returns true when it is locked, ordered as by mr_rwmutex_rlock(); false orders
 * nothing. */
MR_API MR_MUST_USE bool mr_rwmutex_tryrlock(mr_rwmutex *m) MR_TRY_LOCKS_SHARED(m);

/* Undo one mr_rwmutex_rlock(). Never blocks. Happens before the next mr_rwmutex_lock()
 * returns.
 *
 * Without one the process ends: "fatal error: sync: RUnlock of unlocked RWMutex". */
MR_API void mr_rwmutex_runlock(mr_rwmutex *m) MR_UNLOCKS_SHARED(m);

/* Lock m for writing, alone.
 *
 * Blocks until its readers and its writer are gone; readers that come later wait. All
 * unlocks before happen before this returns. */
MR_API void mr_rwmutex_lock(mr_rwmutex *m) MR_LOCKS(m);

/* Lock m for writing if that can be done at once. Never blocks.
 *
 * Returns true when it is locked, ordered as by mr_rwmutex_lock(); false orders
 * nothing. */
MR_API MR_MUST_USE bool mr_rwmutex_trylock(mr_rwmutex *m) MR_TRY_LOCKS(m);

/* Undo mr_rwmutex_lock(), by any goroutine. Never blocks. Happens before each later lock
 * returns.
 *
 * If it is not locked for writing the process ends: "fatal error: sync: Unlock of
 * unlocked RWMutex". */
MR_API void mr_rwmutex_unlock(mr_rwmutex *m) MR_UNLOCKS(m);

/* Call f(), or f(arg), if this is the first call with o; otherwise return.
 *
 * Blocks while another goroutine's first call is under way: f's return happens before
 * every call returns. An f that panics or calls mr_go_exit() counts as done. An f that
 * calls this with the same o blocks for ever. */
MR_API void mr_once_do(mr_once *o, void (*f)(void));
MR_API void mr_once_call(mr_once *o, void (*f)(void *), void *arg);

/* The result of f(arg), which is called once, by the first call with o; as Go's
 * sync.OnceValue, with mr_once_call()'s blocking and order.
 *
 * The result belongs to all callers. If f has ended by a panic or mr_go_exit(), which
 * goes its way in the first caller, every later call panics "once_value_get: the first
 * call did not return". */
MR_API void *mr_once_value_get(mr_once_value *o, void *(*f)(void *), void *arg);

/* Unlock m, wait for a wake-up of c, and lock m again.
 *
 * m: locked by the caller, and the same for everybody who waits on c. The unlock and the
 * start of the wait are one step: a wake-up after the unlock is not lost. There are no
 * wake-ups without a cause, but the condition may have changed again: test it in a loop.
 * The signal or broadcast that ends the wait happens before this returns.
 * If m is not locked the process ends as in mr_mutex_unlock(). */
MR_API void mr_cond_wait(mr_cond *c, mr_mutex *m) mr_requires_lock(m);

/* Wake the goroutine that has waited longest on c, or everybody. Nobody waits: nothing
 * happens. The mutex may be held, and need not be. Never block. */
MR_API void mr_cond_signal(mr_cond *c);
MR_API void mr_cond_broadcast(mr_cond *c);

/* Not 0 while the library must see each lock and unlock; accessed atomically. */
MR_API extern uint32_t mr_locks_watched;

#ifndef MR_NO_INLINE
/* The same functions by another name, for the bodies below. */
MR_API void mr_once_do_(mr_once *o, void (*f)(void)) __asm__("mr_once_do");
MR_API void mr_once_call_(mr_once *o, void (*f)(void *), void *arg)
	__asm__("mr_once_call");
MR_API void mr_mutex_lock_(mr_mutex *m) __asm__("mr_mutex_lock");
MR_API void mr_rwmutex_rlock_(mr_rwmutex *m) __asm__("mr_rwmutex_rlock");
MR_INLINE void mr_once_do(mr_once *o, void (*f)(void))
{
	/* O2: acquire, pairs with O1 in once.c. */
	if (__builtin_expect(!__atomic_load_n(&o->mr_done, __ATOMIC_ACQUIRE), 0))
		mr_once_do_(o, f);
}
MR_INLINE void mr_once_call(mr_once *o, void (*f)(void *), void *arg)
{
	/* O2: acquire, pairs with O1 in once.c. */
	if (__builtin_expect(!__atomic_load_n(&o->mr_done, __ATOMIC_ACQUIRE), 0))
		mr_once_call_(o, f, arg);
}

/* The bits of mr_state are mutex.c's: 1 locked. Unlocking takes more than fits here, and
 * on x86-64 less time than a compare-and-swap would. */
MR_TS(no_thread_safety_analysis)
MR_INLINE void mr_mutex_lock(mr_mutex *m)
{
	/* Relaxed, both: the CAS decides; the flag falls once, at the start. */
	uint32_t s = __atomic_load_n(&m->mr_state, __ATOMIC_RELAXED);
	uint32_t watched = __atomic_load_n(&mr_locks_watched, __ATOMIC_RELAXED);

	/* M1: acquire, pairs with M2 and M3 in mutex.c. */
	if (__builtin_expect((s & 1) || watched ||
			     !__atomic_compare_exchange_n(&m->mr_state, &s, s | 1, 0,
							  __ATOMIC_ACQUIRE,
							  __ATOMIC_RELAXED), 0))
		mr_mutex_lock_(m);
}
/* The bits of mr_state[0] are rwmutex.c's: 1 a writer owns it, 2 somebody waits, 8 others
 * than its owner may change it, from 16 on the count of readers. */
MR_TS(no_thread_safety_analysis)
MR_INLINE void mr_rwmutex_rlock(mr_rwmutex *m)
{
	/* Relaxed: as above. */
	uint32_t s = __atomic_load_n(&m->mr_state[0], __ATOMIC_RELAXED);
	uint32_t watched = __atomic_load_n(&mr_locks_watched, __ATOMIC_RELAXED);

	/* R1: acquire, pairs with R3 and R4 in rwmutex.c. */
	if (__builtin_expect((s && (s & 15) != 8) || watched ||
			     !__atomic_compare_exchange_n(&m->mr_state[0], &s, s + 16, 0,
							  __ATOMIC_ACQUIRE,
							  __ATOMIC_RELAXED), 0))
		mr_rwmutex_rlock_(m);
}
#endif
MR_C_END

#if defined(MR_THREAD_SAFETY) && !defined(__cplusplus)
static inline void mr_ts_mutex_unlock(mr_mutex *const *m) MR_UNLOCKS(*m);
static inline void mr_ts_rwmutex_unlock(mr_rwmutex *const *m) MR_UNLOCKS(*m);
static inline void mr_ts_rwmutex_runlock(mr_rwmutex *const *m) MR_UNLOCKS_SHARED(*m);
MR_TS(no_thread_safety_analysis)
static inline void mr_ts_mutex_unlock(mr_mutex *const *m)
{
	(void)m;
}
MR_TS(no_thread_safety_analysis)
static inline void mr_ts_rwmutex_unlock(mr_rwmutex *const *m)
{
	(void)m;
}
MR_TS(no_thread_safety_analysis)
static inline void mr_ts_rwmutex_runlock(mr_rwmutex *const *m)
{
	(void)m;
}
#endif

#ifndef __cplusplus
/* mr_wg_go(wg, fn, args...): add 1 to wg and call fn(args...) in a new goroutine, whose
 * end is an mr_wg_done(wg), also when it panics or calls mr_go_exit(). (Such a panic ends
 * the process as any other.)
 *
 * As mr_go(), with its limits, and mr_wg_add(), with its panics. wg is evaluated first
 * and lives until mr_wg_wait() returns; fn's end happens before that. A compound literal
 * among args is gone when this is done. */
#define mr_wg_go(wg, ...)                                                               \
	__extension__ ({                                                                \
		mr_waitgroup *mr_wg = (wg);                                             \
		mr_capture(__VA_ARGS__);                                                \
		mr_wg_go_captured(mr_wg, (void (*)(void))(mr_fn(__VA_ARGS__)),          \
				  mr_str(mr_fn(__VA_ARGS__)), __FILE__, __LINE__);      \
		mr_here();                                                              \
	})
#endif

#endif
