/* world.c - what the shipped scheduler needs from files that are not under test:
 * memory, the clock, sysmon, random choices. */
#include "world.h"
#include "os/os.h"
#include "rt/netpoll.h"
#include "rt/sched.h"
#include "rt/stack.h"
#include "sync/held.h"

struct mri_config mri_config;
uint32_t mr_locks_watched;
int mri_forked;
struct g mri_main_g;
struct m world_ms[WORLD_MS];
struct p world_ps[WORLD_MS];
static struct g gs[WORLD_GS];
bool world_hostile;
static int ngs, nms;
static uint32_t ended;

/* ---- init.c ---- */
static __thread struct g *self;
/* Not thread-local: others hold its address, and the explorer swaps contents. */
static struct g thread_gs[MODEL_THREADS + 1];

struct g *mri_self(void)
{
	struct g *g = self;

	__asm__ volatile("" : "+r"(g));
	if (!g)
		model_fail("check", "mri_self: nobody");
	return g;
}
struct g *mri_self_or_null(void) { return self; }
void mri_init_set_self(struct g *g) { self = g; }
int *mri_errno_addr(void)
{
	static __thread int err;
	int *p = &err;

	__asm__ volatile("" : "+r"(p));
	return p;
}
void mri_init_forked(void) { model_fail("throw", "forked"); }
void *mri_alloc(size_t n) { return model_malloc(n); }
void *mri_try_alloc(size_t n) { return model_malloc(n); }

static struct m *m_init(struct m *m)
{
	m->g0.m = m;
	m->g0.is_sched = 1;
	m->g0.state = G_RUNNING;
	mri_lock_init(&m->bound_lock, MRI_RANK_BOUND);
	mri_lock_take(&mri_sched.lock);
	mri_sched.nms++;
	mri_lock_drop(&mri_sched.lock);
	return m;
}
struct m *mri_m_new(void)
{
	if (nms == WORLD_MS)
		model_fail("check", "the scheduler wants one more M than the test has");
	return m_init(&world_ms[nms++]);
}
void mri_m_init_thread(struct m *m)
{
	self = &m->g0;
	m->errno_at = mri_errno_addr();
}

/* ---- choice.c, sysmon.c, stack.c ---- */
int64_t mri_choice_now(void) { return model_time(); }
uint32_t mri_choice_below(struct m *m, uint32_t n) { (void)m, (void)n; return 0; }
bool mri_choice_hostile(struct m *m, uint32_t one_in)
{
	(void)m, (void)one_in;
	return world_hostile && model_choose(2);
}
bool world_one_tid;
int mri_os_tid(void) { return world_one_tid ? 1 : model_self(); }
void mri_sysmon_wake(void) {}
struct g *mri_stack_alloc_slow(struct p *p, size_t stack, const char **why)
{
	(void)p, (void)stack;
	*why = "not modelled";
	return NULL;
}
void mri_stack_free_slow(struct p *p, struct g *g)
{
	(void)p, (void)g;
	atomic_add(&ended, 1u, relaxed);
}
void mri_stack_arm(struct g *g) { (void)g; }
void mri_stack_check(const struct g *g) { (void)g; }

/* ---- netpoll.c: one descriptor, and a poller that can be interrupted; unless the test
 * has the real one ---- */
#define stand_in __attribute__((weak))
bool world_polls;
static uint32_t poll_word;              /* atomic: something has come */
static struct g *ready_fd;              /* atomic */

stand_in bool mri_netpoll_is_open(void) { return world_polls; }
stand_in bool mri_netpoll_wanted(void) { return world_polls; }
stand_in struct g *mri_netpoll_look(void) { return atomic_swap(&ready_fd, NULL, acquire); }
stand_in struct g *mri_netpoll_wait(int64_t deadline)
{
	struct g *g = mri_netpoll_look();

	if (!g && atomic_swap(&poll_word, 0u, acquire) == 0)
		mri_os_futex_wait(&poll_word, 0, deadline);
	return g;
}
void mri_os_poll_wake(void)
{
	atomic_set(&poll_word, 1u, release);
	mri_os_futex_wake(&poll_word, 1);
}
void world_ready(struct g *g)
{
	atomic_set(&ready_fd, g, release);
	mri_os_poll_wake();
}
int64_t mri_os_now(void) { return model_time(); }

/* ---- a thread the scheduler starts ---- */
bool world_ghosts_ok, world_no_threads;
static uint32_t started, ghosts;
static void *(*start_fn)(void *);
static void *start_arg;

int mri_os_thread_start(void *(*fn)(void *), void *arg, size_t stack_size)
{
	(void)stack_size;
	if (world_no_threads)
		return -11; /* EAGAIN */
	/* One thread at most is modelled. */
	if (world_ghosts_ok || start_fn) {
		atomic_add(&ghosts, 1u, relaxed);
		return 0;
	}
	start_fn = fn;
	start_arg = arg;
	atomic_set(&started, 1u, release);
	return 0;
}
void world_spare(void)
{
	model_await(&started, 1);
	start_fn(start_arg);
}

/* ---- for the tests ---- */
void world_thread(void)
{
	if (self)
		return;
	self = &thread_gs[model_self()];
	self->is_thread = 1;
	self->state = G_RUNNING;
}

void world_procs_busy(int n)
{
	mri_sched.procs = mri_sched.nps = n;
	for (int i = 0; i < n; i++) {
		world_ps[i].id = i;
		world_ps[i].timers = mri_timer_heap_new();
		mri_sched.all_ps[i] = &world_ps[i];
	}
}
void world_procs(int n)
{
	world_procs_busy(n);
	mri_lock_take(&mri_sched.lock);
	for (int i = n - 1; i >= 0; i--)
		mri_idle_put(&world_ps[i]);
	mri_lock_drop(&mri_sched.lock);
}

void world_m_init(int i)
{
	struct m *m = m_init(&world_ms[i]);

	nms = i + 1;
	m->in_rt = 1;
	m->state = M_ACTIVE;
	mri_sched.nactive_ms++;
	mri_idle_take(m);
}
void world_m(int i)
{
	mri_m_init_thread(&world_ms[i]);
	mri_sched_loop(&world_ms[i]);
}

void world_be_m(int i)
{
	mri_m_init_thread(&world_ms[i]);
}

static void g_start(struct g *g)
{
	g->fn();
}
struct g *world_g(void (*fn)(void))
{
	struct g *g = &gs[ngs];
	size_t size;
	char *stack = model_stack(ngs++, &size);

	g->id = ngs;
	g->lo = stack;
	g->hi = stack + size;
	g->fn = fn;
	g->start = g_start;
	mri_arch_make(&g->ctx, g->lo, g->hi, mri_sched_first, g);
	return g;
}
bool world_started_ghosts(void) { return atomic_get(&ghosts, relaxed) != 0; }
void world_all_done(void)
{
	if (world_started_ghosts())
		return;
	if (atomic_get(&ended, relaxed) != (uint32_t)ngs)
		model_fail("check", "%u of %d goroutines ended", ended, ngs);
}

/* ---- sync/held.c: never called, mr_locks_watched says so ---- */
void mri_held_add(const void *lock, enum mri_why how, void *pc)
{
	(void)lock, (void)how, (void)pc;
}
void mri_held_drop(const void *lock, enum mri_why how)
{
	(void)lock, (void)how;
}
void mri_held_wait(const void *lock, enum mri_why how, void *pc)
{
	(void)lock, (void)how, (void)pc;
}
void mri_held_woken(const void *lock, struct g *g, bool granted)
{
	(void)lock, (void)g, (void)granted;
}
