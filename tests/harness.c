/* harness.c - runs tests, each in a process of its own (see harness.h).
 *
 * The parent executes this binary again with --run=unit.behaviour, in a process
 * group of its own, with stdout and stderr going to two unnamed files. It judges
 * exit status and output, and then kills what is left of that group, and of no
 * other. It uses libc only; the library under test is none of its business, but
 * that a test which hangs is asked for a dump of its goroutines. */
#define _GNU_SOURCE
#include "harness.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_SKIP = 77, DEFAULT_LIMIT = 60, MAX_WRAP = 32 };

extern char **environ;

/* TSan sleeps a second at each exit for late reports: a test has nothing left then. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "atexit_sleep_ms=0";
}

static struct test *tests;              /* by file and line */
static const char *self;                /* argv[0] */
static int passed, failed, skipped;

/* ---- inside a test ---- */

void test_register(struct test *t)
{
	struct test **at = &tests;

	while (*at && (strcmp((*at)->file, t->file) < 0 ||
		       (strcmp((*at)->file, t->file) == 0 && (*at)->line < t->line)))
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

static void say(const char *s)
{
	size_t n = strlen(s);

	while (n > 0) {
		ssize_t w = write(STDERR_FILENO, s, n);
		if (w < 0)
			return;
		s += w;
		n -= (size_t)w;
	}
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	char msg[1024], all[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	snprintf(all, sizeof all, "%s:%d: failed: %s\n", file, line, msg);
	say(all);
	fflush(stdout);
	_exit(1);
}

void test_eq(const char *file, int line, const char *what, long long a, long long b)
{
	if (a != b)
		test_fail(file, line, "CHECK_EQ(%s): %lld (0x%llx) and %lld (0x%llx)",
			  what, a, (unsigned long long)a, b, (unsigned long long)b);
}

void test_str(const char *file, int line, const char *what, const char *a, const char *b)
{
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	test_fail(file, line, "CHECK_STR(%s): \"%s\" and \"%s\"", what,
		  a ? a : "(null)", b ? b : "(null)");
}

void test_skip(const char *reason)
{
	printf("skip: %s\n", reason);
	fflush(stdout);
	_exit(STATUS_SKIP);
}

int test_slow(void)
{
	const char *s = getenv("MR_TEST_SLOW");

	if (s && atoi(s) > 0)
		return atoi(s);
	return TEST_TSAN ? 5 : TEST_ASAN ? 3 : 1;
}

int test_rounds(int n)
{
	int r = n / test_slow();

	return r > 0 ? r : 1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t test_seed(void)
{
	const char *s = getenv("MR_TEST_SEED");
	struct timespec t;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = s ? strtoull(s, NULL, 0) : (uint64_t)t.tv_nsec ^ ((uint64_t)getpid() << 20);
	printf("MR_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

const char *test_self(void)
{
	return self;
}

static int as_shell_status(int wstatus)
{
	return WIFSIGNALED(wstatus) ? SIG(WTERMSIG(wstatus)) : WEXITSTATUS(wstatus);
}

/* The words of MR_TEST_WRAP into argv; returns their number. */
static int wrap_words(char **argv)
{
	static char *words;
	const char *env = getenv("MR_TEST_WRAP");
	int n = 0;

	free(words);
	words = strdup(env ? env : "");
	for (char *w = strtok(words, " "); w && n < MAX_WRAP; w = strtok(NULL, " "))
		argv[n++] = w;
	return n;
}

int test_run(char *const argv[], char *out, size_t size)
{
	posix_spawn_file_actions_t fa;
	char *args[MAX_WRAP + 64];
	int fd[2], wstatus, rc, n = argv[0] == self ? wrap_words(args) : 0;
	char rest[4096];
	size_t len = 0;
	ssize_t r;
	pid_t pid;

	for (int i = 0; i < 63 && argv[i]; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	if (pipe2(fd, O_CLOEXEC) < 0)
		FAIL("pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, fd[1], STDERR_FILENO);
	rc = posix_spawnp(&pid, args[0], &fa, NULL, args, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fd[1]);
	if (rc != 0)
		FAIL("%s: %s", args[0], strerror(rc));
	do {
		size_t room = size - 1 - len;

		r = room ? read(fd[0], out + len, room) : read(fd[0], rest, sizeof rest);
		if (r > 0 && room)
			len += (size_t)r;
	} while (r > 0 || (r < 0 && errno == EINTR));
	out[len] = '\0';
	close(fd[0]);
	while (waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	return as_shell_status(wstatus);
}

/* ---- the parent ---- */

struct child {
	pid_t pid;
	FILE *out, *err;
	int status;                     /* as a shell's */
	bool timed_out;
	int ms;
};

static FILE *unnamed_file(void)
{
	FILE *f = tmpfile();

	if (!f) {
		perror("tmpfile");
		exit(1);
	}
	fcntl(fileno(f), F_SETFD, FD_CLOEXEC);
	return f;
}

static void set_env(const char *assignments)
{
	char *copy = strdup(assignments);

	for (char *a = strtok(copy, "\n"); a; a = strtok(NULL, "\n"))
		putenv(a);              /* keeps a: copy is never freed */
}

static void exec_test(const struct test *t, const char *procs)
{
	char run[300], value[300], *argv[MAX_WRAP + 3];
	int n = wrap_words(argv);
	const char *more;

	unsetenv("MILLRACE");
	if (t->env)
		set_env(t->env);
	if (procs) {
		more = getenv("MILLRACE");
		snprintf(value, sizeof value, "%s%sprocs=%s", more ? more : "",
			 more ? "," : "", procs);
		setenv("MILLRACE", value, 1);
	}
	snprintf(run, sizeof run, "--run=%s.%s", t->unit, t->name);
	argv[n++] = (char *)self;
	argv[n++] = run;
	argv[n] = NULL;
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static void start(struct child *c, const struct test *t, const char *procs,
		  const sigset_t *mask)
{
	pid_t parent = getpid();

	c->out = unnamed_file();
	c->err = unnamed_file();
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0) {
		perror("fork");
		exit(1);
	}
	if (c->pid > 0) {
		setpgid(c->pid, c->pid);
		return;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	close(null);
	dup2(fileno(c->out), STDOUT_FILENO);
	dup2(fileno(c->err), STDERR_FILENO);
	sigprocmask(SIG_SETMASK, mask, NULL);
	exec_test(t, procs);
}

/* True once the child is over; it stays a zombie, so its number stays its own. */
static bool child_ended(struct child *c, int64_t deadline, const sigset_t *set)
{
	for (;;) {
		siginfo_t si = { 0 };
		int64_t left = deadline - now_ms();
		struct timespec ts = { left / 1000, left % 1000 * 1000000 };

		waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOHANG | WNOWAIT);
		if (si.si_pid == c->pid)
			return true;
		if (left <= 0)
			return false;
		int sig = sigtimedwait(set, NULL, &ts);
		if (sig > 0 && sig != SIGCHLD) {
			kill(-c->pid, SIGKILL);
			signal(sig, SIG_DFL);
			sigprocmask(SIG_UNBLOCK, set, NULL);
			raise(sig);
		}
	}
}

static void run_child(struct child *c, const struct test *t, const char *procs)
{
	int64_t begin = now_ms();
	int64_t limit = (int64_t)(t->limit ? t->limit : DEFAULT_LIMIT) * test_slow() * 1000;
	sigset_t set, mask;
	int wstatus;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &mask);
	start(c, t, procs, &mask);
	c->timed_out = !child_ended(c, begin + limit, &set);
	if (c->timed_out) {
		/* The library dumps the goroutines. */
		kill(c->pid, SIGQUIT);
		child_ended(c, now_ms() + 5000, &set);
	}
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	c->status = as_shell_status(wstatus);
	c->ms = (int)(now_ms() - begin);
}

/* The file's content as a string: its first 16 MiB, NULs shown as '?'. */
static char *content(FILE *f)
{
	size_t max = 16 << 20, n;
	off_t size = lseek(fileno(f), 0, SEEK_END);
	char *s;

	if (size < 0)
		size = 0;
	if ((size_t)size < max)
		max = (size_t)size;
	s = calloc(1, max + 1);
	rewind(f);
	n = fread(s, 1, max, f);
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\0')
			s[i] = '?';
	fclose(f);
	return s;
}

static bool expects_a_report(const struct test *t)
{
	for (const char *const *e = t->err; e && *e; e++)
		if (strstr(*e, "Sanitizer") || strstr(*e, "runtime error"))
			return true;
	return false;
}

/* Each text after the one before; one with '!' nowhere after it. */
static const char *missing_text(const struct test *t, const char *err)
{
	for (const char *const *e = t->err; e && *e; e++) {
		const char *at = strstr(err, **e == '!' ? *e + 1 : *e);

		if (**e == '!' ? at != NULL : at == NULL)
			return *e;
		if (**e != '!')
			err = at + strlen(*e);
	}
	return NULL;
}

/* Why the test failed, or NULL. */
static const char *verdict(const struct test *t, const struct child *c, const char *out,
			   const char *err)
{
	static char why[300];
	const char *text;

	if (c->timed_out) {
		snprintf(why, sizeof why, "timed out");
	} else if (c->status != t->status) {
		if (c->status > 128)
			snprintf(why, sizeof why, "killed by signal %d (%s)",
				 c->status - 128, strsignal(c->status - 128));
		else
			snprintf(why, sizeof why, "status %d", c->status);
		if (t->status)
			snprintf(why + strlen(why), 40, ", expected %d", t->status);
	} else if ((text = missing_text(t, err))) {
		snprintf(why, sizeof why, *text == '!' ? "its stderr contains: %s" :
			 "its stderr lacks, at its place: %s", *text == '!' ? text + 1 : text);
	} else if (t->quiet && *err) {
		snprintf(why, sizeof why, "its stderr is not empty");
	} else if (t->out && strcmp(t->out, out) != 0) {
		snprintf(why, sizeof why, "its stdout is not what was expected");
	} else if (!expects_a_report(t) &&
		   (strstr(err, "Sanitizer") || strstr(err, "runtime error:"))) {
		/* A status of 2 hides the one of the sanitizer. */
		snprintf(why, sizeof why, "a sanitizer's report");
	} else {
		return NULL;
	}
	return why;
}

static void show(const char *label, const char *s)
{
	enum { HEAD = 16 << 10, TAIL = 16 << 10 };
	size_t n = strlen(s);

	if (n == 0)
		return;
	printf("  ---- %s\n", label);
	if (n <= HEAD + TAIL)
		fputs(s, stdout);
	else
		printf("%.*s\n  ... (%zu bytes)\n%s", HEAD, s, n - HEAD - TAIL, s + n - TAIL);
	if (s[n - 1] != '\n')
		putchar('\n');
}

static bool has_knobs(const struct test *t)
{
	return t->env && strstr(t->env, "MILLRACE=");
}

static void run_test(const struct test *t, const char *procs)
{
	struct child c = { 0 };
	char *out, *err, title[400];
	const char *why, *reason;

	run_child(&c, t, procs);
	out = content(c.out);
	err = content(c.err);
	snprintf(title, sizeof title, "%s %s%s%s (%d ms)", t->unit, t->name,
		 procs ? " procs=" : "", procs ? procs : "", c.ms);
	reason = strstr(out, "skip: ");
	if (!c.timed_out && c.status == STATUS_SKIP && reason) {
		skipped++;
		printf("skip %s: %.*s\n", title, (int)strcspn(reason + 6, "\n"), reason + 6);
	} else if ((why = verdict(t, &c, out, err))) {
		failed++;
		printf("FAIL %s: %s\n", title, why);
		show("stdout", out);
		show("stderr", err);
		printf("  ---- again: %s%s%s%s %s --run=%s.%s\n",
		       t->env ? t->env : "", !procs ? "" : has_knobs(t) ? "," :
		       t->env ? " MILLRACE=" : "MILLRACE=",
		       procs ? "procs=" : "", procs ? procs : "", self, t->unit,
		       t->name);
	} else {
		passed++;
		printf("ok %s\n", title);
	}
	fflush(stdout);
	free(out);
	free(err);
}

static void run_at_each_procs(const struct test *t)
{
	const char *env = getenv("MR_TEST_PROCS");
	char *list, *save, *n;

	/* A test that sets procs itself has its reasons. */
	if (!t->procs || (t->env && strstr(t->env, "procs="))) {
		run_test(t, NULL);
		return;
	}
	list = strdup(env && *env ? env : "1 2 8");
	for (n = strtok_r(list, " ", &save); n; n = strtok_r(NULL, " ", &save))
		run_test(t, n);
	free(list);
}

/* filter: a part of "binary unit.behaviour unit behaviour" */
static bool matches(const struct test *t, const char *filter)
{
	char name[700];
	const char *base = strrchr(self, '/');

	snprintf(name, sizeof name, "%s %s.%s %s %s", base ? base + 1 : self,
		 t->unit, t->name, t->unit, t->name);
	return strstr(name, filter) != NULL;
}

static int run_body(const char *name)
{
	for (struct test *t = tests; t; t = t->next) {
		size_t n = strlen(t->unit);

		if (strncmp(t->unit, name, n) != 0 || name[n] != '.' ||
		    strcmp(t->name, name + n + 1) != 0)
			continue;
		setvbuf(stdout, NULL, _IOLBF, 0);
		/* A shell ignores it for what it starts in the background. */
		signal(SIGQUIT, SIG_DFL);
		t->body();
		return 0;
	}
	fprintf(stderr, "no test %s\n", name);
	return 127;
}

int main(int argc, char **argv)
{
	const char *filter = "", *run = NULL;
	bool list = false, planted = false;
	int repeat = 1;

	self = argv[0];
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--filter=", 9) == 0)
			filter = argv[i] + 9;
		else if (strncmp(argv[i], "--repeat=", 9) == 0)
			repeat = atoi(argv[i] + 9);
		else if (strncmp(argv[i], "--run=", 6) == 0)
			run = argv[i] + 6;
		else if (strcmp(argv[i], "--list") == 0)
			list = true;
		else if (strcmp(argv[i], "--planted") == 0)
			planted = true;
		else {
			fprintf(stderr, "usage: %s [--list] [--filter=SUBSTRING] "
				"[--repeat=N] [--run=unit.behaviour]\n", self);
			return 2;
		}
	}
	if (run)
		return run_body(run);
	signal(SIGCHLD, SIG_DFL);
	while (repeat-- > 0) {
		for (struct test *t = tests; t; t = t->next) {
			if (t->planted != planted || !matches(t, filter))
				continue;
			if (list)
				printf("%s %s\n", t->unit, t->name);
			else
				run_at_each_procs(t);
		}
	}
	if (list)
		return 0;
	printf("%d passed, %d failed", passed, failed);
	if (skipped)
		printf(", %d skipped", skipped);
	putchar('\n');
	return failed != 0;
}
