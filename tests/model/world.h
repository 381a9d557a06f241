/* world.h - tests that run the shipped scheduler: threads that are not ours, Ms,
 * goroutines, and dull stand-ins for the files that are not under test. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H
#include "rt/rt.h"

enum { WORLD_MS = 5, WORLD_GS = 6 };

/* The calling model thread is a pthread that is not ours. Call first. */
void world_thread(void);

/* setup: n Ps, all idle; or none of them, as if Ms had them that the test does not have. */
void world_procs(int n);
void world_procs_busy(int n);
/* setup: an M that a model thread will run with world_m(i); with a P if one is idle. */
void world_m_init(int i);
/* The life of that M, the scheduler's loop: a daemon, it never returns. */
void world_m(int i);
/* The calling model thread is that M, and does something else. */
void world_be_m(int i);
/* A thread that does not exist until the scheduler starts one: a daemon. Later ones are
 * ghosts: they would find whatever there is, so an execution that starts one is good. */
void world_spare(void);
/* A goroutine that runs fn; not yet runnable. */
struct g *world_g(void (*fn)(void));
/* setup: there is no spare, the first is a ghost already. */
extern bool world_ghosts_ok;
extern bool world_no_threads;           /* setup: threads cannot be started */
/* check: a thread was started that the test does not have. */
bool world_started_ghosts(void);
/* check: all goroutines have come to their end. */
void world_all_done(void);
/* The descriptor that g, which is G_WAITING, waits for is ready; with world_polls. */
void world_ready(struct g *g);
extern bool world_polls;                /* setup: there are descriptors */
extern bool world_hostile;               /* setup: mri_choice_hostile says yes or no */
extern bool world_one_tid;               /* setup: all threads have the same */
extern struct m world_ms[WORLD_MS];
extern struct p world_ps[WORLD_MS];
#endif
