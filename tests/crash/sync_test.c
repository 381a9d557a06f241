/* sync_test.c - misuse of the sync types: what the process says as it ends. */
#define _GNU_SOURCE
#include "harness.h"
#include "waiting.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <millrace.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

static mutex m;
static rwmutex rw;
static waitgroup wg;
static once o;
static cond c;

/* ------------------------------------------------------------------- mutex -- */

#define MUTEX_TEXT "fatal error: sync: unlock of unlocked mutex"

CRASH_TEST(mutex_unlock_of_unlocked, 2, MUTEX_TEXT, "goroutine 1 [running]:")
{
	mutex_unlock(&m);
}

CRASH_TEST(mutex_unlock_twice, 2, MUTEX_TEXT)
{
	mutex_lock(&m);
	mutex_unlock(&m);
	mutex_unlock(&m);
}

/* It is fatal, not a panic: the data it protected cannot be trusted any more. */
CRASH_TEST(mutex_unlock_cannot_be_caught, 2, MUTEX_TEXT, "!not reached")
{
	go_try(mutex_unlock, &m);
	fprintf(stderr, "not reached\n");
}

CRASH_TEST(mutex_unlock_after_waiters, 2, MUTEX_TEXT)
{
	waitgroup done = { 0 };

	mutex_lock(&m);
	for (int i = 0; i < 3; i++) {
		wg_go(&done, mutex_lock, &m);
		go_yield();
	}
	for (int i = 0; i < 4; i++)     /* main's, and theirs */
		mutex_unlock(&m), go_yield();
	wg_wait(&done);
	mutex_unlock(&m);
}

CRASH_TEST(cond_wait_unlocked, 2, MUTEX_TEXT) { cond_wait(&c, &m); }

/* A mutex is unlocked by restartable sequences, which who waits must interrupt. */
enum { INTERRUPT = 1 << 7, REGISTER = 1 << 8 }; /* membarrier(2)'s commands for it */

static void forbid(uint32_t command)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { .len = sizeof f / sizeof f[0], .filter = f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p))
		SKIP("no seccomp filters here");
}
static void waits_for_it(waitgroup *done)
{
	mutex_lock(&m);
	mutex_unlock(&m);
	wg_done(done);
}
static void lets_another_wait(void)
{
	waitgroup done = { 0 };

	mutex_lock(&m);
	wg_add(&done, 1);
	go(waits_for_it, &done);
	until_waiting("sync.Mutex.Lock", 1);
	mutex_unlock(&m);
	wg_wait(&done);
}
static bool has_sequences(void)
{
#if defined(__x86_64__) && defined(RSEQ_SIG) && !defined(MRI_ARCH_FALLBACK)
	return __rseq_size > 0 && (syscall(SYS_membarrier, 0, 0, 0) & INTERRUPT) &&
	       !TEST_TSAN;
#else
	return false;
#endif
}
CRASH_TEST(mutex_without_membarrier, 2,
	   "fatal error: millrace: membarrier() is not permitted any more")
{
	if (!has_sequences())
		SKIP("no restartable sequences here");
	go_yield();
	forbid(INTERRUPT);
	lets_another_wait();
}
/* Who forbids it before does without them. */
TWIN(mutex_never_with_membarrier)
{
	forbid(REGISTER);
	lets_another_wait();
}

/* ----------------------------------------------------------------- rwmutex -- */

#define UNLOCK_TEXT "fatal error: sync: Unlock of unlocked RWMutex"
#define RUNLOCK_TEXT "fatal error: sync: RUnlock of unlocked RWMutex"

CRASH_TEST(rwmutex_unlock_of_unlocked, 2, UNLOCK_TEXT, "goroutine 1 [running]:")
{
	rwmutex_unlock(&rw);
}
CRASH_TEST(rwmutex_unlock_twice, 2, UNLOCK_TEXT)
{
	rwmutex_lock(&rw);
	rwmutex_unlock(&rw);
	rwmutex_unlock(&rw);
}
CRASH_TEST(rwmutex_unlock_by_reader, 2, UNLOCK_TEXT)
{
	rwmutex_rlock(&rw);
	rwmutex_unlock(&rw);
}
CRASH_TEST(rwmutex_unlock_by_reader_with_waiter, 2, UNLOCK_TEXT)
{
	rwmutex_rlock(&rw);
	go(rwmutex_lock, &rw);
	while (rwmutex_tryrlock(&rw))           /* until it waits */
		rwmutex_runlock(&rw), go_yield();
	rwmutex_unlock(&rw);
}
CRASH_TEST(rwmutex_runlock_of_unlocked, 2, RUNLOCK_TEXT, "goroutine 1 [running]:")
{
	rwmutex_runlock(&rw);
}
CRASH_TEST(rwmutex_runlock_twice, 2, RUNLOCK_TEXT)
{
	rwmutex_rlock(&rw);
	rwmutex_runlock(&rw);
	rwmutex_runlock(&rw);
}
CRASH_TEST(rwmutex_runlock_by_writer, 2, RUNLOCK_TEXT)
{
	rwmutex_lock(&rw);
	rwmutex_runlock(&rw);
}

/* --------------------------------------------------------------- waitgroup -- */

CRASH_TEST(wg_negative, 2, "panic: sync: negative WaitGroup counter",
	   "goroutine 1 [running]:")
{
	wg_add(&wg, 2);
	wg_add(&wg, -3);
}

/* The counter is raised again while those who waited are still on their way. Whether one
 * of them is late enough to notice is a race; it is run until one was. */
static void wait_for_it(waitgroup *returned)
{
	wg_wait(&wg);
	wg_done(returned);
}
/* It is a data race, too, which is not asked about here. */
CRASH_TEST_ENV(wg_reused_too_early, "TSAN_OPTIONS=report_bugs=0", 2,
	   "panic: sync: WaitGroup is reused before previous Wait has returned")
{
	for (;;) {
		waitgroup returned = { 0 };

		wg_add(&wg, 1);
		wg_add(&returned, 1);
		go(wait_for_it, &returned);
		go_yield();
		wg_done(&wg);
		wg_add(&wg, 1);
		go_yield();
		wg_done(&wg);
		wg_wait(&returned);
	}
}

/* The moment between a counter of 0 and the waiters' wake-up is too short to hit, so it
 * is written by hand: one waiter, and a counter of 0. */
CRASH_TEST(wg_add_while_waking, 2,
	   "panic: sync: WaitGroup misuse: Add called concurrently with Wait")
{
	wg.mr_state = 1;
	wg_add(&wg, 1);
}

/* A goroutine of wg_go that panics is done, and ends the process all the same. */
static void fail(void) { panic("worker failed"); }
CRASH_TEST(wg_go_panics, 2, "panic: worker failed", "created by")
{
	wg_go(&wg, fail);
	wg_wait(&wg);
	go_block();
}

/* ---------------------------------------------------------------- deadlock -- */

#define DEADLOCK_TEXT "fatal error: all goroutines are asleep - deadlock!"

CRASH_TEST(mutex_locked_twice, 2, DEADLOCK_TEXT, "goroutine 1 [sync.Mutex.Lock")
{
	mutex_lock(&m);
	mutex_lock(&m);
}
CRASH_TEST(rwmutex_reader_wants_to_write, 2, DEADLOCK_TEXT,
	   "goroutine 1 [sync.RWMutex.Lock")
{
	rwmutex_rlock(&rw);
	rwmutex_lock(&rw);
}
CRASH_TEST(rwmutex_writer_wants_to_read, 2, DEADLOCK_TEXT,
	   "goroutine 1 [sync.RWMutex.RLock")
{
	rwmutex_lock(&rw);
	rwmutex_rlock(&rw);
}
CRASH_TEST(wg_never_done, 2, DEADLOCK_TEXT, "goroutine 1 [sync.WaitGroup.Wait")
{
	wg_add(&wg, 1);
	wg_wait(&wg);
}
CRASH_TEST(cond_never_signalled, 2, DEADLOCK_TEXT, "goroutine 1 [sync.Cond.Wait")
{
	mutex_lock(&m);
	cond_wait(&c, &m);
}

/* As in Go, a function that calls itself through its own once. */
static void again(void) { once_do(&o, again); }
CRASH_TEST(once_within_itself, 2, DEADLOCK_TEXT, "goroutine 1 [sync.Once.Do")
{
	once_do(&o, again);
}
