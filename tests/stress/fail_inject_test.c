/* fail_inject_test.c - the memory runs out, or the threads: at every single place.
 *
 * malloc and its kin, mmap and pthread_create are this program's own here: from when it
 * is armed on, the Nth call fails, once or from then on. A child runs a small program for
 * N = 1, 2, ... until it gets through without a failure: each child must end well, or with
 * status 2 and a text that says why; never by a signal, never by the alarm.
 *
 * None can flake but by a machine so slow that a child takes a minute: which call is the
 * Nth differs from run to run, but all of them get their turn, and each is judged alike. */
#define _GNU_SOURCE
#include "harness.h"
#include <dlfcn.h>
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer has its own malloc, and its run time dies without memory; a program for
 * another CPU is linked statically, and cannot have a second one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSSIBLE 0
#elif defined(__has_feature)
#define POSSIBLE (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define POSSIBLE 1
#endif
#if !defined(__GLIBC__) || !defined(__x86_64__)
#undef POSSIBLE
#define POSSIBLE 0
#endif

/* ---- the interposed functions ---- */

enum kind { MALLOC, MMAP, THREAD, NKINDS };
static const char *const kind_names[] = { "malloc", "mmap", "pthread_create" };

static int fails;                       /* enum kind + 1; 0: not armed */
static long nth;                        /* the call that fails */
static bool for_ever;                   /* and all after it */
static long failed;                     /* atomic */

#if POSSIBLE
static long calls;                      /* atomic */

static bool fails_now(enum kind kind)
{
	long n;

	if (__atomic_load_n(&fails, __ATOMIC_ACQUIRE) != (int)kind + 1)
		return false;
	n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (n != nth && !(for_ever && n > nth))
		return false;
	__atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
	return true;
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
	*__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t n)
{
	return fails_now(MALLOC) ? (errno = ENOMEM, NULL) : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
	return fails_now(MALLOC) ? (errno = ENOMEM, NULL) : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
	return fails_now(MALLOC) ? (errno = ENOMEM, NULL) : __libc_realloc(p, n);
}
int posix_memalign(void **p, size_t align, size_t n)
{
	void *got = fails_now(MALLOC) ? NULL : __libc_memalign(align, n);

	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}
void *aligned_alloc(size_t align, size_t n)
{
	return fails_now(MALLOC) ? (errno = ENOMEM, NULL) : __libc_memalign(align, n);
}
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	if (fails_now(MMAP)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static create_fn *real_create;

__attribute__((constructor)) static void find_real_create(void)
{
	void *sym = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&real_create, &sym, sizeof sym);
}
int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	if (fails_now(THREAD))
		return EAGAIN;
	return real_create(t, attr, fn, arg);
}
#endif

/* ---- the small program: a bit of everything that allocates ---- */

static waitgroup wg;

static void echo(chan(int) in, chan(int) out)
{
	chan_range(v, in)
		chan_send(out, v);
	wg_done(&wg);
}
static void sleeps(int i)
{
	go_sleep(i % 5 * 10 * MICROSECOND);
	wg_done(&wg);
}
static void panics(int i)
{
	panic("of %d", i);
}
static void from_timer(void *arg)
{
	(void)arg;
	wg_done(&wg);
}
static void reads(int fd)
{
	char b;

	if (read(fd, &b, 1) != 1)
		_exit(90);
	wg_done(&wg);
}
static int fails_if(bool yes) { return yes ? -EIO : 0; }
static void *make_ten(void) { return malloc(10); }
/* Contexts, and what is made of them. Scopes are ended, lest a panic leave goroutines that
 * use them; what else a panic leaves is of no use to anybody. */
static void in_scopes(context *ctx)
{
	scope *s = scope_begin(ctx);
	defer(scope_end, s);

	for (int i = 0; i < 5; i++)
		scope_go(s, fails_if, i == 3);
	if (scope_wait(s) != -EIO)
		_exit(93);
}
static void contexts(void)
{
	context *ctx = ctx_with_timeout(ctx_background(), HOUR), *child[80];
	pool *p = pool_make(make_ten, free);
	ctx_after *after;
	errgroup *g;

	for (int i = 0; i < 80; i++)
		child[i] = ctx_with_timeout(ctx, MINUTE);
	wg_add(&wg, 1);
	after = ctx_after_func(child[0], from_timer, NULL);
	in_scopes(ctx);
	g = eg_make(ctx, NULL);
	for (int i = 0; i < 5; i++)
		if (eg_trygo(g, fails_if, i == 1))
			eg_go(g, fails_if, false);
	if (eg_wait(g) != -EIO)
		_exit(94);
	ctx_cancel_cause(ctx, "enough");
	wg_wait(&wg);
	ctx_after_stop(after);
	for (int i = 0; i < 80; i++)
		ctx_free(child[i]);
	ctx_free(ctx);
	pool_put(p, pool_get(p));
	pool_free(p);
}
/* A map that had no memory for one more entry is as it was before. */
static void put(map(const char *, int) m, sync_map(int, int) s, int i)
{
	char text[16];

	snprintf(text, sizeof text, "%d", i);
	map_set(m, text, i);
	sync_map_store(s, i, i);
}
static void uses_maps(void)
{
	map(const char *, int) m = map_make(const char *, int);
	sync_map(int, int) s = sync_map_make(int, int);
	const char *k, *msg = NULL;
	int v, i, n = 0, sum = 0;

	for (i = 0; i < 100 && !msg; i++)
		msg = go_try(put, m, s, i);
	if (msg)
		i--;
	map_range(k, v, m) {
		n++;
		sum += v - atoi(k);
	}
	/* The one that failed may have failed in the second map. */
	if (n != (int)map_len(m) || sum != 0 || (n != i && n != i + 1))
		_exit(95);
	for (int j = 0; j < i; j++)
		if (sync_map_load(s, j) != j)
			_exit(96);
	if (msg)
		panic("%s", msg);
	sync_map_clear(s);
	map_clear(m);
	map_free(m);
	sync_map_free(s);
}
static void small_program(void)
{
	chan(int) in = chan_make(int), out = chan_make(int, 4);
	int fds[2];
	timer *t;

	if (pipe(fds) != 0)
		_exit(91);
	wg_add(&wg, 1);
	go(echo, in, out);
	for (int i = 0; i < 20; i++) {
		chan_send(in, i);
		chan_recv(out);
	}
	/* a P taken needs a thread */
	wg_add(&wg, 3);
	for (int i = 0; i < 3; i++)
		go(reads, fds[0]);
	/* enough for another arena, and for a larger timer heap */
	wg_add(&wg, 400);
	for (int i = 0; i < 400; i++)
		go(sleeps, i);
	wg_add(&wg, 1);
	t = timer_after_func(MICROSECOND, from_timer, NULL);
	if (write(fds[1], "abc", 3) != 3)
		_exit(92);
	chan_close(in);
	wg_wait(&wg);
	timer_free(t);
	chan_free(in);
	chan_free(out);
	for (int i = 0; i < 3; i++)
		go_try(panics, i);
	uses_maps();
	go_procs(9);
	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go_with(((go_opts){ .stack = 1 << 20 }), sleeps, i);
	wg_wait(&wg);
	chan_free(time_after(HOUR));
	chan_select(on_recv((chan(int))NULL), on_timeout(10 * MICROSECOND));
	contexts();
}

/* The child. Only what it does itself with the library is armed: the harness's start and
 * the exit are not. A go_try that stopped a panic ends well as far as we are concerned,
 * but the program is not the same then: it says so, and ends. */
static void child(enum kind kind, long n, bool ever)
{
	const char *msg;

	alarm(60);
	nth = n;
	for_ever = ever;
	__atomic_store_n(&fails, kind + 1, __ATOMIC_RELEASE);
	msg = go_try(small_program);
	__atomic_store_n(&fails, 0, __ATOMIC_RELEASE);
	if (msg) {
		dprintf(2, "stopped: %s\n", msg);
		_exit(2);
	}
	/* 3: there were fewer than n calls, so this is the end */
	_exit(__atomic_load_n(&failed, __ATOMIC_RELAXED) ? 0 : 3);
}

/* ---- the parent: never calls the library ---- */

static bool says_why(const char *text)
{
	static const char *const words[] = {
		"out of memory", "cannot start a thread", "no address space for another stack",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* Runs the child; its status as a shell's, its stderr in text. */
static int run_child(enum kind kind, long n, bool ever, char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		child(kind, n, ever);
	}
	close(fds[1]);
	while (len < size - 1 && (got = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = 0;
	close(fds[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Every one of the first calls, and then further and further apart; a few in a row that
 * have no failure end it. */
static void inject(enum kind kind, bool ever)
{
	static char text[1 << 16];
	long n = 1, runs = 0, survived = 0;

	if (!POSSIBLE)
		SKIP("the allocator is the sanitizer's, or libc is not glibc");
	if (getenv("MR_TEST_WRAP"))
		SKIP("a tool replaces the allocator");
	for (int quiet = 0; quiet < 3; n += 1 + n / (ever ? 40 : 60)) {
		int status = run_child(kind, n, ever, text, sizeof text);

		runs++;
		if (status == 3) {
			quiet++;
			continue;
		}
		quiet = 0;
		survived += status == 0;
		if (status != 0 && (status != 2 || !says_why(text)))
			FAIL("call %ld of %s %s: status %d, and it says:\n%s", n,
			     kind_names[kind], ever ? "and all later ones" : "alone",
			     status, text);
	}
	printf("%s: %ld runs, up to call %ld; %ld got through\n", kind_names[kind], runs, n,
	       survived);
	CHECK(runs > 3);
}

TEST(fail, malloc_once, .env = "MILLRACE=procs=2", .limit = 120) { inject(MALLOC, false); }
TEST(fail, malloc_for_ever, .env = "MILLRACE=procs=2", .limit = 120) { inject(MALLOC, true); }
TEST(fail, mmap_once, .env = "MILLRACE=procs=2", .limit = 120) { inject(MMAP, false); }
TEST(fail, mmap_for_ever, .env = "MILLRACE=procs=2", .limit = 120) { inject(MMAP, true); }
TEST(fail, thread_once, .env = "MILLRACE=procs=2", .limit = 120) { inject(THREAD, false); }
TEST(fail, thread_for_ever, .env = "MILLRACE=procs=2", .limit = 120) { inject(THREAD, true); }

/* ---- no more threads, in a program that runs ---- */

/* No thread can be started any more. */
static void no_more_threads(void)
{
	if (!POSSIBLE)
		SKIP("the allocator is the sanitizer's, or libc is not glibc");
	if (getenv("MR_TEST_WRAP"))
		SKIP("a tool replaces the allocator");
	go_yield();                     /* sysmon's must be there */
	nth = 1;
	for_ever = true;
	__atomic_store_n(&fails, THREAD + 1, __ATOMIC_RELEASE);
}

static void blocks_shortly(int i)
{
	go_blocking_begin();
	usleep(i % 7 * 10);
	go_blocking_end();
	go_yield();
	wg_done(&wg);
}
/* Those there are do it all: each P that finds no thread gives its goroutines to others. */
TEST(fail, few_threads_do_the_work)
{
	int n = test_rounds(2000);

	no_more_threads();
	wg_add(&wg, 3 * n);
	for (int i = 0; i < n; i++) {
		go(blocks_shortly, i);
		go(sleeps, i);
		go(sleeps, i);
	}
	wg_wait(&wg);
	CHECK(__atomic_load_n(&failed, __ATOMIC_RELAXED) > 0);
}

/* While all threads are blocked (there are two from the start) nobody comes back: then it
 * is sysmon who tries again. */
static void reads_blocking(int fd)
{
	go_blocking_begin();
	reads(fd);
	go_blocking_end();
}
static void block_all_threads(int fds[2])
{
	CHECK_EQ(pipe(fds), 0);
	no_more_threads();
	wg_add(&wg, 3);
	for (int i = 0; i < 3; i++)
		go(reads_blocking, fds[0]);
	for (int i = 0; i < 10; i++)
		go_yield();
}
static void *ends_the_shortage(void *arg)
{
	while (__atomic_load_n(&failed, __ATOMIC_RELAXED) < 5)
		usleep(100);
	__atomic_store_n(&fails, 0, __ATOMIC_RELEASE);
	return arg;
}
TEST(fail, a_thread_is_tried_again)
{
	pthread_t helper;
	int fds[2];

	CHECK_EQ(pthread_create(&helper, NULL, ends_the_shortage, NULL), 0);
	block_all_threads(fds);         /* and back on a new one */
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	wg_wait(&wg);
	pthread_join(helper, NULL);
}

/* If it goes on there is an end to it, with a reason. */
CRASH_TEST_ENV(all_threads_block, "MILLRACE=procs=2", 2,
	       "fatal error: millrace: cannot start a thread (error 11), and all")
{
	int fds[2];

	block_all_threads(fds);
	for (;;)
		go_yield();
}
