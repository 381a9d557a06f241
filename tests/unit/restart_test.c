/* restart_test.c - arch/restart.h against this kernel: nobody comes between the look and
 * the store, neither a signal handler nor, after mri_os_restart_all(), another thread.
 * The same is tried with a look and a store that are no such sequence: what the tests
 * look for does happen. */
#define _GNU_SOURCE
#include "arch/restart.h"
#include "base/atomic.h"
#include "harness.h"
#include "os/os.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { FREE, LOCKED, MARKED };

static uint32_t word, over;
static ptrdiff_t area;
static bool (*store)(uint32_t seen, uint32_t v);

static noinline bool restartable(uint32_t seen, uint32_t v)
{
	return mri_restart_store(&word, seen, v, area);
}
static noinline bool interruptible(uint32_t seen, uint32_t v)
{
	if (__atomic_load_n(&word, __ATOMIC_RELAXED) != seen)
		return false;
	for (int i = 0; i < 10; i++)
		cpu_relax();
	__atomic_store_n(&word, v, __ATOMIC_RELEASE);
	return true;
}

static void need_sequences(void)
{
#ifdef MRI_HAS_RESTART
	area = mri_os_restart_init();
#endif
	if (!area)
		SKIP("no restartable sequences here");
}

TEST(restart, stores_if_as_seen)
{
	need_sequences();
	word = 7;
	CHECK(!mri_restart_store(&word, 6, 1, area));
	CHECK_EQ(word, 7);
	/* It may be interrupted, but not each time. */
	for (int i = 0; word == 7; i++) {
		bool stored = mri_restart_store(&word, 7, 1, area);

		CHECK(i < 1000);
		CHECK_EQ(stored, word == 1);
	}
	CHECK_EQ(word, 1);
	CHECK(mri_os_restart_all());
}

/* ------------------------------------------------------------ a signal handler -- */

static pthread_t target;
static sig_atomic_t marked;

static void mark(int sig)
{
	uint32_t locked = LOCKED;

	(void)sig;
	marked = atomic_cas(&word, &locked, (uint32_t)MARKED, relaxed);
}
static void *storm(void *arg)
{
	while (!atomic_get(&over, relaxed))
		pthread_kill(target, SIGUSR1);
	return arg;
}
/* How many marks were stored over, of n attempts, or until one was. */
static int lost_to_signals(int n)
{
	struct sigaction sa = { .sa_handler = mark, .sa_flags = SA_RESTART };
	pthread_t t;
	int lost = 0;

	target = pthread_self();
	atomic_set(&over, 0u, relaxed);
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(pthread_create(&t, NULL, storm, NULL), 0);
	for (int i = 0; i < n && !lost; i++) {
		*(volatile sig_atomic_t *)&marked = 0;
		atomic_set(&word, (uint32_t)LOCKED, relaxed);
		if (store(LOCKED, FREE))
			lost = *(volatile sig_atomic_t *)&marked;
	}
	atomic_set(&over, 1u, relaxed);
	pthread_join(t, NULL);
	return lost;
}
TEST(restart, no_handler_comes_between)
{
	need_sequences();
	store = interruptible;
	CHECK_EQ(lost_to_signals(1 << 30), 1);
	store = restartable;
	CHECK_EQ(lost_to_signals(test_rounds(50000000)), 0);
}

/* -------------------------------------------------------------- another thread -- */

/* Locks and unlocks; where it cannot unlock it waits until the mark is gone. */
static void *owner(void *arg)
{
	while (!atomic_get(&over, relaxed)) {
		atomic_set(&word, (uint32_t)LOCKED, release);
		while (!store(LOCKED, FREE) && !atomic_get(&over, relaxed))
			cpu_relax();
	}
	return arg;
}
/* As above: a mark that was there after the barrier, and then was not. A sequence is so
 * short that the barrier hardly ever meets one half done; that it is interrupted then is
 * what the test above shows, with signals. */
static int lost_to_threads(int n)
{
	pthread_t t;
	int lost = 0;

	atomic_set(&word, (uint32_t)FREE, relaxed);
	atomic_set(&over, 0u, relaxed);
	CHECK_EQ(pthread_create(&t, NULL, owner, NULL), 0);
	for (int i = 0; i < n && !lost;) {
		uint32_t locked = LOCKED;

		if (!atomic_cas(&word, &locked, (uint32_t)MARKED, relaxed))
			continue;
		i++;
		CHECK(mri_os_restart_all());
		if (atomic_get(&word, relaxed) != MARKED)
			continue;
		for (int k = 0; k < 200 && !lost; k++)
			lost = atomic_get(&word, relaxed) != MARKED;
		atomic_set(&word, (uint32_t)LOCKED, relaxed);
	}
	atomic_set(&over, 1u, relaxed);
	pthread_join(t, NULL);
	return lost;
}
TEST(restart, what_is_there_after_the_barrier_stays)
{
	need_sequences();
	if (mri_os_cpus() < 2)
		SKIP("one processor: nobody runs beside the owner");
	store = interruptible;
	CHECK_EQ(lost_to_threads(1 << 30), 1);
	store = restartable;
	CHECK_EQ(lost_to_threads(test_rounds(200000)), 0);
}
