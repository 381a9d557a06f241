/* signal_test.c - SIGSEGV, SIGBUS and SIGFPE: the goroutine is named, then the program's
 * own handler gets the signal, or the kernel. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the sanitizers would say themselves is left to the library here. */
#define ENV(more)                                                                       \
	"ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0\n"                   \
	"TSAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0\n"                   \
	"UBSAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0\n" more

static volatile int sink;

#ifdef __clang__
#define NO_UBSAN __attribute__((noinline, no_sanitize("undefined")))
#else
#define NO_UBSAN __attribute__((noinline, no_sanitize_undefined))
#endif
/* At an address that no sanitizer's shadow check faults for first. */
NO_UBSAN __attribute__((no_sanitize("address"), no_sanitize("thread")))
static void reads_nothing(volatile int *where)
{
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault, too");
#endif
	sink = *where;
	sink = 1;
}
__attribute__((noinline)) static void segv(void)
{
	reads_nothing((int *)16);
	sink = 2;
}
/* A page of a file that is not there any more. */
__attribute__((noinline)) static void bus(void)
{
	int fd = memfd_create("short", 0);
	int *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	CHECK(p != MAP_FAILED);
	reads_nothing(p);
	sink = 3;
}
__attribute__((noinline)) static void fpe(void)
{
#ifdef __x86_64__
	int a = 1, d = 0, zero = 0;

	__asm__ volatile("idivl %2" : "+a"(a), "+d"(d) : "r"(zero));
#else
	raise(SIGFPE);                  /* no such trap on this CPU */
#endif
	sink = 4;
}

__attribute__((noinline)) static void starts(void (*fn)(void))
{
	go(fn);
	go_block();
}

/* ------------------------------------------------------------- no handler -- */

#define SEGV_TEXT "fatal error: unexpected signal\n[signal SIGSEGV: segmentation violation"

CRASH_TEST_ENV(segv_in_a_goroutine, ENV(""), SIG(11), SEGV_TEXT, " addr=0x10]\n\ngoroutine ",
	       " [running]:\n", "reads_nothing(...)", "segv(...)", "created by starts at ",
	       "signal_test.c:")
{
	starts(segv);
}
CRASH_TEST_ENV(segv_in_main, ENV(""), SIG(11), SEGV_TEXT, "goroutine 1 [running]:\n",
	       "reads_nothing(...)", "segv(...)", "!created by")
{
	go_yield();
	segv();
}
CRASH_TEST_ENV(bus_in_a_goroutine, ENV(""), SIG(7), "[signal SIGBUS: bus error addr=0x",
	       "goroutine ", "reads_nothing(...)", "bus(...)", "created by starts at ")
{
	starts(bus);
}
CRASH_TEST_ENV(fpe_in_a_goroutine, ENV(""), SIG(8), "[signal SIGFPE: ", "goroutine ",
	       "fpe(...)", "created by starts at ")
{
	starts(fpe);
}
static void calls_null(void)
{
	void (*volatile fn)(void) = NULL;

	fn();
	sink = 5;
}
CRASH_TEST_ENV(call_of_null, ENV(""), SIG(11), SEGV_TEXT, "calls_null(...)",
	       "created by starts at ")
{
	starts(calls_null);
}

/* Sent by somebody: it would not happen again by itself. */
static void raises(void)
{
	raise(SIGSEGV);
}
CRASH_TEST_ENV(segv_sent, ENV(""), SIG(11), SEGV_TEXT, "goroutine ") { starts(raises); }
CRASH_TEST_ENV(fpe_sent_to_the_process, ENV(""), SIG(8), "[signal SIGFPE: ")
{
	go_yield();
	kill(getpid(), SIGFPE);
	go_block();
}

/* A thread that is no goroutine is none of ours: just the signal. */
static void *on_thread(void *arg)
{
	go_yield();
	segv();
	return arg;
}
CRASH_TEST_ENV(segv_on_a_thread, ENV(""), SIG(11), "!goroutine")
{
	pthread_t t;

	go_yield();
	pthread_create(&t, NULL, on_thread, NULL);
	pthread_join(t, NULL);
}

/* A panic is not involved: no deferred calls, no try. */
static void say(const char *s)
{
	fprintf(stderr, "%s\n", s);
}
static void segv_with_defer(void)
{
	defer(say, "deferred");
	segv();
}
CRASH_TEST_ENV(segv_is_no_panic, ENV(""), SIG(11), SEGV_TEXT, "!deferred\n")
{
	go_try(segv_with_defer);
	say("deferred");
}

/* ------------------------------------------------------ the program's handler -- */

static void say_now(const char *s)
{
	CHECK(write(2, s, strlen(s)) > 0);
}
static void on_signal(int sig)
{
	say_now("handled\n");
	_exit(sig + 40);
}
static void on_siginfo(int sig, siginfo_t *info, void *ucontext)
{
	CHECK(ucontext != NULL);
	if (info->si_addr == (void *)16)
		say_now("handled 16\n");
	_exit(sig + 40);
}
static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

	CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}
static void handle_info(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_siginfo, .sa_flags = SA_SIGINFO | flags };

	CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}
CRASH_TEST_ENV(handler_installed_before, ENV(""), 51, SEGV_TEXT, "goroutine ", "segv(...)",
	       "handled\n")
{
	handle(SIGSEGV, on_signal, 0);
	starts(segv);
}
CRASH_TEST_ENV(siginfo_handler_installed_before, ENV(""), 51, SEGV_TEXT, "segv(...)",
	       "handled 16\n")
{
	handle_info(SIGSEGV, SA_ONSTACK);
	starts(segv);
}
CRASH_TEST_ENV(handler_for_bus, ENV(""), 47, "[signal SIGBUS", "handled\n")
{
	handle(SIGBUS, on_signal, 0);
	starts(bus);
}
CRASH_TEST_ENV(handler_for_fpe, ENV(""), 48, "[signal SIGFPE", "handled\n")
{
	handle(SIGFPE, on_signal, 0);
	starts(fpe);
}
/* One that comes later takes our place: nothing is printed, and it runs on whatever
 * stack it asked for; every thread has one. */
CRASH_TEST_ENV(handler_installed_after, ENV(""), 51, "handled\n", "!goroutine")
{
	go_yield();
	handle(SIGSEGV, on_signal, 0);
	starts(segv);
}
CRASH_TEST_ENV(siginfo_handler_installed_after, ENV(""), 51, "handled 16\n", "!goroutine")
{
	go_yield();
	handle_info(SIGSEGV, SA_ONSTACK);
	starts(segv);
}
/* Unless it passes the signal on to the one it replaced, as signal.h says. */
static struct sigaction replaced;
static void passes_on(int sig, siginfo_t *info, void *ucontext)
{
	say_now("first\n");
	replaced.sa_sigaction(sig, info, ucontext);
}
static void replace_ours(int sig)
{
	struct sigaction sa = { .sa_sigaction = passes_on };

	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	go_yield();
	CHECK_EQ(sigaction(sig, &sa, &replaced), 0);
}
CRASH_TEST_ENV(handler_that_passes_on, ENV(""), SIG(11), "first\n", SEGV_TEXT, "segv(...)",
	       "created by starts at ", "!first")
{
	replace_ours(SIGSEGV);
	starts(segv);
}
CRASH_TEST_ENV(handler_that_passes_on_fpe, ENV(""), SIG(8), "first\n", "[signal SIGFPE: ",
	       "fpe(...)")
{
	replace_ours(SIGFPE);
	starts(fpe);
}
/* One that was there before is behind ours. */
CRASH_TEST_ENV(handlers_before_and_after, ENV(""), 51, "first\n", SEGV_TEXT, "handled 16\n")
{
	handle_info(SIGSEGV, 0);
	replace_ours(SIGSEGV);
	starts(segv);
}
/* It may have meant to be ignored: the kernel does not allow that for a real fault. */
CRASH_TEST_ENV(ignored_before, ENV(""), SIG(11), SEGV_TEXT, "segv(...)")
{
	signal(SIGSEGV, SIG_IGN);
	starts(segv);
}

/* A handler that puts things right and returns: the program goes on. */
static int *page;
static void make_readable(int sig, siginfo_t *info, void *ucontext)
{
	(void)sig, (void)ucontext;
	CHECK(info->si_addr == page);
	CHECK_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
}
static void touches(waitgroup *wg)
{
	reads_nothing(page);
	wg_done(wg);
}
CRASH_TEST_ENV(handler_returns, ENV(""), 0, SEGV_TEXT, "touches(...)", "went on\n")
{
	struct sigaction sa = { .sa_sigaction = make_readable, .sa_flags = SA_SIGINFO };
	waitgroup wg = { 0 };

	CHECK_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	wg_add(&wg, 1);
	go(touches, &wg);
	wg_wait(&wg);
	say("went on");
}

/* A handler that jumps away, a hundred times: the signal is not left blocked, nor the
 * alternate stack taken for in use. */
static sigjmp_buf away;
static void jump(int sig)
{
	siglongjmp(away, sig);
}
static void faults_and_jumps(waitgroup *wg)
{
	for (volatile int i = 0; i < 100; i++)
		if (sigsetjmp(away, 1) == 0) {
			reads_nothing((int *)16);
			say("not reached");
		}
	wg_done(wg);
}
CRASH_TEST_ENV(handler_jumps_away, ENV(""), 0, SEGV_TEXT, "jumped\n")
{
	waitgroup wg = { 0 };

	handle(SIGSEGV, jump, 0);
	wg_add(&wg, 1);
	go(faults_and_jumps, &wg);
	wg_wait(&wg);
	say("jumped");
}

/* The trace of a goroutine that has overwritten its own frames faults too: the report
 * goes on without it, and so does the signal. */
#ifdef __x86_64__
__attribute__((noinline)) static void loses_its_frame(size_t n)
{
	volatile char *room = __builtin_alloca(n);      /* so that rbp is the frame's */

	room[0] = 1;
	__asm__ volatile("mov $64, %%ebp\n\tmov 16, %%eax" ::: "rax", "memory");
	sink = room[0];
}
static void damaged(void)
{
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault, too");
#endif
	if (TEST_TSAN)
		SKIP("TSan blocks all signals in a handler: a second fault is the end");
	loses_its_frame((size_t)go_id());
	sink = 6;
}
CRASH_TEST_ENV(segv_with_a_damaged_stack, ENV(""), SIG(11), SEGV_TEXT, "goroutine ",
	       "created by starts at ", "(its stack is damaged)\n")
{
	starts(damaged);
}
CRASH_TEST_ENV(handler_and_a_damaged_stack, ENV(""), 51, SEGV_TEXT,
	       "(its stack is damaged)\n", "handled 16\n")
{
	handle_info(SIGSEGV, 0);
	starts(damaged);
}
#endif

/* The handler runs with the mask it asked for, and once only if it asked for that. */
static void look_at_mask(int sig)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, sig) && sigismember(&now, SIGUSR1));
	if (!TEST_TSAN)                 /* it blocks all signals in a handler */
		CHECK(!sigismember(&now, SIGUSR2));
	say_now("masked\n");
}
CRASH_TEST_ENV(handler_with_a_mask, ENV(""), SIG(11), SEGV_TEXT, "masked\n", SEGV_TEXT,
	       "!masked")
{
	struct sigaction sa = { .sa_handler = look_at_mask, .sa_flags = SA_RESETHAND };

	sigaddset(&sa.sa_mask, SIGUSR1);
	CHECK_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	starts(segv);
}

/* An overflow is ours to report even where the program has a handler. */
static volatile long end = -1;
__attribute__((noinline)) static long recursion(long n)
{
	volatile char room[100];

	room[n % 100] = 1;
	if (n == end)
		return n;
	sink = (int)recursion(n + 1) + room[n % 100];
	return sink;
}
CRASH_TEST_ENV(handler_and_overflow, ENV(""), 2, "fatal error: stack overflow", "!handled")
{
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault, too");
#endif
	handle(SIGSEGV, on_signal, SA_ONSTACK);
	go_yield();
	recursion(0);
}
CRASH_TEST_ENV(handler_that_passes_on_and_overflow, ENV(""), 2, "first\n",
	       "fatal error: stack overflow")
{
#ifdef MRI_VALGRIND
	SKIP("valgrind reports the fault, too");
#endif
	replace_ours(SIGSEGV);
	recursion(0);
}
