/* engine.h - inside the explorer: the state of one execution and of the search.
 *
 * Everything that changes lies in *mx, outside the program's static data, because
 * that data is put back to its first content before every execution. */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H
#include "explorer.h"
#include "arch/arch.h"
#undef memcpy
#undef memmove
#undef memset

enum {
	NT = MODEL_THREADS + 1,         /* thread 0 runs setup and check */
	NLOC = 256,                     /* atomic variables touched in an execution */
	NMO = 400,                      /* stores to one of them */
	NMSG = 8192,
	NSTEP = 4000,                   /* accesses in an execution: more is a livelock */
	NNODE = 4000,                   /* choices in an execution */
	NSHADOW = 1 << 14,              /* 8-byte granules with accesses */
	STACK = 256 * 1024,
	SPIN_MAX = 150,                 /* turns of a spin loop nobody can end */
	STALE_MAX = 2,                  /* readings of one overwritten store in a row */
};

/* What a thread knows: the oldest store of each variable it may still read, and of
 * each other thread the moment up to which all happened before now. */
struct view {
	uint32_t clk[NT];
	uint16_t at[NLOC];              /* index of a message; 0: the initial one */
};

/* One store. Those of a variable are in modification order in loc->mo. */
struct msg {
	uint64_t val, id;
	uint16_t loc, ord;              /* place in modification order */
	uint8_t tid;
	bool rmw;                       /* nothing may come between it and the one before */
	bool plain;                     /* a plain write: the value is still in memory only */
	uint32_t clk;
	struct view view;               /* what reading it with acquire teaches */
};

struct loc {
	uintptr_t addr;
	int size;
	const char *expr;
	int n;
	uint16_t mo[NMO];
	uint32_t rclk[NT];              /* last atomic read, for races with plain writes */
	uint64_t hash;
};

enum kind {
	K_START, K_LOAD, K_STORE, K_RMW, K_CAS, K_FENCE, K_RELAX, K_FUTEX_WAIT, K_WOKEN,
	K_FUTEX_WAKE, K_MEMBARRIER, K_AWAIT, K_JOIN, K_CHOOSE, K_PLAIN,
};
struct op {
	enum kind kind;
	uintptr_t addr;
	enum mx_order order;
	struct mx_site at;
};

/* A step, as the report prints it. */
struct event {
	struct op op;
	uint8_t tid, stale;             /* stale: so many newer stores existed */
	uint8_t from;                   /* the thread whose store was read; 255: none */
	uint64_t in, out;
	const char *note;
};

enum tstate { T_NONE, T_READY, T_FUTEX, T_SPIN, T_AWAIT, T_JOIN, T_DEAD, T_DONE };

struct thread {
	struct mri_arch_ctx ctx;
	enum tstate state;
	struct op pend;                 /* what it does when it is picked */
	struct view cur;                /* the thread's view */
	struct view acq, rel;           /* what an acquire fence adds; as of a release fence */
	struct view seg;                /* as of the last compiler barrier */
	struct view later;              /* from a membarrier: from the next one on */
	bool has_later;
	bool in_sequence;               /* a restartable one, not interrupted so far */
	int seg_ops;
	uint64_t hist;                  /* hash of all it has read and done */
	uint32_t seq;                   /* messages so far */
	uint16_t last[NLOC];            /* message last read, and how often in a row */
	uint8_t times[NLOC];
	/* spinning: variables read since the last turn */
	uint16_t spin_locs[16];
	int nspin, spins;
	uint64_t spin_hist;             /* hist when the loop began */
	bool burst, chosen_burst, in_spin;
	/* waiting */
	uintptr_t futex;
	bool timed;
	int timeouts, spurious, result;
	uint32_t *word;
	uint32_t want;
	int prio;
	char *stack;
	void *tls;
};

/* Plain accesses to 8 bytes, and which atomic variables lie there. */
struct shadow {
	uintptr_t key;
	uint32_t gen;
	uint16_t loc[8];
	uint8_t wtid[8];
	bool freed;
	uint32_t wclk[8];
	uint32_t rclk[8][NT];
	void *wpc, *rpc[NT];
};

/* A choice in the current execution; the search is depth first over these. */
struct node {
	uint8_t n, cur;
	bool thread;
	uint8_t cand[NT];
	uint8_t mask;                   /* candidates, to detect tests that do not repeat */
};

/* A load that returned what nobody has stored yet; see future.c. */
struct debt {
	enum { D_NONE, D_OWED, D_PAID } state;
	int tid, loc, floor;
	uint64_t val;
	uint32_t clk;
	bool failed;
	char kind[16], why[512];
};
enum { NPAST = 256 };
struct past { uint64_t key; int loc, tid; uint32_t clk; };

enum outcome { O_RUNNING, O_DONE, O_PRUNED, O_FAILED };

struct seen { uintptr_t addr; uint8_t readers, writers; };
enum { NSEEN = 4096 };

struct engine {
	/* -- one execution -- */
	struct thread t[NT];
	int nt, cur;
	struct view sc;                 /* the view of seq_cst fences and accesses */
	uint64_t sc_hash, mo_hash;
	int64_t clock;
	struct loc loc[NLOC];
	int nloc;
	struct msg msg[NMSG];
	int nmsg;
	struct shadow shadow[NSHADOW];
	uint32_t gen;
	struct event ev[NSTEP];
	int nev, nsteps;
	uint8_t preempted;              /* preemptions so far */
	uint8_t sleep;                  /* threads whose next step was explored elsewhere */
	enum outcome outcome;
	char kind[16], why[512];
	struct debt debt;
	struct past past[NPAST];
	int npast;
	struct mri_arch_ctx host;
	char *heap, *stacks;            /* model_malloc's, model_stack's */
	size_t heap_used;
	/* -- the search -- */
	struct model *test;
	struct node node[NNODE];
	int depth, replay;              /* choices made; how many of them are dictated */
	int looked;                     /* depth at the last look for a known state */
	bool restart;                   /* a variable turned out to be shared */
	struct seen seen[NSEEN];
	uint64_t *visited;
	uint8_t *visited_sleep;
	size_t nvisited, visited_cap;
	uint64_t executions, pruned, outcomes;
	bool guessing;                  /* the second pass of a .load_buffering test */
	bool random;
	uint64_t seed, rnd;
	int change[8];                  /* random: steps at which a priority drops */
	uint64_t total_steps;
	bool active;
};
extern struct engine *mx;

static inline uint64_t mx_mix(uint64_t h, uint64_t v)
{
	/* Not symmetric: mix(2, 2) once was 0, and a second store looked like the first. */
	v *= 0xbf58476d1ce4e5b9u;
	h = (h + 0x9e3779b97f4a7c15u) ^ v ^ v >> 32;
	h *= 0x94d049bb133111ebu;
	return h ^ h >> 29;
}
static inline struct thread *mx_me(void)
{
	return &mx->t[mx->cur];
}
static inline void mx_remember(uint64_t v)
{
	mx_me()->hist = mx_mix(mx_me()->hist, v);
}

/* explorer.c */
void mx_point(enum kind kind, const volatile void *p, enum mx_order o, struct mx_site at,
	      bool write);
void mx_block(void);                            /* the caller has set its state */
unsigned mx_choose(unsigned n);
__attribute__((noreturn)) void mx_end(enum outcome o);
struct event *mx_event(void);
bool mx_is_local(uintptr_t a);                  /* a thread-local variable */

/* memory.c */
struct loc *mx_locate(const volatile void *p, int size, const char *expr);
void mx_join(struct view *a, const struct view *b, bool clocks);
void mx_fence_sc(struct thread *t);
void mx_segment(struct thread *t);
uint64_t mx_read(struct loc *l, enum mx_order o, struct event *e);
uint64_t mx_latest(struct loc *l);
void mx_plain_store(struct loc *l);
static inline int mx_ord(int m)
{
	return m ? mx->msg[m].ord : 0;
}

/* future.c */
void mx_future_init(void *memory);
size_t mx_future_size(void);
void mx_future_forget(void);
int mx_future_count(void);
unsigned mx_future_values(struct loc *l, uint64_t *val, unsigned max);
void mx_future_take(struct loc *l, uint64_t val);
void mx_future_loaded(struct loc *l, uint64_t hist);
void mx_future_stored(struct loc *l, int m);
void mx_future_access(struct loc *l);
void mx_future_fail(const char *kind, const char *why);

/* race.c */
struct shadow *mx_shadow(uintptr_t addr);
void mx_race_atomic(struct loc *l, bool write, struct mx_site at);

/* report.c */
void mx_report(void);
extern struct model *mx_tests;
int mx_run(struct model *m);                    /* explorer.c: 0 passed */
extern struct mx_settings {
	bool verbose, trace, quick;
	bool naive;                     /* no reduction: to check the reductions */
	uint64_t seed, random_runs, budget;
	double seconds;
} mx_settings;
#endif
