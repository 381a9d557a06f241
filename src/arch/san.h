/* san.h - what TSan, ASan and Valgrind are told about stacks and switches.
 *
 * One struct per stack. In a build with none of these tools it is empty and the
 * functions compile to nothing. Only the switch wrapper calls switch_out and
 * switch_in:
 *     mri_san_switch_out(&from->san, &to->san, dying);
 *     mri_arch_switch(&from->ctx, &to->ctx);
 *     mri_san_switch_in(&from->san);
 * and the first function on a new stack begins with mri_san_switch_in(its own). */
#ifndef MRI_ARCH_SAN_H
#define MRI_ARCH_SAN_H
#include "base/attr.h"

/* TSan in an instrumented runtime (MRI_TSAN), or in the users' race library
 * (MRI_RACE), whose runtime is not instrumented but whose stacks are fibers all
 * the same. */
#if defined(MRI_TSAN) || defined(MRI_RACE)
#define MRI_SAN_FIBERS 1
#endif

struct mri_san {
#if defined(MRI_SAN_FIBERS)
	void *fiber;
#endif
#if defined(MRI_ASAN)
	void *fake;                     /* ASan's fake stack while switched out */
	const void *lo;
	size_t size;
#endif
#if defined(MRI_VALGRIND)
	unsigned vg_id;
#endif
	bool owned;                     /* create()d, not adopted; without it the */
};                                      /* struct could be empty: not ISO C */

#if defined(MRI_SAN_FIBERS) || defined(MRI_ASAN) || defined(MRI_VALGRIND)
/* a new stack [lo, hi) for a computation not yet started; pc: the call that made it, for
 * reports of races */
void mri_san_create(struct mri_san *s, void *lo, void *hi, void *pc);
/* describe the calling thread's own stack (a scheduler stack, main's) */
void mri_san_adopt(struct mri_san *s, void *lo, void *hi);
/* the computation is over; called from another stack. Of an adopted stack: nothing */
void mri_san_destroy(struct mri_san *s);
/* just before switching from one to the other; dying: `from` never runs again */
void mri_san_switch_out(struct mri_san *from, struct mri_san *to, bool dying);
/* first thing after a switch, on the stack of `self` */
void mri_san_switch_in(struct mri_san *self);
/* Frames in [lo, hi) of a stack are dropped without returning. If it is the running one,
 * the caller's is among them: lo may be any address in its frame. A handler on a signal
 * stack gives the interrupted stack pointer. hi is catch.frame. To be called
 * before mri_arch_throw, and before _Unwind_ForcedUnwind as well: the cleanups it
 * enters run where the frames under them have been. */
void mri_san_unwound(void *lo, void *hi);
#else
static inline void mri_san_create(struct mri_san *s, void *lo, void *hi, void *pc)
{
	(void)s, (void)lo, (void)hi, (void)pc;
}
static inline void mri_san_adopt(struct mri_san *s, void *lo, void *hi)
{
	(void)s, (void)lo, (void)hi;
}
static inline void mri_san_destroy(struct mri_san *s)
{
	(void)s;
}
static inline void mri_san_switch_out(struct mri_san *from, struct mri_san *to,
				      bool dying)
{
	(void)from, (void)to, (void)dying;
}
static inline void mri_san_switch_in(struct mri_san *self)
{
	(void)self;
}
static inline void mri_san_unwound(void *lo, void *hi)
{
	(void)lo, (void)hi;
}
#endif
#endif
