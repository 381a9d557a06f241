/* mutex_test.c - src/sync/mutex.c, parked on by threads that are not ours: mutual
 * exclusion, publication, nobody forgotten, and the last unlock does not touch it. */
#include "world.h"
#include <millrace/sync.h>

static mr_mutex mu, *in_heap;
static int inside, total;
static uint32_t locked;

static void setup(void)
{
	/* spin_pays() says no: a thread parks at once. */
	mri_sched.procs = 1;
	mri_sched.restart_area = 1;
}
static void setup_spin(void)
{
	setup();
	mri_sched.procs = 8;
}
/* Where there are no restartable sequences. */
static void setup_cas(void)
{
	setup();
	mri_sched.restart_area = 0;
}
/* Hands over, as to somebody who starves, or not. */
static void setup_starving(void)
{
	setup();
	world_hostile = true;
}

static void section(void)
{
	model_check(inside == 0);
	inside = 1;
	total++;
	inside = 0;
}
static void once(void)
{
	world_thread();
	mr_mutex_lock(&mu);
	section();
	mr_mutex_unlock(&mu);
}
static void twice(void)
{
	once();
	once();
}
static void tries(void)
{
	world_thread();
	if (!mr_mutex_trylock(&mu))
		return;
	section();
	mr_mutex_unlock(&mu);
}
/* But for the count of unlocks to come. */
static bool is_free(void) { return (mu.mr_state & 7) == 0; }
static void is2(void) { model_check(total == 2 && is_free() && !mu.mr_wait); }
static void is3(void) { model_check(total == 3 && is_free() && !mu.mr_wait); }
static void some(void) { model_check(total >= 1 && is_free() && !mu.mr_wait); }

MODEL(mutex_two, .setup = setup, .threads = { once, once }, .check = is2)
MODEL(mutex_two_cas, .setup = setup_cas, .threads = { once, once }, .check = is2)
MODEL(mutex_two_spin, .setup = setup_spin, .threads = { once, once }, .check = is2)
MODEL(mutex_twice, .setup = setup, .threads = { twice, once }, .check = is3)
MODEL(mutex_twice_cas, .setup = setup_cas, .threads = { twice, once }, .check = is3)
MODEL(mutex_hand_over, .setup = setup_starving, .threads = { twice, once }, .check = is3)
MODEL(mutex_three_hand_over, .setup = setup_starving, .threads = { once, once, once },
      .check = is3, .preemptions = 3, .slow = true)
MODEL(mutex_three, .setup = setup, .threads = { once, once, once }, .check = is3,
      .preemptions = 3, .slow = true)
MODEL(mutex_try, .setup = setup, .threads = { once, tries, tries }, .check = some,
      .slow = true)

/* Whoever gets it next may free it. */
static void heap_setup(void)
{
	setup();
	in_heap = model_malloc(sizeof *in_heap);
}
static void first(void)
{
	world_thread();
	mr_mutex_lock(in_heap);
	atomic_set(&locked, 1u, relaxed);
	total++;
	mr_mutex_unlock(in_heap);
}
static void frees(void)
{
	world_thread();
	model_await(&locked, 1);
	mr_mutex_lock(in_heap);
	total++;
	mr_mutex_unlock(in_heap);
	model_free(in_heap);
}
static void heap_check(void) { model_check(total == 2); }
MODEL(mutex_freed_by_next, .setup = heap_setup, .threads = { first, frees },
      .check = heap_check)
