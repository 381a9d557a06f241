/* signal.c - signals as values on channels.
 *
 * The handler only marks the signal and wakes sysmon, which sends it on every channel
 * that asked, without blocking. So no signal handler ever runs user code. A real fault
 * is not for a channel: it goes where it went before. */
#define _GNU_SOURCE
#include "millrace/signal.h"
#include "millrace/select.h"
#include "base/hooks.h"
#include "os/os.h"
#include "std/std.h"
#include "sync/chan.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NSIGNALS = 65 };

struct subscriber {
	struct subscriber *next;
	struct mri_chan *chan;
	uint64_t mask;                  /* bit n - 1: signal n */
};

static struct mri_lock lock = MRI_LOCK_INIT(MRI_RANK_TIMER_OBJ);
static struct subscriber *subscribers;          /* by lock */
static struct sigaction before[NSIGNALS];       /* by lock: what a signal did */
static uint64_t handled;                        /* by lock: ours at the moment */
static uint64_t pending;                        /* atomic */

/* A fault is no news but an instruction that would fault again: it goes to whoever had
 * it before, by running it once more. */
static bool is_fault(int n, const siginfo_t *info)
{
	return info->si_code > 0 &&
	       (n == SIGSEGV || n == SIGBUS || n == SIGFPE || n == SIGILL ||
		n == SIGTRAP);
}

no_tsan static void on_signal(int n, siginfo_t *info, void *ucontext)
{
	(void)ucontext;
	if (is_fault(n, info)) {
		sigaction(n, &before[n], NULL);
		return;
	}
	/* E1: release, pairs with E2. */
	atomic_or(&pending, (uint64_t)1 << (n - 1), release);
	mri_sysmon_wake();
}

static uint64_t wanted(void)
{
	uint64_t mask = 0;

	for (struct subscriber *s = subscribers; s; s = s->next)
		mask |= s->mask;
	return mask;
}

/* lock held: handlers as the subscribers want them. */
static void apply(void)
{
	uint64_t want = wanted();

	for (int n = 1; n < NSIGNALS; n++) {
		uint64_t bit = (uint64_t)1 << (n - 1);
		struct sigaction sa = { .sa_sigaction = on_signal };

		if ((want & bit) && !(handled & bit)) {
			sigfillset(&sa.sa_mask);
			sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
			if (mri_os_sigaction(n, &sa, &before[n]) == 0)
				handled |= bit;
		} else if (!(want & bit) && (handled & bit)) {
			sigaction(n, &before[n], NULL);
			handled &= ~bit;
		}
	}
}

static void send_number(struct mri_chan *c, int n)
{
	struct g *wake;

	mri_lock_take(&c->lock);
	mri_chan_send_now(c, &n, &wake);
	mri_lock_drop(&c->lock);
	if (wake)
		mri_sched_ready(wake);
}

static void deliver(void)
{
	uint64_t now;

	/* Relaxed: a hint; E1 comes with a wake after it. */
	if (!atomic_get(&pending, relaxed))
		return;
	/* E2: acquire, pairs with E1. */
	now = atomic_swap(&pending, (uint64_t)0, acquire);
	mri_race_library_begin(NULL);
	mri_lock_take(&lock);
	for (struct subscriber *s = subscribers; s; s = s->next)
		for (uint64_t m = now & s->mask; m; m &= m - 1)
			send_number(s->chan, __builtin_ctzll(m) + 1);
	mri_lock_drop(&lock);
	mri_race_library_end();
}

/* A signal could wake somebody. Racy by nature: used by the deadlock detector, which
 * runs only when no goroutine does. */
static bool are_wanted(void)
{
	bool any;

	mri_lock_take(&lock);
	any = handled != 0;
	mri_lock_drop(&lock);
	return any;
}

/* Nobody delivers in a child: its signals do what they did before. */
static void after_fork(void)
{
	for (int n = 1; n < NSIGNALS; n++)
		if (handled & ((uint64_t)1 << (n - 1)))
			sigaction(n, &before[n], NULL);
}

void mri_signal_install(void)
{
	pthread_atfork(NULL, NULL, after_fork);
	mri_hooks.signals = deliver;
	mri_hooks.signals_wanted = are_wanted;
}

void mr_signal_notify_n(mr_send_chan(int) ch, const int *signals, size_t n)
{
	struct mri_chan *c = mri_chan_of(ch);
	struct subscriber *s, *fresh;
	uint64_t mask = 0;

	mri_self();             /* starts the runtime: sysmon delivers */
	mri_init_check_fork();
	if (!c)
		mri_panic("os/signal: Notify using nil channel");
	for (size_t i = 0; i < n; i++)
		if (signals[i] > 0 && signals[i] < NSIGNALS)
			mask |= (uint64_t)1 << (signals[i] - 1);
	fresh = mri_alloc(sizeof *fresh);
	mri_lock_take(&lock);
	for (s = subscribers; s && s->chan != c; s = s->next)
		;
	if (!s) {
		s = fresh;
		fresh = NULL;
		s->chan = c;
		s->next = subscribers;
		subscribers = s;
	}
	s->mask |= mask;
	atomic_set(&c->fed, mri_chan_always_fed, relaxed); /* relaxed: for reports */
	apply();
	mri_lock_drop(&lock);
	free(fresh);
}

void mr_signal_stop(mr_send_chan(int) ch)
{
	struct mri_chan *c = mri_chan_of(ch);
	struct subscriber *s = NULL;

	mri_init_check_fork();
	mri_lock_take(&lock);
	for (struct subscriber **at = &subscribers; *at; at = &(*at)->next) {
		if ((*at)->chan != c)
			continue;
		s = *at;
		*at = s->next;
		atomic_set(&c->fed, NULL, relaxed);     /* relaxed: as above */
		break;
	}
	apply();
	mri_lock_drop(&lock);
	free(s);
}

/* ------------------------------------------------------------- contexts -- */

struct watch {
	mr_context *ctx;                /* a reference */
	void *chan;
};

static void watch(void *arg)
{
	struct watch *w = arg;
	char cause[64];
	int n = 0;
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = w->chan, .val = &n },
		{ .op = MR_SELECT_RECV, .ch = mr_ctx_done(w->ctx) },
	};

	if (mr_chan_select_n(cases, 2) == 0) {
		const char *what = sigdescr_np(n);

		snprintf(cause, sizeof cause, "signal: %s", what ? what : "unknown");
		mr_ctx_cancel_cause(w->ctx, cause);
	}
	mr_signal_stop(w->chan);
	mr_chan_free(w->chan);
	mr_ctx_unref(w->ctx);
	free(w);
}

mr_context *mr_signal_context_n(mr_context *parent, const int *signals, size_t n)
{
	mr_context *ctx = mr_ctx_with_cancel(parent);
	struct watch *w = mri_alloc(sizeof *w);

	w->ctx = mr_ctx_ref(ctx);
	w->chan = mr_chan_new(sizeof(int), 1);
	mr_signal_notify_n(w->chan, signals, n);
	mri_go_start(watch, w, "signal_context", 0, __builtin_return_address(0));
	return ctx;
}
