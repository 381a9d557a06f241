/* once_test.c - src/sync/once.c, by threads that are not ours: it runs once, and who
 * returns sees what it did. */
#include "world.h"
#include <millrace/sync.h>

static mr_once once, *in_heap;
static int data;
static uint32_t returned;

static void sets(void) { data++; }
static void sets_to(void *p) { *(int *)p = 1; }
static void does(void)
{
	world_thread();
	mr_once_do(&once, sets);
	model_check(data == 1);
}
static void calls(void)
{
	world_thread();
	mr_once_call(&once, sets_to, &data);
	model_check(data == 1);
}
static void does_twice(void) { does(); does(); }
static void is_done(void) { model_check(once.mr_done == 1 && !once.mr_wait[0]); }

MODEL(once_two, .threads = { does_twice, does }, .check = is_done)
MODEL(once_call, .threads = { calls, calls }, .check = is_done)
MODEL(once_three, .threads = { does, does, does }, .check = is_done, .preemptions = 2)

/* Setting mr_done is the last access: when both have returned it may be freed. */
static void heap_setup(void) { in_heap = model_malloc(sizeof *in_heap); }
static void last_frees(void)
{
	world_thread();
	mr_once_do(in_heap, sets);
	if (atomic_add(&returned, 1u, acq_rel) == 1)
		model_free(in_heap);
}
MODEL(once_freed, .setup = heap_setup, .threads = { last_frees, last_frees })
