/* waitgroup_test.c - src/sync/waitgroup.c, by threads that are not ours: who returns from
 * a wait sees what was done before, and may free the waitgroup. */
#include "world.h"
#include <millrace/sync.h>

static mr_waitgroup *wg;
static int data[MODEL_THREADS + 1];
static uint32_t returned;

static void setup1(void)
{
	wg = model_malloc(sizeof *wg);
	mr_wg_add(wg, 1);
}
static void setup2(void)
{
	setup1();
	mr_wg_add(wg, 1);
}
static void works(void)
{
	world_thread();
	data[model_self()]++;
	mr_wg_done(wg);
}
/* Counts another in as long as it is counted itself. */
static void works_and_counts(void)
{
	world_thread();
	mr_wg_add(wg, 1);
	data[model_self()]++;
	mr_wg_done(wg);
	mr_wg_done(wg);
}
static int sum(void)
{
	int n = 0;

	for (int i = 1; i <= MODEL_THREADS; i++)
		n += data[i];
	return n;
}
static void waits_for1(void)
{
	world_thread();
	mr_wg_wait(wg);
	model_check(sum() == 1);
}
static void waits_for1_frees(void) { waits_for1(); model_free(wg); }
static void waits_for2_frees(void)
{
	world_thread();
	mr_wg_wait(wg);
	model_check(sum() == 2);
	model_free(wg);
}
/* One of several: the last to return. */
static void waits_last_frees(void)
{
	waits_for1();
	if (atomic_add(&returned, 1u, acq_rel) == 1)
		model_free(wg);
}

MODEL(waitgroup_one, .setup = setup1, .threads = { works, waits_for1_frees })
MODEL(waitgroup_counts_on, .setup = setup1, .threads = { works_and_counts, waits_for1_frees })
MODEL(waitgroup_two, .setup = setup2, .threads = { works, works, waits_for2_frees })
MODEL(waitgroup_two_wait, .setup = setup1,
      .threads = { works, waits_last_frees, waits_last_frees }, .preemptions = 2)
