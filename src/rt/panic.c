/* panic.c - panics, go_exit and go_try: unwinding one goroutine's stack.
 *
 * A panic is a forced unwind: the system's unwinder walks the frames, running the
 * cleanups that `defer` compiles to, and asks stop() before each. stop() jumps to
 * the catcher when the walk has reached the innermost try that wants this unwind:
 *
 *   TRY_ROOT   bottom of a goroutine: ends it, or the process
 *   TRY_USER   go_try: wants panics, lets go_exit pass
 *   TRY_HAND   mri_panic_catch: wants everything; the caller, or who he hands it to,
 *              may go on with it
 *   TRY_DEFER  around a deferred call that runs while unwinding: wants everything,
 *              and makes it replace what was going on
 *
 * The bottom of main and of a foreign pthread is the end of the stack.
 * A panic that no TRY_USER can catch is known before it unwinds: its trace is taken
 * then, and printed after the deferred calls have run. */
#include "base/hooks.h"
#include "millrace/panic.h"
#include "os/os.h"
#include "rt/rt.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

enum { MESSAGE = 1024, TRACE = 64 };
enum try_kind { TRY_ROOT, TRY_USER, TRY_HAND, TRY_DEFER };

struct mri_try {
	struct mri_arch_catch at;
	struct mri_try *up;
	enum try_kind kind;
	struct mri_unwind *outer; /* what was going on when it was entered */
};
/* Where a panic came from that was handed on: another goroutine, or id 0. */
struct origin {
	int64_t id;
	const char *file;
	int line;
	void *creator_pc;
};
struct mri_unwind {
	struct _Unwind_Exception ex; /* first: the unwinder hands us its address */
	struct g *g;
	bool exits;   /* go_exit */
	bool exiting; /* it was one, until a deferred call panicked */
	struct origin from;
	int ntrace;
	void *trace[TRACE];
	char message[MESSAGE];
};

/* -------------------------------------------------------------- reports -- */

static uint32_t reporting; /* atomic */

/* What the program has printed so far comes first, if that cannot hang: on the lock of
 * stdout, or on a full pipe. */
void mri_panic_flush_stdout(void)
{
	struct pollfd p = { .fd = fileno(stdout), .events = POLLOUT };

	if (poll(&p, 1, 0) == 1 && ftrylockfile(stdout) == 0) {
		fflush(stdout);
		funlockfile(stdout);
	}
}

void mri_panic_report_begin(struct mri_out *o)
{
	static struct g *reporter;
	struct g *me = mri_self_or_null();

	/* Relaxed, all: first come, first served; nothing is published. */
	if (atomic_swap(&reporting, 1u, relaxed) != 0 &&
	    atomic_get(&reporter, relaxed) != me)
		for (;;)
			mri_os_futex_wait(&reporting, 1, 0);
	atomic_set(&reporter, me, relaxed);
	mri_panic_flush_stdout();
	mri_out_init(o, 2);
}

void mri_panic_report_end(struct mri_out *o)
{
	mri_out_flush(o);
	mri_os_exit_now(2);
}

static struct origin origin_of(struct g *g)
{
	/* Relaxed: written before g was first runnable. */
	return (struct origin){ g->id, atomic_get(&g->file, relaxed),
				atomic_get(&g->line, relaxed),
				atomic_get(&g->creator_pc, relaxed) };
}

void mri_panic_created_at(struct mri_out *o, void *pc, const char *file, int line)
{
	if (!pc || !mri_hooks.symbol)
		return;
	mri_out_str(o, "created by ");
	mri_hooks.symbol(o, (char *)pc - 1);    /* in the call, not after it */
	if (file)
		mri_out_fmt(o, " at %s:%d", file, line);
	mri_out_str(o, "\n");
}

static void print_created(struct mri_out *o, const struct origin *by)
{
	mri_panic_created_at(o, by->creator_pc, by->file, by->line);
}

void mri_panic_created(struct mri_out *o, struct g *g)
{
	struct origin by = origin_of(g);

	print_created(o, &by);
}

void mri_panic_describe(struct mri_out *o, struct g *g, void *const *pcs, int n)
{
	if (!g || g->is_thread)
		mri_out_fmt(o, "thread %d [running]:\n", mri_os_tid());
	else if (g->is_sched)
		mri_out_fmt(o, "scheduler of thread %d:\n", mri_os_tid());
	else
		mri_out_fmt(o, "goroutine %lld [running]:\n", (long long)g->id);
	if (mri_hooks.trace)
		mri_hooks.trace(o, pcs, n);
	if (g && !g->is_thread && !g->is_sched)
		mri_panic_created(o, g);
}

static int capture(void **pcs)
{
	return mri_hooks.capture ? mri_hooks.capture(pcs, TRACE) : 0;
}

static void describe_origin(struct mri_out *o, const struct mri_unwind *u)
{
	mri_out_fmt(o, "goroutine %lld [running]:\n", (long long)u->from.id);
	if (mri_hooks.trace)
		mri_hooks.trace(o, u->trace, u->ntrace);
	print_created(o, &u->from);
	mri_out_fmt(o, "\nhanded on to goroutine %lld\n", (long long)u->g->id);
}

noreturn_fn static void die_of_panic(struct mri_unwind *u)
{
	struct mri_out o;

	mri_panic_report_begin(&o);
	mri_out_fmt(&o, "panic: %s\n\n", u->message);
	if (u->from.id && u->from.id != u->g->id)
		describe_origin(&o, u);
	else
		mri_panic_describe(&o, u->g, u->trace, u->ntrace);
	if (mri_config.crash) {
		mri_out_flush(&o);
		abort();
	}
	mri_panic_report_end(&o);
}

/* Prefixed though static, these two and what calls them: a trace leaves out frames of
 * the library, which it knows by name, and cold code may lie beside the program's. */
static void mri_vfault(struct mri_out *o, const char *head, const char *fmt, va_list ap)
{
	void *pcs[TRACE];
	char text[MESSAGE];

	vsnprintf(text, sizeof text, fmt, ap);
	mri_panic_report_begin(o);
	mri_out_fmt(o, "%s: %s\n\n", head, text);
	mri_panic_describe(o, mri_self_or_null(), pcs, capture(pcs));
}

noreturn_fn static void mri_vfatal(const char *fmt, va_list ap)
{
	struct mri_out o;

	if (!mri_forked)
		mri_self(); /* a mistake in the first call of all is main's, too */
	mri_vfault(&o, "fatal error", fmt, ap);
	if (mri_config.crash) {
		mri_out_flush(&o);
		abort();
	}
	mri_panic_report_end(&o);
}

void mri_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mri_vfatal(fmt, ap);
	/* cppcheck-suppress va_end_missing ; it does not return */
}

void mri_throw(const char *fmt, ...)
{
	struct mri_out o;
	va_list ap;

	va_start(ap, fmt);
	mri_vfault(&o, "millrace: internal error", fmt, ap);
	va_end(ap);
	if (mri_hooks.dump_all)
		mri_hooks.dump_all(&o);
	mri_out_flush(&o);
	abort();
}

/* ------------------------------------------------------------ unwinding -- */

/* Who gets u, or NULL: the end of the stack. */
static struct mri_try *target(struct g *g, const struct mri_unwind *u)
{
	struct mri_try *t = g->tries;

	while (t && u->exits && t->kind == TRY_USER)
		t = t->up;
	return t;
}

static bool will_meet(const struct g *g, enum try_kind kind)
{
	for (const struct mri_try *t = g->tries; t; t = t->up)
		if (t->kind == kind)
			return true;
	return false;
}

noreturn_fn static void end_of_stack(struct g *g, struct mri_unwind *u)
{
	if (!u->exits)
		die_of_panic(u);
	free(u);
	g->unwind = NULL;
	g->tries = NULL;
	mri_sched.main_exited = true;
	mri_g_exit(g);
}

/* TSan would count its entry and never its exit. */
no_tsan static _Unwind_Reason_Code stop(int version, _Unwind_Action actions,
				_Unwind_Exception_Class class,
				struct _Unwind_Exception *ex, struct _Unwind_Context *ctx,
				void *arg)
{
	struct g *g = arg;
	struct mri_unwind *u = (struct mri_unwind *)(void *)ex;
	struct mri_try *t = target(g, u);
	void *cfa = (void *)_Unwind_GetCFA(ctx);
	char here;

	(void)version;
	(void)class;
	/* A go_try that lets a go_exit pass is over when its frame is passed. */
	while (g->tries && g->tries != t && cfa > g->tries->at.frame)
		g->tries = g->tries->up;
	if (actions & _UA_END_OF_STACK)
		end_of_stack(g, u);
	if (t && cfa > t->at.frame) {
		g->tries = t;
		mri_san_unwound(&here, t->at.frame);
		mri_arch_throw(&t->at);
	}
	return _URC_NO_REASON;
}

static void forget(_Unwind_Reason_Code reason, struct _Unwind_Exception *ex)
{
	(void)reason;
	(void)ex;
}

static struct mri_unwind *unwind_new(struct g *g)
{
	struct mri_unwind *u = calloc(1, sizeof *u);

	if (!u)
		mri_fatal("millrace: out of memory in a panic");
	u->g = g;
	u->ex.exception_cleanup = forget;
	return u;
}

noreturn_fn static void raise_unwind(struct g *g, struct mri_unwind *u)
{
	struct mri_try *t = target(g, u);
	char here;

	/* Relaxed: own. Deferred calls are no part of a blocking section. */
	if (atomic_get(&g->state, relaxed) == G_BLOCKING)
		mri_sched_block_end();
	g->unwind = u;
	/* Cleanups run on frames above ours and may reach down over what is here. */
	if (t)
		mri_san_unwound(&here, t->at.frame);
	else if (!g->is_thread)
		mri_san_unwound(&here, g->hi);
	_Unwind_ForcedUnwind(&u->ex, stop, g);
	mri_fatal("millrace: the stack cannot be unwound: build with -fexceptions");
}

/* MILLRACE=crash=1: here and now, if this panic will end the process. Whoever it may be
 * handed on to could catch it. */
static void abort_if_asked(struct g *g, struct mri_unwind *u)
{
	if (mri_config.crash && !will_meet(g, TRY_USER) && !will_meet(g, TRY_HAND))
		die_of_panic(u);
}

static void vpanic(const char *fmt, va_list ap) __attribute__((noreturn));
static void vpanic(const char *fmt, va_list ap)
{
	struct g *g = mri_self();
	struct mri_unwind *u;

	if (g->is_sched)
		mri_vfatal(fmt, ap); /* a timer's goroutine could not be made */
	u = unwind_new(g);
	vsnprintf(u->message, sizeof u->message, fmt, ap);
	if (!will_meet(g, TRY_USER)) {
		u->ntrace = capture(u->trace);
		abort_if_asked(g, u);
	}
	raise_unwind(g, u);
}

void mri_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
	/* cppcheck-suppress va_end_missing ; it does not return */
}
void mr_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
	/* cppcheck-suppress va_end_missing ; it does not return */
}

void mri_panic_exit(void)
{
	struct g *g = mri_self();
	struct mri_unwind *u;

	if (g->is_thread)
		mri_panic("go_exit called from a thread that is not a goroutine");
	u = unwind_new(g);
	u->exits = true;
	raise_unwind(g, u);
}

/* -------------------------------------------------------------- catching -- */

/* Runs fn(arg) under a try; what was caught, or NULL. The caller frees it. */
static struct mri_unwind *attempt(struct g *g, enum try_kind kind, void (*fn)(void *),
				  void *arg)
{
	struct mri_try t = { .up = g->tries, .kind = kind, .outer = g->unwind };
	struct mri_unwind *caught = NULL;

	g->tries = &t;
	g->unwind = NULL;
	if (mri_arch_catch(&t.at, fn, arg))
		caught = g->unwind;
	g->tries = t.up;
	g->unwind = t.outer;
	return caught;
}

void mri_panic_root(struct g *g, void (*fn)(void *), void *arg)
{
	struct mri_unwind *u = attempt(g, TRY_ROOT, fn, arg);

	if (likely(!u))
		return;
	if (!u->exits)
		die_of_panic(u);
	free(u);
}

struct mri_unwind *mri_panic_catch(void (*fn)(void *), void *arg)
{
	struct g *g = mri_self();
	struct mri_unwind *u = attempt(g, TRY_HAND, fn, arg);

	if (u && !u->from.id)
		u->from = origin_of(g);
	return u;
}

const char *mri_panic_message(const struct mri_unwind *u)
{
	return u->exits ? NULL : u->message;
}

void mri_panic_hand_on(struct mri_unwind *u)
{
	struct g *g = mri_self();

	if (u->g != g)
		u->exiting = false;     /* the other one was */
	u->g = g;
	if (!u->exits)
		abort_if_asked(g, u);
	raise_unwind(g, u);
}

const void *mri_panic_tries(void)
{
	return mri_self()->tries;
}

enum mri_passing mri_panic_passing(const void *since)
{
	const struct mri_try *t = mri_self()->tries;

	if (t == since || !t || !t->outer)
		return MRI_PASSING_NOTHING;
	return t->outer->exits ? MRI_PASSING_EXIT : MRI_PASSING_PANIC;
}

struct call {
	void (*fn)(void);
	struct mri_arch_args args;
};
static void run_call(void *arg)
{
	struct call *c = arg;

	mri_arch_call(c->fn, &c->args);
}

/* Of a thread that is not ours: nobody tells us of its end. */
static __thread char thread_message[MESSAGE];

const char *mr_try_captured(void (*fn)(void))
{
	struct call c = { .fn = fn };
	struct mri_unwind *u;
	struct g *g;
	bool exiting;

	/* Before anything else: the first call of all may come back on another thread. */
	mri_go_take_capture(&c.args, fn, "go_try");
	g = mri_self();
	u = attempt(g, TRY_USER, run_call, &c);
	if (!u)
		return NULL;
	if (!g->message)
		g->message = g->is_thread ? thread_message : malloc(MESSAGE);
	if (!g->message)
		mri_fatal("millrace: out of memory in a panic");
	memcpy(g->message, u->message, MESSAGE);
	exiting = u->exiting;
	free(u);
	if (exiting)
		mri_panic_exit(); /* as in Go, catching the panic resumes the exit */
	return g->message;
}

bool mr_unwinding(void)
{
	struct g *g = mri_self();

	/* In a deferred call that was made while unwinding g->unwind is free for
	 * another panic. */
	for (const struct mri_try *t = g->tries; t; t = t->up)
		if (t->kind == TRY_DEFER)
			return true;
	return g->unwind != NULL;
}

static void run_deferred(void *arg)
{
	struct mr_deferred *d = arg;

	d->fn(d->arg);
}

/* A deferred call that panics while another panic unwinds must not unwind through
 * the cleanup it runs in: it is caught here, and what it threw goes on instead. */
void mr_run_deferred_caught(struct mr_deferred *d)
{
	struct g *g = mri_self();
	struct mri_unwind *u, *going_on = g->unwind;

	/* A block that ends inside a deferred call: nothing unwinds through it. */
	if (!going_on) {
		run_deferred(d);
		return;
	}
	u = attempt(g, TRY_DEFER, run_deferred, d);
	if (!u)
		return;
	going_on->exiting = going_on->exiting || going_on->exits || u->exiting;
	going_on->exits = u->exits;
	going_on->from = u->from;
	going_on->ntrace = u->ntrace;
	memcpy(going_on->trace, u->trace, sizeof u->trace);
	memcpy(going_on->message, u->message, sizeof u->message);
	free(u);
}
