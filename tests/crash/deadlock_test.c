/* deadlock_test.c - the report when nothing can ever run again, and when there is none.
 *
 * A crash test cannot flake: it waits for the report. The others wait for an event that
 * comes later than any false report would: the detector looks as soon as all threads are
 * asleep, and again 10 ms later, so with 60 ms of quiet it has looked several times. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLOCK "fatal error: all goroutines are asleep - deadlock!\n\n"
#define MAIN(why) "goroutine 1 [" why ", ", "s]: main\n"

static chan(int) ch;
static mutex m;
static rwmutex rw;
static waitgroup wg;
static cond c;
static once o;

static void recv_it(void) { chan_recv(ch); }
static void send_it(void) { chan_send(ch, 1); }
static void recv_nil(void) { chan_recv((chan(int))NULL); }
static void send_nil(void) { chan_send((chan(int))NULL, 1); }
static void select_it(void) { chan_select(on_recv(ch), on_send((chan(int))NULL, 1)); }
static void lock_it(void) { mutex_lock(&m); }
static void rlock_it(void) { rwmutex_rlock(&rw); }
static void wlock_it(void) { rwmutex_lock(&rw); }
static void wait_it(void) { wg_wait(&wg); }
static void once_it(void) { once_do(&o, recv_nil); }
static void block_it(void) { go_block(); }
static void cond_it(void)
{
	mutex own = { 0 };

	mutex_lock(&own);
	cond_wait(&c, &own);
}

/* ---------------------------------------------------------------- the report -- */

CRASH_TEST(deadlock_recv, 2, DEADLOCK, MAIN("chan receive"), "\twaits on 0x", "!created by")
{
	ch = chan_make(int);
	recv_it();
}
CRASH_TEST(deadlock_send, 2, DEADLOCK, MAIN("chan send"))
{
	ch = chan_make(int, 1);
	send_it();
	send_it();
}
CRASH_TEST(deadlock_nil_channels, 2, DEADLOCK, MAIN("chan receive (nil chan)"),
	   "chan send (nil chan), ", "]: send_nil\n")
{
	go(send_nil);
	recv_nil();
}
CRASH_TEST(deadlock_select, 2, DEADLOCK, MAIN("select"))
{
	ch = chan_make(int);
	select_it();
}
CRASH_TEST(deadlock_select_none, 2, DEADLOCK, MAIN("select (no cases)"))
{
	chan_select_n(NULL, 0);
}
CRASH_TEST(deadlock_select_of_nil, 2, DEADLOCK, "goroutine 1 [select", "s]: main\n")
{
	chan_select(on_recv((chan(int))NULL), on_send((chan(int))NULL, 1));
}
CRASH_TEST(deadlock_block, 2, DEADLOCK, MAIN("go_block")) { go_block(); }
CRASH_TEST(deadlock_mutex, 2, DEADLOCK, MAIN("sync.Mutex.Lock"))
{
	mutex_lock(&m);
	lock_it();
}
CRASH_TEST(deadlock_rlock, 2, DEADLOCK, MAIN("sync.RWMutex.RLock"))
{
	rwmutex_lock(&rw);
	rlock_it();
}
CRASH_TEST(deadlock_wlock, 2, DEADLOCK, MAIN("sync.RWMutex.Lock"))
{
	rwmutex_rlock(&rw);
	wlock_it();
}
CRASH_TEST(deadlock_waitgroup, 2, DEADLOCK, MAIN("sync.WaitGroup.Wait"))
{
	wg_add(&wg, 1);
	wait_it();
}
CRASH_TEST(deadlock_cond, 2, DEADLOCK, MAIN("sync.Cond.Wait")) { cond_it(); }
static void again(void)
{
	once_do(&o, again);
}
CRASH_TEST(deadlock_once, 2, DEADLOCK, MAIN("sync.Once.Do")) { again(); }

/* Everybody is listed, in the order of the stacks, main first. */
CRASH_TEST(deadlock_lists_everybody, 2, DEADLOCK, MAIN("sync.WaitGroup.Wait"),
	   "\twaits on 0x", "goroutine ", " [chan receive, ", "]: recv_it\n", "\twaits on 0x",
	   "created by test_crash__deadlock_lists_everybody at ", "deadlock_test.c:")
{
	wg_add(&wg, 1);
	ch = chan_make(int);
	go(recv_it);
	wg_wait(&wg);
}
/* All kinds at once, whichever slots they have. */
static void (*const kinds[])(void) = {
	recv_it, recv_nil, send_nil, lock_it, rlock_it, wlock_it, wait_it, cond_it, once_it,
	block_it, select_it,
};
CRASH_TEST(deadlock_of_all_kinds, 2, DEADLOCK, MAIN("go_block"), "created by test_crash__")
{
	ch = chan_make(int);
	mutex_lock(&m);
	rwmutex_lock(&rw);
	wg_add(&wg, 1);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		go(kinds[i]);
	go_block();
}
CRASH_TEST(deadlock_of_thousands, 2, DEADLOCK, MAIN("chan receive"))
{
	ch = chan_make(int);
	for (int i = 0; i < (TEST_TSAN ? 300 : 3000); i++)
		go(recv_it);
	recv_it();
}
/* Two that wait for each other, as it happens. */
static mutex first, second;
static void second_then_first(void)
{
	mutex_lock(&second);
	while (mutex_trylock(&first)) {
		mutex_unlock(&first);
		go_yield();
	}
	mutex_lock(&first);
}
CRASH_TEST(deadlock_of_lock_order, 2, DEADLOCK, MAIN("sync.Mutex.Lock"),
	   "[sync.Mutex.Lock, ", "]: second_then_first\n")
{
	go(second_then_first);
	while (mutex_trylock(&second)) {
		mutex_unlock(&second);
		go_yield();
	}
	mutex_lock(&first);
	mutex_lock(&second);
}

/* After much has happened: nothing is left that looks alive. */
static void pass(chan(int) in, chan(int) out)
{
	chan_range(v, in)
		chan_send(out, v);
}
CRASH_TEST(deadlock_after_work, 2, DEADLOCK, MAIN("chan receive"))
{
	chan(int) out = chan_make(int);
	timer *t = timer_make(MILLISECOND);

	ch = chan_make(int);
	go(pass, ch, out);
	for (int i = 0; i < 100; i++) {
		chan_send(ch, i);
		CHECK_EQ(chan_recv(out), i);
	}
	chan_recv(timer_chan(t));
	go_sleep(MILLISECOND);
	chan_select(on_recv(out), on_timeout(MILLISECOND));
	go_procs(5);
	chan_recv(out);
}
CRASH_TEST(deadlock_after_a_stopped_timer, 2, DEADLOCK, MAIN("chan receive"))
{
	timer *t = timer_make(HOUR);

	CHECK(timer_stop(t));
	chan_recv(timer_chan(t));
}
CRASH_TEST(deadlock_after_blocking_sections, 2, DEADLOCK, MAIN("go_block"))
{
	for (int i = 0; i < 100; i++) {
		go_blocking_begin();
		go_blocking_end();
	}
	go_block();
}
static void locked_block(void)
{
	go_lock_thread();
	go_block();
}
CRASH_TEST(deadlock_of_locked_ones, 2, DEADLOCK, "goroutine 1 [go_block, ",
	   ", locked to thread]: main", ", locked to thread]: locked_block\n")
{
	go(locked_block);
	go_lock_thread();
	go_block();
}
static void pinned_block(void)
{
	go_pin();
	go_yield();
	go_block();
}
CRASH_TEST(deadlock_of_pinned_ones, 2, DEADLOCK, MAIN("go_block"), "]: pinned_block\n")
{
	go(pinned_block);
	go_pin();
	go_block();
}
CRASH_TEST(deadlock_of_a_named_one, 2, DEADLOCK, "]: feeder\n")
{
	go_with(((go_opts){ .name = "feeder" }), block_it);
	go_block();
}

/* main is gone: the words are Go's. */
CRASH_TEST(deadlock_main_exited, 2,
	   "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n",
	   "!goroutine ")
{
	go(go_yield);
	go_exit();
}
CRASH_TEST(deadlock_main_exited_others_wait, 2, DEADLOCK, "]: block_it\n", "!: main\n")
{
	go(block_it);
	go_exit();
}
CRASH_TEST_ENV(deadlock_crash, "MILLRACE=crash=1", SIG(6), DEADLOCK, MAIN("go_block"))
{
	go_block();
}

/* What it printed is not lost. */
TEST(crash, deadlock_flushes_stdout, .status = 2, .out = "before\n",
     .err = (const char *const[]){ DEADLOCK, NULL })
{
	printf("before\n");
	go_block();
}

/* --------------------------------------------------------------- with threads -- */

static void *receives(void *arg)
{
	chan_recv((chan(int))arg);
	return NULL;
}
static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	return t;
}
/* TSan would report one that nobody joins. */
static void start_alone(void *(*fn)(void *), void *arg)
{
	pthread_detach(start(fn, arg));
}
/* A thread that waits for us cannot help. */
CRASH_TEST(deadlock_with_a_waiting_thread, 2, DEADLOCK, MAIN("chan receive"),
	   "1 foreign thread waits too\n")
{
	ch = chan_make(int);
	start_alone(receives, ch);
	recv_it();
}
CRASH_TEST(deadlock_with_waiting_threads, 2, DEADLOCK, "3 foreign threads wait too\n")
{
	ch = chan_make(int);
	for (int i = 0; i < 3; i++)
		start_alone(receives, ch);
	recv_it();
}

static void *waits_for_byte(void *arg)
{
	char b;

	CHECK_EQ(read(*(int *)arg, &b, 1), 1);
	return NULL;
}
static void *uses_then_waits(void *arg)
{
	go_yield();
	return waits_for_byte(arg);
}
static void give_byte(int *fds)
{
	go_sleep(60 * MILLISECOND);
	fprintf(stderr, "the thread ends\n");
	CHECK_EQ(write(fds[1], "x", 1), 1);
}
/* One that does something else could, even if it never made a call; when it is over
 * nobody can. The goroutine that ends it is the last to run. */
CRASH_TEST(deadlock_after_a_thread_has_ended, 2, "the thread ends\n", DEADLOCK)
{
	static int fds[2];

	CHECK_EQ(pipe(fds), 0);
	start_alone(waits_for_byte, &fds[0]);
	go(give_byte, fds);
	go_block();
}
CRASH_TEST(deadlock_after_a_user_thread_has_ended, 2, "the thread ends\n", DEADLOCK)
{
	static int fds[2];

	CHECK_EQ(pipe(fds), 0);
	start_alone(uses_then_waits, &fds[0]);
	go(give_byte, fds);
	go_block();
}

/* ------------------------------------------------------------------- none yet -- */

static void *sends_later(void *arg)
{
	usleep(60000);
	chan_send((chan(int))arg, 5);
	return NULL;
}
TWIN(deadlock_thread_will_send)
{
	pthread_t t;

	ch = chan_make(int);
	t = start(sends_later, ch);
	CHECK_EQ(chan_recv(ch), 5);
	pthread_join(t, NULL);
}
static void *exits_later(void *arg)
{
	usleep(60000);
	exit(*(int *)arg);
}
TWIN(deadlock_thread_never_called_the_library)
{
	static int zero;

	start_alone(exits_later, &zero);
	go_block();
}

TWIN(deadlock_sleeper)
{
	go_sleep(60 * MILLISECOND);
}
static void send_later(void)
{
	go_sleep(60 * MILLISECOND);
	chan_send(ch, 1);
}
TWIN(deadlock_timers)
{
	timer *t = timer_make(60 * MILLISECOND);

	chan_recv(timer_chan(t));
	timer_free(t);
	ch = chan_make(int);
	CHECK_EQ(chan_select(on_recv(ch), on_timeout(60 * MILLISECOND)), 1);
	go(send_later);
	CHECK_EQ(chan_recv(ch), 1);
}
static void from_timer(void *arg)
{
	chan_send((chan(int))arg, 1);
}
TWIN(deadlock_timer_function)
{
	timer *t;

	ch = chan_make(int);
	t = timer_after_func(60 * MILLISECOND, from_timer, ch);
	CHECK_EQ(chan_recv(ch), 1);
	timer_free(t);
}

/* In a plain blocking call, and in one between begin and end: a child process writes. */
static int pipe_of_a_later_byte(void)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	if (fork() == 0) {
		usleep(60000);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		_exit(0);
	}
	return fds[0];
}
static void reads_then_sends(int fd, bool mark)
{
	char b;

	if (mark)
		go_blocking_begin();
	CHECK_EQ(read(fd, &b, 1), 1);
	if (mark)
		go_blocking_end();
	chan_send(ch, 1);
}
TWIN(deadlock_plain_read)
{
	int fd = pipe_of_a_later_byte();

	ch = chan_make(int);
	go(reads_then_sends, fd, false);
	CHECK_EQ(chan_recv(ch), 1);
}
TWIN(deadlock_marked_read)
{
	int fd = pipe_of_a_later_byte();

	ch = chan_make(int);
	go(reads_then_sends, fd, true);
	CHECK_EQ(chan_recv(ch), 1);
}
/* main itself, and nobody else. */
TWIN(deadlock_main_reads)
{
	int fd = pipe_of_a_later_byte();
	char b;

	go_yield();
	CHECK_EQ(read(fd, &b, 1), 1);
}
TWIN(deadlock_main_reads_while_all_wait)
{
	int fd = pipe_of_a_later_byte();
	char b;

	ch = chan_make(int);
	for (int i = 0; i < 10; i++)
		go(recv_it);
	go_lock_thread();
	CHECK_EQ(read(fd, &b, 1), 1);
}

/* A signal may come: from a child, as from anywhere. */
TWIN(deadlock_signals)
{
	pid_t parent = getpid(), child;

	ch = chan_make(int, 1);
	signal_notify((send_chan(int))ch, SIGUSR1);
	child = fork();
	if (child == 0) {
		usleep(60000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_EQ(chan_recv(ch), SIGUSR1);
	waitpid(child, NULL, 0);
	signal_stop((send_chan(int))ch);
}
/* Once they are stopped, none will. */
CRASH_TEST(deadlock_after_signal_stop, 2, DEADLOCK, MAIN("chan receive"))
{
	ch = chan_make(int, 1);
	signal_notify((send_chan(int))ch, SIGUSR1);
	signal_stop((send_chan(int))ch);
	recv_it();
}

/* main in pthread_join is a goroutine in a blocking call. */
TWIN(deadlock_main_joins_a_thread)
{
	pthread_t t;

	ch = chan_make(int);
	go(send_later);
	t = start(receives, ch);
	pthread_join(t, NULL);
}
/* Thousands of sleepers and wakers, with pauses in which all sleep: no false report. */
static void naps(int n)
{
	while (n-- > 0)
		go_sleep((n % 7) * MILLISECOND);
	wg_done(&wg);
}
TWIN(deadlock_naps)
{
	wg_add(&wg, 200);
	for (int i = 0; i < 200; i++)
		go(naps, 20);
	wg_wait(&wg);
}
