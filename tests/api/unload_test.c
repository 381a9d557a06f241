/* unload_test.c - the shared library stays when it is unloaded: its threads run its code.
 * This program is not linked with the library, as nothing here calls it by name. */
#include "harness.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *library(void)
{
	static char path[4096];
	const char *end = strstr(test_self(), "/tests/api/");

	if (!end)
		SKIP("run from somewhere else: the build's directory is not known");
	snprintf(path, sizeof path, "%.*s/libmillrace.so.0.1.0", (int)(end - test_self()),
		 test_self());
	if (access(path, R_OK) != 0)
		SKIP("this variant builds no shared library");
	return path;
}

static int64_t call_id(void *h)
{
	int64_t (*fn)(void);
	void *sym = dlsym(h, "mr_go_id");

	CHECK(sym != NULL);
	memcpy(&fn, &sym, sizeof fn);
	return fn();
}
/* Its watcher thread works every few milliseconds at most: unmapped code would crash it
 * in the time given here. If it were slower, the test would pass all the same. */
TEST(unload, keeps_it)
{
	void *h = dlopen(library(), RTLD_NOW), *again;

	if (!h)
		FAIL("%s", dlerror());
	CHECK_EQ(call_id(h), 1);
	CHECK_EQ(dlclose(h), 0);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	again = dlopen(library(), RTLD_NOW | RTLD_NOLOAD);
	CHECK(again == h);
	CHECK_EQ(call_id(again), 1);
}

/* Several times: one copy. */
TEST(unload, by_dlopen_twice)
{
	void *a = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
	void *b = dlopen(library(), RTLD_NOW | RTLD_GLOBAL);

	CHECK(a && a == b);
	CHECK_EQ(call_id(a), 1);
	CHECK_EQ(call_id(b), 1);
	dlclose(a);
	dlclose(b);
	CHECK_EQ(call_id(b), 1);
}
