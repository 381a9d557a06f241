/* rt.h - the three structs of the runtime. Read this first.
 *
 *   G  a goroutine: a stack, a saved context, and why it waits
 *   M  a thread of ours
 *   P  a processor: the right to run goroutines, and a run queue; procs of them
 *
 * An M needs a P to run goroutines. A goroutine that is stuck in a system call or a
 * long computation keeps its M, and sysmon takes the P away from both (proc.c).
 *
 * The current G is the one thing code may hold on to: it is the same before and
 * after a park. g->m changes at every park, so M and P are looked up again after
 * anything that can park, and all thread-locals hide behind mri_self(). */
#ifndef MRI_RT_RT_H
#define MRI_RT_RT_H
#include "arch/arch.h"
#include "arch/race.h"
#include "arch/san.h"
#include "base/atomic.h"
#include "base/attr.h"
#include "base/fault.h"
#include "rt/lock.h"
#include "rt/runq.h"

/* Life of a goroutine. To own g is to be allowed to touch g->ctx and its stack.
 *   edge                 taken by                          then owned by
 *   DEAD     -> RUNNABLE go()                              run queue
 *   RUNNABLE -> RUNNING  the M that dequeued g             that M
 *   RUNNING  -> RUNNABLE its M: yield; or g came back      run queue
 *                        without a P and queues for one
 *   RUNNING  -> WAITING  its M, after g's registers are    nobody; a waker may
 *                        saved                             fill its waiter
 *   WAITING  -> RUNNABLE the waker that dequeued g         run queue
 *   RUNNING  -> BLOCKING go_blocking_begin: P given up     that M
 *   BLOCKING -> RUNNING  go_blocking_end: P back           that M
 *   BLOCKING -> RUNNABLE the same, no P was idle           run queue
 *   RUNNING  -> DEAD     its M, after fn returned          free list
 * A pthread that is not ours has a G without a stack: RUNNING or WAITING only. A
 * goroutine whose P was taken stays RUNNING (g->m->proc is 0); one that unwinds has
 * g->unwind set: both go on through the states above as any other. */
enum g_state { G_DEAD, G_RUNNABLE, G_RUNNING, G_WAITING, G_BLOCKING, G_NSTATES };

/* Why a goroutine waits: Go's words, printed in every report. */
enum mri_why {
	MRI_WHY_NONE,
	MRI_WHY_SEND,           MRI_WHY_SEND_NIL,
	MRI_WHY_RECV,           MRI_WHY_RECV_NIL,
	MRI_WHY_SELECT,         MRI_WHY_SELECT_NONE,
	MRI_WHY_SLEEP,
	MRI_WHY_MUTEX,          MRI_WHY_RLOCK,          MRI_WHY_WLOCK,
	MRI_WHY_WAITGROUP,      MRI_WHY_COND,           MRI_WHY_ONCE,
	MRI_WHY_SEMAPHORE,      MRI_WHY_FLIGHT,
	MRI_WHY_TIMER,          MRI_WHY_BLOCK,
	MRI_WHY_IO,             MRI_WHY_IO_TURN,
	MRI_NWHY
};
extern const char *const mri_why_names[MRI_NWHY];

struct m;
struct p;
struct mri_chan;
struct mri_try;
struct mri_unwind;

/* The record that every report reads. Written by its G just before it parks. */
struct mri_wait {
	const void *obj;        /* channel, mutex, ...; NULL: none */
	int64_t since;          /* monotonic ns, as coarse as sysmon's tick */
	uint8_t why;            /* enum mri_why */
	bool timed;             /* a timer will end it */
	/* Receiving: the channel; select: one of them that has a feeder (sync/chan.h), or
	 * NULL; semaphore: the context's. Stale in other waits, but always a channel. */
	struct mri_chan *from;
};

struct g {
#ifdef MRI_DEV
	uint64_t canary;                /* this one and the last: mri_stack_check */
#endif
	struct mri_arch_ctx ctx;        /* saved registers; by the owner */
	struct m *m;                    /* runs it; by that M. NULL for a pthread */
	struct g *link;                 /* queue or free list it is on */
	struct g *ahead;                /* some way behind it in the global queue, or
					 * NULL; only to be fetched */
	uint32_t state;                 /* enum g_state; atomic: reports read it */
	int err;                        /* its errno while it does not run */
	int64_t id;
	char *lo, *hi;                  /* usable stack; hi is also where args lie */
	uint32_t arena;                 /* stack.c: where the slot belongs */
	uint8_t odd_size;               /* stack.c: not the default */
	uint8_t is_thread;              /* a pthread that is not ours */
	uint8_t is_sched;               /* an M's scheduler context */
	uint8_t locked;                 /* depth of go_lock_thread: M is its alone */
	uint8_t pinned;                 /* depth of go_pin */
	struct m *bound;                /* locked, pinned or coming back: only there */
	struct mri_wait wait;
	uint32_t park;                  /* a pthread's futex word: 1 woken */
	uint32_t chosen;                /* select: 0 until a waker has won */
	void *woken_by;                 /* the waiter that was dequeued; by the waker */
	/* unwinding (panic.c); by g itself */
	struct mri_try *tries;
	struct mri_unwind *unwind;
	char *message;                  /* of the last panic caught by go_try */
	/* origin: written once before g is first runnable */
	void (*fn)(void);
	void (*start)(struct g *);      /* runs fn: plainly, or for a group */
	void *start_arg;
	const char *name, *file;
	void *creator_pc;
	int64_t creator;
	int line;
	struct mri_san san;
#ifdef MRI_DEV
	uint64_t canary_above;          /* atomic: its neighbour looks at it */
#endif
};

/* What must be done for the context that was just switched away from, once it is
 * fully saved. One at a time, by whoever was switched to (sched.c: landed). */
enum mri_after { MRI_AFTER_NONE, MRI_AFTER_PARK, MRI_AFTER_YIELD, MRI_AFTER_EXIT };

enum m_state {
	M_ACTIVE,               /* runs code, with a P or without */
	M_IDLE,                 /* on sched.idle_ms: anyone may give it a P; it sleeps on
				 * its futex, or is the poller and waits for
				 * descriptors */
	M_WAITS,                /* locked, and what is bound to it waits or queues: woken
				 * with a P and one of those only */
};

struct m {
	struct g g0;                    /* the scheduler's context */
	/* -- P ownership, proc.c -- */
	uintptr_t proc cacheline;       /* struct p *; | MRI_TAKING: sysmon decides */
	uint32_t in_rt;                 /* depth: it is touching its P; by itself */
	uint64_t reading;               /* epoch.c: since which epoch; 0: not reading */
	/* -- by itself -- */
	struct g *prev;                 /* what `after` speaks of */
	void (*unlock)(void *);
	void *unlock_arg;
	enum mri_after after;
	bool spinning;
	uint64_t rnd;                   /* choice.c */
	uint32_t index;                 /* how many Ms there were before it */
	int64_t ids, ids_end;           /* goroutine ids taken in advance */
	/* -- by sched.lock -- */
	enum m_state state;
	struct m *idle_prev, *idle_next;
	struct p *next_p;               /* given by whoever wakes it (set before futex) */
	struct g *next_g;               /* and run this first */
	uint32_t nlocked;               /* goroutines locked to it; by itself */
	/* -- others -- */
	uint32_t park;                  /* futex word: 1 when woken */
	struct mri_lock bound_lock;
	struct g *bound_head, *bound_tail;      /* runnable and bound to this M */
	struct g *curg;                 /* atomic: reports and sysmon read it */
	int *errno_at;                  /* its thread's errno */
	struct m *all_next;             /* immutable once published */
	int tid;
	void *stopped;                  /* atomic: quit.c, where its thread has stopped */
	uint8_t is_main;
	/* -- sysmon's -- */
	bool hog;                       /* burned CPU when its P was taken */
	void *sigstack;
};

enum { MRI_MAX_PROCS = 1024 };
#define MRI_TAKING ((uintptr_t)1)

enum mri_keep_kind { MRI_KEEP_CHANS, MRI_KEEP_CTXS, MRI_NKEEPS };

struct mri_timers;
struct p {
	int id;
	uint32_t tick cacheline;        /* turns taken; by its M, read by sysmon */
	uint32_t streak;                /* turns given to the hand-off slot in a row */
	bool new_turn;                  /* the next is the new ones' turn; by its M */
	uint32_t start_tick, nstarted;  /* goroutines started in that turn; by its M */
	struct g *spilled, *spilled_tail;       /* older than those in fresh; by its M */
	uint32_t nspilled;              /* atomic: how many */
	uint32_t round;                 /* turns left to the oldest new ones; by its M */
	int64_t rounded;                /* since when the newest have theirs */
	struct m *m;                    /* atomic: who owns it; sysmon reads it */
	struct mri_runq q;              /* goroutines that have run, first in first out */
	struct mri_runq fresh;          /* that have not; no hand-off slot */
	struct g *free_gs;              /* warm slots; by its M */
	int nfree;
	struct { void *first; int n; } keep[MRI_NKEEPS];        /* keep.h; by its M */
	int64_t trimmed;                /* when a slot last lost its deep pages */
	int64_t born, died;             /* goroutines; by its M, summed by go_count */
	struct mri_timers *timers;
	bool idle, away;                /* by sched.lock: listed; surplus, empty */
	bool retired;                   /* atomic: surplus; set under sched.lock */
	struct p *idle_next;
	/* -- sysmon's -- */
	uint32_t seen_tick;
	struct m *seen_m;
	int64_t seen_at, seen_cpu;
	int64_t swept;                  /* when its free slots were last taken away */
};

/* How many are queued on p; a snapshot. */
static inline uint32_t mri_proc_queued(struct p *p)
{
	/* Relaxed: callers that must not miss anything fence before they look. */
	return mri_runq_len(&p->q) + mri_runq_len(&p->fresh) +
	       atomic_get(&p->nspilled, relaxed) +
	       (atomic_get(&p->q.next, relaxed) != NULL);
}

struct mri_sched {
	struct mri_lock lock;
	/* -- by lock; the counts are atomic, read without it as hints -- */
	struct g *queue_head, *queue_tail;      /* the global run queue */
	struct p *idle_ps;
	struct m *idle_ms;                      /* most recently used first */
	struct m *unborn_ms;                    /* their threads could not be started */
	uint32_t nms, nactive_ms;               /* all; not asleep for want of work */
	uint64_t stirred;                       /* times that one became active */
	struct m *keeper;                       /* sleeps until the earliest timer */
	int64_t keeper_until;
	struct m *poller;                       /* waits for descriptors; it resets it */
	/* Read at every turn, so not on the line of the lock. */
	uint32_t nqueue cacheline, nidle_ps;
	/* -- atomic -- */
	uint32_t nspinning;                     /* Ms that look for work */
	/* Read by all, written rarely. */
	int64_t now cacheline;                  /* sysmon's clock, coarse */
	int procs;                              /* Ps in use */
	int nps;                                /* Ps ever made */
	bool no_membarrier;                     /* fences instead */
	ptrdiff_t restart_area;                 /* arch/restart.h; 0: no such thing, or
						 * each lock and unlock is watched */
	bool main_exited;                       /* goroutine 1 called go_exit */
	struct m *all_ms;                       /* push only */
	struct p *all_ps[MRI_MAX_PROCS];
	int64_t ids cacheline;                  /* next goroutine id to give out */
	int64_t born, died;                     /* those made without a P */
	uint32_t nparked_threads;               /* foreign threads that wait in a park */
	uint32_t sysmon_word;                   /* futex: sysmon sleeps */
	uint32_t sysmon_idle;                   /* it sleeps for long: wake it for work */
	int thread_err;                         /* why the last thread could not start */
};
extern struct mri_sched mri_sched;
extern struct g mri_main_g;

/* ---- who am I ---- */
/* The current G: a goroutine, an M's scheduler context, or a foreign pthread's. The
 * first call of a process starts the runtime.
 *
 * A compiler that sees a thread-local keeps its address across a park, where the thread
 * changes: so it is read by assembly, which it does not see through, or else by a
 * function that is never inlined. */
#if defined(__x86_64__) && defined(__LP64__) && !defined(MRI_MODEL)
struct g *mri_init_self(void);          /* this thread's first call */
static inline struct g *mri_self_or_null(void)
{
	struct g *g;

	__asm__ volatile("movq	mri_init_current@gottpoff(%%rip), %0\n\t"
			 "movq	%%fs:(%0), %0" : "=r"(g));
	return g;
}
static inline void mri_init_set_self(struct g *g)
{
	struct g **at;

	__asm__ volatile("movq	mri_init_current@gottpoff(%%rip), %0\n\t"
			 "movq	%1, %%fs:(%0)" : "=&r"(at) : "r"(g) : "memory");
}
static inline struct g *mri_self(void)
{
	struct g *g = mri_self_or_null();

	return likely(g != NULL) ? g : mri_init_self();
}
#else
struct g *mri_self(void);
struct g *mri_self_or_null(void);
void mri_init_set_self(struct g *g);
#endif
/* The second: NULL where the first would have to make one; async-signal-safe. */

int *mri_errno_addr(void);

/* ---- g.c: states, birth, death ---- */
#ifdef MRI_DEV
void mri_g_check_move(struct g *g, enum g_state to);
#endif
static inline void mri_g_move(struct g *g, enum g_state to)
{
#ifdef MRI_DEV
	mri_g_check_move(g, to);
#endif
	/* G1: release, pairs with G2 (reports): the origin and the wait record. */
	atomic_set(&g->state, (uint32_t)to, release);
}
/* A goroutine about to run start(g), which finds args at mri_g_args(g). Not yet
 * runnable. pc: the return address of the call that makes it. Panics when out of
 * memory. */
struct g *mri_g_new(struct g *self, size_t stack, void (*start)(struct g *),
		    void *start_arg, void *pc);
/* The arguments lie right under the G, where the stack begins. */
static inline struct mri_arch_args *mri_g_args(struct g *g)
{
	return (struct mri_arch_args *)(void *)g->hi;
}
/* g is over; by m, on another stack. */
void mri_g_free(struct m *m, struct g *g);
int64_t mri_g_count(void);
noreturn_fn void mri_g_exit(struct g *g);       /* the running goroutine is over */

/* ---- proc.c: who owns a P ---- */
struct p *mri_proc_enter_slow(struct m *m);

/* Begin touching the P: it cannot be taken until the matching leave. NULL when this
 * M has none (any more). Nests. */
static inline struct p *mri_proc_enter(struct m *m)
{
	uintptr_t w;

	/* Relaxed stores of in_rt: sysmon's membarrier (P1) makes this thread's program
	 * order visible; without one, the fence in enter_slow's twin does. */
	atomic_set(&m->in_rt, m->in_rt + 1, relaxed);
	compiler_barrier();
	if (unlikely(mri_sched.no_membarrier))
		/* P2: seq_cst, pairs with P1: in_rt is visible before proc is read. */
		atomic_fence(seq_cst);
	/* P3: acquire, pairs with P4: a P given back by sysmon. */
	w = atomic_get(&m->proc, acquire);
	if (unlikely(w & MRI_TAKING))
		return mri_proc_enter_slow(m);
	return (struct p *)w;
}
static inline void mri_proc_leave(struct m *m)
{
	/* P5: release, pairs with P6: sysmon, which takes the P when it sees 0, sees
	 * all that was done to it. */
	atomic_set(&m->in_rt, m->in_rt - 1, release);
}
void mri_proc_acquire(struct m *m, struct p *p);        /* p is nobody's: now m's */
struct p *mri_proc_release(struct m *m);                /* m's no more */
/* sysmon: take p from m, which had it for all of turn `tick`. False if m touches it,
 * or has moved on. */
bool mri_proc_take(struct m *m, struct p *p, uint32_t tick);
/* sysmon: touch m's P for a moment, in which m waits if it wants it. False: m is
 * touching it just now. */
bool mri_proc_hold(struct m *m, struct p *p);
void mri_proc_unhold(struct m *m, struct p *p);

/* ---- sched.c ---- */
/* Park the running G until a waker passes it to mri_sched_ready().
 *
 * The caller sits on a wait queue and holds its lock; unlock(arg) is called once the
 * registers are saved, on another stack, and must not park. why and obj are for
 * reports. Callable by goroutines and pthreads alike. */
void mri_sched_park(void (*unlock)(void *), void *arg, enum mri_why why,
		    const void *obj);
/* The same for a wait that a timer can end: reports do not call it a leak. */
void mri_sched_park_timed(void (*unlock)(void *), void *arg, enum mri_why why,
			  const void *obj);
/* Make a parked G runnable. Whoever took it off its wait queue calls this, once,
 * with no lock held that a runnable goroutine might need. */
void mri_sched_ready(struct g *g);
/* All of a list chained by g->link, in its order, behind those that are queued. */
void mri_sched_ready_all(struct g *list);
void mri_sched_start(struct g *g);              /* a new goroutine: first time */
void mri_sched_yield(void);
void mri_sched_block_begin(void);               /* go_blocking_begin */
void mri_sched_block_end(void);
noreturn_fn void mri_sched_exit_switch(struct g *g);    /* g.c: last switch */
void mri_sched_handoff(struct p *p);            /* p is nobody's: to an M, or idle */
void mri_sched_wake(void);                      /* there is more work: wake an M */
void mri_sched_set_procs(int n);                /* change the number of Ps in use */
/* Come back to a P, queueing for it. Called entered, without a P; leaves. */
void mri_sched_regain(struct g *g);

/* ---- timer.c ---- */
/* A one-shot in some P's heap. Fields but `heap` and `seat` are the user's; it stays
 * in the user's storage, often a parked stack. */
struct mri_timer {
	int64_t when;                   /* monotonic ns; > 0 */
	/* Called under the heap's lock by whichever M finds it due, the timer being out
	 * of the heap: false calls it off. Until it has returned mri_timer_stop waits,
	 * so this is where the storage is secured. NULL: always true. */
	bool (*claim)(struct mri_timer *t);
	/* Then called with no lock held, in a scheduler: must not park. */
	void (*fire)(struct mri_timer *t);
	void *arg;
	struct mri_timers *heap;        /* atomic: the heap it is in, or NULL */
	uint32_t seat;
};
/* False: out of memory for a larger heap; it is in none. */
bool mri_timer_start(struct mri_timer *t);
/* For whoever will be woken by it: the heap is returned locked, so that the timer
 * cannot fire before its G has parked; mri_timer_unlock is then (part of) the park's
 * unlock function. NULL: out of memory. */
struct mri_timers *mri_timer_start_held(struct mri_timer *t);
void mri_timer_unlock(void *heap);
void mri_timer_sleep(int64_t d);                        /* ns; 0 or less: not at all */
/* True if it was in a heap: neither claim nor fire will be called. False: claim has
 * returned (and fire may be running if it said true), or it was never started. */
bool mri_timer_stop(struct mri_timer *t);
struct mri_timers *mri_timer_heap_new(void);            /* NULL: out of memory */
/* Run what is due on this heap; returns the time of the next one, 0: none. */
int64_t mri_timer_run(struct mri_timers *h, int64_t now);
void mri_timer_move_all(struct mri_timers *from, struct mri_timers *to);
int64_t mri_timer_next(struct mri_timers *h);           /* a hint; 0: none */

/* ---- choice.c: every free choice ---- */
int64_t mri_choice_now(void);                           /* the clock, ns */
uint32_t mri_choice_below(struct m *m, uint32_t n);     /* uniform in [0, n) */
#ifdef MRI_HOSTILE
bool mri_choice_hostile(struct m *m, uint32_t one_in);  /* hostile build: now and then */
#else
static inline bool mri_choice_hostile(struct m *m, uint32_t one_in)
{
	(void)m, (void)one_in;
	return false;
}
#endif
void mri_choice_seed(uint64_t seed);
uint64_t mri_choice_secret(void);                       /* of a hash table: 64 bits */

/* ---- sysmon.c ---- */
void mri_sysmon_start(void);
void mri_sysmon_wake(void);
/* Nobody but the caller can run before `until` (monotonic ns): no goroutine runs or is
 * runnable, no timer is due by then, no other thread of the process could act. */
bool mri_sysmon_quiet(int64_t until);

/* ---- go.c ---- */
struct mri_go {
	void (*fn)(void);
	const char *name, *file;
	int line;
	void *pc;                       /* of the caller */
	size_t stack;                   /* 0: the default */
	void (*start)(struct g *);      /* NULL: just calls fn */
	void *start_arg;
};
/* A goroutine for fn with the arguments just captured; not yet runnable. */
struct g *mri_go_make(const struct mri_go *o);
struct g *mri_go_make_with(const struct mri_go *o, const struct mri_arch_args *args);
void mri_go_call(struct g *g);          /* what a start function calls: fn, as a root */
/* Start fn(arg) in a goroutine that was asked for at pc, with a stack of so many bytes
 * (0: the default); a scheduler may do it. Panics when out of memory. */
void mri_go_start(void (*fn)(void *), void *arg, const char *name, size_t stack,
		  void *pc);
void mri_go_take_capture(struct mri_arch_args *to, void (*fn)(void), const char *what);

/* ---- panic.c ---- */
/* Run fn(arg) as the root of g, which runs: go_exit ends here, an uncaught
 * panic ends the process from here. */
void mri_panic_root(struct g *g, void (*fn)(void *), void *arg);
/* Run fn(arg); what ended it, a panic or go_exit, or NULL. The caller frees that with
 * free(), or has the running goroutine go on with it: maybe another one, which a report
 * then says, with the trace of the first. */
struct mri_unwind *mri_panic_catch(void (*fn)(void *), void *arg);
const char *mri_panic_message(const struct mri_unwind *u);      /* NULL: go_exit */
noreturn_fn void mri_panic_hand_on(struct mri_unwind *u);
/* What unwinds through a block that began when mri_panic_tries() was `since`, asked by a
 * deferred call of that block. */
enum mri_passing { MRI_PASSING_NOTHING, MRI_PASSING_PANIC, MRI_PASSING_EXIT };
const void *mri_panic_tries(void);
enum mri_passing mri_panic_passing(const void *since);
/* Unwind the running goroutine as go_exit does. */
noreturn_fn void mri_panic_exit(void);
/* "goroutine 7 [running]:", trace, "created by f at file:line" */
void mri_panic_describe(struct mri_out *o, struct g *g, void *const *pcs, int n);
void mri_panic_created(struct mri_out *o, struct g *g);
void mri_panic_created_at(struct mri_out *o, void *pc, const char *file, int line);
/* One report at a time, and the first ends the process: others wait for that. */
void mri_panic_report_begin(struct mri_out *o);
noreturn_fn void mri_panic_report_end(struct mri_out *o);
/* What the program has printed comes before a report, if that cannot hang. */
void mri_panic_flush_stdout(void);

/* ---- config.c: the MILLRACE variable. 0: not set ---- */
struct mri_config {
	uint64_t procs;
	uint64_t stack;                 /* bytes */
	uint64_t seed;
	uint64_t crash;                 /* abort at the panic */
	uint64_t mprotect_guards;       /* guard=mprotect: the fallback, for tests */
	uint64_t dump_json;             /* dump=json: SIGQUIT's dump */
	uint64_t leaks_at_exit;         /* leaks=exit */
	uint64_t partial_deadlocks;     /* deadlock=partial; 1 until it has been read */
};
extern struct mri_config mri_config;
void mri_config_read(void);             /* once, at the start */

/* ---- init.c ---- */
extern int mri_forked;                  /* 1 in a child of fork: nothing works */
cold_fn void mri_init_forked(void) __attribute__((noreturn));
static inline void mri_init_check_fork(void)
{
	if (unlikely(mri_forked))
		mri_init_forked();
}
struct m *mri_m_new(void);              /* not yet running; NULL: out of memory */
void mri_m_init_thread(struct m *m);    /* the calling thread is m */
void *mri_alloc(size_t n);              /* zeroed; panics "out of memory" */
void *mri_try_alloc(size_t n);          /* zeroed; NULL */
#endif
