/* fork_test.c - in the child of a fork everything but exec, exit and a return from main
 * ends the child, with that reason. The parent passes the child's status on; it waits for
 * it, so that its text is there. */
#include "harness.h"
#include <millrace.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON "in the child of a fork only exec, exit, _exit and return from main work"

static mutex m;
static waitgroup wg;
static chan(int) ch;

static void nothing(void)
{
}
static void wait_for(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	fprintf(stderr, "child: %s %d\n", WIFEXITED(status) ? "status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
static void prepare(void)
{
	ch = chan_make(int);
	mutex_lock(&m);
	wg_add(&wg, 1);
	for (int i = 0; i < 3; i++)
		go(go_block);
	go_yield();
}
/* True in the child. */
static bool in_child(void)
{
	pid_t pid = fork();

	if (pid) {
		wait_for(pid);
		return false;
	}
	alarm(30);                      /* one that hangs ends by SIGALRM: no match */
	return true;
}
#define CHILD(name_, ...)                                                               \
	CRASH_TEST(fork_then_##name_, 0, REASON, "child: status 2\n")                   \
	{                                                                               \
		prepare();                                                              \
		if (in_child()) {                                                       \
			__VA_ARGS__;                                                    \
			fprintf(stderr, "it worked\n");                                 \
			_exit(0);                                                       \
		}                                                                       \
	}

CHILD(go, go(nothing))
CHILD(yield, go_yield())
CHILD(sleep, go_sleep(MILLISECOND))
CHILD(chan_recv, (void)chan_recv(ch))
CHILD(chan_send, chan_send(ch, 1))
CHILD(select, chan_select(on_recv(ch), on_send(ch, 1)))
CHILD(select_with_timeout, chan_select(on_recv(ch), on_timeout(MILLISECOND)))
CHILD(mutex_lock, mutex_lock(&m))
CHILD(wg_wait, wg_wait(&wg))
CHILD(block, go_block())
CHILD(go_exit, go_exit())
CHILD(timer, timer *t = timer_make(MILLISECOND); timer_free(t))
CHILD(trysend, chan_trysend(ch, 1))
CHILD(blocking, go_blocking_begin(); go_blocking_end())
CHILD(procs, go_procs(7))

/* A goroutine that forks has no main to return from. */
static void forks(void)
{
	if (in_child())
		return;
	wg_done(&wg);
}
CRASH_TEST(fork_then_return_from_a_goroutine, 0, REASON, "child: status 2\n")
{
	wg_add(&wg, 1);
	go(forks);
	wg_wait(&wg);
}
static void forks_and_receives(void)
{
	if (in_child()) {
		chan_recv(ch);
		_exit(0);
	}
	wg_done(&wg);
}
CRASH_TEST(fork_then_chan_recv_in_a_goroutine, 0, REASON, "child: status 2\n")
{
	ch = chan_make(int);
	wg_add(&wg, 1);
	go(forks_and_receives);
	wg_wait(&wg);
}

/* A panic is for the child's author to read. */
CRASH_TEST(fork_then_panic, 0, "panic: in the child\n\ngoroutine 1 [running]:",
	   "child: status 2\n")
{
	prepare();
	if (in_child())
		panic("in the child");
}

/* What only asks is harmless. */
CRASH_TEST(fork_then_ask, 0, "child: status 0\n")
{
	prepare();
	if (in_child()) {
		CHECK_EQ(go_id(), 1);
		errno = 3;
		CHECK_EQ(errno, 3);
		go_dump(-1);
		_exit(0);
	}
}
