/* machine.h - the machine of the model: cores, cache lines, futex locks, and time.
 *
 * A core runs micro-operations from a queue of its own; when that is empty the model of
 * the scheduler (sched.c) is asked for more. Always the core that is furthest behind in
 * time goes next, so every access finds the lines as they are at that moment. */
#ifndef MANYCORE_MACHINE_H
#define MANYCORE_MACHINE_H
#include <stdbool.h>
#include <stdint.h>

enum { MAX_CORES = 256 };

/* Times in ns. The defaults are in machine.c, with where they come from. */
struct costs {
	double hit, rmw, fence;       /* a line that is here; locked operations on it */
	double near, socket, far;     /* a line from another core: same cluster, ... */
	double read_gap;              /* between two readers that fetch one line */
	double spin, pause;           /* mri_lock_slow: how long, how often it looks */
	double wake_call, wake_delay; /* futex wake: its caller; until the other runs */
	double sleep_call;
	double relax;            /* PAUSES of a thief between its rounds */
	int cluster, per_socket; /* cores */
};
extern struct costs cost;

/* -- lines -- */
int line_new(const char *name);
/* The busiest line: its name, and the share of the time that it was on the move. */
const char *line_busiest(double elapsed, double *share);
double line_transfers(void); /* in all */

/* -- locks: a line each, as rt/lock.c -- */
int lock_new(const char *name);
int lock_on(int line);    /* the lock word lies in a line that exists */
double lock_sleeps(void); /* times that a thread slept on one */

/* -- micro-operations, queued on core c -- */
typedef void call_fn(int c, int arg);
void do_work(int c, double ns);
void do_read(int c, int line);
void do_store(int c, int line); /* does not wait for the line, but moves it */
void do_rmw(int c, int line);
void do_lock(int c, int lock);
void do_unlock(int c, int lock);
void do_call(int c, call_fn *fn, int arg); /* a decision, at that time */
/* From within a call: the core stops, until somebody starts it. */
void core_stop(int c);
void core_start(int c, double at);
double core_now(int c);
double core_work(void); /* ns that all cores were not stopped */

/* Run with n cores until ops_done reaches `ops` or all have stopped; more(c) is called
 * when c has nothing queued. Returns the time. */
double machine_run(int n, long ops, void (*more)(int c));
void machine_reset(void);
extern long ops_done;
uint32_t rnd(uint32_t below);
#endif
