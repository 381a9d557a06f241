/* sched.h - what sched.c (switches), find.c (who runs next) and idle.c (who sleeps)
 * share. */
#ifndef MRI_RT_SCHED_H
#define MRI_RT_SCHED_H
#include "rt/rt.h"

/* ---- sched.c ---- */
void mri_sched_first(void *arg);                /* entry of a new goroutine's stack */
void mri_sched_first_g0(void *arg);             /* entry of the main M's scheduler */
noreturn_fn void mri_sched_loop(struct m *m);   /* an M's life; entered */

/* ---- find.c ---- */
/* The quick half of finding work, for a goroutine that leaves: NULL when its M's
 * scheduler had better look. Entered; locks may be held. */
struct g *mri_find_quick(struct m *m);
/* On g0: the next goroutine m runs, however long that takes. Entered. */
struct g *mri_find_next(struct m *m);
/* A goroutine that gave its turn up. Entered. */
void mri_find_yielded(struct m *m, struct g *g);
/* One that p is to run next: into the hand-off slot. Entered. */
void mri_find_queue_next(struct p *p, struct g *g);
/* Behind all others of p that have run. False: there is no room. Entered. */
bool mri_find_queue_last(struct p *p, struct g *g);
/* One that has never run. Entered. */
void mri_find_queue_new(struct p *p, struct g *g);
/* Any that is queued on p, which is nobody's or the caller's, or NULL. */
struct g *mri_find_any(struct p *p);
/* Is there anything that somebody made visible without waking anyone, because it saw
 * the caller spin or have a P? Asked after both have ended. */
bool mri_find_missed(void);
int64_t mri_find_timer(void);                   /* the earliest of all; 0: none */
void mri_find_push_bound(struct m *m, struct g *g);

/* ---- globq.c: the queue of all ---- */
/* n of them, chained through g->link from first to last. Wakes an M if a P is idle. */
void mri_globq_add(struct g *first, struct g *last, uint32_t n);
void mri_globq_push_locked(struct g *g);        /* sched.lock held; wakes nobody */
/* Move p's share of it to p's ring, no more than max. Entered, by p's M. */
void mri_globq_refill(struct p *p, uint32_t max);

/* ---- idle.c ---- */
void mri_idle_put(struct p *p);                 /* sched.lock held; NULL ignored */
bool mri_idle_take(struct m *m);                /* an idle P for m, if there is one */
/* Sleep as an idle M until given a P, or until `until` (0: none) if nobody else
 * already keeps an earlier time. Entered, without a P. */
void mri_idle_sleep(struct m *m, int64_t until);
/* m is locked, and all that is bound to it waits: give the P on and sleep until some
 * of it is ready. */
void mri_idle_sleep_only(struct m *m);
/* A runnable goroutine that may only run on g->bound. */
void mri_idle_queue_bound(struct g *g);
/* m has dequeued another M's goroutine: give that M our P, or just the goroutine. */
void mri_idle_deliver(struct m *m, struct g *g);
/* m's P is surplus: pass its goroutines on and put it away. */
void mri_idle_drain(struct m *m, struct p *p);
/* Let there be n Ps or more; new ones are surplus until mri_sched_set_procs. One caller
 * at a time. False: out of memory. */
bool mri_idle_make_ps(int n);

/* ---- init.c ---- */
int mri_init_procs(int n);                      /* go_procs */
#endif
