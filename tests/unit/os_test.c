/* os_test.c - what the operating system layer promises, on the machine at hand; the
 * cgroups are read from a made-up tree. */
#define _GNU_SOURCE
#include "os/os.h"
#include "base/atomic.h"
#include "harness.h"
#include "os/linux.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000, ODD_ERRNO = 4711 };
#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

static void sleep_ms(int64_t ms)
{
	uint32_t word = 0;

	mri_os_futex_wait(&word, 0, mri_os_now() + ms * MS);
}

/* Wait until *word is v; a lost wake shows as the test's time limit. */
static void await(uint32_t *word, uint32_t v)
{
	uint32_t seen;

	while ((seen = atomic_get(word, acquire)) != v)
		mri_os_futex_wait(word, seen, 0);
}

static void post(uint32_t *word, uint32_t v)
{
	atomic_set(word, v, release);
	mri_os_futex_wake(word, INT32_MAX);
}

/* ---- waiting ---- */

TEST(os_futex, wait_returns_at_once_if_the_word_differs)
{
	uint32_t word = 1;

	errno = ODD_ERRNO;
	CHECK_EQ(mri_os_futex_wait(&word, 0, 0), -EAGAIN);
	CHECK_EQ(errno, ODD_ERRNO);
}

/* Only a lower bound on the time is checked: a busy machine may take any longer. */
TEST(os_futex, wait_times_out_not_before_the_deadline)
{
	uint32_t word = 0;
	int64_t deadline = mri_os_now() + 20 * MS;

	errno = ODD_ERRNO;
	CHECK_EQ(mri_os_futex_wait(&word, 0, deadline), -ETIMEDOUT);
	CHECK(mri_os_now() >= deadline);
	CHECK_EQ(mri_os_futex_wait(&word, 0, 1), -ETIMEDOUT);
	CHECK_EQ(mri_os_futex_wait(&word, 0, -5), -ETIMEDOUT);
	CHECK_EQ(errno, ODD_ERRNO);
}

static void *post_arg(void *word)
{
	post(word, 1);
	return NULL;
}

/* Passes whether the wake comes before or after the wait. */
TEST(os_futex, wake_ends_a_wait)
{
	uint32_t word = 0;

	CHECK_EQ(mri_os_thread_start(post_arg, &word, 0), 0);
	await(&word, 1);
}

TEST(os_futex, wake_of_an_unmapped_address_is_harmless)
{
	uint32_t *gone = mri_os_map(PAGE, PAGE);

	mri_os_unmap(gone, PAGE);
	errno = ODD_ERRNO;
	mri_os_futex_wake(gone, 1);
	CHECK_EQ(errno, ODD_ERRNO);
}

static void ignore(int sig)
{
	(void)sig;
}

struct victim { pthread_t thread; uint32_t *word, up; int tid, rc; };

static void *wait_once(void *arg)
{
	struct victim *v = arg;

	v->tid = mri_os_tid();
	post(&v->up, 1);
	v->rc = mri_os_futex_wait(v->word, 0, 0);
	return NULL;
}

/* The signal is sent once the kernel says that the thread sleeps, so it arrives in
 * the wait. TSan holds signals back until the thread comes to a call it knows. */
TEST(os_futex, a_signal_interrupts_a_wait)
{
	struct sigaction sa = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	uint32_t word = 0;
	struct victim v = { .word = &word };

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(pthread_create(&v.thread, NULL, wait_once, &v), 0);
	await(&v.up, 1);
	while (mri_os_thread_state(v.tid) != 'S')
		mri_os_thread_yield();
	pthread_kill(v.thread, SIGUSR1);
	/* SA_RESTART restarts a wait without a deadline: wake it then. */
	sleep_ms(10);
	mri_os_futex_wake(&word, 1);
	pthread_join(v.thread, NULL);
	CHECK(v.rc == 0 || v.rc == -EINTR);
}

TEST(os_clock, goes_forward)
{
	int64_t last = mri_os_now();

	CHECK(last > 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = mri_os_now();

		CHECK(now >= last);
		last = now;
	}
}

/* ---- threads ---- */

struct report {
	uint32_t done;
	sigset_t mask;
	void *lo, *hi;
	char *local;
	int rc, tid;
	bool main;
};

static void *look_around(void *arg)
{
	struct report *r = arg;
	char local = 0;

	pthread_sigmask(SIG_SETMASK, NULL, &r->mask);
	r->rc = mri_os_thread_stack(&r->lo, &r->hi);
	r->local = (char *)(uintptr_t)&local;
	r->tid = mri_os_tid();
	r->main = mri_os_is_main_thread();
	post(&r->done, 1);
	return NULL;
}

TEST(os_thread, has_the_mask_of_the_first_caller)
{
	struct report first = { 0 }, second = { 0 };
	sigset_t mask, now;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	CHECK_EQ(mri_os_thread_start(look_around, &first, 0), 0);
	await(&first.done, 1);
	CHECK(sigismember(&first.mask, SIGUSR1));
	CHECK(!sigismember(&first.mask, SIGSEGV));
	CHECK(!sigismember(&first.mask, SIGINT));
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGSEGV));
	CHECK(!sigismember(&now, SIGINT));

	sigaddset(&mask, SIGINT);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	CHECK_EQ(mri_os_thread_start(look_around, &second, 0), 0);
	await(&second.done, 1);
	CHECK(!sigismember(&second.mask, SIGINT));
}

TEST(os_thread, knows_its_stack_and_itself)
{
	struct report r = { 0 }, self = { 0 };

	look_around(&self);
	CHECK_EQ(self.rc, 0);
	CHECK_EQ(self.tid, getpid());
	CHECK(self.main);
	CHECK(self.main == mri_os_is_main_thread());
	CHECK((char *)self.lo < (char *)&r && (char *)&r < (char *)self.hi);

	errno = ODD_ERRNO;
	CHECK_EQ(mri_os_thread_start(look_around, &r, 2 << 20), 0);
	CHECK_EQ(errno, ODD_ERRNO);
	await(&r.done, 1);
	CHECK_EQ(r.rc, 0);
	CHECK((size_t)((char *)r.hi - (char *)r.lo) >= 2 << 20);
	CHECK(r.tid > 0 && r.tid != self.tid);
	CHECK(!r.main);
	/* ASan may keep locals in a stack of its own. */
	CHECK(TEST_ASAN || ((char *)r.lo <= r.local && r.local < (char *)r.hi));
}

static __thread volatile char big_tls[3 << 20];

static void *touch_tls(void *arg)
{
	volatile char big_local[100 << 10];

	big_local[0] = big_tls[0] = big_tls[sizeof big_tls - 1] = 1;
	post(arg, big_local[0]);
	return NULL;
}

/* libc carves thread-local variables out of the stack. */
TEST(os_thread, stack_size_is_without_thread_locals)
{
	uint32_t done = 0;

	CHECK_EQ(mri_os_thread_start(touch_tls, &done, 128 << 10), 0);
	await(&done, 1);
}

TEST(os_thread, that_cannot_be_had_is_an_error)
{
	errno = ODD_ERRNO;
	CHECK(mri_os_thread_start(post_arg, NULL, (size_t)1 << 60) < 0);
	CHECK_EQ(errno, ODD_ERRNO);
}

TEST(os_thread, has_a_new_id_after_fork)
{
	int tid = mri_os_tid();
	int status;
	pid_t pid = fork();

	if (!pid)
		mri_os_exit_now(mri_os_tid() == getpid() && mri_os_tid() != tid ? 0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(os_thread, cpu_time_is_of_that_thread)
{
	int64_t before = mri_os_thread_cpu(mri_os_tid());
	int64_t now;

	CHECK(before >= 0);
	/* Ends when this thread was given 5 ms, however busy the machine is. */
	do {
		now = mri_os_thread_cpu(mri_os_tid());
		CHECK(now >= before);
	} while (now < before + 5 * MS);
	errno = ODD_ERRNO;
	CHECK(mri_os_thread_cpu(INT32_MAX / 16) < 0);
	CHECK_EQ(errno, ODD_ERRNO);
}

/* A thread that sleeps in a futex until told to go. */
struct sleeper { uint32_t up, go; int tid; };

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	s->tid = mri_os_tid();
	post(&s->up, 1);
	await(&s->go, 1);
	post(&s->up, 2);
	return NULL;
}

static void sleeper_start(struct sleeper *s)
{
	CHECK_EQ(mri_os_thread_start(sleeper_main, s, 0), 0);
	await(&s->up, 1);
}

static void sleeper_end(struct sleeper *s)
{
	post(&s->go, 1);
	await(&s->up, 2);
	while (mri_os_thread_state(s->tid) != '?')
		mri_os_thread_yield();
}

/* The loop ends once the thread has come to its wait. */
TEST(os_thread, state_is_the_letter_of_proc)
{
	struct sleeper s = { 0 };

	errno = ODD_ERRNO;
	CHECK_EQ(mri_os_thread_state(mri_os_tid()), 'R');
	CHECK_EQ(mri_os_thread_state(INT32_MAX / 16), '?');
	CHECK_EQ(errno, ODD_ERRNO);
	sleeper_start(&s);
	while (mri_os_thread_state(s.tid) != 'S')
		mri_os_thread_yield();
	sleeper_end(&s);
	CHECK_EQ(mri_os_thread_state(s.tid), '?');
}

TEST(os_thread, foreign_ones_are_counted)
{
	struct sleeper a = { 0 }, b = { 0 };
	int ours[3] = { mri_os_tid() };

	CHECK_EQ(mri_os_foreign_threads(ours, 1), 0);
	sleeper_start(&a);
	sleeper_start(&b);
	errno = ODD_ERRNO;
	CHECK_EQ(mri_os_foreign_threads(ours, 1), 2);
	ours[1] = b.tid;
	CHECK_EQ(mri_os_foreign_threads(ours, 2), 1);
	ours[2] = a.tid;
	CHECK_EQ(mri_os_foreign_threads(ours, 3), 0);
	CHECK_EQ(errno, ODD_ERRNO);
	sleeper_end(&a);
	CHECK_EQ(mri_os_foreign_threads(ours, 2), 0);
	sleeper_end(&b);
}

static volatile sig_atomic_t on_sigstack;

static void note_stack(int sig)
{
	stack_t ss;

	(void)sig;
	sigaltstack(NULL, &ss);
	on_sigstack = (ss.ss_flags & SS_ONSTACK) != 0;
}

TEST(os_thread, gets_a_signal_stack)
{
	struct sigaction sa = { .sa_handler = note_stack, .sa_flags = SA_ONSTACK };
	stack_t off = { .ss_flags = SS_DISABLE };
	void *mem, *second;

	sigaltstack(&off, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(mri_os_sigstack_set(&mem), 0);
	CHECK(mem);
	raise(SIGUSR1);
	CHECK(on_sigstack);
	/* Asked again, it keeps the one it has. */
	CHECK_EQ(mri_os_sigstack_set(&second), 0);
	CHECK(!second);
	mri_os_sigstack_free(second);
	raise(SIGUSR1);
	CHECK(on_sigstack);
	mri_os_sigstack_free(mem);
	/* Valgrind goes on with a stack that was taken away. */
#ifndef MRI_VALGRIND
	raise(SIGUSR1);
	CHECK(!on_sigstack);
#endif
}

/* ---- processors ---- */

TEST(os_cpus, is_bounded_by_the_affinity)
{
	cpu_set_t set;

	errno = ODD_ERRNO;
	CHECK(mri_os_cpus() >= 1);
	CHECK_EQ(errno, ODD_ERRNO);
	CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
	CHECK(mri_os_cpus() <= CPU_COUNT(&set));
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_ZERO(&set);
			CPU_SET(i, &set);
			break;
		}
	CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
	CHECK_EQ(mri_os_cpus(), 1);
}

static char tree[256];

static void tree_remove(void)
{
	char rm[] = "rm", all[] = "-rf", out[256];

	test_run((char *[]){ rm, all, tree, NULL }, out, sizeof out);
}

/* A file in the made-up tree, with the folders above it. */
static void tree_file(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	if (!*tree) {
		snprintf(tree, sizeof tree, "%s/millrace-os-XXXXXX",
			 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		CHECK(mkdtemp(tree));
		atexit(tree_remove);
	}
	snprintf(full, sizeof full, "%s%s", tree, path);
	for (char *p = full + strlen(tree) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	CHECK(f);
	fputs(text, f);
	fclose(f);
}

#define MOUNT_V2 "30 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define MOUNT_ROOT "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"

TEST(os_quota, no_cgroups_no_limit)
{
	CHECK_EQ(mri_linux_proc_quota("/nonexistent"), 0);
	tree_file("/proc/self/mountinfo", MOUNT_ROOT);
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
	tree_file("/proc/self/mountinfo", MOUNT_ROOT MOUNT_V2);
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
	tree_file("/proc/self/cgroup", "0::/user.slice\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
	tree_file("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
	tree_file("/sys/fs/cgroup/user.slice/cpu.max", "nonsense\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
}

TEST(os_quota, v2_is_the_least_on_the_way_up_rounded_up)
{
	tree_file("/proc/self/mountinfo", MOUNT_ROOT MOUNT_V2);
	tree_file("/proc/self/cgroup", "0::/a.slice/b.scope/c\n");
	tree_file("/sys/fs/cgroup/a.slice/b.scope/c/cpu.max", "max 100000\n");
	tree_file("/sys/fs/cgroup/a.slice/b.scope/cpu.max", "650000 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 7);
	tree_file("/sys/fs/cgroup/a.slice/cpu.max", "300000 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 3);
	tree_file("/sys/fs/cgroup/a.slice/b.scope/c/cpu.max", "1 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 1);
	/* Above the mount point is nothing to read. */
	tree_file("/sys/fs/cpu.max", "1 100000\n");
	tree_file("/sys/fs/cgroup/a.slice/b.scope/c/cpu.max", "400000 200000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 2);
}

TEST(os_quota, v2_root_of_a_container)
{
	/* its own namespace: the quota is at the mount point */
	tree_file("/proc/self/mountinfo", MOUNT_V2);
	tree_file("/proc/self/cgroup", "0::/\n");
	tree_file("/sys/fs/cgroup/cpu.max", "250000 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 3);
	/* a path outside of what is mounted */
	tree_file("/proc/self/cgroup", "0::/../other\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 3);
	/* the host's path, of which a part is mounted */
	tree_file("/proc/self/mountinfo",
		  "30 23 0:28 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
	tree_file("/proc/self/cgroup", "0::/docker/1f/job\n");
	tree_file("/sys/fs/cgroup/job/cpu.max", "200000 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 2);
	/* not to be taken for a part of it */
	tree_file("/proc/self/cgroup", "0::/docker/1f2/job\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 3);
}

TEST(os_quota, v1_and_both_at_once)
{
	tree_file("/proc/self/mountinfo", MOUNT_ROOT
		  "31 23 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
		  "32 23 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup none rw,cpu,cpuacct\n"
		  "33 23 0:31 / /sys/fs/cgroup/my\\040unified rw - cgroup2 cgroup2 rw\n");
	tree_file("/proc/self/cgroup", "9:cpuset:/no\n4:cpuacct,cpu:/grp/sub\n0::/v2\n");
	tree_file("/sys/fs/cgroup/cpuset/no/cpu.cfs_quota_us", "100000\n");
	tree_file("/sys/fs/cgroup/cpu,cpuacct/grp/sub/cpu.cfs_quota_us", "-1\n");
	tree_file("/sys/fs/cgroup/cpu,cpuacct/grp/sub/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 0);
	tree_file("/sys/fs/cgroup/cpu,cpuacct/grp/cpu.cfs_quota_us", "150000\n");
	tree_file("/sys/fs/cgroup/cpu,cpuacct/grp/cpu.cfs_period_us", "50000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 3);
	tree_file("/sys/fs/cgroup/my unified/v2/cpu.max", "100001 100000\n");
	CHECK_EQ(mri_linux_proc_quota(tree), 2);
}

/* ---- memory ---- */

/* Run fn(p) in a child; true if it died of a fault. */
static bool faults(void (*fn)(char *), char *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		fn(p);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void touch(char *p)
{
	*(volatile char *)p = 1;
}

TEST(os_memory, is_aligned_zeroed_and_no_larger_than_asked)
{
	for (size_t align = 1; align <= 4 << 20; align *= 2) {
		size_t size = 3 * PAGE + 1;
		char *p = mri_os_map(size, align);

		CHECK(p);
		CHECK_EQ((uintptr_t)p % align, 0);
		CHECK_EQ(p[0] | p[size - 1], 0);
		memset(p, 1, size);
		mri_os_unmap(p, size);
	}
	errno = ODD_ERRNO;
	CHECK(!mri_os_map((size_t)1 << 62, PAGE));
	CHECK(!mri_os_map(SIZE_MAX - 10, PAGE));
	CHECK_EQ(errno, ODD_ERRNO);
}

/* Much more than there is: it is only reserved. */
TEST(os_memory, is_not_counted_against_overcommit)
{
	size_t size = (size_t)64 << 30;
	char *p = TEST_TSAN || TEST_ASAN ? NULL : mri_os_map(size, 1 << 20);

	if (!p)
		SKIP("no 64 GiB of address space");
	touch(p + size - 1);
	mri_os_unmap(p, size);
}

TEST(os_memory, guarded_faults_until_remapped)
{
	char *p = mri_os_map(4 * PAGE, PAGE);
	int rc;

	memset(p, 7, 4 * PAGE);
	errno = ODD_ERRNO;
	rc = mri_os_guard(p, 2 * PAGE);
	CHECK_EQ(errno, ODD_ERRNO);
	if (rc) {
		CHECK_EQ(rc, -EINVAL);
		/* An emulator that lied once is not asked again. */
		CHECK_EQ(mri_os_guard(p, PAGE), -EINVAL);
		SKIP("no MADV_GUARD_INSTALL here");
	}
	CHECK(faults(touch, p));
	CHECK(faults(touch, p + 2 * PAGE - 1));
	CHECK(!faults(touch, p + 2 * PAGE));
	CHECK_EQ(p[2 * PAGE], 7);
	CHECK_EQ(mri_os_release(p, 4 * PAGE), 0);
	CHECK(faults(touch, p));
	CHECK_EQ(p[2 * PAGE], 0);
	CHECK_EQ(mri_os_remap(p, 4 * PAGE), 0);
	CHECK(!faults(touch, p));
	mri_os_unmap(p, 4 * PAGE);
}

TEST(os_memory, protected_faults_until_remapped)
{
	char *p = mri_os_map(2 * PAGE, PAGE);

	p[PAGE] = 7;
	CHECK_EQ(mri_os_protect(p, PAGE), 0);
	CHECK(faults(touch, p));
	CHECK_EQ(p[PAGE], 7);
	mri_os_in_core(p, 2 * PAGE, false);
	mri_os_in_core(p, 2 * PAGE, true);
	CHECK_EQ(mri_os_remap(p, 2 * PAGE), 0);
	CHECK(!faults(touch, p));
	CHECK_EQ(p[PAGE], 0);
	mri_os_unmap(p, 2 * PAGE);
}

TEST(os_memory, that_is_locked_is_noticed)
{
	char *p;

	errno = ODD_ERRNO;
	CHECK(!mri_os_memory_is_locked());
	CHECK_EQ(errno, ODD_ERRNO);
	if (TEST_ASAN || TEST_TSAN || mlockall(MCL_FUTURE))
		SKIP("memory cannot be locked here");
	p = mri_os_map(PAGE, PAGE);
	if (!p || mri_os_release(p, PAGE) == 0)
		SKIP("memory is not really locked here");
	CHECK(mri_os_memory_is_locked());
	CHECK_EQ(mri_os_guard(p, PAGE), -EINVAL);
	munlockall();
	CHECK(!mri_os_memory_is_locked());
}

/* ---- the rest ---- */

TEST(os_memory, resident_pages_are_counted_from_the_lowest)
{
	enum { PAGES = 3000 };          /* more than are asked for at a time */
	size_t page = PAGE;
	char *p = mri_os_map(PAGES * page, page), *end = p + PAGES * page;

	CHECK(p != NULL);
	if (mri_os_resident(p, end))
		SKIP("untouched memory is resident here");
	errno = ODD_ERRNO;
	end[-1] = 1;
	CHECK_EQ(mri_os_resident(p, end), page);
	p[2000 * page] = 1;
	CHECK_EQ(mri_os_resident(p, end), (PAGES - 2000) * page);
	CHECK_EQ(mri_os_resident(p + 2001 * page, end), page);
	CHECK_EQ(mri_os_resident(p, p + 2000 * page), 0);
	/* ends that are within a page */
	CHECK_EQ(mri_os_resident(p + 100, end - 100), (PAGES - 2000) * page - 100);
	CHECK_EQ(mri_os_resident(p + 2000 * page + 100, end - 100),
		 (PAGES - 2000) * page - 200);
	/* what is not mapped is not there */
	mri_os_unmap(p + 1990 * page, 5 * page);
	CHECK_EQ(mri_os_resident(p, end), (PAGES - 2000) * page);
	p[5 * page] = 1;
	CHECK_EQ(mri_os_resident(p, end), (PAGES - 5) * page);
	CHECK_EQ(errno, ODD_ERRNO);
}

/* ---- filters ---- */

static const char *filtered(struct mri_os_filter *f, const char *program,
			    const char *arg, const char *input)
{
	static char copy[1000];
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)arg, NULL };
	const char *text;
	size_t size;
	int rc;

	mri_os_write(f->in, input, strlen(input));
	errno = ODD_ERRNO;
	rc = mri_os_filter_run(f, argv, mri_os_now() + 60000LL * MS, &text, &size);
	CHECK_EQ(errno, ODD_ERRNO);
	snprintf(copy, sizeof copy, "%d: %.*s", rc, (int)size, text);
	return copy;
}
TEST(os_filter, passes_a_text_through_a_program)
{
	static struct mri_os_filter f;   /* kept for good, see os.h */
	char missing[30];

	if (getenv("MR_TEST_WRAP"))
		SKIP("other programs do not run in the emulator");
	setenv("MILLRACE_OS_TEST", "is not passed on", 1);
	CHECK_EQ(mri_os_filter_open(&f), 0);
	CHECK_STR(filtered(&f, "cat", NULL, "one\ntwo\n"), "0: one\ntwo\n");
	CHECK_STR(filtered(&f, "cat", "-", "three"), "0: three");
	CHECK_STR(filtered(&f, "cat", NULL, ""), "0: ");
	CHECK_STR(filtered(&f, "wc", "-c", "12345"), "0: 5\n");
	CHECK_STR(filtered(&f, "env", NULL, "not read"), "0: LC_ALL=C\n");
	CHECK_STR(filtered(&f, "cat", NULL, "again"), "0: again");
	snprintf(missing, sizeof missing, "%d: ", -ENOENT);
	CHECK_STR(filtered(&f, "no-such-program-anywhere", NULL, "x"), missing);
	snprintf(missing, sizeof missing, "%d: ", -EIO);
	CHECK_STR(filtered(&f, "false", NULL, "x"), missing);
	CHECK_STR(filtered(&f, "cat", NULL, "still works"), "0: still works");
}
TEST(os_filter, ends_a_program_that_takes_too_long)
{
	char program[] = "sleep", arg[] = "1000";
	char *const argv[] = { program, arg, NULL };
	static struct mri_os_filter f;   /* kept for good, see os.h */
	const char *text;
	size_t size;

	CHECK_EQ(mri_os_filter_open(&f), 0);
	CHECK_EQ(mri_os_filter_run(&f, argv, mri_os_now() + 10 * MS, &text, &size),
		 -ETIMEDOUT);
	CHECK_EQ(size, 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);       /* no child is left */
}
/* Its status is not to be had: what it wrote is. */
TEST(os_filter, works_where_children_are_not_waited_for)
{
	static struct mri_os_filter f;   /* kept for good, see os.h */

	if (getenv("MR_TEST_WRAP"))
		SKIP("other programs do not run in the emulator");
	signal(SIGCHLD, SIG_IGN);
	CHECK_EQ(mri_os_filter_open(&f), 0);
	CHECK_STR(filtered(&f, "cat", NULL, "a text"), "0: a text");
}

TEST(os_membarrier, is_there_or_says_no)
{
	errno = ODD_ERRNO;
	if (mri_os_membarrier_init())
		mri_os_membarrier();
	CHECK_EQ(errno, ODD_ERRNO);
}

enum { FLOOD = 1 << 20 };
struct drain { uint32_t done; int fd; size_t n; bool same; };

static void *drain_main(void *arg)
{
	struct drain *d = arg;
	char buf[999];
	ssize_t n;

	d->same = true;
	while ((n = read(d->fd, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			d->same &= buf[i] == (char)((d->n + (size_t)i) % 251);
		d->n += (size_t)n;
	}
	post(&d->done, 1);
	return NULL;
}

/* More than a pipe holds, at one that does not block. */
TEST(os_write, writes_it_all)
{
	char *text = malloc(FLOOD);
	int fd[2];
	struct drain d = { 0 };

	CHECK(text);
	for (size_t i = 0; i < FLOOD; i++)
		text[i] = (char)(i % 251);
	CHECK_EQ(pipe2(fd, 0), 0);
	CHECK_EQ(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	d.fd = fd[0];
	CHECK_EQ(mri_os_thread_start(drain_main, &d, 0), 0);
	errno = ODD_ERRNO;
	mri_os_write(fd[1], text, FLOOD);
	mri_os_write(-1, text, FLOOD);
	CHECK_EQ(errno, ODD_ERRNO);
	close(fd[1]);
	await(&d.done, 1);
	CHECK_EQ(d.n, FLOOD);
	CHECK(d.same);
	free(text);
}

TEST(os_env, is_read, .env = "MILLRACE_OS_TEST=yes")
{
	CHECK_STR(mri_os_getenv("MILLRACE_OS_TEST"), "yes");
	CHECK(!mri_os_getenv("MILLRACE_OS_TEST_NOT"));
}

TEST(os_exit, is_at_once, .status = 3, .quiet = true)
{
	mri_os_exit_now(3);
}

/* What the library's assembly carries, and one that is not ours. */
__asm__(".pushsection .note.millrace_test, \"a\", %note\n"
	".balign 4\n"
	".long 9, 4, 2\n" ".asciz \"millrace\"\n" ".balign 4\n" ".long 0\n"
	".long 9, 5, 1\n" ".asciz \"millrace\"\n" ".balign 4\n" ".long 0, 0\n"
	".popsection\n");

TEST(os_copies, finds_the_note)
{
	const char *names[2];

	CHECK_EQ(mri_os_library_copies(names), 1);
	CHECK_STR(names[0], "the program itself");
	CHECK(!names[1]);
}
