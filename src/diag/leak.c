/* leak.c - goroutines that nobody will wake: go_leaks, and MILLRACE=leaks=exit.
 *
 * The handler at exit is registered when the runtime starts, last of the library's, and
 * so runs before those and before whatever the program registered earlier. It
 * changes the exit status by calling exit() again, which in glibc goes on with the
 * handlers that are left.
 *
 * As report.c this reads wait records while they may change; a goroutine that acts
 * meanwhile may be listed or not. */
#define _DEFAULT_SOURCE         /* on_exit */
#include "diag/diag.h"
#include "millrace/go.h"
#include "millrace/leak.h"
#include "os/os.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include "sync/chan.h"
#include <stdlib.h>
#include <string.h>

enum { MS = 1000 * 1000, POLL = MS, TURN = MS, GRACE = 300 * MS, SETTLE = 100 * MS };
enum { LEAKED = 3 };            /* exit status */

/* Goroutines started at one place that wait for the same reason. */
struct group {
	struct group *next;
	const char *name, *file;
	void *pc;
	int line;
	uint8_t why;
	int n;
	/* of the first one found */
	int64_t id;
	const void *obj;
	bool others;                    /* some wait on other objects */
	int64_t since;                  /* the earliest */
};
struct list {
	struct group *first, **end;
	struct g *self;
	int64_t began_by;               /* a wait that began later does not count */
	int n;
};

/* ---------------------------------------------------------------- who is stuck -- */

static bool is_stuck_reason(uint32_t why)
{
	switch (why) {
	case MRI_WHY_SEND:
	case MRI_WHY_SEND_NIL:
	case MRI_WHY_RECV:
	case MRI_WHY_RECV_NIL:
	case MRI_WHY_SELECT:
	case MRI_WHY_SELECT_NONE:
	case MRI_WHY_MUTEX:
	case MRI_WHY_RLOCK:
	case MRI_WHY_WLOCK:
	case MRI_WHY_WAITGROUP:
	case MRI_WHY_COND:
	case MRI_WHY_ONCE:
	case MRI_WHY_SEMAPHORE:
	case MRI_WHY_FLIGHT:
	case MRI_WHY_BLOCK:
		return true;
	default:
		return false;
	}
}

/* A timer or a signal may wake it. Its channel may be freed meanwhile, but it stays a
 * channel. */
static bool is_fed(struct g *g, uint32_t why)
{
	struct mri_chan *c = atomic_get(&g->wait.from, relaxed); /* relaxed: a snapshot */
	bool fed;

	if ((why != MRI_WHY_RECV && why != MRI_WHY_SELECT && why != MRI_WHY_SEMAPHORE) ||
	    !c)
		return false;
	mri_lock_take(&c->lock);
	fed = mri_chan_is_fed(c);
	mri_lock_drop(&c->lock);
	return fed;
}

/* Relaxed, all: a snapshot. */
static bool is_stuck(struct g *g, const struct list *l)
{
	uint32_t why = atomic_get(&g->wait.why, relaxed);

	return g != l->self && g != &mri_main_g &&
	       atomic_get(&g->state, relaxed) == G_WAITING && is_stuck_reason(why) &&
	       !atomic_get(&g->wait.timed, relaxed) &&
	       atomic_get(&g->wait.since, relaxed) <= l->began_by && !is_fed(g, why);
}

/* -------------------------------------------------------------------- the list -- */

/* Started by the same line, that is: of a loop the compiler may have made several. */
static bool is_alike(const struct group *a, const struct group *b)
{
	bool same_place = a->file ? a->file == b->file && a->line == b->line :
				    a->pc == b->pc;

	return same_place && a->why == b->why && a->name == b->name;
}

/* Without memory for another group the goroutine is only counted. */
static void add(struct list *l, const struct group *one)
{
	struct group *k;

	l->n++;
	for (k = l->first; k && !is_alike(k, one); k = k->next)
		;
	if (!k) {
		k = malloc(sizeof *k);
		if (!k)
			return;
		*k = *one;
		*l->end = k;
		l->end = &k->next;
	}
	k->n++;
	k->others |= k->obj != one->obj;
	if (one->since < k->since)
		k->since = one->since;
}

static bool add_if_stuck(struct g *g, void *arg)
{
	/* Relaxed, all: a snapshot. */
	struct group one = {
		.name = atomic_get(&g->name, relaxed),
		.file = atomic_get(&g->file, relaxed),
		.pc = atomic_get(&g->creator_pc, relaxed),
		.line = atomic_get(&g->line, relaxed),
		.why = atomic_get(&g->wait.why, relaxed),
		.id = atomic_get(&g->id, relaxed),
		.obj = atomic_get(&g->wait.obj, relaxed),
		.since = atomic_get(&g->wait.since, relaxed),
	};

	if (is_stuck(g, arg) && one.id == atomic_get(&g->id, relaxed))
		add(arg, &one);
	return true;
}

static void describe(struct mri_out *o, const struct group *k)
{
	if (k->n == 1)
		mri_out_fmt(o, "goroutine leak: goroutine %lld", (long long)k->id);
	else
		mri_out_fmt(o, "goroutine leak: %d goroutines", k->n);
	mri_out_fmt(o, " [%s, %ms]: %s\n", mri_why_names[k->why], mri_os_now() - k->since,
		    k->name ? k->name : "?");
	if (k->others)
		mri_out_str(o, "\twait on different objects\n");
	else if (k->obj)
		mri_out_fmt(o, "\t%s on %p\n", k->n == 1 ? "waits" : "wait", k->obj);
	mri_panic_created_at(o, k->pc, k->file, k->line);
	mri_out_str(o, "\n");
}

/* To out; NULL: to stderr, not by way of stdio, whose lock a stuck goroutine may hold. */
static void print(const struct list *l, FILE *out)
{
	for (struct group *k = l->first; k; k = k->next) {
		struct mri_out o;

		mri_out_init(&o, out ? -1 : 2);
		describe(&o, k);
		if (out)
			fwrite(o.buf, 1, o.n, out);
		else
			mri_out_flush(&o);
	}
}

static void free_groups(struct list *l)
{
	struct group *next;

	for (struct group *k = l->first; k; k = next) {
		next = k->next;
		free(k);
	}
}

/* -------------------------------------------------------------------- the grace -- */

static void pause_for(int64_t ns)
{
	int64_t end = mri_os_now() + ns;
	uint32_t word = 0;

	while (mri_os_now() < end)
		mri_os_futex_wait(&word, 0, end);
}

/* Until m, if it is runnable, has been running for a while: on a busy machine it may get
 * no processor for long. */
static void let_run(struct m *m, int64_t limit)
{
	int tid = atomic_get(&m->tid, relaxed); /* relaxed: 0 at first, that is "?" */
	int64_t before = mri_os_thread_cpu(tid);

	while (mri_os_thread_state(tid) == 'R' && mri_os_now() < limit &&
	       mri_os_thread_cpu(tid) - before < TURN)
		pause_for(POLL);
}

/* Some run: one that they wake again and again is not stuck. So they have the time to do
 * that once more, and sysmon's clock, by which waits begin, to pass `end`. */
static void settle(int64_t end)
{
	int64_t limit = mri_os_now() + 10 * SETTLE;

	pause_for(SETTLE);
	/* Relaxed: a clock. */
	while (atomic_get(&mri_sched.now, relaxed) <= end && mri_os_now() < limit)
		pause_for(POLL);
	/* A2: acquire, pairs with A1. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next)
		if (m != mri_self()->m)
			let_run(m, limit);
}

/* Until nobody else can run, or for long enough. Waits that began by the time returned
 * count. */
static int64_t wait_for_others(void)
{
	int64_t end = mri_os_now() + GRACE;

	while (mri_os_now() < end) {
		if (mri_sysmon_quiet(end))
			return INT64_MAX;
		pause_for(POLL);
	}
	settle(end);
	return end;
}

/* The caller sleeps as in a call that blocks its thread: the others have its P, and
 * exit() goes on where it began, as it may hold a lock that belongs to the thread. */
static int64_t let_others_finish(void)
{
	/* Relaxed: own. */
	bool blocking = atomic_get(&mri_self()->state, relaxed) == G_BLOCKING;
	int64_t began_by;

	mr_go_pin();
	if (!blocking)
		mri_sched_block_begin();
	began_by = wait_for_others();
	if (!blocking)
		mri_sched_block_end();
	mr_go_unpin();
	return began_by;
}

static void collect(struct list *l)
{
	*l = (struct list){ .end = &l->first, .self = mri_self() };
	l->began_by = let_others_finish();
	mri_stack_each(add_if_stuck, l);
}

int mr_go_leaks(FILE *out)
{
	struct list l;

	mri_init_check_fork();
	collect(&l);
	print(&l, out);
	free_groups(&l);
	return l.n;
}

/* ---------------------------------------------------------------------- at exit -- */

static void at_exit(int status, void *arg)
{
	struct list l;

	(void)arg;
	if (mri_forked)
		return;
	collect(&l);
	if (l.n == 0)
		return;
	mri_panic_flush_stdout();
	print(&l, NULL);
	free_groups(&l);
	if (status == 0)
		exit(LEAKED);
}

void mri_leak_install(void)
{
	if (mri_config.leaks_at_exit)
		on_exit(at_exit, NULL);
}
