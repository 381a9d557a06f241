/* init.c - first use, who am I, threads and processors made. */
#define _GNU_SOURCE
#include "base/hooks.h"
#include "os/os.h"
#include "rt/rt.h"
#include "rt/sched.h"
#include "rt/stack.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mri_hooks mri_hooks;
struct g mri_main_g;
int mri_forked;

/* The one thread-local of the scheduler; see mri_self(). */
__thread struct g *mri_init_current
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
static __thread struct g thread_g;

static struct m main_m;
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started; /* by init_lock */

#if !(defined(__x86_64__) && defined(__LP64__))
cold_fn struct g *mri_init_self(void);

noinline struct g *mri_self(void)
{
	struct g *g = mri_init_current;

	__asm__ volatile("" : "+r"(g));
	return likely(g != NULL) ? g : mri_init_self();
}
noinline struct g *mri_self_or_null(void)
{
	struct g *g = mri_init_current;

	__asm__ volatile("" : "+r"(g));
	return g;
}
noinline void mri_init_set_self(struct g *g)
{
	mri_init_current = g;
}
#endif

noinline int *mri_errno_addr(void)
{
	int *p = &errno;

	__asm__ volatile("" : "+r"(p));
	return p;
}

/* ------------------------------------------------------------- memory -- */

void *mri_try_alloc(size_t n)
{
	void *p = NULL;

	/* Structs with lines of their own ask for 64. */
	if (posix_memalign(&p, 64, (n + 63) & ~(size_t)63) != 0)
		return NULL;
	return memset(p, 0, n);
}
void *mri_alloc(size_t n)
{
	void *p = mri_try_alloc(n);

	if (!p)
		mri_panic("out of memory");
	return p;
}

/* ----------------------------------------------------- threads and Ps -- */

enum { MAX_THREADS = 10000 };

static void m_init(struct m *m)
{
	m->g0.m = m;
	m->g0.is_sched = 1;
	m->g0.state = G_RUNNING;
	mri_lock_init(&m->bound_lock, MRI_RANK_BOUND);
	mri_lock_take(&mri_sched.lock);
	if (mri_sched.nms >= MAX_THREADS) {
		mri_lock_drop(&mri_sched.lock);
		mri_fatal("millrace: program exceeds %d-thread limit", MAX_THREADS);
	}
	/* Relaxed: by the lock. */
	atomic_set(&mri_sched.nms, mri_sched.nms + 1, relaxed);
	m->index = mri_sched.nms - 1;
	m->all_next = mri_sched.all_ms;
	/* A1: release, pairs with A2: walkers of the list take no lock. */
	atomic_set(&mri_sched.all_ms, m, release);
	mri_lock_drop(&mri_sched.lock);
}

struct m *mri_m_new(void)
{
	struct m *m = mri_try_alloc(sizeof *m);

	if (m)
		m_init(m);
	return m;
}

/* An M never ends. That it does means pthread_exit on a goroutine's stack, which would
 * take the P with it. */
static pthread_key_t ended;

static void mri_thread_ended(void *m)
{
	(void)m;
	if (!mri_forked)
		mri_fatal("millrace: pthread_exit in a goroutine: use go_exit");
}

void mri_m_init_thread(struct m *m)
{
	void *lo = NULL, *hi = NULL;

	pthread_setspecific(ended, m);
	m->errno_at = mri_errno_addr();
	mri_init_current = &m->g0;
	/* Relaxed: sysmon looks only at an M that had a P. */
	atomic_set(&m->tid, mri_os_tid(), relaxed);
	atomic_set(&m->curg, &m->g0, relaxed);
	mri_os_sigstack_set(&m->sigstack);
	if (mri_os_thread_stack(&lo, &hi) == 0) {
		m->g0.lo = lo;
		m->g0.hi = hi;
	}
	mri_san_adopt(&m->g0.san, lo, hi);
	mri_race_thread_locals();
}

int mri_init_procs(int n)
{
	/* Relaxed: a snapshot for the caller. */
	int old = atomic_get(&mri_sched.procs, relaxed);
	bool made;

	if (n > MRI_MAX_PROCS)
		n = MRI_MAX_PROCS;
	if (n > 0 && n != old) {
		mri_init_check_fork();
		pthread_mutex_lock(&init_lock);
		made = mri_idle_make_ps(n);
		if (made)
			mri_sched_set_procs(n);
		pthread_mutex_unlock(&init_lock);
		if (!made)
			mri_panic("out of memory for %d processors", n);
	}
	return old;
}

/* -------------------------------------------------------------- start -- */

/* In the child of a fork only the forking thread exists. Nothing is repaired: exec,
 * exit and return from main need nothing of ours. */
static void after_fork(void)
{
	mri_forked = 1;
}
void mri_init_forked(void)
{
	static bool again; /* the panic's own path comes by here */

	if (!again) {
		again = true;
		mri_fatal("millrace: in the child of a fork only exec, exit, _exit and "
			  "return "
			  "from main work");
	}
	mri_os_exit_now(2);
}

static void refuse_second_copy(void)
{
	const char *names[2] = { "", "" };

	if (mri_os_library_copies(names) > 1)
		mri_fatal("millrace: two copies of the library are in this process: %s "
			  "and %s",
			  names[0], names[1]);
}

static void start(void)
{
	int procs;

	refuse_second_copy();
	mri_config_read();
	mri_choice_seed(mri_config.seed);
	mri_sched.no_membarrier = !mri_os_membarrier_init();
	/* Relaxed: who sees 0 does without; who waits for a mutex has passed here. */
	if (!mri_config.partial_deadlocks)
		atomic_set(&mri_sched.restart_area, mri_os_restart_init(), relaxed);
	mri_sched.ids = 2; /* 1 is main's */
	mri_sched.now = mri_os_now();
	mri_stack_init(mri_config.stack);
	procs = mri_config.procs ? (int)mri_config.procs : mri_os_cpus();
	procs = procs < MRI_MAX_PROCS ? procs : MRI_MAX_PROCS;
	if (!mri_idle_make_ps(procs))
		mri_fatal("millrace: out of memory");
	mri_hooks_install();
	pthread_key_create(&ended, mri_thread_ended);
	pthread_atfork(NULL, NULL, after_fork);
	/* From here on there may be other threads of ours. */
	mri_sched_set_procs(procs);
	mri_sysmon_start();
}

/* The main thread's own stack becomes goroutine 1; its scheduler runs on a slot. */
static struct g *adopt_main(void)
{
	struct m *m = &main_m;
	struct g *g = &mri_main_g, *g0_slot;
	const char *why;
	void *lo = NULL, *hi = NULL;

	m->is_main = 1;
	m->in_rt = 1;
	m->state = M_ACTIVE;
	/* Active before anybody can see that it exists: the deadlock detector looks. */
	mri_lock_take(&mri_sched.lock);
	mri_sched.nactive_ms++;
	mri_lock_drop(&mri_sched.lock);
	m_init(m);
	mri_m_init_thread(m);
	g0_slot = mri_stack_alloc(NULL, 0, &why);
	if (!g0_slot)
		mri_fatal("millrace: %s", why);
	mri_os_thread_stack(&lo, &hi);
	g->lo = lo;
	g->hi = hi;
	g->m = m;
	g->id = 1;
	g->name = "main";
	mri_san_adopt(&g->san, lo, hi);
	m->g0.lo = g0_slot->lo;
	m->g0.hi = g0_slot->hi;
	memset(&m->g0.san, 0, sizeof m->g0.san);
	mri_arch_make(&m->g0.ctx, m->g0.lo, m->g0.hi, mri_sched_first_g0, &m->g0);
	mri_san_create(&m->g0.san, m->g0.lo, m->g0.hi, NULL);
	atomic_set(&m->curg, g, relaxed); /* relaxed: for reports */
	atomic_add(&mri_sched.born, 1, relaxed);
	/* G1: release, pairs with G2. */
	atomic_set(&g->state, (uint32_t)G_RUNNING, release);
	mri_init_current = g;
	/* The caller is in its first call and may have looked at thread-locals already:
	 * it comes back to this thread. */
	g->bound = m;
	mri_sched_regain(g);
	g->bound = NULL;
	return g;
}

cold_fn struct g *mri_init_self(void)
{
	int err = *mri_errno_addr();
	struct g *g = &thread_g;
	bool is_main = mri_os_is_main_thread();

	if (mri_forked)
		mri_init_forked();
	pthread_mutex_lock(&init_lock);
	if (!started) {
		/* What start() calls may ask who it is. */
		mri_init_current = &thread_g;
		thread_g.is_thread = 1;
		thread_g.state = G_RUNNING;
		start();
		mri_init_current = NULL;
		started = true;
	}
	pthread_mutex_unlock(&init_lock);
	/* G2: acquire, pairs with G1. Only the main thread adopts itself. */
	if (is_main && atomic_get(&mri_main_g.state, acquire) == G_DEAD &&
	    !mri_sched.main_exited) {
		g = adopt_main();
	} else {
		thread_g.is_thread = 1;
		thread_g.state = G_RUNNING;
		thread_g.name = "a thread";
		mri_init_current = &thread_g;
	}
	/* Main may be on another thread now: nothing thread-local by its old address. */
	*mri_errno_addr() = err;
	return g;
}
