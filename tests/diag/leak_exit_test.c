/* leak_exit_test.c - the ways in which a process ends with MILLRACE=leaks=exit, and what
 * go_leaks() does at other times. */
#define TEST_PROCS_ALL
#define _GNU_SOURCE
#include "diag/leak.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static chan(int) ch;
static mutex m;
static waitgroup wg;

static void send_it(void) { chan_send(ch, 1); }
static void recv_it(void) { chan_recv(ch); }
static void lock_it(void)
{
	mutex_lock(&m);
	mutex_unlock(&m);
}

/* ------------------------------------------------------------------ ways to exit -- */

CRASH_TEST_ENV(leak_keeps_a_bad_status, AT_EXIT, 7, ONE("chan receive"))
{
	ch = chan_make(int);
	go(recv_it);
	exit(7);
}
static void exits(void)
{
	exit(0);
}
/* main waits, but it is not left behind: it is the one that would have gone on. */
LEAK(exit_in_a_goroutine, ONE("chan send"), "s]: send_it\n", "!" ENTRY)
{
	ch = chan_make(int);
	go(send_it);
	go(exits);
	wg_add(&wg, 1);
	wg_wait(&wg);
}
static void *exits_thread(void *arg)
{
	exit(0);
	return arg;
}
LEAK(exit_in_a_thread, ONE("chan send"), "s]: send_it\n", "!" ENTRY)
{
	pthread_t t;

	ch = chan_make(int);
	go(send_it);
	CHECK_EQ(pthread_create(&t, NULL, exits_thread, NULL), 0);
	pthread_join(t, NULL);
}
LEAK(exit_after_main, ONE("chan send"), "s]: send_it\n", "!" ENTRY)
{
	ch = chan_make(int);
	go(send_it);
	go(exits);
	go_exit();
}
LEAK(exit_in_a_blocking_section, ONE("chan send"))
{
	ch = chan_make(int);
	go(send_it);
	go_yield();
	go_blocking_begin();
	exit(0);
}
LEAK(exit_on_a_locked_thread, ONE("chan send"))
{
	ch = chan_make(int);
	go_lock_thread();
	go(send_it);
	exit(0);
}
TEST(leak, nothing_is_said_by__exit, .env = AT_EXIT, .quiet = true)
{
	ch = chan_make(int);
	go(recv_it);
	until_waiting("chan receive", 1);
	_exit(0);
}
TEST(leak, nothing_is_said_without_the_knob, .quiet = true)
{
	ch = chan_make(int);
	go(recv_it);
	until_waiting("chan receive", 1);
}
/* The rest of exit() happens: output comes out, handlers run, older ones after ours. */
static void last(void)
{
	fprintf(stderr, "last handler\n");
}
static void first(void)
{
	fprintf(stderr, "first handler\n");
	go(recv_it);
}
LEAK(among_handlers, "first handler\n", ONE("chan receive"), "]: recv_it\n", "last handler\n")
{
	atexit(last);
	ch = chan_make(int);
	atexit(first);
}
TEST(leak, output_is_flushed, .env = AT_EXIT, .status = 3, .out = "begun and finished\n")
{
	printf("begun ");
	ch = chan_make(int);
	go(recv_it);
	printf("and finished\n");
}
CRASH_TEST_ENV(leak_panic_comes_first, AT_EXIT, 2, "panic: it\n", "!" ENTRY)
{
	ch = chan_make(int);
	go(recv_it);
	panic("it");
}
CRASH_TEST_ENV(leak_deadlock_comes_first, AT_EXIT, 2, "all goroutines are asleep", "!" ENTRY)
{
	ch = chan_make(int);
	go(recv_it);
	chan_recv(ch);
}

/* LeakSanitizer would look, at exit, for the threads that a child does not have. */
static int in_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return in_child;
}
TWIN(leak_in_a_forked_child, .env = AT_EXIT)
{
	int status;
	pid_t child;

	ch = chan_make(int);
	go(send_it);
	until_waiting("chan send", 1);
	child = fork();
	if (child == 0) {
		in_child = 1;
		exit(0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	chan_recv(ch);
}

/* ----------------------------------------------------------------------- go_leaks -- */

static char *leaks_text(int *n)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	*n = go_leaks(f);
	fclose(f);
	return text;
}
TEST(go_leaks, says_nothing_of_nobody)
{
	int n;
	char *text = leaks_text(&n);

	CHECK_EQ(n, 0);
	CHECK_STR(text, "");
	free(text);
}
TEST(go_leaks, lists_and_counts)
{
	int n;
	char *text;

	ch = chan_make(int);
	for (int i = 0; i < 3; i++)
		go(send_it);
	go(lock_it);                    /* has the time to finish */
	text = leaks_text(&n);
	CHECK_EQ(n, 3);
	CHECK(strncmp(text, "goroutine leak: 3 goroutines [chan send, ", 40) == 0);
	CHECK(strstr(text, "leak_exit_test.c:") != NULL);
	free(text);

	for (int i = 0; i < 3; i++)
		chan_recv(ch);
	CHECK_EQ(go_leaks(stderr), 0);
	chan_free(ch);
}
/* In a goroutine: neither the caller nor main. */
static void looks(waitgroup *done)
{
	CHECK_EQ(go_leaks(stderr), 0);
	wg_done(done);
}
TEST(go_leaks, in_a_goroutine, .quiet = true)
{
	waitgroup done = { 0 };

	wg_add(&done, 1);
	go(looks, &done);
	wg_wait(&done);
}
static void *looks_thread(void *arg)
{
	*(int *)arg = go_leaks(stderr);
	return NULL;
}
TEST(go_leaks, in_a_thread)
{
	pthread_t t;
	int n = -1;

	ch = chan_make(int);
	go(recv_it);
	CHECK_EQ(pthread_create(&t, NULL, looks_thread, &n), 0);
	pthread_join(t, NULL);
	CHECK_EQ(n, 1);
	chan_send(ch, 1);
	chan_free(ch);
}
/* While channels of all kinds come and go and change hands: no crash, nothing stuck. */
static void come_and_go(bool *on)
{
	while (__atomic_load_n(on, __ATOMIC_RELAXED)) {
		timer *t = timer_make(rand() % 3 * MICROSECOND);
		chan(int) own = chan_make(int);

		chan_select(on_recv(timer_chan(t)), on_recv(own));
		timer_free(t);
		chan_free(own);
	}
	wg_done(&wg);
}
TEST(go_leaks, while_channels_come_and_go, .quiet = true)
{
	static bool on = true;

	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		go(come_and_go, &on);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(go_leaks(stderr), 0);
	__atomic_store_n(&on, false, __ATOMIC_RELAXED);
	wg_wait(&wg);
}
