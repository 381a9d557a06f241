/* fork_test.c - fork in a running program: what works in the child. (What does not is in
 * tests/crash.) None can flake: the parent waits for each child. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static waitgroup wg;
static int stop;

static void works(chan(int) ch)
{
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		chan_trysend(ch, 1);
		chan_tryrecv(ch, (int *)NULL);
		go_yield();
	}
}
/* Others work, so that the fork copies a runtime in the middle of things. */
static void start_work(void)
{
	chan(int) ch = chan_make(int, 1);

	for (int i = 0; i < 4; i++)
		wg_go(&wg, works, ch);
	go_yield();
}
static void stop_work(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	wg_wait(&wg);
}

enum how { EXEC, EXIT, EXIT_NOW, NHOW };

/* LeakSanitizer would look, at exit, for the threads that a child does not have. */
static int in_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return in_child;
}

static void expect_child(pid_t pid, int status)
{
	int wstatus;

	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &wstatus, 0), pid);
	CHECK(WIFEXITED(wstatus));
	CHECK_EQ(WEXITSTATUS(wstatus), status);
}
static pid_t fork_child(enum how how)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	in_child = 1;
	alarm(30);                      /* one that hangs fails the test, by SIGALRM */
	switch (how) {
	case EXEC: execl("/bin/sh", "sh", "-c", "exit 3", NULL); _exit(127);
	case EXIT: exit(3);
	default:   _exit(3);
	}
}
static void every_way(void)
{
	for (int i = 0; i < NHOW; i++)
		for (int k = 0; k < test_rounds(10); k++)
			expect_child(fork_child(i), 3);
}
TEST(fork, from_main)
{
	start_work();
	every_way();
	stop_work();
}
TEST(fork, from_a_goroutine)
{
	waitgroup one = { 0 };

	start_work();
	wg_go(&one, every_way);
	wg_wait(&one);
	stop_work();
}
static void *on_thread(void *arg)
{
	every_way();
	return arg;
}
TEST(fork, from_a_thread)
{
	pthread_t t;

	start_work();
	CHECK_EQ(pthread_create(&t, NULL, on_thread, NULL), 0);
	pthread_join(t, NULL);
	stop_work();
}

/* The child returns from main, and runs what atexit was told. */
static void at_exit(void)
{
	_exit(4);
}
TEST(fork, child_returns_from_main, .out = "parent\n")
{
	int status;
	pid_t pid;

	start_work();
	pid = fork();
	if (pid == 0) {
		alarm(30);
		atexit(at_exit);
		return;
	}
	stop_work();
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 4);
	printf("parent\n");
}

/* A program that forks before it uses the library is two programs. */
static void double_it(chan(int) in, chan(int) out)
{
	chan_range(v, in)
		chan_send(out, 2 * v);
	chan_close(out);
}
static void whole_program(void)
{
	chan(int) in = chan_make(int), out = chan_make(int, 1);

	go(double_it, in, out);
	chan_send(in, 21);
	CHECK_EQ(chan_recv(out), 42);
	chan_close(in);
	CHECK(!chan_recv(out, (int *)NULL));
	go_sleep(MICROSECOND);
	CHECK_EQ(go_id(), 1);
}
TEST(fork, before_the_first_call)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(30);
		whole_program();
		_exit(5);
	}
	whole_program();
	expect_child(pid, 5);
}

/* vfork and exec, as posix_spawn and system do. */
TEST(fork, system)
{
	start_work();
	for (int i = 0; i < test_rounds(10); i++)
		CHECK_EQ(WEXITSTATUS(system("exit 6")), 6);
	stop_work();
}

/* The parent goes on as if nothing had happened, and the child's errno and output are
 * its own. */
TEST(fork, plain_calls_in_the_child)
{
	int fds[2];
	char text[32] = { 0 };
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	start_work();
	pid = fork();
	if (pid == 0) {
		alarm(30);
		errno = 9;
		dprintf(fds[1], "errno %d", errno);
		_exit(0);
	}
	expect_child(pid, 0);
	CHECK(read(fds[0], text, sizeof text - 1) > 0);
	CHECK_STR(text, "errno 9");
	stop_work();
}
