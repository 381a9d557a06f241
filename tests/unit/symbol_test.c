/* symbol_test.c - names of functions (diag/symbol.c) and stack traces (diag/trace.c).
 *
 * The functions that are looked for are not inlined, and use what they called after
 * it returned, so that the call is not turned into a jump. */
#define _GNU_SOURCE
#include "diag/symbol.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "base/hooks.h"
#include "diag/trace.h"
#include "harness.h"
#include "os/os.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { ODD_ERRNO = 4711, DEPTH = 64 };
/* The address of the function f, plus some: inside of it, but not its start. */
#define INSIDE(f) ((char *)(uintptr_t)(f) + 1)

static volatile int sink;

/* ---- symbols ---- */

static noinline int a_static_function(int x)
{
	sink = x;
	return sink + 1;
}

TEST(symbol, static_function_of_the_program)
{
	struct mri_symbol s;

	errno = ODD_ERRNO;
	CHECK(mri_symbol_find(INSIDE(a_static_function), &s));
	CHECK_EQ(errno, ODD_ERRNO);
	CHECK_STR(s.name, "a_static_function");
	CHECK_EQ(s.symbol_offset, 1);
	CHECK(strstr(s.module, "symbol_test") || strstr(s.module, "t_symbol"));
	CHECK(s.module_offset > 0);
	CHECK(s.module_offset <= (uintptr_t)INSIDE(a_static_function));
	CHECK(!s.in_library);
	CHECK_EQ(a_static_function(1), 2);
}

TEST(symbol, exported_function_of_a_library)
{
	struct mri_symbol s;
	Dl_info info;

	/* As loaded: in the program, &qsort might be a sanitizer's or a PLT entry. */
	void *f = dlsym(RTLD_NEXT, "qsort_r");

	if (!f || !dladdr(f, &info))
		SKIP("statically linked");
	CHECK(mri_symbol_find(INSIDE(f), &s));
	CHECK_STR(s.name, "qsort_r");
	CHECK_STR(s.module, info.dli_fname);
	CHECK_EQ(s.module_offset, INSIDE(f) - (char *)info.dli_fbase);
}

TEST(symbol, millrace_itself)
{
	struct mri_symbol s;

	CHECK(mri_symbol_find(INSIDE(mri_symbol_find), &s));
	CHECK_STR(s.name, "mri_symbol_find");
	CHECK(s.in_library);
}

/* Three functions in a row, the middle one static: with ours before and after it, it
 * is ours; a static function after the last one of ours is not. */
__asm__(".pushsection .text\n"
	".globl mri_test_before\n .type mri_test_before, %function\n"
	"mri_test_before: .zero 16\n .size mri_test_before, 16\n"
	".type test_between, %function\n"
	"test_between: .zero 16\n .size test_between, 16\n"
	".globl mr_test_after\n .type mr_test_after, %function\n"
	"mr_test_after: .zero 16\n .size mr_test_after, 16\n"
	".type test_unsized, %function\n"
	"test_unsized: .zero 16\n"
	".globl test_foreign\n .type test_foreign, %function\n"
	"test_foreign: .zero 16\n .size test_foreign, 16\n"
	".type test_local.part.0.isra.7, %function\n"
	"test_local.part.0.isra.7: .zero 16\n .size test_local.part.0.isra.7, 16\n"
	".popsection\n");
extern char mri_test_before[], mr_test_after[];

TEST(symbol, static_function_of_the_library)
{
	struct mri_symbol s;

	CHECK(mri_symbol_find(mri_test_before + 17, &s));
	CHECK_STR(s.name, "test_between");
	CHECK(s.in_library);
	CHECK(mri_symbol_find(mr_test_after + 15, &s));
	CHECK_STR(s.name, "mr_test_after");
	CHECK(s.in_library);
}

TEST(symbol, without_a_size_and_with_a_suffix)
{
	struct mri_symbol s;

	CHECK(mri_symbol_find(mr_test_after + 16 + 7, &s));
	CHECK_STR(s.name, "test_unsized");
	CHECK_EQ(s.symbol_offset, 7);
	CHECK(!s.in_library);
	CHECK(mri_symbol_find(mr_test_after + 48 + 3, &s));
	CHECK_STR(s.name, "test_local");
	CHECK(!s.in_library);
}

TEST(symbol, of_no_module)
{
	struct mri_symbol s;
	char *heap = malloc(1);

	CHECK(!mri_symbol_find(NULL, &s));
	CHECK_STR(s.name, "");
	CHECK_STR(s.module, "");
	CHECK(!mri_symbol_find(heap, &s));
	CHECK(!mri_symbol_find(&s, &s));
	CHECK(!mri_symbol_find((void *)UINTPTR_MAX, &s));
	CHECK_EQ(s.module_offset, UINTPTR_MAX);
	free(heap);
}

/* Its symbol table is only in memory. */
TEST(symbol, in_the_vdso)
{
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
	struct mri_symbol s;
	bool found = false;

	if (!vdso)
		SKIP("no vdso here");
	mri_symbol_find(vdso, &s);
	if (!s.module[0])
		SKIP("the vdso is not listed");
	for (size_t i = 0; i < 4096; i += 4)
		found |= mri_symbol_find(vdso + i, &s) && strstr(s.name, "clock_gettime");
	CHECK(found);
}

/* A module where another one was: nothing is remembered. The library may stay in
 * memory, then this shows less. */
TEST(symbol, after_an_unload)
{
	static const char *const names[][2] = {
		{ "libthread_db.so.1", "td_init" }, { "libresolv.so.2", "__b64_ntop" },
	};
	struct mri_symbol s;
	/* Not by its name, of which a static link warns. */
	void *(*open_library)(const char *, int) = dlsym(RTLD_DEFAULT, "dlopen");

	for (int i = 0; i < 6; i++) {
		const char *name = names[i % 2][0];
		void *lib = open_library ? open_library(name, RTLD_LAZY) : NULL;
		void *f = lib ? dlsym(lib, names[i % 2][1]) : NULL;

		if (!f)
			SKIP("no such library");
		CHECK(mri_symbol_find(f, &s));
		CHECK_STR(s.name, names[i % 2][1]);
		CHECK(strstr(s.module, name));
		dlclose(lib);
	}
}

static void check_both(void)
{
	struct mri_symbol s;

	CHECK(mri_symbol_find(INSIDE(a_static_function), &s));
	CHECK_STR(s.name, "a_static_function");
	CHECK(mri_symbol_find(INSIDE(test_run), &s));
	CHECK_STR(s.name, "test_run");
}

static void on_signal(int sig)
{
	(void)sig;
	check_both();
}

static void *check_often(void *arg)
{
	(void)arg;
	for (int i = test_rounds(300); i > 0; i--)
		check_both();
	return NULL;
}

/* Threads at once, each interrupted in the middle by handlers that look up, too. */
TEST(symbol, from_threads_and_signal_handlers)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[4];

	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, check_often, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_PROF, &off, NULL);
}

/* The body for a copy of this program without its symbol table. */
TEST(symbol, in_a_stripped_program)
{
	char copy[] = "/tmp/millrace-symbol-XXXXXX";
	char strip[] = "strip", o[] = "-o", run[] = "--run=stripped.names";
	char self[512], out[4096];
	int fd, status;

	if (getenv("MR_TEST_WRAP"))
		SKIP("runs a program of its own");
	fd = mkstemp(copy);
	CHECK(fd >= 0);
	close(fd);
	snprintf(self, sizeof self, "%s", test_self());
	status = test_run((char *[]){ strip, o, copy, self, NULL }, out, sizeof out);
	if (!status)
		test_run((char *[]){ copy, run, NULL }, out, sizeof out);
	unlink(copy);
	if (status)
		SKIP("no strip");
	if (strstr(out, "static a_static"))
		FAIL("not stripped");
	if (!strstr(out, "static , libc qsort_r"))
		FAIL("%s", out);
}

TEST(stripped, names)
{
	struct mri_symbol own, libc;
	void *f = dlsym(RTLD_NEXT, "qsort_r");

	mri_symbol_find(INSIDE(a_static_function), &own);
	CHECK(own.module[0]);
	mri_symbol_find(f, &libc);
	printf("static %s, libc %s\n", own.name, f ? libc.name : "qsort_r");
}

/* ---- traces ---- */

static char text[16384];

static void keep_text(void *const *pcs, int n)
{
	struct mri_out o;
	int fd[2];
	ssize_t len;

	CHECK_EQ(pipe(fd), 0);
	mri_out_init(&o, fd[1]);
	mri_hooks.trace(&o, pcs, n);
	mri_out_flush(&o);
	close(fd[1]);
	len = read(fd[0], text, sizeof text - 1);
	close(fd[0]);
	text[len > 0 ? len : 0] = 0;
}

/* The functions of the text, without addresses and files: "a b c ". */
static const char *functions(void)
{
	static char names[4096];
	char *to = names;

	for (char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if (*line == '\t')
			continue;
		len = strncmp(line, "...", 3) ? strcspn(line, "(\n") : 3;
		memcpy(to, line, len);
		to += len;
		*to++ = ' ';
	}
	*to = 0;
	return names;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* In a section of their own: static functions between two of ours count as ours. */
#define OF_THE_LIBRARY noinline __attribute__((section(".text.mri_test")))
int mri_test_capture(int max);
int mr_test_call(int (*fn)(void));

/* As a fault does: the library's functions are innermost. */
OF_THE_LIBRARY int mri_test_capture(int max)
{
	void *pcs[DEPTH];
	int n;

	errno = ODD_ERRNO;
	n = mri_hooks.capture(pcs, max);
	keep_text(pcs, n);
	CHECK_EQ(errno, ODD_ERRNO);
	return n;
}

OF_THE_LIBRARY int mr_test_call(int (*fn)(void))
{
	return fn() + 1;
}

static noinline int inner(void)
{
	return mri_test_capture(DEPTH) + 1;
}

static noinline int middle(void)
{
	return mr_test_call(inner) + 1;
}

static noinline int outer(void)
{
	return middle() + 1;
}

TEST(trace, is_from_the_user_to_main)
{
	const char *names;

	mri_trace_install();
	sink = outer();
	names = functions();
	if (!starts(names, "inner mr_test_call middle outer test_trace__is_from"))
		FAIL("%s", text);
	/* Nothing of libc at the end. */
	CHECK(strlen(names) > 5 && !strcmp(names + strlen(names) - 5, "main "));
	CHECK(starts(text, "inner(...)\n\t/"));
	CHECK(strstr(text, "+0x"));
}

static void *thread_in_library(void *arg)
{
	sink = mr_test_call(middle);
	return arg;
}

TEST(trace, is_cut_at_the_start_of_a_thread)
{
	pthread_t thread;

	mri_trace_install();
	CHECK_EQ(pthread_create(&thread, NULL, thread_in_library, NULL), 0);
	pthread_join(thread, NULL);
	/* A sanitizer may start threads in a function of its own. */
	if (TEST_TSAN || TEST_ASAN)
		CHECK(starts(functions(), "inner mr_test_call middle mr_test_call thread"));
	else
		CHECK_STR(functions(),
			  "inner mr_test_call middle mr_test_call thread_in_library ");
}

static int only_library(void)
{
	void *pcs[2] = { mri_test_before + 1, mr_test_after + 1 };

	keep_text(pcs, 2);
	return 0;
}

TEST(trace, of_the_library_alone_is_whole)
{
	mri_trace_install();
	only_library();
	CHECK_STR(functions(), "mri_test_before mr_test_after ");
}

static int recursion_max;

static noinline int recursion(int depth)
{
	int n = depth ? recursion(depth - 1) : mri_test_capture(recursion_max);

	sink = n;
	return n + 1;
}

/* Arrays of all sizes and stacks around them: never more than fits, the innermost
 * frame first, the outermost last. */
TEST(trace, of_a_deep_stack_has_both_ends)
{
	mri_trace_install();
	for (recursion_max = 1; recursion_max <= 20; recursion_max++) {
		for (int depth = 0; depth < 40; depth++) {
			int n = recursion(depth) - depth - 1;
			bool whole = !strstr(text, "...additional frames elided...");

			CHECK(n >= 1 && n <= recursion_max);
			CHECK(recursion_max < 4 || starts(functions(), "recursion "));
			/* main, below it up to three of libc's, and what a tool adds */
			CHECK(recursion_max < 12 || strstr(functions(), "main "));
			CHECK(!whole || depth < 20 || recursion_max < 3);
		}
	}
	recursion_max = 8;
	recursion(1000);
	/* The first is mri_test_capture. */
	CHECK(starts(functions(), "recursion recursion recursion ... "));
}

TEST(trace, symbol_prints_a_name_or_a_number)
{
	struct mri_out o;

	mri_trace_install();
	mri_out_init(&o, -1);
	mri_hooks.symbol(&o, (void *)(uintptr_t)a_static_function);
	mri_out_str(&o, " ");
	mri_hooks.symbol(&o, (void *)(uintptr_t)0x10);
	CHECK_STR(o.buf, "a_static_function 0x10");
}

/* ---- traces of what a signal interrupted ---- */

static sigjmp_buf after_crash;
static void *crash_pcs[DEPTH];
static int crash_n;

static void on_crash(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	crash_n = mri_hooks.capture_signal(crash_pcs, DEPTH, context);
	siglongjmp(after_crash, 1);
}

static void catch_crashes(void)
{
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault");
#endif
	struct sigaction sa = {
		.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	mri_trace_install();
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
}

static int *volatile null_pointer;

/* The fault is at its very first instruction or close to it: a return address less
 * one would already be in the function before. */
__attribute__((no_sanitize("address", "undefined", "thread")))
static noinline int crash(volatile int *p)
{
	return *p;
}

static noinline int crash_caller(void)
{
	return crash(null_pointer) + 1;
}

TEST(trace, of_a_crash_starts_where_it_happened)
{
	catch_crashes();
	if (!sigsetjmp(after_crash, 1))
		sink = crash_caller();
	keep_text(crash_pcs, crash_n);
	if (!starts(functions(), "crash crash_caller test_trace__of_a_crash"))
		FAIL("%s", text);
}

static int (*volatile null_function)(void);

__attribute__((no_sanitize("undefined")))
static noinline int call_null(void)
{
	return null_function() + 1;
}

TEST(trace, of_a_call_of_null_names_the_caller)
{
	catch_crashes();
	if (!sigsetjmp(after_crash, 1))
		sink = call_null();
	keep_text(crash_pcs, crash_n);
	if (!starts(text, "0x0(...)\n\t0x0\ncall_null(...)\n\t"))
		FAIL("%s", text);
}

static int (*volatile overflow_again)(int);

__attribute__((no_sanitize("address", "undefined", "thread")))
static noinline int overflow(int depth)
{
	volatile char frame[100];

	frame[0] = (char)depth;
	return overflow_again(depth + 1) + frame[0];
}

static void *overflow_thread(void *arg)
{
	void *mem;

	CHECK_EQ(mri_os_sigstack_set(&mem), 0);
	overflow_again = overflow;
	if (!sigsetjmp(after_crash, 1))
		sink = overflow(0);
	mri_os_sigstack_free(mem);
	return arg;
}

TEST(trace, of_an_overflow_has_both_ends)
{
	pthread_attr_t attr;
	pthread_t thread;
	const char *names;

	catch_crashes();
	/* TSan dies of 65,536 frames. */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	CHECK_EQ(pthread_create(&thread, &attr, overflow_thread, NULL), 0);
	pthread_attr_destroy(&attr);
	pthread_join(thread, NULL);
	keep_text(crash_pcs, crash_n);
	names = functions();
	if (!starts(names, "overflow overflow overflow ") ||
	    !strstr(names, "overflow ... overflow ") ||
	    !strstr(names, "overflow overflow_thread "))
		FAIL("%s", text);
}
