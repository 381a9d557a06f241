/* go.c - the go_* functions: starting goroutines and what they may say of themselves. */
#include "millrace/go.h"
#include "os/os.h"
#include "rt/rt.h"
#include "rt/sched.h"

static void check_capture(void (*fn)(void), const char *what)
{
	if (unlikely(!mri_arch_captured.full))
		mri_panic("%s: no arguments were captured: is the function declared "
			  "const or "
			  "pure?",
			  what);
	mri_arch_captured.full = 0;
	if (unlikely(!fn))
		mri_fatal("go of nil func value");
}

/* Take what mr_capture_args saved on this thread. Nothing between the capture and
 * this may park, so it is this thread's. */
noinline void mri_go_take_capture(struct mri_arch_args *to, void (*fn)(void),
				  const char *what)
{
	check_capture(fn, what);
	mri_arch_copy_args(to, &mri_arch_captured.args);
}

static void call_fn(void *arg)
{
	struct g *g = arg;

	mri_arch_call(g->fn, mri_g_args(g));
}
static void start_plain(struct g *g)
{
	mri_panic_root(g, call_fn, g);
}

static inline struct g *make(struct g *self, const struct mri_go *o,
			     const struct mri_arch_args *args)
{
	void (*start)(struct g *) = o->start ? o->start : start_plain;
	struct g *g = mri_g_new(self, o->stack, start, o->start_arg, o->pc);

	mri_arch_copy_args(mri_g_args(g), args);
	/* Relaxed, all: reports look only after G1, or at one whose slot this was. */
	atomic_set(&g->fn, o->fn, relaxed);
	atomic_set(&g->name, o->name, relaxed);
	atomic_set(&g->file, o->file, relaxed);
	atomic_set(&g->line, o->line, relaxed);
	mri_race_name(&g->san, g->id, o->name);
	return g;
}

struct g *mri_go_make(const struct mri_go *o)
{
	struct g *self = mri_self();

	mri_init_check_fork();
	check_capture(o->fn, "go");
	/* Nothing captures anything before it is copied. */
	return make(self, o, &mri_arch_captured.args);
}

struct g *mri_go_make_with(const struct mri_go *o, const struct mri_arch_args *args)
{
	return make(mri_self(), o, args);
}

void mri_go_call(struct g *g)
{
	start_plain(g);
}

static void call_with_arg(struct g *g)
{
	mri_panic_root(g, (void (*)(void *))g->fn, g->start_arg);
}

void mri_go_start(void (*fn)(void *), void *arg, const char *name, size_t stack, void *pc)
{
	struct g *g = mri_g_new(mri_self(), stack, call_with_arg, arg, pc);

	/* Relaxed, all: as above. */
	atomic_set(&g->fn, (void (*)(void))fn, relaxed);
	atomic_set(&g->name, name, relaxed);
	atomic_set(&g->file, NULL, relaxed);
	mri_race_name(&g->san, g->id, name);
	mri_sched_start(g);
}

void mr_go_captured(void (*fn)(void), const char *name, const char *file, int line)
{
	mri_sched_start(mri_go_make(&(struct mri_go){
		.fn = fn,
		.name = name,
		.file = file,
		.line = line,
		.pc = __builtin_return_address(0),
	}));
}

void mr_go_captured_with(mr_go_opts opts, void (*fn)(void), const char *name,
			 const char *file, int line)
{
	mri_sched_start(mri_go_make(&(struct mri_go){
		.fn = fn,
		.name = opts.name ? opts.name : name,
		.file = file,
		.line = line,
		.pc = __builtin_return_address(0),
		.stack = opts.stack,
	}));
}

void mr_go_yield(void)
{
	mri_sched_yield();
}

void mr_go_exit(void)
{
	mri_panic_exit();
}

void mr_go_block(void)
{
	for (;;)
		mri_sched_park(NULL, NULL, MRI_WHY_BLOCK, NULL);
}

int64_t mr_go_id(void)
{
	return mri_self()->id;
}

int mr_go_count(void)
{
	mri_self();
	return (int)mri_g_count();
}

int mr_go_procs(int n)
{
	mri_self();
	return mri_init_procs(n);
}

/* A goroutine that may only run on one M. */
static void rebind(struct g *g)
{
	g->bound = g->locked || g->pinned ? g->m : NULL;
}

static void set_locked(struct g *g, int depth)
{
	/* Relaxed: only g writes it; reports read it. */
	atomic_set(&g->locked, (uint8_t)depth, relaxed);
}

void mr_go_lock_thread(void)
{
	struct g *g = mri_self();

	if (g->is_thread)
		mri_panic("go_lock_thread called from a thread that is not a goroutine");
	if (g->locked == UINT8_MAX)
		mri_panic("go_lock_thread: nested too deep");
	set_locked(g, g->locked + 1);
	if (g->locked == 1)
		g->m->nlocked++;
	rebind(g);
}

void mr_go_unlock_thread(void)
{
	struct g *g = mri_self();

	if (g->is_thread || !g->locked)
		return;
	set_locked(g, g->locked - 1);
	if (g->locked == 0)
		g->m->nlocked--;
	rebind(g);
}

void mr_go_pin(void)
{
	struct g *g = mri_self();

	if (g->is_thread)
		return;
	if (g->pinned == UINT8_MAX)
		mri_panic("go_pin: nested too deep");
	g->pinned++;
	rebind(g);
}

void mr_go_unpin(void)
{
	struct g *g = mri_self();

	if (g->is_thread || !g->pinned)
		return;
	g->pinned--;
	rebind(g);
}

void mr_go_blocking_begin(void)
{
	mri_sched_block_begin();
}

void mr_go_blocking_end(void)
{
	mri_sched_block_end();
}

int *mr_errno(void)
{
	return mri_errno_addr();
}
