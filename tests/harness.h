/* harness.h - the test harness: every test is a process of its own, with a time limit.
 *
 *	TEST(chan_send, parks_until_received) { ... }
 *
 * A test passes when its body returns. The body runs on the main thread (so it is
 * goroutine 1) of a fresh process: the harness executes this binary again for each
 * test. Options may follow the name, as designated initialisers:
 *
 *	TEST(stress, ring, .limit = 300, .env = "MILLRACE=stack=65536") { ... }
 *
 * A test that must die, and what it must say on stderr, in this order:
 *
 *	CRASH_TEST(close_nil, 2, "panic: close of nil channel", "goroutine 1 [running]:")
 *	{ ... }
 *
 * Tests in tests/api and tests/stress run once for each number of procs in
 * MR_TEST_PROCS (default "1 2 8"), with MILLRACE=procs=N; elsewhere a file asks for
 * that with `#define TEST_PROCS_ALL` above the include.
 *
 * The binary's arguments: none, or --list, --filter=SUBSTRING, --repeat=N; and
 * --run=unit.behaviour runs one body in this very process, for a debugger.
 * Environment: MR_TEST_PROCS; MR_TEST_SLOW multiplies the limits; MR_TEST_SEED;
 * MR_TEST_WRAP is a command put in front of each test's (an emulator, valgrind). */
#ifndef MR_TESTS_HARNESS_H
#define MR_TESTS_HARNESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test {
	const char *unit, *name, *file;
	int line;
	bool procs;                     /* once for each number of procs */
	void (*body)(void);
	struct test *next;
	/* what a test may ask for */
	int limit;                      /* seconds; 0: 60 */
	const char *env;                /* "NAME=value", several on lines of their own */
	int status;                     /* how it must end: exit status, or 128 + signal */
	const char *const *err;         /* texts in its stderr, in order */
	const char *out;                /* its whole stdout; NULL: anything */
	bool quiet;                     /* its stderr must be empty */
	bool planted;                   /* a planted failure: runs only with --planted */
};

#ifdef TEST_PROCS_ALL
#define TEST_PROCS_ true
#else
#define TEST_PROCS_ false
#endif

#define TEST(unit_, name_, ...) \
	TEST_(test_##unit_##__##name_, #unit_, #name_, TEST_PROCS_, __VA_ARGS__)
#define TEST_(fn_, unit_, name_, procs_, ...) \
	static void fn_(void); \
	static struct test fn_##_record = { .unit = unit_, .name = name_, .body = fn_, \
		.file = __FILE__, .line = __LINE__, .procs = procs_, __VA_ARGS__ }; \
	__attribute__((constructor)) static void fn_##_register(void) \
	{ \
		test_register(&fn_##_record); \
	} \
	static void fn_(void)

/* The body must end the process with this status (SIG(n): killed by signal n), its
 * stderr must contain the texts in this order; a text that starts with '!' must not
 * come after the ones before it. The unit is "crash". */
#define CRASH_TEST(name_, status_, ...) \
	CRASH_TEST_ENV(name_, NULL, status_, ##__VA_ARGS__)
#define CRASH_TEST_ENV(name_, env_, status_, ...) \
	TEST_(test_crash__##name_, "crash", #name_, TEST_PROCS_, .env = env_, \
	      .status = status_, .err = (const char *const[]){ "", ##__VA_ARGS__, NULL })
#define SIG(n) (128 + (n))

/* The corrected twin of a crash test: the same program without the bug. It must end
 * with status 0 and say nothing on stderr. */
#define TWIN(name_, ...) \
	TEST_(test_twin__##name_, "twin", #name_, TEST_PROCS_, .quiet = true, __VA_ARGS__)

/* A failed check prints where and what, and ends the process: it works on any
 * goroutine and any thread. Arguments are evaluated once. */
#define CHECK(cond_) \
	((cond_) ? (void)0 : test_fail(__FILE__, __LINE__, "CHECK(%s)", #cond_))
/* integers and pointers */
#define CHECK_EQ(a_, b_) \
	test_eq(__FILE__, __LINE__, #a_ " == " #b_, TEST_INT_(a_), TEST_INT_(b_))
#define CHECK_STR(a_, b_) \
	test_str(__FILE__, __LINE__, #a_ " == " #b_, (a_), (b_))
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
/* This test cannot run here: it ends now, and counts as skipped. */
#define SKIP(reason_) test_skip(reason_)

#define TEST_INT_(x_) \
	((long long)_Generic((x_), float: test_not_an_integer(), \
			     double: test_not_an_integer(), default: (x_)))

void test_register(struct test *t);
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_eq(const char *file, int line, const char *what, long long a, long long b);
void test_str(const char *file, int line, const char *what, const char *a, const char *b);
void test_skip(const char *reason) __attribute__((noreturn));
void test_not_an_integer(void);         /* never defined: CHECK_EQ of floating point */

/* How much slower this run is than a plain one: 1, or MR_TEST_SLOW, or what the
 * sanitizer costs. Bounds on times are multiplied by it. */
int test_slow(void);
/* n rounds of a stress loop, less of them where rounds are slow; at least 1 */
int test_rounds(int n);
/* MR_TEST_SEED, or a new one; printed, so that a failure can be repeated */
uint64_t test_seed(void);
/* The file name of this binary. */
const char *test_self(void);
/* Run a command found in PATH and wait for it, its stdout and stderr into out,
 * terminated and cut to size. Returns its status as a shell does. */
int test_run(char *const argv[], char *out, size_t size);

enum {
#if defined(__SANITIZE_ADDRESS__)
	TEST_ASAN = 1,
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	TEST_ASAN = 1,
#else
	TEST_ASAN = 0,
#endif
#else
	TEST_ASAN = 0,
#endif
#if defined(__SANITIZE_THREAD__)
	TEST_TSAN = 1,
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	TEST_TSAN = 1,
#else
	TEST_TSAN = 0,
#endif
#else
	TEST_TSAN = 0,
#endif
};
#endif
