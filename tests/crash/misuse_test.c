/* misuse_test.c - the library in a process twice, and what is no goroutine's to do. The
 * shared library beside this program's build is the second copy. */
#include "harness.h"
#include <dlfcn.h>
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* <build>/tests/crash/misuse_test -> <build>/libmillrace.so.<version> */
static void *second_copy(void)
{
	static char path[4096];
	const char *end = strstr(test_self(), "/tests/crash/");
	void *h;

	if (!end)
		SKIP("run from somewhere else: the build's directory is not known");
	snprintf(path, sizeof path, "%.*s/libmillrace.so.%s", (int)(end - test_self()),
		 test_self(), mr_version());
	if (access(path, R_OK) != 0)
		SKIP("this variant builds no shared library");
	h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!h)
		SKIP("this program cannot load it");
	return h;
}
typedef int64_t id_fn(void);
static id_fn *id_of(void *copy)
{
	void *sym = dlsym(copy, "mr_go_id");
	id_fn *fn;

	CHECK(sym && sym != (void *)(uintptr_t)mr_go_id);
	memcpy(&fn, &sym, sizeof fn);
	return fn;
}

/* Two schedulers would each take the other's threads for foreign, and a goroutine of one
 * would block a thread of the other: whichever starts second, or first, refuses. */
#define TWICE "millrace: two copies of the library are in this process: ", " and "

CRASH_TEST(second_copy_then_first_call, 2, "fatal error: " TWICE, "libmillrace.so")
{
	second_copy();
	go_id();
}
CRASH_TEST(second_copy_then_its_call, 2, TWICE, "libmillrace.so")
{
	void *copy = second_copy();

	id_of(copy)();
}
CRASH_TEST(second_copy_after_the_first_works, 2, "still fine\n", TWICE)
{
	void *copy;

	CHECK_EQ(go_id(), 1);
	copy = second_copy();
	CHECK_EQ(go_id(), 1);           /* that it is there hurts nobody */
	fprintf(stderr, "still fine\n");
	id_of(copy)();
}

/* ------------------------------------------------------------------- threads -- */

static void *locks_thread(void *arg)
{
	go_lock_thread();
	return arg;
}
CRASH_TEST(lock_thread_on_a_thread, 2,
	   "panic: go_lock_thread called from a thread that is not a goroutine\n", "thread ")
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, locks_thread, NULL), 0);
	pthread_join(t, NULL);
}

CRASH_TEST(lock_thread_too_deep, 2, "panic: go_lock_thread: nested too deep\n")
{
	for (;;)
		go_lock_thread();
}
CRASH_TEST(pin_too_deep, 2, "panic: go_pin: nested too deep\n")
{
	for (;;)
		go_pin();
}

/* --------------------------------------------------------------------- stacks -- */

static void nothing(void)
{
}
/* More than there is address space for. */
CRASH_TEST(stack_of_all_memory, 2, "panic: out of memory: cannot start another goroutine: ",
	   " exist)\n\ngoroutine 1 [running]:\n")
{
	go_with(((go_opts){ .stack = (size_t)1 << 60 }), nothing);
}
CRASH_TEST(stack_of_all_memory_and_more, 2, "panic: out of memory: ")
{
	go_with(((go_opts){ .stack = SIZE_MAX }), nothing);
}
