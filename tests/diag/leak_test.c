/* leak_test.c - goroutines left behind: what MILLRACE=leaks=exit and go_leaks() list, and
 * what they do not.
 *
 * main returns while others are about to get stuck, or to finish: nothing here waits for
 * them but the grace under test, which is longer than any of them takes. */
#define TEST_PROCS_ALL
#include "diag/leak.h"
#include <signal.h>
#include <unistd.h>

#define BY(test) "created by test_crash__leak_" test " at tests/diag/leak_test.c:"

static chan(int) ch;
static mutex m;
static rwmutex rw;
static waitgroup wg;
static cond c;
static once o;

static void send_it(void) { chan_send(ch, 1); }
static void recv_it(void) { chan_recv(ch); }
static void recv_nil(void) { chan_recv((chan(int))NULL); }
static void send_nil(void) { chan_send((chan(int))NULL, 1); }
static void lock_it(void)
{
	mutex_lock(&m);
	mutex_unlock(&m);
}
static void wait_it(void) { wg_wait(&wg); }
static void range_it(void)
{
	chan_range(v, ch)
		(void)v;
}

/* ------------------------------------------------------------- kinds of waiting -- */

LEAK(send, ONE("chan send"), "s]: send_it\n\twaits on 0x", BY("send"), "!" ENTRY)
{
	ch = chan_make(int);
	go(send_it);
}
CLEAN(send_with_room)
{
	ch = chan_make(int, 1);
	defer(chan_free, ch);
	go(send_it);
	while (chan_len(ch) == 0)
		go_yield();
}
CLEAN(send_received)
{
	ch = chan_make(int);
	go(send_it);
	chan_recv(ch);
	chan_free(ch);
}

LEAK(recv, ONE("chan receive"), "s]: recv_it\n\twaits on 0x", BY("recv"), "!" ENTRY)
{
	ch = chan_make(int);
	go(recv_it);
}
CLEAN(recv_sent)
{
	ch = chan_make(int);
	go(recv_it);
	chan_send(ch, 1);
	chan_free(ch);
}

LEAK(range_never_closed, ONE("chan receive"), "s]: range_it\n")
{
	ch = chan_make(int, 3);
	go(range_it);
	chan_send(ch, 1);
}
CLEAN(range_closed)
{
	ch = chan_make(int, 3);
	wg_go(&wg, range_it);
	chan_send(ch, 1);
	chan_close(ch);
	wg_wait(&wg);
	chan_free(ch);
}

LEAK(nil_channels, ENTRY, " (nil chan), ", ENTRY, " (nil chan), ", "!\twaits on")
{
	go(recv_nil);
	go(send_nil);
}

static void select_it(void)
{
	chan_select(on_recv(ch), on_send((chan(int))NULL, 1));
}
LEAK(select, ONE("select"), "s]: select_it\n\twaits on 0x")
{
	ch = chan_make(int);
	go(select_it);
}
CLEAN(select_served)
{
	ch = chan_make(int);
	go(select_it);
	chan_send(ch, 1);
	chan_free(ch);
}
static void select_none(void) { chan_select_n(NULL, 0); }
LEAK(select_none, ONE("select (no cases)")) { go(select_none); }
LEAK(block, ONE("go_block"), "s]: mr_go_block\n") { go(go_block); }

LEAK(mutex_never_unlocked, ONE("sync.Mutex.Lock"), "s]: lock_it\n\twaits on 0x")
{
	mutex_lock(&m);
	go(lock_it);
}
static void unlocks_late(void)
{
	go_yield();
	mutex_unlock(&m);
}
CLEAN(mutex_unlocked)
{
	mutex_lock(&m);
	go(lock_it);
	go(unlocks_late);
}
static void rlock_it(void) { rwmutex_rlock(&rw); }
static void wlock_it(void) { rwmutex_lock(&rw); }
LEAK(rwmutex, ENTRY, "[sync.RWMutex.", ENTRY, "[sync.RWMutex.")
{
	rwmutex_lock(&rw);
	go(rlock_it);
	go(wlock_it);
}

LEAK(waitgroup_never_done, ONE("sync.WaitGroup.Wait"), "s]: wait_it\n\twaits on 0x")
{
	wg_add(&wg, 1);
	go(wait_it);
}
CLEAN(waitgroup_done)
{
	wg_add(&wg, 1);
	go(wait_it);
	wg_done(&wg);
}

static int ready;
static void cond_it(void)
{
	mutex_lock(&m);
	while (!ready)
		cond_wait(&c, &m);
	mutex_unlock(&m);
}
LEAK(cond_missed, ONE("sync.Cond.Wait"), "s]: cond_it\n\twaits on 0x")
{
	cond_signal(&c);
	go(cond_it);
}
CLEAN(cond_signalled)
{
	go(cond_it);
	mutex_lock(&m);
	ready = 1;
	mutex_unlock(&m);
	cond_signal(&c);
}

static void once_it(void) { once_do(&o, recv_it); }
LEAK(once, ENTRY, ENTRY, "!" ENTRY)
{
	ch = chan_make(int);
	go(once_it);
	go(once_it);
}

/* ------------------------------------------------------------ timers and signals -- */

static void sleep_it(int64_t d) { go_sleep(d); }
CLEAN(sleeping)
{
	for (int i = 0; i < 10; i++)
		go(sleep_it, i * MINUTE);
}
static void select_timeout(void) { chan_select(on_recv(ch), on_timeout(HOUR)); }
CLEAN(select_with_timeout)
{
	ch = chan_make(int);
	go(select_timeout);
	go_yield();
}

static timer *ticker;
static void tick_it(void)
{
	chan_range(t, timer_chan(ticker))
		(void)t;
}
CLEAN(ticker_received)
{
	ticker = ticker_make(MILLISECOND);
	go(tick_it);
}
static void tick_or_stop(void)
{
	while (chan_select(on_recv(ch), on_recv(timer_chan(ticker))) == 1)
		;
}
CLEAN(ticker_in_a_select)
{
	ch = chan_make(int);
	ticker = ticker_make(MILLISECOND);
	go(tick_or_stop);
}
LEAK(ticker_stopped, ONE("chan receive"), "s]: tick_it\n", "!" ENTRY)
{
	ticker = ticker_make(MILLISECOND);
	go(tick_it);
	go_sleep(3 * MILLISECOND);
	timer_stop(ticker);
}
LEAK(ticker_stopped_in_a_select, ONE("select"), "s]: tick_or_stop\n")
{
	ch = chan_make(int);
	ticker = ticker_make(MILLISECOND);
	go(tick_or_stop);
	go_sleep(3 * MILLISECOND);
	timer_stop(ticker);
}
/* It ticks for nobody. */
LEAK(beside_a_ticker, ONE("chan send"), "s]: send_it\n", "!" ENTRY)
{
	ch = chan_make(int);
	ticker = ticker_make(MILLISECOND);
	go(send_it);
}
/* One of its channels will do. */
static void two_timers(timer *a, timer *b)
{
	chan_select(on_recv(timer_chan(a)), on_recv(timer_chan(b)), on_recv(ch));
}
CLEAN(one_of_two_timers_stopped)
{
	static timer *a, *b;

	ch = chan_make(int);
	a = timer_make(HOUR);
	b = timer_make(HOUR);
	timer_stop(a);
	go(two_timers, a, b);
	go(two_timers, b, a);
	go_yield();
}
static void recv_time(recv_chan(int64_t) after) { chan_recv(after); }
CLEAN(time_after)
{
	static recv_chan(int64_t) after;

	after = time_after(HOUR);
	go(recv_time, after);
}
/* Its value is gone. */
LEAK(timer_fired, ONE("chan receive"), "s]: recv_time\n")
{
	static timer *t;

	t = timer_make(0);
	chan_recv(timer_chan(t));
	go(recv_time, timer_chan(t));
}
CLEAN(timer_reset)
{
	static timer *t;

	t = timer_make(0);
	chan_recv(timer_chan(t));
	go(recv_time, timer_chan(t));
	timer_reset(t, HOUR);
}

static void wait_for(context *ctx) { chan_recv(ctx_done(ctx)); }
static context *timed, *below, *plain;
CLEAN(context_with_a_deadline)
{
	timed = ctx_with_timeout(ctx_background(), HOUR);
	below = ctx_with_cancel(timed);
	go(wait_for, timed);
	go(wait_for, below);
	go_yield();
}
LEAK(context_never_cancelled, ONE("chan receive"), "s]: wait_for\n", "!" ENTRY)
{
	plain = ctx_with_cancel(ctx_background());
	go(wait_for, plain);
}
static semaphore *sem;
static void acquires(context *ctx) { (void)!sem_acquire(sem, ctx, 1); }
CLEAN(semaphore_with_a_deadline)
{
	static semaphore s = SEMAPHORE(1);

	sem = &s;
	CHECK(sem_tryacquire(sem, 1));
	timed = ctx_with_timeout(ctx_background(), HOUR);
	go(acquires, timed);
	go_yield();
}
LEAK(semaphore, ENTRY, "]: acquires\n", "!" ENTRY)
{
	static semaphore s = SEMAPHORE(1);

	sem = &s;
	CHECK(sem_tryacquire(sem, 1));
	go(acquires, ctx_background());
}
CLEAN(signals)
{
	ch = chan_make(int, 1);
	signal_notify((send_chan(int))ch, SIGUSR1);
	go(recv_it);
	go(select_it);
}
LEAK(signals_stopped, ONE("chan receive"), "s]: recv_it\n")
{
	ch = chan_make(int, 1);
	signal_notify((send_chan(int))ch, SIGUSR1);
	go(recv_it);
	signal_stop((send_chan(int))ch);
}

/* ------------------------------------------------------------- others still run -- */

static volatile int spin_on = 1;
static void spin(void)
{
	while (spin_on)
		;
}
CLEAN(running)
{
	go(spin);
	go_yield();
}
LEAK(beside_a_running_one, ONE("chan receive"), "s]: recv_it\n", "!" ENTRY)
{
	ch = chan_make(int);
	go(spin);
	go(recv_it);
}
static void sleep_then_stick(void)
{
	go_sleep(20 * MILLISECOND);
	chan_recv(ch);
}
LEAK(stuck_later, ONE("chan receive"), "s]: sleep_then_stick\n")
{
	ch = chan_make(int);
	go(sleep_then_stick);
}
static void sleep_then_send(void)
{
	go_sleep(20 * MILLISECOND);
	chan_send(ch, 1);
}
CLEAN(served_later)
{
	ch = chan_make(int);
	go(sleep_then_send);
	go(recv_it);
}
static void block_it(int fd, bool mark)
{
	char b;

	if (mark)
		go_blocking_begin();
	CHECK_EQ(read(fd, &b, 1), 1);
	if (mark)
		go_blocking_end();
}
CLEAN(blocking)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	go(block_it, fds[0], true);
	go(block_it, fds[0], false);
	go_yield();
}
/* They wait for each other all the time, but never for long. */
static void echo(chan(int) in, chan(int) out)
{
	for (;;)
		chan_send(out, chan_recv(in));
}
CLEAN(ping_pong)
{
	static chan(int) a, b;

	a = chan_make(int, 1);
	b = chan_make(int);
	chan_send(a, 1);
	go(echo, a, b);
	go(echo, b, a);
}

/* ---------------------------------------------------------------------- grouping -- */

enum { MANY = TEST_TSAN ? 500 : 10000 };


LEAK(many, "goroutine leak: ", " goroutines [chan send, ", "s]: send_it\n\twait on 0x",
     BY("many"), "!" ENTRY)
{
	ch = chan_make(int);
	for (int i = 0; i < MANY; i++)
		go(send_it);
}
static void send_on(chan(int) own) { chan_send(own, 1); }
LEAK(many_on_many, "goroutine leak: 10 goroutines [chan send, ",
     "s]: send_on\n\twait on different objects\n", "!" ENTRY)
{
	static chan(int) own[10];

	for (int i = 0; i < 10; i++) {
		own[i] = chan_make(int);
		go(send_on, own[i]);
	}
}
LEAK(of_two_sites, ENTRY, "]: recv_it\n", "leak_test.c:", ENTRY, "]: recv_it\n",
     "leak_test.c:", "!" ENTRY)
{
	ch = chan_make(int);
	go(recv_it);
	go(recv_it);
}
