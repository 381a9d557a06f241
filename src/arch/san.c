/* san.c - TSan's fibers, ASan's stack bounds, Valgrind's stack registrations.
 * Nothing here in a build without these tools: san.h has empty inline functions. */
#include "arch/race.h"

#if defined(MRI_SAN_FIBERS) || defined(MRI_ASAN) || defined(MRI_VALGRIND)
#if defined(MRI_SAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(MRI_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(MRI_VALGRIND)
#include <valgrind/valgrind.h>
#endif

#if defined(MRI_SAN_FIBERS)
/* A switch that synchronises hides the race of two goroutines that ran one after
 * the other on one thread. The instrumented runtime needs it all the same (what it
 * does on both sides of a switch is ordered by the switch and nothing else); in the
 * race library the channel and sync operations say what is ordered. */
#if defined(MRI_RACE)
#define FIBER_FLAGS __tsan_switch_to_fiber_no_sync
#else
#define FIBER_FLAGS 0u
#endif
#endif

static void describe(struct mri_san *s, void *lo, void *hi)
{
#if defined(MRI_ASAN)
	s->fake = NULL;
	s->lo = lo;
	s->size = (size_t)((char *)hi - (char *)lo);
#endif
	(void)s, (void)lo, (void)hi;
}

void mri_san_create(struct mri_san *s, void *lo, void *hi, void *pc)
{
	(void)pc;
	describe(s, lo, hi);
	s->owned = true;
#if defined(MRI_RACE)
	mri_race_forget(lo, hi);
	s->fiber = mri_race_fiber_new(pc);
#elif defined(MRI_TSAN)
	s->fiber = __tsan_create_fiber(0);
#endif
#if defined(MRI_VALGRIND)
	s->vg_id = VALGRIND_STACK_REGISTER(lo, (char *)hi - 1);
#endif
}

void mri_san_adopt(struct mri_san *s, void *lo, void *hi)
{
	describe(s, lo, hi);
	s->owned = false;
#if defined(MRI_SAN_FIBERS)
	s->fiber = __tsan_get_current_fiber();
#endif
}

void mri_san_destroy(struct mri_san *s)
{
	if (!s->owned)
		return;
	s->owned = false;
#if defined(MRI_RACE)
	mri_race_fiber_end(s->fiber);
#elif defined(MRI_TSAN)
	__tsan_destroy_fiber(s->fiber);
#endif
#if defined(MRI_ASAN)
	/* Its last frames never returned: their red zones would hit the next owner. */
	__asan_unpoison_memory_region(s->lo, s->size);
#endif
#if defined(MRI_VALGRIND)
	VALGRIND_STACK_DEREGISTER(s->vg_id);
#endif
}

no_tsan void mri_san_switch_out(struct mri_san *from, struct mri_san *to, bool dying)
{
#if defined(MRI_ASAN)
	/* NULL: ASan frees the fake stack of one that never comes back. */
	__sanitizer_start_switch_fiber(dying ? NULL : &from->fake, to->lo, to->size);
#endif
#if defined(MRI_SAN_FIBERS)
	__tsan_switch_to_fiber(to->fiber, FIBER_FLAGS);
#endif
	(void)from, (void)to, (void)dying;
}

no_tsan void mri_san_switch_in(struct mri_san *self)
{
#if defined(MRI_ASAN)
	/* On a new stack fake is NULL: there is none to take up again. */
	__sanitizer_finish_switch_fiber(self->fake, NULL, NULL);
#endif
	(void)self;
}

enum { SAME_STACK = 64 << 10 };         /* further apart are different ones */

/* ASan only. TSan keeps a stack of its own of the functions entered: frames dropped by
 * a forced unwind have left it, because an instrumented function built with
 * -fexceptions (a requirement for panics anyway) runs __tsan_func_exit as a cleanup.
 *
 * The caller's frame is dropped as well, and its red zones are below any address it
 * knows: hence this function's own frame, which has none. */
noinline void mri_san_unwound(void *lo, void *hi)
{
#if defined(MRI_ASAN)
	char *below = __builtin_frame_address(0);

	/* Or the caller runs on another stack, a signal's. */
	if ((char *)lo < below || (char *)lo - below > SAME_STACK)
		below = lo;
	__asan_unpoison_memory_region(below, (size_t)((char *)hi - below));
#endif
	(void)lo, (void)hi;
}
#else
typedef int mri_san_nothing;            /* an empty translation unit is not ISO C */
#endif
