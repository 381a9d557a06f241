/* stack_test.c - goroutine stacks: their sizes, guards and reuse. (Overflows are in
 * tests/crash, a million of them in tests/stress.) */
#define _GNU_SOURCE
#include "harness.h"
#include <dirent.h>
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static waitgroup wg;

static long use(long n)
{
	volatile char room[1024];

	room[0] = room[1023] = (char)n;
	return n > 1024 ? use(n - 1024) + room[0] : room[1023];
}
static void uses(long n)
{
	CHECK(use(n) != 12345);
	wg_done(&wg);
}

/* The frames of an instrumented program are larger, and it has bigger stacks of its own
 * accord nowhere: it gets through a third. */
enum { SHARE = TEST_ASAN || TEST_TSAN ? 3 : 1 };

TEST(stack, default_has_the_promised_size)
{
	wg_add(&wg, 10);
	for (int i = 0; i < 10; i++)
		go(uses, (150 << 10) / SHARE);
	wg_wait(&wg);
}
TEST(stack, size_from_environment, .env = "MILLRACE=stack=3m")
{
	wg_add(&wg, 10);
	for (int i = 0; i < 10; i++)
		go(uses, (2800L << 10) / SHARE);
	wg_wait(&wg);
}
TEST(stack, small_ones_from_environment, .env = "MILLRACE=stack=12k")
{
	wg_add(&wg, 1000);
	for (int i = 0; i < 1000; i++)
		go(uses, 2 << 10);
	wg_wait(&wg);
}
TEST(stack, of_all_sizes_at_once)
{
	wg_add(&wg, 200);
	for (int i = 0; i < 200; i++) {
		size_t size = (size_t)(8 << 10) << i % 10;

		go_with(((go_opts){ .stack = size }), uses,
			(long)(size - size / 4) / SHARE - 2048);
	}
	wg_wait(&wg);
}

/* A new goroutine starts at the top of a stack another left: what it finds there is the
 * other's, but its arguments and locals are its own. */
static void leaves_dirt(int n)
{
	volatile int room[200];

	for (int i = 0; i < 200; i++)
		room[i] = n;
	go_yield();
	for (int i = 0; i < 200; i++)
		CHECK_EQ(room[i], n);
	wg_done(&wg);
}
TEST(stack, is_reused)
{
	for (int round = 0; round < test_rounds(100); round++) {
		wg_add(&wg, 100);
		for (int i = 0; i < 100; i++)
			go(leaves_dirt, round * i);
		wg_wait(&wg);
	}
}

/* Deeper than a page, among many that park: the contents stay. */
static int deep(int n, chan(int) gate)
{
	volatile char room[2000];
	int got;

	memset((char *)room, n, sizeof room);
	got = n > 0 ? deep(n - 1, gate) : chan_recv(gate);
	for (size_t i = 0; i < sizeof room; i += 100)
		CHECK_EQ(room[i], (char)n);
	return got;
}
static void deep_root(int n, chan(int) gate)
{
	CHECK_EQ(deep(n, gate), 0);
	wg_done(&wg);
}
TEST(stack, keeps_its_contents_over_a_park)
{
	chan(int) gate = chan_make(int);

	wg_add(&wg, 500);
	for (int i = 0; i < 500; i++)
		go(deep_root, i % 30, gate);
	go_yield();
	chan_close(gate);
	wg_wait(&wg);
	chan_free(gate);
}

/* ------------------------------------------------------------------ guards -- */

static void parks(chan(int) gate)
{
	chan_recv(gate);
	wg_done(&wg);
}
static void park_many(int n)
{
	chan(int) gate = chan_make(int);

	wg_add(&wg, n);
	for (int i = 0; i < n; i++)
		go(parks, gate);
	chan_close(gate);
	wg_wait(&wg);
	chan_free(gate);
}
/* The fallback, two mappings for each stack. */
TEST(stack, guards_by_mprotect, .env = "MILLRACE=guard=mprotect")
{
	int n = TEST_TSAN ? 2000 : 20000;

#ifdef MRI_VALGRIND
	n = 5000;                       /* so many mappings it knows */
#endif
	park_many(n);
	park_many(n / 2);               /* and the same again, on the old ones */
}

/* Past vm.max_map_count there is a clear panic, which can be stopped, and what was
 * started before goes on. A new thread would be a fatal error then, as clear: so there
 * are some before, which are idle. */
static void reads_byte(int fd)
{
	char b;

	go_blocking_begin();
	CHECK_EQ(read(fd, &b, 1), 1);
	go_blocking_end();
	wg_done(&wg);
}
static void make_threads(int n)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	wg_add(&wg, n);
	for (int i = 0; i < n; i++)
		go(reads_byte, fds[0]);
	go_sleep(20 * MILLISECOND);     /* until they read; that some do is enough */
	for (int i = 0; i < n; i++)
		CHECK_EQ(write(fds[1], "x", 1), 1);
	wg_wait(&wg);
	close(fds[0]);
	close(fds[1]);
}
static void park_until_it_fails(chan(int) gate, int *n)
{
	for (; *n < 1000000; ++*n) {
		wg_add(&wg, 1);
		go(parks, gate);
	}
}
TEST(stack, guards_past_max_map_count, .env = "MILLRACE=guard=mprotect,procs=1")
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
	chan(int) gate = chan_make(int);
	const char *msg;
	int max = 0, n = 0;

	if (!f || fscanf(f, "%d", &max) != 1 || max > 200000)
		SKIP("vm.max_map_count is not to be read, or too high to be reached");
#ifdef MRI_VALGRIND
	SKIP("valgrind dies of fewer mappings");
#endif
	if (TEST_TSAN)
		SKIP("TSan's run time in gcc 12 dies at 8,128 fibers");
	if (TEST_ASAN)
		SKIP("ASan needs mappings itself: it dies where we should");
	make_threads(8);
	msg = go_try(park_until_it_fails, gate, &n);
	CHECK(msg != NULL);
	printf("%d: %s\n", n, msg);
	CHECK(strstr(msg, "out of memory: cannot start another goroutine"));
	CHECK(strstr(msg, "max_map_count"));
	CHECK(n > max / 3 && n < max);
	wg_done(&wg);                   /* the one that was not started */
	chan_close(gate);
	wg_wait(&wg);
	wg_add(&wg, 1);
	chan_free(gate);
	gate = chan_make(int, 1);
	chan_send(gate, 1);
	go(parks, gate);
	wg_wait(&wg);
}

/* -------------------------------------------------------------- core files -- */

/* The size of the mapping that `at` is in, if a core file has it (in) or not; else 0. */
static size_t mapping_of(uintptr_t at, bool in)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	size_t lo, hi, size = 0;
	char line[512];

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%zx-%zx ", &lo, &hi) == 2)
			size = at >= lo && at < hi ? hi - lo : 0;
		if (size && !strncmp(line, "VmFlags:", 8))
			break;
	}
	fclose(f);
	if (!size)
		SKIP("/proc/self/smaps does not tell");
	return (strstr(line, " dd") == NULL) == in ? size : 0;
}
static void looks(void)
{
	char here;

	CHECK(mapping_of((uintptr_t)&here, true) != 0);
	/* The end of its arena; the next one is far. */
	CHECK(mapping_of((uintptr_t)&here + (32 << 20), false) >= 16 << 20);
	wg_done(&wg);
}
/* A used stack is in a core file; the unused ones of its arena are not. */
TEST(stack, of_nobody_is_in_no_core_file)
{
	if (TEST_ASAN)
		SKIP("locals are on another stack, ASan's");
	if (getenv("MR_TEST_WRAP"))
		SKIP("the emulator's mappings are not ours");
	wg_add(&wg, 1);
	go(looks);
	wg_wait(&wg);
}

/* ---------------------------------------------------------- locked memory -- */

/* Under mlockall(MCL_FUTURE) everything works, with one warning. */
TEST(stack, in_locked_memory, .env = "MILLRACE=procs=2",
     .err = (const char *const[]){ "millrace: memory is locked", "!memory is locked", NULL })
{
	struct rlimit rl;

	if (TEST_ASAN || TEST_TSAN)
		SKIP("a sanitizer's shadow is too much memory to lock");
	getrlimit(RLIMIT_MEMLOCK, &rl);
	if (geteuid() != 0 && rl.rlim_cur < 512 << 20)
		SKIP("RLIMIT_MEMLOCK does not permit mlockall");
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		SKIP("mlockall is not permitted");
	park_many(500);
	park_many(500);
	wg_add(&wg, 1);
	go(uses, 30 << 10);
	wg_wait(&wg);
}

/* -------------------------------------------------------------------- gdb -- */

__attribute__((noinline)) static void breakpoint_here(int n)
{
	__asm__ volatile("" :: "r"(n) : "memory");
}
__attribute__((noinline)) static void three_deep(int n)
{
	breakpoint_here(n);
	__asm__ volatile("");
}
static void first_frame(int n)
{
	three_deep(n + 1);
	wg_done(&wg);
}
static void start_one(void)
{
	wg_add(&wg, 1);
	go(first_frame, 1);
	wg_wait(&wg);
}
static int lines_with(const char *text, const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}
/* A debugger's backtrace of a goroutine ends at its first frame. */
TEST(stack, backtrace_in_gdb, .limit = 120, .env = "MILLRACE=procs=2")
{
	static char out[1 << 16], command[4096];
	static char shell[] = "/bin/sh", option[] = "-c";
	char *const sh[] = { shell, option, command, NULL };
	const char *bt;

	if (getenv("MR_TEST_IN_GDB")) {
		start_one();
		return;
	}
	if (getenv("MR_TEST_WRAP"))
		SKIP("gdb does not debug through an emulator");
	if (TEST_TSAN || TEST_ASAN)
		SKIP("the sanitizers' frames are between ours; without them is enough");
	setenv("MR_TEST_IN_GDB", "1", 1);
	snprintf(command, sizeof command,
		 "gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'break breakpoint_here' "
		 "-ex run -ex bt -ex kill --args %s --run=stack.backtrace_in_gdb", test_self());
	if (test_run(sh, out, sizeof out) != 0)
		SKIP("there is no gdb, or it does not work here");
	if (!strstr(out, "Breakpoint 1,"))
		SKIP("gdb cannot run a program here");
	bt = strstr(out, "#0");
	CHECK(bt != NULL);
	printf("%s\n", bt);
	CHECK(strstr(bt, "breakpoint_here") && strstr(bt, "three_deep"));
	CHECK(strstr(bt, "first_frame") && strstr(bt, "mri_sched_first"));
	CHECK(!strstr(bt, "corrupt") && !strstr(bt, "Backtrace stopped"));
#ifndef MRI_ARCH_FALLBACK
	CHECK(!strstr(bt, "?? ()"));
#else   /* makecontext's own frame is libc's, which may have no symbols; and below it: 0 */
	CHECK_EQ(lines_with(bt, "?? ()"), lines_with(bt, "libc") ? 2 : 0);
#endif
	CHECK_EQ(lines_with(bt, "first_frame"), 1);
}
