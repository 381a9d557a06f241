/* race.c - the hooks of race.h in TSan's terms. Nothing here in any other build.
 *
 * A "fiber" is what TSan knows of a goroutine or thread: its clock and its call stack.
 * What it has no call for is done by ones that mean something else: to replace what was
 * released, an atomic store; to forget a range, a munmap that the kernel refuses. */
#define _GNU_SOURCE
#include "arch/race.h"

#if defined(MRI_RACE)
#include "base/atomic.h"
#include "base/fault.h"
#include <errno.h>
#include <link.h>
#include <sanitizer/tsan_interface.h>
#include <stdio.h>
#include <sys/mman.h>

/* Of TSan's, in no header that all compilers have. */
void __tsan_atomic8_store(volatile char *at, char v, int order);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range_pc(const volatile void *at, size_t n, void *pc);
void __tsan_write_range_pc(const volatile void *at, size_t n, void *pc);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateBenignRaceSized(const char *file, int line, volatile void *at, size_t n,
			     const char *what);

enum { PAGE = 4096, LARGE = 1 << 20 };

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
	if (writes)
		__tsan_write_range_pc(at, n, pc);
	else
		__tsan_read_range_pc(at, n, pc);
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

/* gcc 12's TSan ends the process at some 8,100 threads and fibers; younger ones, which
 * have this function, where mappings run out (vm.max_map_count). Both say nothing of
 * goroutines. */
void __tsan_on_thread_idle(void) __attribute__((weak));
enum { MAX_FIBERS = 8000, MAX_FIBERS_YOUNG = 20000, KEPT = 128 };
static uint32_t nfibers; /* atomic */

void *mri_race_fiber_new(void *pc)
{
	uint32_t max = __tsan_on_thread_idle ? MAX_FIBERS_YOUNG : MAX_FIBERS;
	void *fiber;

	/* Relaxed: only counted. Those kept are not alive. */
	if (atomic_add(&nfibers, 1u, relaxed) >= max)
		mri_fatal("millrace: race build: more than %u goroutines alive at once",
			  max - KEPT);
	__tsan_func_entry(pc);
	/* The running goroutine is ordered before it. */
	fiber = __tsan_create_fiber(0);
	__tsan_func_exit();
	return fiber;
}

static void fiber_free(void *fiber)
{
	if (!fiber)
		return;
	/* Relaxed: as above. */
	atomic_sub(&nfibers, 1u, relaxed);
	__tsan_destroy_fiber(fiber);
}

/* TSan reports no race with an access whose history it has given away to others, which
 * it does soon when a fiber is destroyed. So the last ones are kept for a while. */
void mri_race_fiber_end(void *fiber)
{
	static void *kept[KEPT]; /* atomic */
	static uint32_t next;    /* atomic */
	/* Relaxed: each place is swapped by itself. */
	uint32_t i = atomic_add(&next, 1u, relaxed) % KEPT;

	/* D1: acq_rel, pairs with itself: TSan's own notes about the fiber. */
	fiber_free(atomic_swap(&kept[i], fiber, acq_rel));
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

void mri_race_acquire_for(const struct mri_san *other, const volatile void *at)
{
	void *before = mri_race_become(other);

	mri_race_acquire(at);
	mri_race_unbecome(before);
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
	fiber_free(parked);
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
	fiber_free(acting.library);
	acting.library = NULL;
}

bool mri_race_is_library(void)
{
	return acting.library != NULL;
}

/* ---------------------------------------------------------------- memory -- */

/* The kernel refuses an address that is not a page's, but TSan has by then forgotten all
 * accesses and locks in the range. It forgets accesses by the page, so a range begins
 * before its first one: in the guard, or the range below. Up to 32 KiB it takes a tenth
 * of the time per byte. */
void mri_race_forget(void *lo, void *hi)
{
	char *end = (char *)(((uintptr_t)hi + PAGE) & ~(uintptr_t)(PAGE - 1));
	size_t left = (size_t)(end - (char *)lo), step = left > LARGE ? left : 6 * PAGE;
	int saved = errno;

	for (; left; left -= step) {
		step = step < left ? step : left;
		munmap(end - left - 8, step + 8);
	}
	errno = saved;
}

static int add_size(struct dl_phdr_info *info, size_t size, void *arg)
{
	size_t *sum = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	return 0;
}

/* They lie below the thread pointer on x86, above it elsewhere. */
void mri_race_thread_locals(void)
{
	char *at = __builtin_thread_pointer();
	size_t n = 64;

	dl_iterate_phdr(add_size, &n);
#if defined(__x86_64__)
	at -= n;
#endif
	AnnotateBenignRaceSized(__FILE__, __LINE__, at, n, "thread-locals");
}
#else
typedef int mri_race_nothing;           /* an empty translation unit is not ISO C */
#endif
