/* semaphore_test.c - weighted semaphores: what Go's semaphore_test.go tests, and order. */
#include "waiting.h"
#include <pthread.h>

#define WAITS "semaphore.Weighted.Acquire"

static int add(int *p, int n) { return __atomic_add_fetch(p, n, __ATOMIC_RELAXED); }

static void acquire(semaphore *s, int64_t n)
{
	CHECK_EQ(sem_acquire(s, ctx_background(), n), 0);
}

TEST(semaphore, tryacquire_takes_what_there_is)
{
	semaphore s = SEMAPHORE(2);

	CHECK(sem_tryacquire(&s, 0));
	CHECK(sem_tryacquire(&s, 1));
	CHECK(sem_tryacquire(&s, 1));
	CHECK(!sem_tryacquire(&s, 1));
	CHECK(sem_tryacquire(&s, 0));
	sem_release(&s, 1);
	CHECK(!sem_tryacquire(&s, 2));
	CHECK(sem_tryacquire(&s, 1));
	sem_release(&s, 2);
	CHECK(!sem_tryacquire(&s, 3));
	CHECK(sem_tryacquire(&s, 2));
}

TEST(semaphore, acquire_waits_for_a_release)
{
	semaphore s = SEMAPHORE(3);
	waitgroup wg = { 0 };

	acquire(&s, 3);
	wg_go(&wg, acquire, &s, 2L);
	until_waiting(WAITS, 1);
	sem_release(&s, 1);
	CHECK_EQ(count_waiting(WAITS), 1);
	sem_release(&s, 1);
	wg_wait(&wg);
	CHECK(!sem_tryacquire(&s, 1));
	sem_release(&s, 3);
	CHECK(sem_tryacquire(&s, 3));
}

/* In the order in which they came, whatever they ask for: nobody overtakes. */
static void acquire_and_tell(semaphore *s, int64_t n, send_chan(int64_t) out)
{
	acquire(s, n);
	chan_send(out, n);
}
TEST(semaphore, large_request_is_not_starved)
{
	semaphore s = SEMAPHORE(5);
	chan(int64_t) out = chan_make(int64_t, 4);
	const int64_t n[] = { 4, 1, 5, 2 };

	acquire(&s, 5);
	for (int i = 0; i < 4; i++) {
		go(acquire_and_tell, &s, n[i], out);
		until_waiting(WAITS, i + 1);
	}
	sem_release(&s, 3);
	CHECK(!sem_tryacquire(&s, 1));          /* there are 3, but others wait */
	CHECK_EQ(chan_len(out), 0);
	sem_release(&s, 1);
	CHECK_EQ(chan_recv(out), 4);
	sem_release(&s, 1);
	CHECK_EQ(chan_recv(out), 1);
	sem_release(&s, 4);
	CHECK_EQ(count_waiting(WAITS), 2);      /* 5 is next, and 2 behind it */
	sem_release(&s, 1);
	CHECK_EQ(chan_recv(out), 5);
	sem_release(&s, 5);
	CHECK_EQ(chan_recv(out), 2);
	chan_free(out);
}

/* One release may serve several. */
TEST(semaphore, release_serves_all_who_fit)
{
	semaphore s = SEMAPHORE(10);
	waitgroup wg = { 0 };

	acquire(&s, 10);
	for (int i = 0; i < 10; i++)
		wg_go(&wg, acquire, &s, 1L);
	until_waiting(WAITS, 10);
	sem_release(&s, 10);
	wg_wait(&wg);
	CHECK(!sem_tryacquire(&s, 1));
}

/* -------------------------------------------------------------------- contexts -- */

TEST(semaphore, ended_context_acquires_nothing)
{
	semaphore s = SEMAPHORE(1);
	context *ctx = ctx_with_timeout(ctx_background(), -1);

	CHECK_EQ(sem_acquire(&s, ctx, 1), CTX_DEADLINE_EXCEEDED);
	CHECK_EQ(sem_acquire(&s, ctx, 2), CTX_DEADLINE_EXCEEDED);
	CHECK(sem_tryacquire(&s, 1));
	ctx_free(ctx);
}

static void gives_up(semaphore *s, context *ctx, int64_t n)
{
	CHECK_EQ(sem_acquire(s, ctx, n), CTX_CANCELED);
	ctx_unref(ctx);
}
TEST(semaphore, cancel_ends_the_wait)
{
	semaphore s = SEMAPHORE(1);
	context *ctx = ctx_with_cancel(ctx_background());
	waitgroup wg = { 0 };

	acquire(&s, 1);
	for (int i = 0; i < 5; i++)
		wg_go(&wg, gives_up, &s, ctx_ref(ctx), 1L);
	until_waiting(WAITS, 5);
	ctx_free(ctx);
	wg_wait(&wg);
	sem_release(&s, 1);
	CHECK(sem_tryacquire(&s, 1));
}
TEST(semaphore, timeout_ends_the_wait)
{
	semaphore s = SEMAPHORE(0);
	context *ctx = ctx_with_timeout(ctx_background(), MILLISECOND);

	acquire(&s, 0);
	CHECK_EQ(sem_acquire(&s, ctx, 1), CTX_DEADLINE_EXCEEDED);
	ctx_free(ctx);
}

/* Those behind one who gives up had waited for him only. */
TEST(semaphore, giving_up_lets_those_behind_pass)
{
	semaphore s = SEMAPHORE(2);
	context *ctx = ctx_with_cancel(ctx_background());
	waitgroup wg = { 0 };

	acquire(&s, 1);
	wg_go(&wg, gives_up, &s, ctx_ref(ctx), 2L);
	until_waiting(WAITS, 1);
	wg_go(&wg, acquire, &s, 1L);
	until_waiting(WAITS, 2);
	ctx_free(ctx);
	wg_wait(&wg);
}

/* Who asks for more than there ever is waits for his context, and holds up nobody. */
TEST(semaphore, impossible_request_is_in_nobodys_way)
{
	semaphore s = SEMAPHORE(2);
	context *ctx = ctx_with_cancel(ctx_background());
	waitgroup wg = { 0 };

	acquire(&s, 2);
	wg_go(&wg, gives_up, &s, ctx_ref(ctx), 3L);
	until_waiting("chan receive", 1);
	wg_go(&wg, acquire, &s, 1L);
	until_waiting(WAITS, 1);
	sem_release(&s, 1);
	until_waiting("chan receive", 1);
	CHECK_EQ(count_waiting(WAITS), 0);
	ctx_free(ctx);
	wg_wait(&wg);
}

/* --------------------------------------------------------------------- in use -- */

struct used { semaphore s; int held, plain; };
static void use(struct used *u, int n, uint32_t seed)
{
	while (n-- > 0) {
		int w;

		seed = seed * 1664525u + 1013904223u;
		w = 1 + (int)(seed >> 24 & 3);
		acquire(&u->s, w);
		CHECK(add(&u->held, w) <= 4);
		if (w == 4)
			u->plain++;             /* alone */
		add(&u->held, -w);
		sem_release(&u->s, w);
	}
}
static void *use_thread(void *arg)
{
	use(arg, test_rounds(1000), 7);
	return NULL;
}
TEST(semaphore, bounds_the_sum)
{
	struct used u = { .s = SEMAPHORE(4) };
	waitgroup wg = { 0 };
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, use_thread, &u), 0);
	for (uint32_t i = 0; i < 6; i++)
		wg_go(&wg, use, &u, test_rounds(1000), i);
	wg_wait(&wg);
	pthread_join(t, NULL);
	CHECK(sem_tryacquire(&u.s, 4));
	CHECK_EQ(u.held, 0);
}

/* A release that wakes nobody orders too: all of it, one after another. */
static void count(semaphore *s, int *plain, int n)
{
	while (n-- > 0) {
		acquire(s, 1);
		++*plain;
		sem_release(s, 1);
	}
}
TEST(semaphore, of_1_is_a_mutex)
{
	semaphore s = SEMAPHORE(1);
	int plain = 0, n = test_rounds(2000);
	waitgroup wg = { 0 };

	for (int i = 0; i < 4; i++)
		wg_go(&wg, count, &s, &plain, n);
	wg_wait(&wg);
	CHECK_EQ(plain, 4 * n);
}

/* Those who wait with a timeout are served or give up, and nothing is lost either way. */
static void with_timeouts(semaphore *s, int n, uint32_t seed, int *served)
{
	while (n-- > 0) {
		int64_t d, w;
		context *ctx;

		seed = seed * 1664525u + 1013904223u;
		d = seed >> 8 & 0x3fff;
		w = 1 + (seed >> 24 & 3);
		ctx = ctx_with_timeout(ctx_background(), d);
		if (sem_acquire(s, ctx, w) == 0) {
			add(served, 1);
			go_yield();
			sem_release(s, w);
		} else {
			CHECK_EQ(ctx_err(ctx), CTX_DEADLINE_EXCEEDED);
		}
		ctx_free(ctx);
	}
}
TEST(semaphore, nothing_is_lost_by_giving_up)
{
	semaphore s = SEMAPHORE(5);
	waitgroup wg = { 0 };
	int served = 0;

	for (uint32_t i = 0; i < 16; i++)
		wg_go(&wg, with_timeouts, &s, test_rounds(500), i, &served);
	wg_wait(&wg);
	CHECK(sem_tryacquire(&s, 5));
}

/* ---------------------------------------------------------------------- misuse -- */

TEST(semaphore, misuse_panics)
{
	semaphore s = SEMAPHORE(2);

	CHECK_STR(go_try(sem_release, &s, 1L), "semaphore: released more than held");
	acquire(&s, 1);
	CHECK_STR(go_try(sem_release, &s, 2L), "semaphore: released more than held");
	CHECK_STR(go_try(acquire, &s, -1L), "semaphore: negative weight");
	CHECK_STR(go_try(sem_release, &s, -1L), "semaphore: negative weight");
	sem_release(&s, 1);
	CHECK(sem_tryacquire(&s, 2));
}
