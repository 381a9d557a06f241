/* quit_test.c - SIGQUIT: what the dump says, and whom the signal belongs to.
 *
 * main computes after it has sent the signal: so nothing here is a deadlock meanwhile, and
 * a worker is stuck in each test. */
#define _GNU_SOURCE
#include "waiting.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define QUIT "SIGQUIT: quit\n\ngoroutine 1 [running]: main\n"
#define NOINLINE __attribute__((noinline))

static chan(int) never;
static volatile int sink;
static int quiet_pipe[2];
static int there;                       /* atomic: the goroutine is where it shall be */

/* The fallback for unknown machines cannot walk what is suspended: there goroutines are
 * listed without traces. */
static void needs_traces(void)
{
#ifdef MRI_ARCH_FALLBACK
	SKIP("no traces with ucontext");
#endif
}

static void until_there(void)
{
	while (!__atomic_load_n(&there, __ATOMIC_ACQUIRE))
		go_yield();
}

/* TSan keeps a signal back until the thread makes a call that it intercepts: this is one
 * for it, and computes for everybody else. */
NOINLINE static void computes(void)
{
	for (;;) {
		__asm__ volatile("");
		if (TEST_TSAN)
			usleep(1);
	}
}
NOINLINE static void quit_with_lines(void)
{
	CHECK_EQ(kill(getpid(), SIGQUIT), 0);
	computes();
	sink = 1;
}
/* Where there is no symbolizer. */
NOINLINE static void quit_now(void)
{
	setenv("PATH", "/nonexistent", 1);
	quit_with_lines();
	sink = 2;
}

/* ------------------------------------------------------------------- the traces -- */

NOINLINE static void innermost(void)
{
	chan_recv(never);
	sink = 1;
}
NOINLINE static void middle(void)
{
	innermost();
	sink = 2;
}
static void outermost(void)
{
	middle();
	sink = 3;
}
NOINLINE static void start(int n)
{
	never = chan_make(int);
	for (int i = 0; i < n; i++)
		go(outermost);
}

CRASH_TEST(quit_of_a_parked_goroutine, 2, QUIT,
	       "quit_now(...)\n\t/", "goroutine ", " [chan receive, ", "s]: outermost\n",
	       "\twaits on 0x", "innermost(...)\n\t/", "quit_test+0x", "middle(...)\n\t/",
	       "outermost(...)\n\t/", "created by start at ", "quit_test.c:",
	       "2 goroutines on ", " threads\n", "!mr_chan")
{
	needs_traces();
	start(1);
	until_waiting("chan receive", 1);
	quit_now();
}

static bool has_symbolizer(void)
{
	return system("command -v llvm-symbolizer addr2line >/dev/null 2>&1") == 0 ||
	       system("command -v addr2line >/dev/null 2>&1") == 0;
}
CRASH_TEST(quit_with_source_lines, 2, QUIT, "quit_with_lines(...)\n\t", "quit_test.c:",
	   "goroutine ", "innermost(...)\n\t", "quit_test.c:", "middle(...)\n\t",
	   "quit_test.c:", "outermost(...)\n\t", "quit_test.c:", "created by start at ")
{
	needs_traces();
	if (!has_symbolizer())
		SKIP("there is neither llvm-symbolizer nor addr2line");
	start(1);
	until_waiting("chan receive", 1);
	quit_with_lines();
}

/* Equal ones are one entry, however many; another place is another entry. */
static void elsewhere(void)
{
	innermost();
	sink = 4;
}
CRASH_TEST(quit_groups_equal_goroutines, 2, QUIT,
	       "goroutine ", " [chan receive, ", "s]: outermost\n\tand 499 more, all for ",
	       ", ...\n\twaits on 0x", "middle(...)", "created by start at ", "goroutine ",
	       " [chan receive, ", "s]: elsewhere\n\tand 2 more, all for ", "innermost(...)",
	       "elsewhere(...)", "created by test_crash__", "\n504 goroutines on ")
{
	needs_traces();
	start(500);
	for (int i = 0; i < 3; i++)
		go(elsewhere);
	until_waiting("chan receive", 503);
	quit_now();
}

static void sleeps(void)
{
	go_sleep(HOUR);
	sink = 5;
}
static void selects(void)
{
	chan_select(on_recv(never), on_timeout(HOUR));
	sink = 6;
}
static void reads(void)
{
	char c;

	CHECK(read(quiet_pipe[0], &c, 1) != 1);
}
static void blocks(void)
{
	char c;

	go_blocking_begin();
	CHECK(read(quiet_pipe[0], &c, 1) != 1);
}
/* Which come in the order of their stacks. */
CRASH_TEST_ENV(quit_of_all_kinds, "MILLRACE=procs=3", 2, QUIT, "goroutine ",
	       " [sleep, ", "s, with a timer]: sleeps\n", "sleeps(...)", "goroutine ",
	       " [select, ", "s, with a timer]: selects\n", "selects(...)",
	       "goroutine ", " [running]: reads\n", "reads(...)",
	       "goroutine ", " [blocking call]: blocks\n", "blocks(...)",
	       "goroutine ", " [running]: computes\n", "computes(...)", "created by ")
{
	needs_traces();
	if (TEST_TSAN)
		SKIP("TSan does not interrupt a read");
	CHECK_EQ(pipe(quiet_pipe), 0);
	never = chan_make(int);
	go(sleeps);
	go(selects);
	go(reads);
	go(blocks);
	go(computes);
	until_waiting("sleep", 1);
	until_waiting("select", 1);
	for (bool all = false; !all; go_yield()) {
		char *text = dump_text();

		all = strstr(text, "[running]: reads") && strstr(text, "[blocking call]") &&
		      strstr(text, "[running]: computes");
		free(text);
	}
	quit_now();
}

/* It has not run yet: its function is where it will begin. */
static void not_yet(void)
{
	sink = 7;
}
NOINLINE static void starts_and_computes(void)
{
	go(not_yet);
	quit_now();
}
CRASH_TEST_ENV(quit_before_it_ran, "MILLRACE=procs=1", 2, "SIGQUIT: quit\n",
	       "goroutine 2 [", "]: not_yet\n", "not_yet(...)", "created by starts_and_")
{
	needs_traces();
	starts_and_computes();
}

/* Deeper than is shown: both ends. */
NOINLINE static int recursion(int n)
{
	int got = n > 0 ? recursion(n - 1) : chan_recv(never);

	sink = got;
	return got + n;
}
static void deep(void)
{
	sink = recursion(300);
}
CRASH_TEST(quit_of_a_deep_stack, 2, QUIT, "]: deep\n", "recursion(...)",
	       "...additional frames elided...\n", "recursion(...)", "deep(...)")
{
	needs_traces();
	start(0);
	go(deep);
	until_waiting("chan receive", 1);
	quit_now();
}

/* The most of its stack it ever used, not what it uses now. */
NOINLINE static void uses_much(void)
{
	volatile char room[100 << 10];

	for (size_t i = 0; i < sizeof room; i += 1000)
		room[i] = 1;
	__atomic_store_n(&sink, room[1000], __ATOMIC_RELAXED);
}
static void used_much(void)
{
	uses_much();
	chan_recv(never);
}
static size_t most_used(const char *kind)
{
	char *text = dump_text(), *at = strstr(text, "stacks, the most"), *line;
	size_t used = 0;

	CHECK(at != NULL);
	line = strstr(at, kind);
	CHECK(line != NULL);
	while (line[-1] != '\n')
		line--;
	CHECK_EQ(sscanf(line, "%zu of ", &used), 1);
	free(text);
	return used;
}
TEST(dump, shows_the_most_used_of_stacks_by_kind)
{
	size_t least = TEST_ASAN ? 0 : 100;     /* whose large arrays are elsewhere */

	start(20);
	for (int i = 0; i < 3; i++)
		go(used_much);
	until_waiting("chan receive", 23);
	CHECK(most_used(" KiB, 3 of used_much\n") >= least);
	CHECK(most_used(" KiB, 3 of used_much\n") < 256);
	CHECK(most_used(" KiB, 20 of outermost\n") < 100);
	CHECK(most_used(" KiB, 1 of main\n") > 0);
}

/* ------------------------------------------------------------ what goes wrong -- */

/* A thread that has the signal blocked. TSan delivers it nevertheless. */
static void out_of_reach(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGQUIT);
	go_pin();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	__atomic_store_n(&there, 1, __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("");
}
CRASH_TEST_ENV(quit_with_a_thread_out_of_reach, "MILLRACE=procs=2", 2, QUIT,
	       "goroutine ", " [running]: out_of_reach\n", "(its thread did not stop)\n",
	       "created by ", ", of which 1 did not stop\n")
{
	go(out_of_reach);
	until_there();
	quit_now();
}

#ifdef __x86_64__
NOINLINE static void loses_its_frame(size_t n)
{
	volatile char *room = __builtin_alloca(n);      /* so that rbp is the frame's */

	room[0] = 1;
	__atomic_store_n(&there, 1, __ATOMIC_RELEASE);
	__asm__ volatile("mov $64, %%ebp\n0:\tpause\n\tjmp 0b" ::: "rax", "memory");
	sink = room[0];
}
static void damaged(void)
{
	loses_its_frame((size_t)go_id());
	sink = 6;
}
CRASH_TEST_ENV(quit_with_a_damaged_stack,
	       "MILLRACE=procs=2\nASAN_OPTIONS=handle_segv=0", 2, QUIT,
	       "goroutine ", " [running]: damaged\n", "(its stack is damaged)\n",
	       "created by ", "2 goroutines on ")
{
	needs_traces();
	if (TEST_TSAN)
		SKIP("TSan does not interrupt a loop");
	if (getenv("MR_TEST_WRAP"))
		SKIP("valgrind reports the fault, too");
	go(damaged);
	until_there();
	quit_now();
}
#endif

static void *waits_in_a_thread(void *arg)
{
	chan_recv(never);
	return arg;
}
CRASH_TEST(quit_with_a_foreign_thread, 2, QUIT,
	       "1 goroutine on ", "; 1 foreign thread waits too\n")
{
	pthread_t t;

	never = chan_make(int);
	CHECK_EQ(pthread_create(&t, NULL, waits_in_a_thread, NULL), 0);
	until_threads_wait(1);
	quit_now();
}

CRASH_TEST_ENV(quit_and_crash, "MILLRACE=crash=1", SIG(6), QUIT, "1 goroutine on ")
{
	go_yield();
	quit_now();
}

/* What it had printed is not lost. */
TEST(crash, quit_flushes_stdout, .status = 2, .out = "before\n",
     .err = (const char *const[]){ QUIT, NULL })
{
	go_yield();
	printf("before\n");
	quit_now();
}
/* Nor waited for: nobody reads the pipe. */
CRASH_TEST(quit_with_stdout_stuck, 2, QUIT)
{
	int full[2];

	if (TEST_TSAN)
		SKIP("TSan itself flushes stdout in _exit");
	CHECK_EQ(pipe2(full, O_NONBLOCK), 0);
	go_yield();
	fflush(stdout);
	while (write(full[1], full, sizeof full) > 0)
		;
	CHECK_EQ(fcntl(full[1], F_SETFL, 0), 0);
	CHECK_EQ(dup2(full[1], 1), 1);
	printf("never seen");
	quit_now();
}

/* -------------------------------------------------------- whose signal it is -- */

/* Not a sig_atomic_t: the signal may be taken on another thread. */
static _Atomic int handled;
static void handler(int sig) { handled = sig; }
static void until_handled(void)
{
	CHECK_EQ(kill(getpid(), SIGQUIT), 0);
	while (!handled)
		go_yield();
	handled = 0;
}
TEST(quit, handler_installed_before_stays, .quiet = true)
{
	signal(SIGQUIT, handler);
	go_yield();
	until_handled();
	until_handled();
}
TEST(quit, handler_installed_after_takes_over, .quiet = true)
{
	go_yield();
	signal(SIGQUIT, handler);
	until_handled();
	until_handled();
}
/* Ignored, it is not there: another one that is sent after it is. */
TEST(quit, ignored_stays_ignored, .quiet = true)
{
	signal(SIGQUIT, SIG_IGN);
	signal(SIGUSR1, handler);
	go_yield();
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(kill(getpid(), SIGQUIT), 0);
		CHECK_EQ(kill(getpid(), SIGUSR1), 0);
		while (!handled)
			go_yield();
		handled = 0;
	}
}
TEST(quit, as_a_value, .quiet = true)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGQUIT);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(kill(getpid(), SIGQUIT), 0);
		CHECK_EQ(chan_recv(ch), SIGQUIT);
	}
	chan_free(ch);
}
CRASH_TEST(quit_given_back_by_signal_stop, 2, QUIT)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGQUIT);
	CHECK_EQ(kill(getpid(), SIGQUIT), 0);
	CHECK_EQ(chan_recv(ch), SIGQUIT);
	signal_stop(ch);
	quit_now();
}
/* A child of fork has no runtime: it just dies. */
TEST(quit, of_a_child)
{
	int status;
	pid_t pid;

	go_yield();
	pid = fork();
	if (pid == 0) {
		raise(SIGQUIT);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
}

/* ------------------------------------------------------------------------ JSON -- */

/* A checker of syntax, which counts the values of the key "id". */
static const char *at;
static int ids;
static void value(void);

static void space(void)
{
	at += strspn(at, " \t\r\n");
}
static void expect(char c)
{
	space();
	if (*at != c)
		FAIL("no '%c' at: %.40s", c, at);
	at++;
	space();
}
static void string_value(void)
{
	expect('"');
	for (; *at != '"'; at++) {
		CHECK((unsigned char)*at >= ' ');
		if (*at == '\\') {
			at++;
			CHECK(*at && strchr("\"\\/bfnrtu", *at));
			if (*at == 'u')
				CHECK_EQ(strspn(at + 1, "0123456789abcdef") >= 4, true);
		}
	}
	expect('"');
}
static void members(char end, bool named)
{
	at++;
	space();
	while (*at != end) {
		if (named) {
			ids += !strncmp(at, "\"id\":", 5);
			string_value();
			expect(':');
		}
		value();
		space();
		if (*at != end)
			expect(',');
	}
	at++;
	space();
}
static void value(void)
{
	static const char *const words[] = { "true", "false", "null" };

	space();
	if (*at == '{') {
		members('}', true);
	} else if (*at == '[') {
		members(']', false);
	} else if (*at == '"') {
		string_value();
	} else if (strchr("-0123456789", *at)) {
		at += *at == '-';
		CHECK(strspn(at, "0123456789") > 0);
		at += strspn(at, "0123456789");
	} else {
		for (size_t i = 0; i < 3; i++)
			if (!strncmp(at, words[i], strlen(words[i]))) {
				at += strlen(words[i]);
				return;
			}
		FAIL("no value at: %.40s", at);
	}
}
static void check_json(const char *text, int goroutines)
{
	at = text;
	ids = 0;
	value();
	CHECK_STR(at, "");
	CHECK_EQ(ids, goroutines);
}

/* The test runs this binary again, and reads what that one says. */
static char *dump_of(const char *body, const char *env)
{
	static char out[4 << 20], command[4096];
	static char shell[] = "/bin/sh", option[] = "-c";
	char *const sh[] = { shell, option, command, NULL };

	snprintf(command, sizeof command, "%s INSIDE=1 %s %s --run=%s 2>&1 >/dev/null", env,
		 getenv("MR_TEST_WRAP") ? getenv("MR_TEST_WRAP") : "", test_self(), body);
	CHECK_EQ(test_run(sh, out, sizeof out), 2);
	/* Valgrind may have said something before. */
	CHECK(strstr(out, "{\"reason\"") != NULL);
	return strstr(out, "{\"reason\"");
}

/* Names are the program's: quotes, control characters, and bytes that are no UTF-8, as
 * well as some that are. */
#define ODD "a \"b\" \\ \n\t\x01\x7f \xc3\xa9 \xff \xe2\x82\xac \xf0\x9f\x98\x80 \xed\xa0\x80"
TEST(quit, as_json)
{
	char *json;

	needs_traces();
	if (getenv("INSIDE")) {
		start(200);
		go_with(((go_opts){ .name = ODD }), elsewhere);
		go(deep);
		go(sleeps);
		until_waiting("chan receive", 202);
		until_waiting("sleep", 1);
		quit_with_lines();
	}
	json = dump_of("quit.as_json", "MILLRACE=dump=json");
	check_json(json, 204);
	CHECK(!strncmp(json, "{\"reason\": \"SIGQUIT\", \"goroutines\": [\n{\"id\": 1, ", 46));
	CHECK(strstr(json, "\"name\": \"a \\u0022b\\u0022 \\u005c \\u000a\\u0009\\u0001\\u007f "
			   "\xc3\xa9 \\ufffd \xe2\x82\xac \xf0\x9f\x98\x80 \\ufffd"));
	CHECK(strstr(json, "\"state\": \"waiting\", \"wait\": \"chan receive\", "
			   "\"object\": \"0x"));
	CHECK(strstr(json, "\"state\": \"waiting\", \"wait\": \"sleep\", \"object\": null"));
	CHECK(strstr(json, "\"timed\": true"));
	CHECK(strstr(json, "\"created_by\": {\"function\": \"start\", \"file\": \""));
	CHECK(strstr(json, "{\"function\": \"middle\", \"file\": "));
	CHECK(strstr(json, "\"foreign_waiting\": 0}"));
	CHECK(strstr(json, "\"complete\": true}"));
}
TEST(quit, as_json_without_lines)
{
	char *json;

	needs_traces();
	if (getenv("INSIDE")) {
		start(1);
		until_waiting("chan receive", 1);
		quit_now();
	}
	json = dump_of("quit.as_json_without_lines", "MILLRACE=dump=json");
	check_json(json, 2);
	CHECK(strstr(json, "{\"function\": \"middle\", \"file\": null, \"line\": null, "
			   "\"module\": \"/"));
}
