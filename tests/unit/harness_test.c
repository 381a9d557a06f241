/* harness_test.c - the harness shows that it can fail: each way a test can go wrong is
 * planted here, run by this same binary with --planted, and must be reported. */
#include "harness.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Run one planted test; its report into out. Returns the harness's status. */
static int run_planted(const char *name, char *out, size_t size)
{
	char filter[100];
	char *argv[] = { (char *)test_self(), (char *)"--planted", filter, NULL };

	snprintf(filter, sizeof filter, "--filter=%s", name);
	return test_run(argv, out, size);
}

/* The planted test must fail, and the report must contain the text. */
static void expect_failure(const char *name, const char *text)
{
	static char out[100000];

	CHECK_EQ(run_planted(name, out, sizeof out), 1);
	if (!strstr(out, "FAIL planted ") && !strstr(out, "FAIL crash "))
		FAIL("no FAIL in: %s", out);
	if (!strstr(out, text))
		FAIL("no '%s' in: %s", text, out);
	if (!strstr(out, "\n0 passed, 1 failed\n"))
		FAIL("no summary in: %s", out);
}

TEST(planted, check, .planted = true) { CHECK(1 + 1 == 3); }
TEST(harness, reports_a_failed_check)
{
	expect_failure("planted.check", "failed: CHECK(1 + 1 == 3)");
	expect_failure("planted.check", "harness_test.c:");
}

TEST(planted, equal, .planted = true) { CHECK_EQ(40 + 2, -1); }
TEST(harness, reports_unequal_integers)
{
	expect_failure("planted.equal", "CHECK_EQ(40 + 2 == -1): 42 (0x2a) and -1 (0xf");
}

TEST(planted, strings, .planted = true) { CHECK_STR("a", NULL); }
TEST(harness, reports_unequal_strings)
{
	expect_failure("planted.strings", "\"a\" and \"(null)\"");
}

TEST(planted, hang, .planted = true, .limit = 1) { for (;;) pause(); }
TEST(harness, reports_a_timeout) { expect_failure("planted.hang", "timed out"); }

/* It also leaves a grandchild, which would live on and keep the pipe open. */
TEST(planted, deaf, .planted = true, .limit = 1)
{
	signal(SIGQUIT, SIG_IGN);
	fork();
	for (;;)
		pause();
}
TEST(harness, kills_the_group_of_what_hangs)
{
	int fd[2];
	char c;

	CHECK(pipe(fd) == 0);
	expect_failure("planted.deaf", "timed out");
	close(fd[1]);
	CHECK_EQ(read(fd[0], &c, 1), 0);
}

TEST(planted, abort, .planted = true) { abort(); }
TEST(harness, reports_a_signal) { expect_failure("planted.abort", "killed by signal 6"); }

TEST(planted, exit, .planted = true) { exit(3); }
TEST(harness, reports_a_status) { expect_failure("planted.exit", "status 3"); }

TEST(planted, noise, .planted = true, .quiet = true) { fputs("noise\n", stderr); }
TEST(harness, reports_a_noisy_twin)
{
	expect_failure("planted.noise", "its stderr is not empty");
}

TEST(planted, stdout_differs, .planted = true, .out = "one\ntwo\n") { puts("one"); }
TEST(harness, reports_other_stdout)
{
	expect_failure("planted.stdout_differs", "its stdout is not what was expected");
}

TEST(planted, report, .planted = true, .status = 2)
{
	fputs("WARNING: ThreadSanitizer: data race\n", stderr);
	exit(2);
}
TEST(harness, reports_a_sanitizer_behind_the_expected_status)
{
	expect_failure("planted.report", "a sanitizer's report");
}

static void say_one_two(void)
{
	fputs("one two\n", stderr);
	exit(2);
}

#define PLANTED_CRASH(name_, status_, ...) \
	TEST_(planted_##name_, "crash", #name_, false, .planted = true, \
	      .status = status_, .err = (const char *const[]){ __VA_ARGS__, NULL })
PLANTED_CRASH(wrong_text, 2, "one", "three") { say_one_two(); }
PLANTED_CRASH(wrong_order, 2, "two", "one") { say_one_two(); }
PLANTED_CRASH(unwanted_text, 2, "one", "!two") { say_one_two(); }
PLANTED_CRASH(wrong_status, SIG(SIGABRT), "one") { say_one_two(); }
PLANTED_CRASH(no_crash, 2, "") { }
TEST(harness, reports_a_wrong_crash)
{
	expect_failure("crash.wrong_text", "lacks, at its place: three");
	expect_failure("crash.wrong_order", "lacks, at its place: one");
	expect_failure("crash.unwanted_text", "contains: two");
	expect_failure("crash.wrong_status", "status 2, expected 134");
	expect_failure("crash.no_crash", "status 0, expected 2");
}

/* And what must pass does. */
CRASH_TEST(harness_status_and_text, 2, "one", "two", "!three") { say_one_two(); }
CRASH_TEST(harness_signal, SIG(SIGABRT)) { abort(); }
CRASH_TEST_ENV(harness_env, "MILLRACE=crash=1\nOTHER=2", 3, "crash=1")
{
	CHECK_STR(getenv("OTHER"), "2");
	fputs(getenv("MILLRACE"), stderr);
	exit(3);
}
TWIN(harness_silent) { puts("stdout may be used"); }
TEST(harness, compares_stdout, .out = "one\ntwo\n") { puts("one\ntwo"); }
TEST(harness, evaluates_once)
{
	int n = 0;
	unsigned char c = 1;

	CHECK_EQ(++n, 1);
	CHECK_EQ(n, c);
	CHECK_EQ((void *)&n, &n);
	CHECK(n == 1);
	CHECK_STR("a" "b", "ab");
	CHECK(test_rounds(1) == 1 && test_slow() >= 1);
}

TEST(planted, skips, .planted = true) { SKIP("on purpose"); }
TEST(harness, counts_what_is_skipped)
{
	static char out[10000];

	CHECK_EQ(run_planted("planted.skips", out, sizeof out), 0);
	CHECK(strstr(out, "skip planted skips"));
	CHECK(strstr(out, ": on purpose\n0 passed, 0 failed, 1 skipped\n"));
}

TEST_(planted_procs, "planted", "procs", true, .planted = true)
{
	printf("%s\n", getenv("MILLRACE"));
	CHECK_STR(getenv("MILLRACE"), "procs=2");
}
TEST(harness, runs_at_each_number_of_procs, .env = "MR_TEST_PROCS=1 2 8")
{
	static char out[10000];

	CHECK_EQ(run_planted("planted.procs", out, sizeof out), 1);
	CHECK(strstr(out, "FAIL planted procs procs=1"));
	CHECK(strstr(out, "ok planted procs procs=2"));
	CHECK(strstr(out, "FAIL planted procs procs=8"));
	CHECK(strstr(out, "\n1 passed, 2 failed\n"));
}
