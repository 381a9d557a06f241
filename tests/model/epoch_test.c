/* epoch_test.c - src/rt/epoch.c: no reader ever sees an object that is freed (which is a
 * race of its plain contents with what the memory is used for next), and what is retired
 * is destroyed once, not lost. */
#include "base/atomic.h"
#include "rt/epoch.h"
#include "world.h"

struct object { struct mri_retired retired; int content; bool freed; };
static struct object first, second, third;
static struct object *shared;
static struct mri_limbo limbo;
static bool late_m;                     /* M 0 makes itself known while others run */

/* To whoever gets the memory next it is plain. */
static void destroy(struct mri_retired *r)
{
	struct object *o = container_of(r, struct object, retired);

	model_check(!o->freed);
	o->freed = true;
	o->content = -1;
}
/* As init.c does it. */
static void publish_m(int i)
{
	world_ms[i].all_next = mri_sched.all_ms;
	/* A1: release, pairs with A2. */
	atomic_set(&mri_sched.all_ms, &world_ms[i], release);
}
static void setup(void)
{
	for (int i = 0; i < 2; i++) {
		world_m_init(i);
		if (!late_m || i)
			publish_m(i);
	}
	limbo.destroy = destroy;
	first.content = second.content = third.content = 1;
	atomic_set(&shared, &first, relaxed);
}
static void setup_fences(void)
{
	setup();
	mri_sched.no_membarrier = true;
}

static void setup_late(void)
{
	late_m = true;
	setup();
}

static void setup_one_slot(void)
{
	setup();
	world_one_tid = true;
}

static void read_once(void)
{
	uint64_t *section = mri_epoch_enter();
	struct object *o = atomic_get(&shared, acquire);

	model_check(o->content == 1);
	mri_epoch_leave(section);
}
static void replace(struct object *by)
{
	struct object *old = atomic_swap(&shared, by, acq_rel);

	mri_epoch_retire(&limbo, &old->retired);
	mri_epoch_collect(&limbo);
}
static void reader(void) { world_be_m(0); read_once(); }
static void reads_twice(void) { world_be_m(0); read_once(); read_once(); }
static void late_reader(void) { publish_m(0); reader(); }
static void thread_reader(void) { world_thread(); read_once(); }
static void writer(void) { world_be_m(1); replace(&second); }
static void writes_twice(void) { world_be_m(1); replace(&second); replace(&third); }
static void other_writer(void) { world_thread(); replace(&third); }

static void nothing_lost(void)
{
	mri_epoch_finish(&limbo);
	model_check(!shared->freed);
	model_check(first.freed == (shared != &first));
}
#define BOTH(id, ...) \
	MODEL(id, .setup = setup, .threads = { __VA_ARGS__ }, .check = nothing_lost) \
	MODEL(id##_fences, .setup = setup_fences, .threads = { __VA_ARGS__ }, \
	      .check = nothing_lost)
BOTH(epoch_read, reader, writer)
BOTH(epoch_read_twice, reads_twice, writer)
BOTH(epoch_thread, thread_reader, writer)
MODEL(epoch_late_m, .setup = setup_late, .threads = { late_reader, writer },
      .check = nothing_lost)
BOTH(epoch_two_replaced, reader, writes_twice)
MODEL(epoch_two_writers, .setup = setup, .threads = { reader, writer, other_writer },
      .check = nothing_lost, .preemptions = 3, .slow = true)

/* Two threads that use the same word, one after the other. */
MODEL(epoch_threads_share, .setup = setup_one_slot,
      .threads = { thread_reader, thread_reader, writer }, .check = nothing_lost,
      .preemptions = 3, .slow = true)

/* A planted bug: the object is destroyed without asking who reads. */
static void hasty(void)
{
	struct object *old;

	world_be_m(1);
	old = atomic_swap(&shared, &second, acq_rel);
	destroy(&old->retired);
}
static void nothing(void) {}
MODEL(epoch_planted, .setup = setup, .threads = { reader, hasty }, .check = nothing,
      .expect = "race")
