/* stack_test.c - what dev builds find at the ends of a stack (rt/stack.c): one planted
 * overwrite for each report, and a twin that comes as near as is allowed. */
#include "rt/stack.h"
#include "harness.h"
#include <millrace.h>
#include <string.h>

static waitgroup wg;

noinline static void run(void (*fn)(void))
{
	if (!MRI_IS_DEV)
		SKIP("the ends of stacks are looked at in dev builds only");
	wg_add(&wg, 1);
	go(fn);
	wg_wait(&wg);
}
/* The bytes from the caller's frame up to `end` are overwritten, as by a loop that does not
 * stop in time; nothing returns through them. */
noinline __attribute__((no_sanitize("address"), no_sanitize("thread")))
static void overwrite_up_to(const void *end)
{
	volatile char *p = (char *)__builtin_frame_address(0) + 256;      /* p not itself */

	while (p < (const volatile char *)end)
		*p++ = 0x55;
	go_yield();
}
static struct g *below(struct g *g)
{
	bool overflow;
	struct g *found = mri_stack_find(g->lo - (64 << 10) - 4096, &overflow);

	CHECK(found && found != g);
	return found;
}

static void runs_past_the_top(void)
{
	overwrite_up_to((char *)mri_self() + 8);
}
CRASH_TEST(past_the_top, 2, "fatal error: something was written past the top of a stack\n\n",
	   "goroutine 2 [running]:\n", "created by run at ")
{
	run(runs_past_the_top);
}

static void is_below_its_stack(void)
{
	mri_self()->lo = (char *)__builtin_frame_address(0) + 4096;
	go_yield();
}
CRASH_TEST(over_the_guard, 2, "fatal error: a stack frame has jumped over the guard\n\n",
	   "goroutine 2 [running]:\n", "created by run at ")
{
	run(is_below_its_stack);
}

/* The neighbour's G is the end of what a frame that jumped may have hit. It is found by the
 * one that did it, or by the one that was hit, whoever runs first. */
#ifdef MRI_DEV
static void hits_its_neighbour(void)
{
	atomic_set(&below(mri_self())->canary_above, 1u, relaxed);
	go_yield();
}
static void was_hit(void)
{
	atomic_set(&mri_self()->canary_above, 1u, relaxed);
}
#else
static void hits_its_neighbour(void) { below(mri_self()); }
static void was_hit(void) {}
#endif
CRASH_TEST(into_the_neighbour, 2,
	   "fatal error: a stack has run into its neighbour, over the guard\n\n",
	   "goroutine 2 [running]:\n", "created by run at ")
{
	run(hits_its_neighbour);
}
/* At its end at the latest. */
CRASH_TEST(by_the_neighbour, 2,
	   "fatal error: a neighbour's stack has run into this one\n\n",
	   "goroutine 2 [running]:\n", "created by run at ")
{
	run(was_hit);
}

noinline __attribute__((no_sanitize("address"), no_sanitize("thread")))
static void fills_its_stack(void)
{
	char *here = __builtin_frame_address(0);

	/* All that is free below this frame, but what calls from here need. */
	for (volatile char *p = mri_self()->lo; p < here - (32 << 10); p++)
		*p = 0x55;
	go_yield();
}
static void goes_to_the_ends(void)
{
	fills_its_stack();
	memset(mri_g_args(mri_self()), 0x55, sizeof(struct mri_arch_args));
	go_yield();
	wg_done(&wg);
}
TWIN(ends_of_a_stack)
{
	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(goes_to_the_ends);
	wg_wait(&wg);
}
