/* sched_test.c - yield, go_dump and how many threads there are. */
#define _GNU_SOURCE
#include "harness.h"
#include <dirent.h>
#include <millrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static waitgroup wg;

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
static void set(int *p, int v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

/* ------------------------------------------------------------------ yield -- */

static char order[64];
static int at;

static void write_name(char c)
{
	for (int i = 0; i < 3; i++) {
		order[__atomic_fetch_add(&at, 1, __ATOMIC_RELAXED)] = c;
		go_yield();
	}
	wg_done(&wg);
}
/* With one proc and nobody else, runnable goroutines take turns. Cannot flake in an
 * ordinary build: no time is involved but sysmon's, which at most moves the P to
 * another thread. The hostile build's queues are shuffled on purpose. */
TEST(yield, takes_turns, .env = "MILLRACE=procs=1")
{
	wg_add(&wg, 3);
	for (char c = 'a'; c <= 'c'; c++)
		go(write_name, c);
	wg_wait(&wg);
#ifndef MRI_HOSTILE
	/* In whatever order, but always in the same. */
	CHECK_EQ(order[0] + order[1] + order[2], 'a' + 'b' + 'c');
	for (int i = 3; i < 9; i++)
		CHECK_EQ(order[i], order[i % 3]);
#endif
	CHECK_EQ(at, 9);
}

/* Who starts many in a row lets them run: however many, only some hundreds wait to run
 * first. They do nothing else, so all ahead of the creator have ended when its turn
 * comes; the bound leaves room for the turn in which its P is taken. */
static int ran;

static void count_run(void)
{
	__atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST);
	wg_done(&wg);
}
static void start_many(int *most)
{
	int n = test_rounds(20000);

	for (int i = 1; i <= n; i++) {
		wg_add(&wg, 1);
		go(count_run);
		*most = i - get(&ran) > *most ? i - get(&ran) : *most;
	}
	wg_wait(&wg);
	CHECK_EQ(get(&ran), n);
}
TEST(go, of_many_lets_them_run, .env = "MILLRACE=procs=1")
{
	int most = 0;

	start_many(&most);
	CHECK(most < 1000);
}

/* One that is pinned may hold what they want of its thread: it is not made to wait. */
TEST(go, of_many_by_one_that_is_pinned, .env = "MILLRACE=procs=1")
{
	pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
	int64_t self = (int64_t)gettid();

	go_pin();
	pthread_mutex_lock(&mu);
	for (int i = 0; i < 5000; i++) {
		wg_add(&wg, 1);
		go(count_run);
		CHECK_EQ((int64_t)gettid(), self);
	}
	pthread_mutex_unlock(&mu);
	go_unpin();
	wg_wait(&wg);
}

TEST(yield, of_the_only_goroutine)
{
	for (int i = 0; i < test_rounds(100000); i++)
		go_yield();
}

static void *yields(void *arg)
{
	for (int i = 0; i < 1000; i++)
		go_yield();
	return arg;
}
TEST(yield, on_a_thread)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, yields, NULL), 0);
	pthread_join(t, NULL);
}

/* ---------------------------------------------------------------- go_dump -- */

static char *dump(void)
{
	static char text[1 << 20];
	int fd = memfd_create("dump", 0);
	ssize_t n;

	CHECK(fd >= 0);
	go_dump(fd);
	n = pread(fd, text, sizeof text - 1, 0);
	CHECK(n >= 0);
	text[n] = 0;
	close(fd);
	return text;
}
/* The paragraph of the goroutine called name, in the last dump. */
static const char *paragraph(const char *text, const char *name)
{
	static char part[512];
	char head[64];
	const char *in, *from, *to;

	snprintf(head, sizeof head, "]: %s\n", name);
	in = strstr(text, head);
	CHECK(in != NULL);
	for (from = in; from > text && from[-1] != '\n';)
		from--;
	to = strstr(in, "\n\n");
	CHECK(to && to - from < (long)sizeof part);
	memcpy(part, from, (size_t)(to - from));
	part[to - from] = 0;
	return part;
}
static void expect(const char *name, const char *state, const void *obj)
{
	char head[64], waits[64];
	const char *p;

	/* It parks soon: until then it is listed as runnable or running. */
	for (;;) {
		p = paragraph(dump(), name);
		snprintf(head, sizeof head, "[%s", state);
		if (strstr(p, head))
			break;
		go_yield();
	}
	CHECK(strncmp(p, "goroutine ", 10) == 0);
	CHECK(strstr(p, "created by test_go_dump__") != NULL);
	CHECK(strstr(p, " at ") && strstr(p, "sched_test.c:"));
	if (obj) {
		snprintf(waits, sizeof waits, "waits on %p\n", obj);
		CHECK(strstr(p, waits) != NULL);
	}
}

static mutex m;
static rwmutex rw;
static cond c;
static once o;
static waitgroup group;
static chan(int) ch, to_select, to_send;
static int spinning;

static void recv_it(void) { chan_recv(ch); }
static void send_it(void) { chan_send(to_send, 1); }
static void recv_nil(void) { chan_recv((chan(int))NULL); }
static void send_nil(void) { chan_send((chan(int))NULL, 1); }
static void select_it(void) { chan_select(on_recv(to_select), on_recv(to_select)); }
static void select_none(void) { chan_select_n(NULL, 0); }
static void lock_it(void) { mutex_lock(&m); }
static void rlock_it(void) { rwmutex_rlock(&rw); }
static void wlock_it(void) { rwmutex_lock(&rw); }
static void wait_it(void) { wg_wait(&group); }
static void once_it(void) { once_do(&o, recv_nil); }
static void sleep_it(void) { go_sleep(HOUR); }
static void block_it(void) { go_block(); }
static void cond_it(void)
{
	mutex own = { 0 };

	mutex_lock(&own);
	cond_wait(&c, &own);
}
static void read_it(int fd)
{
	char b;

	go_blocking_begin();
	CHECK_EQ(read(fd, &b, 1), 1);
	go_blocking_end();
}
static void spin_it(void)
{
	set(&spinning, 1);
	while (get(&spinning) == 1)
		;
}

/* Every kind of wait, with its object. Each expect() waits for the event itself: the
 * goroutine listed as waiting. */
TEST(go_dump, lists_every_kind_of_wait)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	ch = chan_make(int);
	to_select = chan_make(int);
	to_send = chan_make(int);
	mutex_lock(&m);
	rwmutex_lock(&rw);
	wg_add(&group, 1);

	go(recv_nil);
	expect("recv_nil", "chan receive (nil chan), ", NULL);
	go(send_nil);
	expect("send_nil", "chan send (nil chan), ", NULL);
	go(select_none);
	expect("select_none", "select (no cases), ", NULL);
	go(recv_it);
	expect("recv_it", "chan receive, ", ch);
	go(lock_it);
	expect("lock_it", "sync.Mutex.Lock, ", &m);
	go(rlock_it);
	expect("rlock_it", "sync.RWMutex.RLock, ", &rw);
	go(wlock_it);
	expect("wlock_it", "sync.RWMutex.Lock, ", &rw);
	go(wait_it);
	expect("wait_it", "sync.WaitGroup.Wait, ", &group);
	go(cond_it);
	expect("cond_it", "sync.Cond.Wait, ", &c);
	go(once_it);
	expect("once_it", "chan receive (nil chan), ", NULL);
	go_with(((go_opts){ .name = "second" }), once_it);
	expect("second", "sync.Once.Do, ", &o);
	go(sleep_it);
	expect("sleep_it", "sleep, ", NULL);
	go(block_it);
	expect("block_it", "go_block, ", NULL);
	go(read_it, fds[0]);
	expect("read_it", "blocking call]", NULL);
	go(select_it);
	expect("select_it", "select, ", NULL);
	go(send_it);
	expect("send_it", "chan send, ", to_send);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK(strstr(paragraph(dump(), "main"), "goroutine 1 [running]"));
	CHECK(!strstr(paragraph(dump(), "main"), "created by"));
}

/* One that computes. With one proc main gets its turn through sysmon. */
TEST(go_dump, while_another_computes)
{
	go(spin_it);
	while (!get(&spinning))
		go_yield();
	expect("spin_it", "running", NULL);
	set(&spinning, 2);
	/* It is not listed for long. */
	while (go_count() != 1)
		go_yield();
	CHECK(!strstr(dump(), "spin_it"));
}

/* How long it waits, and for a timer, too. */
static void sleeps_awhile(void)
{
	go_sleep(MINUTE);
}
TEST(go_dump, since_when)
{
	const char *p;
	double seconds = 0;

	go(sleeps_awhile);
	/* Cannot flake: it waits for the time it asks about. */
	while (seconds < 0.03) {
		go_sleep(MILLISECOND);
		p = strstr(paragraph(dump(), "sleeps_awhile"), "[sleep, ");
		seconds = p ? atof(p + 8) : 0;
	}
	CHECK(strstr(p, "with a timer"));
}

static void locked(chan(int) gate)
{
	go_lock_thread();
	chan_recv(gate);
	go_unlock_thread();
	chan_recv(gate);
}
TEST(go_dump, of_a_locked_goroutine)
{
	chan(int) gate = chan_make(int);

	go(locked, gate);
	expect("locked", "chan receive, ", gate);
	CHECK(strstr(paragraph(dump(), "locked"), ", locked to thread]"));
	chan_send(gate, 1);
	while (strstr(paragraph(dump(), "locked"), "locked to thread"))
		go_yield();
	chan_close(gate);
}

/* From a handler, on whatever the signal interrupts: it reads without a lock. */
static int signal_fd;
static void dump_in_handler(int sig)
{
	(void)sig;
	go_dump(__atomic_load_n(&signal_fd, __ATOMIC_RELAXED));
}
static void busy(int *stop)
{
	chan(int) own = chan_make(int, 1);
	mutex lock = { 0 };

	while (!get(stop)) {
		chan_send(own, 1);
		chan_recv(own);
		mutex_lock(&lock);
		mutex_unlock(&lock);
		go_yield();
	}
	chan_free(own);
	wg_done(&wg);
}
static void short_lived(void)
{
	wg_done(&wg);
}
TEST(go_dump, in_a_signal_handler_while_others_work)
{
	struct sigaction sa = { .sa_handler = dump_in_handler,
				.sa_flags = SA_RESTART | SA_ONSTACK };
	int stop = 0, fd;
	char head[10] = { 0 };

	fd = memfd_create("dump", 0);
	__atomic_store_n(&signal_fd, fd, __ATOMIC_RELAXED);
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	wg_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go(busy, &stop);
	for (int i = 0; i < test_rounds(500); i++) {
		/* To the process: any thread may take it, in the runtime too. */
		CHECK_EQ(kill(getpid(), SIGUSR1), 0);
		wg_add(&wg, 1);
		go(short_lived);
		go_yield();
		lseek(fd, 0, SEEK_SET);
	}
	set(&stop, 1);
	wg_wait(&wg);
	/* Another one may still be writing to the file, from where it was. */
	fd = memfd_create("dump", 0);
	__atomic_store_n(&signal_fd, fd, __ATOMIC_RELAXED);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(pread(fd, head, 9, 0), 9);
	CHECK_STR(head, "goroutine");
}

/* While workers come and go: every paragraph is well formed, up to that of the stacks. */
TEST(go_dump, while_goroutines_come_and_go)
{
	int stop = 0;

	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		go(busy, &stop);
	for (int i = 0; i < test_rounds(300); i++) {
		wg_add(&wg, 20);
		for (int k = 0; k < 20; k++)
			go(short_lived);
		for (char *p = dump(); strncmp(p, "stacks, ", 8) != 0;
		     p = strstr(p, "\n\n") + 2) {
			CHECK(strncmp(p, "goroutine ", 10) == 0);
			CHECK(strstr(p, "\n\n") != NULL);
		}
	}
	set(&stop, 1);
	wg_wait(&wg);
}

/* To a descriptor that cannot be written: nothing happens. */
TEST(go_dump, to_a_bad_descriptor)
{
	errno = 7;
	go_dump(-1);
	go_dump(1000);
	CHECK_EQ(errno, 7);
}

/* A foreign thread that waits is told of. */
static void *wait_in_thread(void *arg)
{
	(void)arg;
	CHECK_EQ(chan_recv(ch), 1);
	return NULL;
}
TEST(go_dump, counts_waiting_threads)
{
	pthread_t t;

	ch = chan_make(int);
	CHECK_EQ(pthread_create(&t, NULL, wait_in_thread, NULL), 0);
	while (!strstr(dump(), "\n1 foreign thread waits too\n"))
		go_yield();
	chan_send(ch, 1);
	pthread_join(t, NULL);
	chan_free(ch);
}

/* ------------------------------------------------------------ many at once -- */

enum { CROWDED = TEST_TSAN ? 2000 : 20000, ROUNDS = 10 };

static void waits_for(recv_chan(char) gate)
{
	chan_recv(gate);
	wg_done(&wg);
}

static void yields_until(const bool *over)
{
	while (!__atomic_load_n(over, __ATOMIC_RELAXED))
		go_yield();
	wg_done(&wg);
}

/* Who computes for long loses its P. Waking one of many, it gets another, on another
 * thread: the rest must not be queued where it was before. */
TEST(sched, wakes_many_after_it_has_lost_its_p)
{
	for (int i = 0; i < ROUNDS; i++) {
		chan(char) gate = chan_make(char);
		bool over = false;
		int64_t end;

		for (int k = 0; k < CROWDED; k++) {
			wg_add(&wg, 1);
			go(waits_for, gate);
		}
		for (int k = 0; k < 16; k++) {
			wg_add(&wg, 1);
			go(yields_until, &over);
		}
		go_yield();
		end = time_now() + 15 * MILLISECOND;
		while (time_now() < end)
			;
		chan_close(gate);
		__atomic_store_n(&over, true, __ATOMIC_RELAXED);
		wg_wait(&wg);
		chan_free(gate);
	}
}
