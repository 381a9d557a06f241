/* crash.c - SIGSEGV, SIGBUS and SIGFPE in a goroutine: say which one, then let the
 * program's own handler, or the kernel's core dump, have it.
 *
 * A fault in a stack's guard is a stack overflow: that ends the process like a panic.
 * Runs on the thread's alternate stack; uses nothing that is not async-signal-safe but
 * the unwinder, which was loaded at the start. */
#define _GNU_SOURCE
#include "base/hooks.h"
#include "diag/diag.h"
#include "diag/trace.h"
#include "os/os.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE };
static struct sigaction before[NSIG];

enum { TRACE = 64 };

static const char *name_of(int sig)
{
	switch (sig) {
	case SIGSEGV: return "SIGSEGV: segmentation violation";
	case SIGBUS:  return "SIGBUS: bus error";
	default:      return "SIGFPE: arithmetic error";
	}
}

/* The main thread's stack has the kernel's guard; below it is near enough. */
static bool main_overflow(struct g *g, const char *addr)
{
	return g == &mri_main_g && addr < g->lo + 4096 && addr > g->lo - (1 << 20);
}

/* Tracing reads the stack, which may be what is broken: a fault in there comes back to
 * on_fault, which throws to here. Per thread: several may fault at once. */
static __thread struct mri_arch_catch *guarded
	__attribute__((tls_model("initial-exec")));

bool mri_crash_guard(void (*fn)(void *), void *arg)
{
	struct mri_arch_catch at;
	bool failed;

	guarded = &at;
	failed = mri_arch_catch(&at, fn, arg);
	guarded = NULL;
	return !failed;
}

struct tracing {
	void *pcs[TRACE];
	int n;
	void *ucontext;
};

static void trace(void *arg)
{
	struct tracing *t = arg;

	if (mri_hooks.capture_signal)
		t->n = mri_hooks.capture_signal(t->pcs, TRACE, t->ucontext);
}

static void describe(struct mri_out *o, struct g *g, void *ucontext)
{
	struct tracing t = { .ucontext = ucontext };
	bool traced;

	mri_out_flush(o);       /* whatever comes */
	traced = mri_crash_guard(trace, &t);
	mri_panic_describe(o, g, t.pcs, traced ? t.n : 0);
	if (!traced)
		mri_out_str(o, "(its stack is damaged)\n");
	mri_out_flush(o);
}

/* Give the signal to whoever had it before us, as the kernel would have; without a
 * handler, returning runs the faulting instruction again, now with the default action. */
static void pass_on(int sig, siginfo_t *info, void *ucontext)
{
	struct sigaction old = before[sig];
	sigset_t own;

	if (!(old.sa_flags & SA_SIGINFO) &&
	    (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN)) {
		signal(sig, SIG_DFL);
		if (info->si_code <= 0) /* sent by kill: it would not happen again */
			raise(sig);
		return;
	}
	if (old.sa_flags & SA_RESETHAND)
		before[sig].sa_handler = SIG_DFL, before[sig].sa_flags = 0;
	sigemptyset(&own);
	sigaddset(&own, sig);
	/* Ours lets the signal through while it runs (SA_NODEFER). */
	pthread_sigmask(SIG_BLOCK, &old.sa_mask, NULL);
	if (!(old.sa_flags & SA_NODEFER))
		pthread_sigmask(SIG_BLOCK, &own, NULL);
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(sig, info, ucontext);
	else
		old.sa_handler(sig);
}

noreturn_fn static void report_overflow(struct g *g, void *ucontext)
{
	struct mri_out o;

	mri_panic_report_begin(&o);
	mri_out_fmt(&o, "fatal error: stack overflow (%zu KiB; MILLRACE=stack=N or "
			"go_with for more)\n\n", (size_t)(g->hi - g->lo) / 1024);
	describe(&o, g, ucontext);
	if (mri_config.crash)
		abort();
	mri_panic_report_end(&o);
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	struct g *g = mri_self_or_null(), *hit;
	bool overflow = false;
	struct mri_out o;

	if (guarded) {
		mri_san_unwound((void *)mri_trace_sp(ucontext), guarded->frame);
		mri_arch_throw(guarded);
	}
	if (g && sig != SIGFPE && info->si_code > 0) {
		hit = mri_stack_find(info->si_addr, &overflow);
		overflow = (hit == g && overflow) || main_overflow(g, info->si_addr);
	}
	if (overflow)
		report_overflow(g, ucontext);
	if (g && !g->is_thread) {
		mri_out_init(&o, 2);
		mri_out_fmt(&o, "fatal error: unexpected signal\n[signal %s addr=%p]\n\n",
			    name_of(sig), info->si_addr);
		describe(&o, g, ucontext);
	}
	pass_on(sig, info, ucontext);
}

void mri_crash_install(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_fault;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &sa, &before[signals[i]]);
}
