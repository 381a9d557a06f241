/* signal_test.c - signals on channels. A signal that was sent is received, so nothing
 * here waits for a time; where something must not come, the signal before it, or the
 * end of signal_stop(), says when it would have. */
#include "waiting.h"
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void send_signal(int sig) { CHECK_EQ(kill(getpid(), sig), 0); }

TEST(signal, arrives_as_a_value)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGUSR1, SIGUSR2);
	for (int i = 0; i < 50; i++) {
		send_signal(SIGUSR1);
		CHECK_EQ(chan_recv(ch), SIGUSR1);
		send_signal(SIGUSR2);
		CHECK_EQ(chan_recv(ch), SIGUSR2);
	}
	signal_stop(ch);
	chan_free(ch);
}

/* Two that arrive together come one after the other, in any order. */
TEST(signal, two_at_once)
{
	chan(int) ch = chan_make(int, 2);

	signal_notify(ch, SIGUSR1, SIGUSR2);
	for (int i = 0; i < 50; i++) {
		send_signal(SIGUSR1);
		send_signal(SIGUSR2);
		CHECK_EQ(chan_recv(ch) + chan_recv(ch), SIGUSR1 + SIGUSR2);
	}
	signal_stop(ch);
	chan_free(ch);
}

TEST(signal, goes_to_every_channel_that_asked)
{
	enum { N = 5 };
	chan(int) ch[N], other = chan_make(int, 1);

	signal_notify(other, SIGUSR2);
	for (int i = 0; i < N; i++) {
		ch[i] = chan_make(int, 1);
		signal_notify(ch[i], SIGUSR1);
	}
	send_signal(SIGUSR1);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(chan_recv(ch[i]), SIGUSR1);
		signal_stop(ch[i]);
	}
	send_signal(SIGUSR2);
	CHECK_EQ(chan_recv(other), SIGUSR2);    /* and got no SIGUSR1 before */
	signal_stop(other);
	for (int i = 0; i < N; i++)
		chan_free(ch[i]);
	chan_free(other);
}

TEST(signal, calls_add_up)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGUSR1);
	signal_notify(ch, SIGUSR2, SIGUSR1);
	signal_notify(ch, SIGHUP);
	send_signal(SIGUSR1);
	CHECK_EQ(chan_recv(ch), SIGUSR1);
	send_signal(SIGUSR2);
	CHECK_EQ(chan_recv(ch), SIGUSR2);
	send_signal(SIGHUP);
	CHECK_EQ(chan_recv(ch), SIGHUP);
	signal_stop(ch);
	chan_free(ch);
}

/* A channel without room loses signals, and holds nobody up. Another one, with room,
 * tells when each has been sent round; after signal_stop() the first got what it got. */
TEST(signal, without_room_is_dropped)
{
	chan(int) full = chan_make(int, 1);
	chan(int) none = chan_make(int);
	chan(int) ch = chan_make(int, 1);

	signal_notify(full, SIGUSR1);
	signal_notify(none, SIGUSR1);
	signal_notify(ch, SIGUSR1);
	for (int i = 0; i < 3; i++) {
		send_signal(SIGUSR1);
		CHECK_EQ(chan_recv(ch), SIGUSR1);
	}
	signal_stop(full);
	signal_stop(none);
	signal_stop(ch);
	CHECK_EQ(chan_len(full), 1);
	CHECK_EQ(chan_recv(full), SIGUSR1);
	CHECK_EQ(chan_tryrecv(none, NULL), CHAN_WOULD_BLOCK);
	chan_free(full);
	chan_free(none);
	chan_free(ch);
}

/* Numbers that cannot be had are left out, the others work. */
TEST(signal, ignores_impossible_numbers)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGKILL, SIGSTOP, 0, -1, 1000000, SIGUSR1, 64);
	send_signal(SIGUSR1);
	CHECK_EQ(chan_recv(ch), SIGUSR1);
	signal_stop(ch);
	chan_free(ch);
}

static void notify_nil(void) { signal_notify((chan(int))NULL, SIGUSR1); }
TEST(signal, misuse)
{
	chan(int) ch = chan_make(int, 1);

	CHECK_STR(go_try(notify_nil), "os/signal: Notify using nil channel");
	signal_stop(ch);                /* never asked */
	signal_stop((chan(int))NULL);
	chan_free(ch);
}

/* ------------------------------------------------------------------------ stop -- */

TEST(signal, stop_restores_the_default, .status = SIG(SIGUSR1))
{
	chan(int) a = chan_make(int, 1);
	chan(int) b = chan_make(int, 1);

	signal_notify(a, SIGUSR1);
	signal_notify(b, SIGUSR1);
	signal_stop(b);
	send_signal(SIGUSR1);           /* still asked for by one */
	CHECK_EQ(chan_recv(a), SIGUSR1);
	CHECK_EQ(chan_tryrecv(b, NULL), CHAN_WOULD_BLOCK);
	signal_stop(a);
	send_signal(SIGUSR1);
	go_block();                     /* it ends the process */
}

static _Atomic int handled;
static void handler(int sig) { handled = sig; }
TEST(signal, stop_gives_back_the_handler_before)
{
	chan(int) ch = chan_make(int, 1);
	struct sigaction sa = { .sa_handler = handler };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	signal_notify(ch, SIGUSR1);
	send_signal(SIGUSR1);
	CHECK_EQ(chan_recv(ch), SIGUSR1);
	CHECK_EQ(handled, 0);
	signal_stop(ch);
	send_signal(SIGUSR1);
	while (!handled)                /* on this thread, or on another one */
		go_yield();
	CHECK_EQ(handled, SIGUSR1);
	CHECK_EQ(chan_tryrecv(ch, NULL), CHAN_WOULD_BLOCK);
	chan_free(ch);
}

/* Once signal_stop() has returned the channel may be freed, even while signals rain:
 * a later send on it would be noticed in a dev build or by asan, and here by its value. */
static void rain(chan(char) quit, int *sent)
{
	while (chan_tryrecv(quit, NULL) == CHAN_WOULD_BLOCK) {
		send_signal(SIGUSR1);
		++*sent;
		go_sleep(10 * MICROSECOND);
	}
}
TEST(signal, stop_in_the_rain)
{
	chan(int) keep = chan_make(int, 1);
	chan(char) quit = chan_make(char);
	waitgroup wg = { 0 };
	int sent = 0;

	signal_notify(keep, SIGUSR1);   /* so that it is never the default */
	wg_go(&wg, rain, quit, &sent);
	for (int i = test_rounds(1000); i > 0; i--) {
		chan(int) ch = chan_make(int, 1), next;

		signal_notify(ch, SIGUSR1);
		if (i % 4 == 0)
			CHECK_EQ(chan_recv(ch), SIGUSR1);
		signal_stop(ch);
		chan_free(ch);
		next = chan_make(int, 1);
		go_yield();
		CHECK_EQ(chan_tryrecv(next, NULL), CHAN_WOULD_BLOCK);
		chan_free(next);
	}
	chan_close(quit);
	wg_wait(&wg);
	CHECK(sent > 0);
	signal_stop(keep);
	signal(SIGUSR1, SIG_IGN);
	chan_free(keep);
	chan_free(quit);
}

/* --------------------------------------------------------------------- faults -- */

/* Sent, SIGSEGV is a value like any other; a real fault is none, and ends the process
 * with a report although somebody asked for the signal. The sanitizers leave it to us. */
static void reads_nothing(void)
{
	int *volatile nowhere = (int *)16;

	*nowhere = 1;
}
TEST(signal, fault_is_not_for_a_channel, .status = SIG(SIGSEGV),
     .env = "ASAN_OPTIONS=handle_segv=0:allow_user_segv_handler=1\n"
	    "TSAN_OPTIONS=handle_segv=0:atexit_sleep_ms=0",
     .err = (const char *const[]){ "[signal SIGSEGV: segmentation violation",
				   "goroutine 2 [running]:", NULL })
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGSEGV);
	send_signal(SIGSEGV);
	CHECK_EQ(chan_recv(ch), SIGSEGV);
	go(reads_nothing);
	go_block();
}

/* ---------------------------------------------------------------------- asleep -- */

/* Everybody sleeps, and a signal is on its way: it wakes the receiver, and until then
 * this is no deadlock. The alarm is the kernel's; should it come before all are asleep
 * the test passes as well. */
static void alarm_in(int ms)
{
	const struct itimerval it = { .it_value = { 0, ms * 1000 } };

	CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
}
TEST(signal, wakes_who_is_asleep)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGALRM);
	for (int i = 0; i < 3; i++) {
		alarm_in(100);
		CHECK_EQ(chan_recv(ch), SIGALRM);
	}
	signal_stop(ch);
	chan_free(ch);
}

static void wait_select(chan(int) ch, chan(int) out)
{
	int sig = 0;

	CHECK_EQ(chan_select(on_recv(ch, &sig), on_timeout(HOUR)), 0);
	chan_send(out, sig);
}
TEST(signal, wakes_a_select)
{
	chan(int) ch = chan_make(int, 1);
	chan(int) out = chan_make(int);

	signal_notify(ch, SIGALRM);
	go(wait_select, ch, out);
	alarm_in(50);
	CHECK_EQ(chan_recv(out), SIGALRM);
	signal_stop(ch);
	chan_free(ch);
	chan_free(out);
}

/* With nobody asking any more, waiting is a deadlock again. */
TEST(signal, none_asked_for_is_a_deadlock, .status = 2,
     .err = (const char *const[]){ "all goroutines are asleep - deadlock!", NULL })
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGUSR1);
	signal_stop(ch);
	chan_recv(ch);
}

/* One that interrupts a goroutine which ends then is not lost. (TSan keeps signals back
 * until the goroutine makes a call that it has seen to.) */
static void interrupts_itself(void)
{
	long pid = getpid(), tid = syscall(SYS_gettid);
#if defined(__x86_64__)
	long rc = SYS_tgkill;

	/* TSan sees to syscall(). */
	__asm__ volatile("syscall"
			 : "+a"(rc)
			 : "D"(pid), "S"(tid), "d"((long)SIGUSR1)
			 : "rcx", "r11", "memory");
#else
	syscall(SYS_tgkill, pid, tid, SIGUSR1);
#endif
}
TEST(signal, to_a_goroutine_that_ends)
{
	chan(int) ch = chan_make(int, 1);
	int n = 0;

	signal_notify(ch, SIGUSR1);
	for (int i = 0; i < 100; i++) {
		go(interrupts_itself);
		CHECK_EQ(chan_select(on_recv(ch, &n), on_timeout(20 * SECOND)), 0);
		CHECK_EQ(n, SIGUSR1);
	}
	signal_stop(ch);
	chan_free(ch);
}

/* The same, from outside and at any instruction of its. */
static void *rain_from_outside(void *arg)
{
	chan(int) heard = arg;

	for (int i = 0; i < 1000; i++) {
		send_signal(SIGUSR1);
		chan_recv(heard);
	}
	return NULL;
}
static void ends(void) { }
TEST(signal, from_outside_while_goroutines_end)
{
	chan(int) ch = chan_make(int, 1), heard = chan_make(int, 1);
	pthread_t sender;
	int n;

	signal_notify(ch, SIGUSR1);
	CHECK_EQ(pthread_create(&sender, NULL, rain_from_outside, heard), 0);
	for (int i = 0; i < 1000; i++) {
		while (chan_select(on_recv(ch, &n), on_default) != 0) {
			go(ends);
			go_yield();
		}
		chan_send(heard, n);
	}
	CHECK_EQ(pthread_join(sender, NULL), 0);
	signal_stop(ch);
	chan_free(ch);
	chan_free(heard);
}
