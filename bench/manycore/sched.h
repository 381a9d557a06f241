/* sched.h - the model of the scheduler; see sched.c. */
#ifndef MANYCORE_SCHED_H
#define MANYCORE_SCHED_H
#include "machine.h"

enum { RING = 256 };
struct ring {
	uint32_t head, tail;
	uint32_t task[RING];
};
extern struct ring ring[MAX_CORES];
struct p_lines {
	int head, tail, heap, heap_lock;
};
extern struct p_lines pl[MAX_CORES];

/* What could be otherwise than it is. */
extern struct knobs {
	bool old_wakes; /* each start into a ring that has some announces itself */
	bool hints;     /* words that are only read lie apart; ids by 256 */
	bool chans;     /* a cache of channel blocks to each P */
	bool groups;    /* nspinning for each cluster of cores */
	bool near;      /* a thief begins with its neighbours, not anywhere */
	bool bitmap;    /* a word for 64 Ps says which of them have work */
} knob;

void sched_init(int n);
void sched_next(int c);                /* c has nothing to do: what it does next */
void sched_push(int c, uint32_t task); /* into c's ring, by c */
void sched_wake(int c);
void sched_new_id(int c);
void sched_chan_block(int c, int change); /* -1: taken, 1: freed */
void sched_park(int c);                   /* what each park reads */
long sched_looks(void);                   /* of thieves at a P */
void sched_all_idle(void);

/* The workload's: run a task on core c; has v's heap a timer that is due at c's time; the
 * earliest of all timers, 0: none. */
void workload_run(int c, int task);
bool workload_due(int c, int v);
void workload_take_due(int v);
double workload_earliest(void);
#endif
