/* run_test.c - other programs, and contexts that a signal ends. */
#define _GNU_SOURCE
#include "waiting.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static context *bg(void)
{
	return ctx_background();
}

#define ARGV(...) ((char **)(uintptr_t)(const char *[]){ __VA_ARGS__, NULL })

static proc *run(char *const argv[], proc_opts opts)
{
	proc *p;

	if (getenv("MR_TEST_WRAP"))
		SKIP("other programs do not run in the emulator");
	CHECK_EQ(proc_run(bg(), argv, &opts, &p), 0);
	return p;
}

static void check_no_children(void)
{
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_EQ(errno, ECHILD);
}

TEST(proc, exit_status)
{
	proc *p = run(ARGV("sh", "-c", "exit 42"), (proc_opts){ 0 });
	int status = -1;
	bool ok;

	CHECK_EQ(chan_recv(proc_exited(p)), 42);
	ok = chan_recv(proc_exited(p), &status);
	CHECK(!ok && status == 0);
	CHECK_EQ(proc_kill(p, SIGTERM), -ESRCH);
	CHECK_EQ(proc_in(p), -EBADF);
	proc_free(p);
	proc_free(NULL);
	check_no_children();
	CHECK_EQ(proc_run(bg(), ARGV("true"), NULL, &p), 0);
	CHECK_EQ(chan_recv(proc_exited(p)), 0);
	proc_free(p);
}

TEST(proc, what_cannot_be_run)
{
	proc *p;

	if (getenv("MR_TEST_WRAP"))
		SKIP("other programs do not run in the emulator");
	CHECK_EQ(proc_run(bg(), ARGV("no-such-program"), NULL, &p), -ENOENT);
	CHECK_EQ(proc_run(bg(), ARGV("/"), NULL, &p), -EACCES);
	CHECK_EQ(proc_run(bg(), ARGV("cat"), &(proc_opts){ .in = PROC_PIPE, .out = PROC_PIPE,
							   .dir = "/no/such" }, &p),
		 -ENOENT);
	CHECK_EQ(proc_run(bg(), ARGV("cat"), &(proc_opts){ .in = PROC_STDOUT }, &p),
		 -EINVAL);
	check_no_children();
}

static void feed(proc *p, int lines)
{
	bufio_writer *w = bufio_writer_fd(proc_in(p), 1000);

	for (int i = lines; i > 0; i--)
		bufio_printf(bg(), w, "%d\n", i);
	CHECK_EQ(bufio_flush(bg(), w), 0);
	bufio_writer_free(w);
	CHECK_EQ(proc_close_in(p), 0);
	CHECK_EQ(proc_close_in(p), -EBADF);
}

TEST(proc, through_sort)
{
	proc *p = run(ARGV("sort", "-n"), (proc_opts){ .in = PROC_PIPE, .out = PROC_PIPE });
	bufio_reader *r = bufio_reader_fd(proc_out(p), 4096);
	char *line;

	go(feed, p, 20000);
	for (int i = 1; i <= 20000; i++) {
		CHECK(bufio_readline(bg(), r, &line) > 0);
		CHECK_EQ(atoi(line), i);
	}
	CHECK_EQ(bufio_readline(bg(), r, &line), 0);
	CHECK_EQ(chan_recv(proc_exited(p)), 0);
	bufio_reader_free(r);
	proc_free(p);
	check_no_children();
}

TEST(proc, descriptors_folder_and_environment)
{
	char **env = ARGV("COLOUR=blue", "PATH=/bin:/usr/bin");
	char buf[100] = "";
	int fd[2];
	proc *p;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	p = run(ARGV("sh", "-c", "pwd; echo $COLOUR >&2; echo $HOME; cat"),
		(proc_opts){ .in = PROC_NULL, .out = PROC_FD(fd[1]), .err = PROC_STDOUT,
			     .dir = "/", .env = env });
	CHECK_EQ(close(fd[1]), 0);
	CHECK_EQ(io_readfull(bg(), fd[0], buf, sizeof buf), 8);
	CHECK(strcmp(buf, "/\nblue\n\n") == 0);
	CHECK_EQ(chan_recv(proc_exited(p)), 0);
	CHECK_EQ(io_close(fd[0]), 0);
	proc_free(p);
}

TEST(proc, killed)
{
	proc *p = run(ARGV("sleep", "1000"), (proc_opts){ 0 });
	context *ctx = ctx_with_cancel(bg());

	CHECK(proc_pid(p) > 0);
	CHECK_EQ(proc_kill(p, SIGTERM), 0);
	CHECK_EQ(chan_recv(proc_exited(p)), 256 + SIGTERM);
	proc_free(p);
	CHECK_EQ(proc_run(ctx, ARGV("sleep", "1000"), NULL, &p), 0);
	ctx_cancel(ctx);
	CHECK_EQ(chan_recv(proc_exited(p)), 256 + SIGKILL);
	proc_free(p);
	CHECK_EQ(proc_run(ctx, ARGV("true"), NULL, &p), -ECANCELED);
	ctx_free(ctx);
	ctx = ctx_with_timeout(bg(), MILLISECOND);
	CHECK_EQ(proc_run(ctx, ARGV("sleep", "1000"), NULL, &p), 0);
	ctx_unref(ctx_ref(ctx));
	CHECK_EQ(chan_recv(proc_exited(p)), 256 + SIGKILL);
	proc_free(p);
	ctx_free(ctx);
	check_no_children();
}

TEST(proc, freed_before_its_end)
{
	proc *p = run(ARGV("cat"), (proc_opts){ .in = PROC_PIPE });

	proc_free(p);                   /* with its pipe closed it ends */
	while (go_count() > 1)
		go_yield();
	check_no_children();
}

static void one(int i, waitgroup *wg)
{
	char text[20], back[20] = "";
	int n = snprintf(text, sizeof text, "%d", i);
	proc *p = run(ARGV("echo", "-n", text), (proc_opts){ .out = PROC_PIPE });

	CHECK_EQ(io_readfull(bg(), proc_out(p), back, sizeof back), n);
	CHECK(strcmp(text, back) == 0);
	CHECK_EQ(chan_recv(proc_exited(p)), 0);
	proc_free(p);
	wg_done(wg);
}

TEST(proc, many_at_once)
{
	waitgroup wg = {0};
	int first = dup(0), last;

	close(first);
	wg_add(&wg, 30);
	for (int i = 0; i < 30; i++)
		go(one, i, &wg);
	wg_wait(&wg);
	while (go_count() > 1)
		go_yield();
	/* What netpoll itself needs, and what sysmon has open for a moment. */
	last = dup(0);
	CHECK(last < first + 10);
	check_no_children();
}

/* ---------------------------------------------------------------- signals -- */

TEST(signal, context_ends)
{
	context *ctx = signal_context(bg(), SIGUSR1, SIGTERM);
	char buf[10];
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ctx_err(ctx), 0);
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	CHECK_EQ(io_read(ctx, fd[0], buf, sizeof buf), -ECANCELED);
	CHECK(strcmp(ctx_cause(ctx), "signal: Terminated") == 0);
	ctx_free(ctx);
	while (go_count() > 1)
		go_yield();
	/* It ends the process again. */
	if (fork() == 0) {
		kill(getpid(), SIGTERM);
		_exit(0);
	}
	int status;
	CHECK(wait(&status) > 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(signal, context_is_freed_without_one)
{
	for (int i = 0; i < 100; i++) {
		context *ctx = signal_context(bg(), SIGUSR1);

		if (i % 2)
			go_yield();
		ctx_free(ctx);
	}
	while (go_count() > 1)
		go_yield();
	CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
}
