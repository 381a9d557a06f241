/* lock_test.c - src/rt/lock.c: mutual exclusion, what one holder wrote the next one
 * sees, and no sleeper is forgotten. */
#include "base/atomic.h"
#include "rt/lock.h"

static struct mri_lock l;
static int inside, total;

static void setup(void) { mri_lock_init(&l, MRI_RANK_LEAF); }

static void section(void)
{
	model_check(inside == 0);
	inside = 1;
	total++;
	inside = 0;
}
static void once(void)
{
	mri_lock_take(&l);
	section();
	mri_lock_drop(&l);
}
static void twice(void) { once(); once(); }
static void try_once(void)
{
	if (!mri_lock_try(&l))
		return;
	section();
	mri_lock_drop(&l);
}
static void is3(void) { model_check(total == 3 && l.word == 0); }
static void is4(void) { model_check(total == 4 && l.word == 0); }
static void some(void) { model_check(total >= 1 && l.word == 0); }

MODEL(lock_two, .setup = setup, .threads = { twice, twice }, .check = is4)
MODEL(lock_three, .setup = setup, .threads = { once, once, once }, .check = is3)
MODEL(lock_three_twice, .setup = setup, .threads = { twice, once, once }, .check = is4, .preemptions = 4, .slow = true)
MODEL(lock_spurious, .setup = setup, .threads = { once, once, once }, .check = is3, .spurious = 1, .preemptions = 4, .slow = true)
MODEL(lock_try, .setup = setup, .threads = { once, try_once, try_once }, .check = some)

/* The holder frees the memory the lock lies in once the other has dropped it: nothing
 * may be read after the word is free. */
static struct mri_lock *in_heap;
static void heap_setup(void)
{
	in_heap = model_malloc(sizeof *in_heap);
	mri_lock_init(in_heap, MRI_RANK_LEAF);
}
static uint32_t taken;
static void drops(void)
{
	mri_lock_take(in_heap);
	atomic_set(&taken, 1u, relaxed);
	mri_lock_drop(in_heap);
}
static void takes_and_frees(void)
{
	model_await(&taken, 1);
	mri_lock_take(in_heap);
	mri_lock_drop(in_heap);
	model_free(in_heap);
}
MODEL(lock_freed_by_next, .setup = heap_setup, .threads = { drops, takes_and_frees })
