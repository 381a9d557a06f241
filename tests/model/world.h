/* world.h - the part of the runtime that is not modelled, and helpers for tests that
 * run the shipped scheduler: threads that are not ours, Ms, goroutines. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H
#include "rt/rt.h"

enum { WORLD_MS = 3, WORLD_GS = 6 };

/* The calling model thread is a pthread that is not ours. Call first. */
void world_thread(void);

/* setup: n Ps, all idle. */
void world_procs(int n);
/* setup: model thread i + 1 is the M that world_m(i) runs; it has P i if with_p. */
void world_m_init(int i, bool with_p);
/* The life of such an M: the scheduler's loop. Never returns: a daemon. */
void world_m(int i);
/* A thread that does not exist until the scheduler starts it. */
void world_spare(void);
/* A goroutine that runs fn; not yet runnable. In setup or on any thread. */
struct g *world_g(void (*fn)(void));
extern int world_finished;              /* goroutines that have come to their end; atomic */
extern struct m world_ms[WORLD_MS];
extern struct p world_ps[WORLD_MS];
#endif
