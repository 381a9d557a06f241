/* report.c - what goroutines there are and what they wait for: go_dump, the deadlock
 * report, and the goroutines behind an internal error.
 *
 * Reads other goroutines' wait records while they may change: each field is atomic,
 * the whole is a snapshot of nothing in particular. No lock, no malloc, write(2) only,
 * so a signal handler may call it too. */
#include "diag/report.h"
#include "base/hooks.h"
#include "diag/diag.h"
#include "millrace/go.h"
#include "os/os.h"
#include "rt/netpoll.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include <stdlib.h>

/* Relaxed, all in here: see above. */
const char *mri_report_state(struct g *g)
{
	uint32_t why = atomic_get(&g->wait.why, relaxed);

	switch (atomic_get(&g->state, relaxed)) {
	case G_RUNNABLE: return "runnable";
	case G_RUNNING:  return "running";
	case G_BLOCKING: return "blocking call";
	case G_WAITING:  return why < MRI_NWHY ? mri_why_names[why] : "waiting";
	default:         return "dead";
	}
}

void mri_report_head(struct mri_out *o, struct g *g, int64_t now)
{
	const char *name = atomic_get(&g->name, relaxed);
	bool waits = atomic_get(&g->state, relaxed) == G_WAITING;

	mri_out_fmt(o, "goroutine %lld [%s", (long long)atomic_get(&g->id, relaxed),
		    mri_report_state(g));
	if (waits)
		mri_out_fmt(o, ", %ms", now - atomic_get(&g->wait.since, relaxed));
	if (waits && atomic_get(&g->wait.timed, relaxed))
		mri_out_str(o, ", with a timer");
	if (atomic_get(&g->locked, relaxed))
		mri_out_str(o, ", locked to thread");
	mri_out_fmt(o, "]: %s\n", name ? name : "?");
}

void mri_report_object(struct mri_out *o, const void *obj)
{
	int fd = mri_netpoll_number(obj);

	if (fd >= 0)
		mri_out_fmt(o, "\twaits on descriptor %d", fd);
	else
		mri_out_fmt(o, "\twaits on %p", obj);
}

static void print(struct mri_out *o, struct g *g)
{
	const void *obj = atomic_get(&g->wait.obj, relaxed);
	bool waits = atomic_get(&g->state, relaxed) == G_WAITING;

	mri_report_head(o, g, mri_os_now());
	if (waits && obj) {
		mri_report_object(o, obj);
		mri_out_str(o, "\n");
	}
	mri_panic_created(o, g);
	mri_out_str(o, "\n");
}

static bool print_each(struct g *g, void *arg)
{
	print(arg, g);
	return true;
}

static void dump_all(struct mri_out *o)
{
	uint32_t threads = atomic_get(&mri_sched.nparked_threads, relaxed);

	mri_stack_each(print_each, o);
	if (threads)
		mri_out_fmt(o, "%u foreign thread%s too\n", threads,
			    threads == 1 ? " waits" : "s wait");
}

/* ---- stacks by kind ---- */

/* Goroutines that run the same function, on stacks of about the same size: slots differ
 * by some lines. */
struct kind {
	void (*fn)(void);
	const char *name;
	size_t size, used;
	long n;
};

/* No malloc: so many kinds, in the order in which they are met, and the others. */
struct kinds {
	struct kind kind[24];
	int n;
};

static bool add_to_kind(struct g *g, void *arg)
{
	struct kinds *all = arg;
	size_t size = (size_t)(g->hi - g->lo), used = mri_stack_used(g);
	void (*fn)(void) = atomic_get(&g->fn, relaxed);
	int i = 0;

	while (i < all->n && (all->kind[i].fn != fn ||
			      __builtin_clzl(all->kind[i].size) != __builtin_clzl(size)))
		i++;
	if (i == (int)ARRAY_LEN(all->kind)) {
		all->kind[--i].name = "and others";
	} else if (i == all->n) {
		all->n++;
		all->kind[i] = (struct kind){
			.fn = fn,
			.name = atomic_get(&g->name, relaxed),
			.size = size,
		};
	}
	all->kind[i].n++;
	if (all->kind[i].used < used)
		all->kind[i].used = used;
	return true;
}

static void print_kinds(struct mri_out *o)
{
	struct kinds all = { .n = 0 };

	mri_stack_each(add_to_kind, &all);
	mri_out_str(o, "stacks, the most that one of each kind has used:\n");
	for (int i = 0; i < all.n; i++) {
		const struct kind *k = &all.kind[i];

		if (k->used)
			mri_out_fmt(o, "%8zu of %zu KiB, %ld of %s\n",
				    (k->used + 1023) / 1024, k->size / 1024, k->n,
				    k->name ? k->name : "?");
	}
}

void mr_go_dump(int fd)
{
	struct mri_out o;

	mri_out_init(&o, fd);
	dump_all(&o);
	print_kinds(&o);
	mri_out_flush(&o);
}

static bool found(struct g *g, void *arg)
{
	(void)g;
	*(bool *)arg = true;
	return false;
}

static void deadlock(void)
{
	struct mri_out o;
	bool any = false;

	mri_stack_each(found, &any);
	mri_panic_report_begin(&o);
	if (!any && mri_sched.main_exited)
		mri_out_str(&o, "fatal error: no goroutines "
				"(main called runtime.Goexit) - "
				"deadlock!\n");
	else
		mri_out_str(&o, "fatal error: all goroutines are asleep - deadlock!\n\n");
	dump_all(&o);
	mri_out_flush(&o);
	if (mri_config.crash)
		abort();
	mri_panic_report_end(&o);
}

void mri_report_install(void)
{
	mri_hooks.dump_all = dump_all;
	mri_hooks.deadlock = deadlock;
}
