/* race.c - the hooks of race.h in TSan's terms. Nothing here in any other build.
 *
 * A "fiber" is what TSan knows of a goroutine or thread: its clock and its call stack.
 * What it has no call for is done by ones that mean something else: to replace what was
 * released, an atomic store; to forget a range, a munmap that the kernel refuses. */
#include "arch/race.h"

#if defined(MRI_RACE)
#include "base/atomic.h"
#include "base/fault.h"
#include <errno.h>
#include <sanitizer/tsan_interface.h>
#include <stdio.h>
#include <sys/mman.h>

/* Of TSan's, in no header that all compilers have. */
void __tsan_atomic8_store(volatile char *at, char v, int order);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(const volatile void *at, size_t n);
void __tsan_write_range(const volatile void *at, size_t n);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateBenignRaceSized(const char *file, int line, volatile void *at, size_t n,
			     const char *what);

enum { PAGE = 4096 };

/* ----------------------------------------------------------------- edges -- */

void mri_race_acquire(const volatile void *at)
{
	__tsan_acquire((void *)(uintptr_t)at);
}

void mri_race_release(const volatile void *at)
{
	__tsan_release((void *)(uintptr_t)at);
}

void mri_race_publish(volatile void *at)
{
	volatile char *byte = at;

	__tsan_atomic8_store(byte, *byte, __ATOMIC_RELEASE);
}

void mri_race_access(const volatile void *at, size_t n, bool writes, void *pc)
{
	if (!at || !n)
		return;
	__tsan_func_entry(pc);
	if (writes)
		__tsan_write_range(at, n);
	else
		__tsan_read_range(at, n);
	__tsan_func_exit();
}

void mri_race_enter(void *pc)
{
	__tsan_func_entry(pc);
}

void mri_race_leave(void)
{
	__tsan_func_exit();
}

/* ---------------------------------------------------------------- fibers -- */

/* gcc 12's TSan ends the process at some 8,000 threads and fibers, and says nothing of
 * goroutines. Younger ones, which have this function, bear many more. */
void __tsan_on_thread_idle(void) __attribute__((weak));
enum { MAX_FIBERS = 8000 };
static uint32_t nfibers; /* atomic */

void *mri_race_fiber_new(void *pc)
{
	void *fiber;

	/* Relaxed: only counted. */
	if (atomic_add(&nfibers, 1u, relaxed) >= MAX_FIBERS && !__tsan_on_thread_idle)
		mri_fatal("millrace: race build: more than %d goroutines alive at once",
			  MAX_FIBERS);
	__tsan_func_entry(pc);
	/* The running goroutine is ordered before it. */
	fiber = __tsan_create_fiber(0);
	__tsan_func_exit();
	return fiber;
}

void mri_race_fiber_end(void *fiber)
{
	/* Relaxed: as above. */
	atomic_sub(&nfibers, 1u, relaxed);
	__tsan_destroy_fiber(fiber);
}

void mri_race_name(const struct mri_san *s, int64_t id, const char *name)
{
	char text[64];

	snprintf(text, sizeof text, "goroutine %lld (%s)", (long long)id, name);
	__tsan_set_fiber_name(s->fiber, text);
}

/* ------------------------------------------------------ speaking for others -- */

static void switch_fiber(void *fiber)
{
	__tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
}

void *mri_race_become(const struct mri_san *other)
{
	void *before = other ? __tsan_get_current_fiber() : NULL;

	if (other)
		switch_fiber(other->fiber);
	return before;
}

void mri_race_unbecome(void *before)
{
	if (before)
		switch_fiber(before);
}

/* One that has nothing before it. */
static void *blank_fiber(void)
{
	void *fiber;

	AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
	fiber = mri_race_fiber_new(NULL);
	AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
	return fiber;
}

/* TSan insists that a fiber is on one thread at a time: this thread gets another. */
void *mri_race_thread_parks(struct mri_san *s)
{
	void *parked = blank_fiber();

	s->fiber = __tsan_get_current_fiber();
	switch_fiber(parked);
	return parked;
}

void mri_race_thread_wakes(struct mri_san *s, void *parked)
{
	switch_fiber(s->fiber);
	mri_race_fiber_end(parked);
}

static __thread struct { void *library, *before; } acting;

void mri_race_library_begin(const volatile void *after)
{
	acting.before = __tsan_get_current_fiber();
	acting.library = blank_fiber();
	switch_fiber(acting.library);
	if (after)
		mri_race_acquire(after);
	/* Its frames are the scheduler's as well. */
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

void mri_race_library_end(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	switch_fiber(acting.before);
	mri_race_fiber_end(acting.library);
	acting.library = NULL;
}

bool mri_race_is_library(void)
{
	return acting.library != NULL;
}

/* ---------------------------------------------------------------- memory -- */

/* The kernel refuses an address that is not a page's, but TSan has by then forgotten all
 * accesses and locks in the range. It forgets accesses by the page: the range begins in
 * the guard and ends with the slot. */
void mri_race_forget(void *lo, void *hi)
{
	char *from = (char *)lo - 8;
	char *to = (char *)(((uintptr_t)hi + PAGE) & ~(uintptr_t)(PAGE - 1));
	int saved = errno;

	munmap(from, (size_t)(to - from));
	errno = saved;
}

void mri_race_benign(volatile void *at, size_t n, const char *what)
{
	AnnotateBenignRaceSized(__FILE__, __LINE__, at, n, what);
}
#else
typedef int mri_race_nothing;           /* an empty translation unit is not ISO C */
#endif
