/* race.h - the race build: what TSan is told of the order that the library makes.
 *
 * In the library for programs that look for their data races (MRI_RACE) the program is
 * instrumented and the runtime is not. Each goroutine is a fiber, and a switch orders
 * nothing; these hooks say what does, as docs/MEMORY_MODEL.md has it and no more: a
 * false edge hides a race, a missing one reports a race that is none. In every other
 * build they are empty.
 *
 * A hook speaks for the running goroutine or thread. `at` is the address of something
 * that the program does not touch itself, in a mutex for instance. What was released
 * there is forgotten when its memory is freed. */
#ifndef MRI_ARCH_RACE_H
#define MRI_ARCH_RACE_H
#include "arch/san.h"

#if defined(MRI_RACE)
/* What was released at `at` happens before what follows. */
void mri_race_acquire(const volatile void *at);
/* What came before is added to what was released at `at`. */
void mri_race_release(const volatile void *at);
/* What came before takes the place of what was released there. `at` is a byte of the
 * library's that nobody else writes meanwhile; it keeps its value. */
void mri_race_publish(volatile void *at);

/* Speak for another, which does not run: its goroutine has parked, and only the caller
 * can make it ready. Returns what is to be given to unbecome. NULL: the caller itself. */
void *mri_race_become(const struct mri_san *other);
void mri_race_unbecome(void *before);
/* As mri_race_acquire(), for that other. */
void mri_race_acquire_for(const struct mri_san *other, const volatile void *at);
/* A thread that is no goroutine waits from here on, and others may speak for it. */
void *mri_race_thread_parks(struct mri_san *s);
void mri_race_thread_wakes(struct mri_san *s, void *parked);

/* Until the end this thread, which runs no goroutine, speaks for the library: what it
 * sends or starts comes after what was released at `after`, and after nothing else. */
void mri_race_library_begin(const volatile void *after);
void mri_race_library_end(void);
bool mri_race_is_library(void);

/* For san.c: a goroutine, made by the call that returns to pc; and its end. */
void *mri_race_fiber_new(void *pc);
void mri_race_fiber_end(void *fiber);
/* A new stack begins where others have been: it has no past, to the end of hi's page. */
void mri_race_forget(void *lo, void *hi);
/* What reports call it. */
void mri_race_name(const struct mri_san *s, int64_t id, const char *name);
/* Goroutines that run on this thread use its thread-locals, errno among them, by turns:
 * that is no race. */
void mri_race_thread_locals(void);
void mri_race_access(const volatile void *at, size_t n, bool writes, void *pc);
/* A public function calls another: pc is its own caller's. */
void mri_race_enter(void *pc);
void mri_race_leave(void);
#else
static inline void mri_race_acquire(const volatile void *at)
{
	(void)at;
}
static inline void mri_race_release(const volatile void *at)
{
	(void)at;
}
static inline void mri_race_publish(volatile void *at)
{
	(void)at;
}
static inline void mri_race_acquire_for(const struct mri_san *other,
					const volatile void *at)
{
	(void)other, (void)at;
}
static inline void *mri_race_thread_parks(struct mri_san *s)
{
	(void)s;
	return NULL;
}
static inline void mri_race_thread_wakes(struct mri_san *s, void *parked)
{
	(void)s, (void)parked;
}
static inline void mri_race_library_begin(const volatile void *after)
{
	(void)after;
}
static inline void mri_race_library_end(void)
{
}
static inline void mri_race_name(const struct mri_san *s, int64_t id, const char *name)
{
	(void)s, (void)id, (void)name;
}
static inline void mri_race_thread_locals(void)
{
}
static inline void mri_race_access(const volatile void *at, size_t n, bool writes,
				   void *pc)
{
	(void)at, (void)n, (void)writes, (void)pc;
}
static inline void mri_race_enter(void *pc)
{
	(void)pc;
}
static inline void mri_race_leave(void)
{
}
#endif

/* The library reads or writes the program's memory: an access like any other, made by
 * the line that called the function this stands in, which must be a public one. */
#define mri_race_read(at, n) \
	mri_race_access(at, n, false, __builtin_return_address(0))
#define mri_race_write(at, n) \
	mri_race_access(at, n, true, __builtin_return_address(0))
#endif
