/* rwmutex_test.c - src/sync/rwmutex.c, parked on by threads that are not ours. What it
 * guards is plain: a writer beside anybody, or one who does not see what was done before,
 * is a race. */
#include "world.h"
#include <millrace/sync.h>

static mr_rwmutex rw, *in_heap;
static int data, reads[MODEL_THREADS + 1];
static uint32_t entered;

static void setup(void) { mri_sched.restart_area = 1; }

static void writes(void)
{
	world_thread();
	mr_rwmutex_lock(&rw);
	data++;
	mr_rwmutex_unlock(&rw);
}
static void reads_it(void)
{
	world_thread();
	mr_rwmutex_rlock(&rw);
	reads[model_self()] = data;
	mr_rwmutex_runlock(&rw);
}
static void tries(void)
{
	world_thread();
	if (mr_rwmutex_trylock(&rw)) {
		data++;
		mr_rwmutex_unlock(&rw);
	}
}
static void tries_to_read(void)
{
	world_thread();
	if (mr_rwmutex_tryrlock(&rw)) {
		reads[model_self()] = data;
		mr_rwmutex_runlock(&rw);
	}
}
static void writes_then_reads(void) { writes(); reads_it(); }
static void reads_twice(void) { reads_it(); reads_it(); }

static void is_free(void)
{
	model_check((rw.mr_state[0] & ~8u) == 0 && rw.mr_state[1] == 0);
	model_check(!rw.mr_wait[0] && !rw.mr_wait[1]);
	for (int i = 1; i <= MODEL_THREADS; i++)
		model_check(reads[i] <= data);
}
static void wrote1(void) { is_free(); model_check(data == 1); }
static void wrote2(void) { is_free(); model_check(data == 2); }

MODEL(rwmutex_writers, .setup = setup, .threads = { writes, writes }, .check = wrote2)
MODEL(rwmutex_writer_and_reader, .setup = setup, .threads = { writes, reads_it }, .check = wrote1)
MODEL(rwmutex_both_ways, .setup = setup, .threads = { writes_then_reads, writes_then_reads },
      .check = wrote2, .preemptions = 3)
MODEL(rwmutex_two_readers, .setup = setup, .threads = { reads_it, reads_it, writes }, .check = wrote1,
      .preemptions = 2)
MODEL(rwmutex_two_writers, .setup = setup, .threads = { writes, writes, reads_it }, .check = wrote2,
      .preemptions = 2, .slow = true)
MODEL(rwmutex_reads_twice, .setup = setup, .threads = { reads_twice, writes }, .check = wrote1,
      .preemptions = 3)
MODEL(rwmutex_try, .setup = setup, .threads = { tries, tries_to_read, writes }, .check = is_free,
      .preemptions = 3)

/* Where there are no restartable sequences. */
MODEL(rwmutex_both_ways_cas, .threads = { writes_then_reads, writes_then_reads },
      .check = wrote2, .preemptions = 3)
MODEL(rwmutex_try_cas, .threads = { tries, tries_to_read, writes }, .check = is_free,
      .preemptions = 3)

/* Whoever gets it next may free it. */
static void heap_setup(void)
{
	setup();
	in_heap = model_malloc(sizeof *in_heap);
}
static void read_first(void)
{
	world_thread();
	mr_rwmutex_rlock(in_heap);
	atomic_set(&entered, 1u, relaxed);
	reads[1] = data;
	mr_rwmutex_runlock(in_heap);
}
static void write_first(void)
{
	world_thread();
	mr_rwmutex_lock(in_heap);
	atomic_set(&entered, 1u, relaxed);
	data++;
	mr_rwmutex_unlock(in_heap);
}
static void write_and_free(void)
{
	world_thread();
	model_await(&entered, 1);
	mr_rwmutex_lock(in_heap);
	data++;
	mr_rwmutex_unlock(in_heap);
	model_free(in_heap);
}
static void read_and_free(void)
{
	world_thread();
	model_await(&entered, 1);
	mr_rwmutex_rlock(in_heap);
	reads[2] = data;
	mr_rwmutex_runlock(in_heap);
	model_free(in_heap);
}
MODEL(rwmutex_freed_by_writer, .setup = heap_setup, .threads = { read_first, write_and_free })
MODEL(rwmutex_freed_by_reader, .setup = heap_setup, .threads = { write_first, read_and_free })
MODEL(rwmutex_freed_by_next_writer, .setup = heap_setup,
      .threads = { write_first, write_and_free })
