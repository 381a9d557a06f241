/* quit.c - SIGQUIT: stop everything, show where every goroutine is, and end.
 *
 * The handler only makes a note and wakes sysmon, which does the rest on its own stack.
 * It stops the workers for good by sending each thread the same signal: the handler then
 * leaves its thread's place in the M and sleeps for ever. That sysmon holds the
 * scheduler's lock from before keeps others from starting more. Threads that are not ours
 * go on, but can resume no goroutine; so no stack changes while it is looked at.
 *
 * Whatever lock a stopped thread holds stays locked. So nothing here takes one, but for
 * the dynamic linker's, which the unwinder and the symbol tables need: sysmon has it
 * before it stops anybody (dl_iterate_phdr holds it, and lets its holder in again). */
#define _GNU_SOURCE
#include "base/hooks.h"
#include "diag/diag.h"
#include "diag/dump.h"
#include "diag/trace.h"
#include "os/os.h"
#include "rt/stack.h"
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { PATIENCE = 1000 * 1000 * 1000, FIRST_LOOK = 200 * 1000 };

static uint32_t wanted;                 /* atomic: SIGQUIT has come */
static uint32_t stopping;               /* atomic: now it means: stop */

/* ---- in the handler ---- */

noreturn_fn static void stay(void *arg)
{
	static uint32_t never;
	struct mri_stopped *s = arg;
	struct m *m = mri_self_or_null()->m;

	/* D1: release, pairs with D2: *s, and all that this thread has done. */
	atomic_set(&m->stopped, s, release);
	for (;;)
		mri_os_futex_wait(&never, 0, 0);
}

no_tsan static void on_quit(int sig, siginfo_t *info, void *ucontext)
{
	struct g *g = mri_self_or_null();
	struct mri_stopped s = { .ucontext = ucontext };

	(void)sig;
	(void)info;
	/* Relaxed, both: the calls that follow one and precede the other order them. */
	if (!atomic_get(&stopping, relaxed)) {
		atomic_set(&wanted, 1u, relaxed);
		mri_sysmon_wake();
	} else if (g && g->m) {
		mri_arch_catch(&s.at, stay, &s);
	}
}

/* ---- stopping ---- */

static struct mri_stopped *stopped_at(struct m *m)
{
	/* D2: acquire, pairs with D1. */
	return atomic_get(&m->stopped, acquire);
}

/* It has no thread, and gets none now. By sched.lock. */
static bool is_unborn(struct m *m)
{
	/* Relaxed: who has one was started under the lock, and is active. */
	return m->state != M_ACTIVE && atomic_get(&m->tid, relaxed) == 0;
}

static bool all_stopped(void)
{
	bool all = true;

	/* A2: acquire, pairs with A1. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next) {
		int tid = atomic_get(&m->tid, relaxed); /* relaxed: 0 is not yet */

		if (stopped_at(m) || is_unborn(m))
			continue;
		all = false;
		/* Again each time: it has no effect until the last one is handled. */
		if (tid)
			mri_os_thread_signal(tid, SIGQUIT);
	}
	return all;
}

/* A thread may not stop: in a call that nothing interrupts, or with SIGQUIT blocked. */
static void stop_all(void)
{
	static uint32_t never;
	int64_t now = mri_os_now(), end = now + PATIENCE, pause = FIRST_LOOK;

	atomic_set(&stopping, 1u, relaxed); /* relaxed: see on_quit */
	while (!all_stopped() && now < end) {
		mri_os_futex_wait(&never, 0, now + pause);
		now = mri_os_now();
		pause *= 2;
	}
}

/* Whose stack a thread was on. In the middle of a switch that is not m->curg, yet or
 * any more; where it is nobody's, in a handler on the signal stack, m->curg tells. */
static void find_whose(struct m *m, struct mri_stopped *s)
{
	char *sp = (char *)mri_trace_sp(s->ucontext);
	bool in_guard;

	s->on = mri_stack_find(sp, &in_guard);
	if (!s->on && sp >= mri_main_g.lo && sp < mri_main_g.hi)
		s->on = &mri_main_g;
	if (!s->on)
		s->on = atomic_get(&m->curg, relaxed); /* relaxed: D2 */
}

/* ---- the dump ---- */

noreturn_fn static void dump(struct mri_out *o)
{
	struct mri_dump d = { 0 };

	stop_all();
	d.now = mri_os_now();
	/* A2: acquire, pairs with A1. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next) {
		struct mri_stopped *s = stopped_at(m);

		d.threads += !is_unborn(m);
		if (!s)
			continue;
		d.stopped++;
		find_whose(m, s);
	}
	mri_dump_collect(&d);
	mri_lines_find(&d);
	if (mri_config.dump_json)
		mri_dump_json(o, &d);
	else
		mri_dump_text(o, &d);
	mri_out_flush(o);
	if (mri_config.crash)
		abort();
	mri_panic_report_end(o);
}

static int with_modules_locked(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	dump(arg);
}

static void handle(int (*set)(int, const struct sigaction *, struct sigaction *))
{
	struct sigaction sa = { .sa_sigaction = on_quit };

	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigfillset(&sa.sa_mask);
	set(SIGQUIT, &sa, NULL);
}

static void quit(void)
{
	struct mri_out o;

	/* Relaxed: the wake comes after it. */
	if (likely(!atomic_get(&wanted, relaxed)))
		return;
#if defined(MRI_TSAN) || defined(MRI_RACE)
	/* From now on as TSan has it, so that no thread is stopped inside of it, with its
	 * locks. One signal may get lost; stop_all sends another. */
	handle(sigaction);
#endif
	mri_panic_report_begin(&o);
	mri_lines_open();
	mri_lock_take(&mri_sched.lock);
	dl_iterate_phdr(with_modules_locked, &o);
}

/* ---- whose signal it is ---- */

/* A child has no sysmon: the signal ends it, as it would without us. */
static void after_fork(void)
{
	struct sigaction sa;

	if (sigaction(SIGQUIT, NULL, &sa) == 0 && (sa.sa_flags & SA_SIGINFO) &&
	    sa.sa_sigaction == on_quit)
		signal(SIGQUIT, SIG_DFL);
}

/* A program that handles SIGQUIT, or ignores it, has it for itself. */
void mri_quit_install(void)
{
	struct sigaction sa;

	if (sigaction(SIGQUIT, NULL, &sa) || (sa.sa_flags & SA_SIGINFO) ||
	    sa.sa_handler != SIG_DFL)
		return;
	mri_hooks.quit = quit;
	handle(mri_os_sigaction);
	pthread_atfork(NULL, NULL, after_fork);
}
