/* cond_test.c - condition variables, as a user sees them. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>

struct cv { mutex m; cond c; };

static void lock_and_unlock(mutex *m)
{
	mutex_lock(m);
	mutex_unlock(m);
}

TEST(cond, wakes_nobody_if_nobody_waits)
{
	struct cv v = { 0 };

	cond_signal(&v.c);
	cond_broadcast(&v.c);
	lock_and_unlock(&v.m);
}

/* Each of the next tests knows that a goroutine waits, because it has been told so by it
 * while it held the mutex, and has had the mutex since: cond_wait unlocks it only when
 * the wait has begun. */

static void wait_and_tell(struct cv *v, int i, chan(int) running, chan(int) awake)
{
	mutex_lock(&v->m);
	chan_send(running, i);
	cond_wait(&v->c, &v->m);
	chan_send(awake, i);
	mutex_unlock(&v->m);
}

/* As Go's TestCondSignal: one signal, one waiter, and in the order of arrival. No check
 * of an empty channel can fail by being early; too late a goroutine passes it. */
TEST(cond, signal_wakes_one_in_order)
{
	enum { N = 50 };
	struct cv v = { 0 };
	chan(int) running = chan_make(int, N);
	chan(int) awake = chan_make(int, N);
	int x;

	for (int i = 0; i < N; i++) {
		go(wait_and_tell, &v, i, running, awake);
		CHECK_EQ(chan_recv(running), i);
		lock_and_unlock(&v.m);          /* it waits */
	}
	for (int i = 0; i < N; i++) {
		CHECK_EQ(chan_tryrecv(awake, &x), CHAN_WOULD_BLOCK);
		if (i % 2)
			mutex_lock(&v.m);       /* with and without the mutex */
		cond_signal(&v.c);
		if (i % 2)
			mutex_unlock(&v.m);
		CHECK_EQ(chan_recv(awake), i);
		go_yield();
		CHECK_EQ(chan_tryrecv(awake, &x), CHAN_WOULD_BLOCK);
	}
	cond_signal(&v.c);
	lock_and_unlock(&v.m);                  /* the last is about to unlock it */
	chan_free(running);
	chan_free(awake);
}

/* As Go's TestCondSignalGenerations: a signal goes to one who waits already, never to one
 * who comes after it. */
TEST(cond, signal_is_not_taken_by_a_later_waiter)
{
	enum { N = 200 };
	struct cv v = { 0 };
	chan(int) running = chan_make(int, N);
	chan(int) awake = chan_make(int, N);

	for (int i = 0; i < N; i++) {
		go(wait_and_tell, &v, i, running, awake);
		if (i > 0)
			CHECK_EQ(chan_recv(awake), i - 1);
		CHECK_EQ(chan_recv(running), i);
		mutex_lock(&v.m);
		cond_signal(&v.c);
		mutex_unlock(&v.m);
	}
	CHECK_EQ(chan_recv(awake), N - 1);
	lock_and_unlock(&v.m);                  /* the last is about to unlock it */
	chan_free(running);
	chan_free(awake);
}

/* As Go's TestCondBroadcast: rounds in which all wait, and each is woken once. */
struct crowd { struct cv v; bool over; chan(int) running, awake; waitgroup done; };

static void in_crowd(struct crowd *c, int i)
{
	mutex_lock(&c->v.m);
	while (!c->over) {
		chan_send(c->running, i);
		cond_wait(&c->v.c, &c->v.m);
		chan_send(c->awake, i);
	}
	mutex_unlock(&c->v.m);
}

TEST(cond, broadcast_wakes_each_once)
{
	enum { N = 100, ROUNDS = 20 };
	struct crowd c = { .running = chan_make(int, N), .awake = chan_make(int, N) };
	int x;

	for (int i = 0; i < N; i++)
		wg_go(&c.done, in_crowd, &c, i);
	for (int round = 0; round < ROUNDS; round++) {
		bool seen[N] = { false };

		for (int i = 0; i < N; i++)
			chan_recv(c.running);
		CHECK_EQ(chan_tryrecv(c.awake, &x), CHAN_WOULD_BLOCK);
		mutex_lock(&c.v.m);
		c.over = round == ROUNDS - 1;
		cond_broadcast(&c.v.c);
		mutex_unlock(&c.v.m);
		for (int i = 0; i < N; i++) {
			int who = chan_recv(c.awake);

			CHECK(!seen[who]);
			seen[who] = true;
		}
	}
	wg_wait(&c.done);
	CHECK_EQ(chan_tryrecv(c.running, &x), CHAN_WOULD_BLOCK);
	chan_free(c.running);
	chan_free(c.awake);
}

/* As Go's TestRace in cond_test.go: three goroutines drive x from 0 to 3. */
struct steps { struct cv v; int x; waitgroup done; };

static void one_to_three(struct steps *s)
{
	mutex_lock(&s->v.m);
	s->x = 1;
	cond_wait(&s->v.c, &s->v.m);
	CHECK_EQ(s->x, 2);
	s->x = 3;
	cond_signal(&s->v.c);
	mutex_unlock(&s->v.m);
}
static void to_two(struct steps *s)
{
	mutex_lock(&s->v.m);
	while (s->x != 1) {
		mutex_unlock(&s->v.m);
		go_yield();
		mutex_lock(&s->v.m);
	}
	s->x = 2;
	cond_signal(&s->v.c);
	mutex_unlock(&s->v.m);
}
static void await_three(struct steps *s)
{
	mutex_lock(&s->v.m);
	while (s->x != 3) {
		if (s->x == 2) {
			cond_wait(&s->v.c, &s->v.m);
			CHECK_EQ(s->x, 3);
			continue;
		}
		mutex_unlock(&s->v.m);
		go_yield();
		mutex_lock(&s->v.m);
	}
	mutex_unlock(&s->v.m);
}

TEST(cond, passes_the_turn)
{
	for (int i = 0; i < test_rounds(200); i++) {
		struct steps s = { 0 };

		wg_go(&s.done, one_to_three, &s);
		wg_go(&s.done, to_two, &s);
		wg_go(&s.done, await_three, &s);
		wg_wait(&s.done);
	}
}

/* As Go's TestCondSignalStealing: a broadcast that races with a new waiter still wakes
 * the one who waited before it. If it did not, the receive would block for ever. */
struct theft { struct cv v; bool over; chan(int) told; waitgroup done; };

static void first_waiter(struct theft *t)
{
	mutex_lock(&t->v.m);
	chan_send(t->told, 1);
	cond_wait(&t->v.c, &t->v.m);
	mutex_unlock(&t->v.m);
	chan_send(t->told, 2);
}
static void second_waiter(struct theft *t)
{
	mutex_lock(&t->v.m);
	while (!t->over)
		cond_wait(&t->v.c, &t->v.m);
	mutex_unlock(&t->v.m);
}

TEST(cond, wake_up_is_not_stolen)
{
	for (int i = 0; i < test_rounds(500); i++) {
		struct theft t = { .told = chan_make(int) };

		wg_go(&t.done, first_waiter, &t);
		CHECK_EQ(chan_recv(t.told), 1);
		lock_and_unlock(&t.v.m);
		wg_go(&t.done, cond_broadcast, &t.v.c);
		wg_go(&t.done, second_waiter, &t);
		CHECK_EQ(chan_recv(t.told), 2);
		mutex_lock(&t.v.m);
		t.over = true;
		mutex_unlock(&t.v.m);
		cond_broadcast(&t.v.c);
		wg_wait(&t.done);
		chan_free(t.told);
	}
}

/* ------------------------------------------------------- no lost wake-ups -- */

/* A buffer of few places between producers and consumers, with signals only: one that is
 * lost stops everything. The sum shows that nothing was taken twice. */
struct buffer { mutex m; cond room, data; int items[4], n; long sum; waitgroup done; };

static void produce(struct buffer *b, int n)
{
	for (int i = 1; i <= n; i++) {
		mutex_lock(&b->m);
		while (b->n == 4)
			cond_wait(&b->room, &b->m);
		b->items[b->n++] = i;
		mutex_unlock(&b->m);
		cond_signal(&b->data);
	}
}
static void consume(struct buffer *b, int n)
{
	for (int i = 0; i < n; i++) {
		mutex_lock(&b->m);
		while (b->n == 0)
			cond_wait(&b->data, &b->m);
		b->sum += b->items[--b->n];
		cond_signal(&b->room);
		mutex_unlock(&b->m);
	}
}

TEST(cond, loses_no_signal)
{
	struct buffer b = { 0 };
	int n = test_rounds(3000);

	for (int i = 0; i < 6; i++) {
		wg_go(&b.done, produce, &b, n);
		wg_go(&b.done, consume, &b, n);
	}
	wg_wait(&b.done);
	CHECK_EQ(b.sum, 6L * n * (n + 1) / 2);
	CHECK_EQ(b.n, 0);
}

static void *produce_thread(void *arg)
{
	struct buffer *b = arg;

	produce(b, test_rounds(1000));
	wg_done(&b->done);
	return NULL;
}
static void *consume_thread(void *arg)
{
	struct buffer *b = arg;

	consume(b, test_rounds(1000));
	wg_done(&b->done);
	return NULL;
}

TEST(cond, loses_no_signal_between_goroutines_and_threads)
{
	struct buffer b = { 0 };
	int n = test_rounds(1000);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		wg_add(&b.done, 1);
		CHECK_EQ(pthread_create(&threads[i], NULL,
					i % 2 ? produce_thread : consume_thread, &b), 0);
		wg_go(&b.done, produce, &b, n);
		wg_go(&b.done, consume, &b, n);
	}
	wg_wait(&b.done);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(b.sum, 6L * n * (n + 1) / 2);
}

/* A flag set under the mutex, the signal sent after unlocking it: the waiter either sees
 * the flag or is in the list. Both then meet in the next round. */
struct flag { mutex m; cond c; int round; };

static void raise_flags(struct flag *f, int n)
{
	for (int i = 1; i <= n; i++) {
		mutex_lock(&f->m);
		while (f->round != 2 * i - 2)
			cond_wait(&f->c, &f->m);
		f->round++;
		mutex_unlock(&f->m);
		cond_signal(&f->c);
	}
}

TEST(cond, ping_pong)
{
	struct flag f = { 0 };
	int n = test_rounds(5000);
	waitgroup done = { 0 };

	wg_go(&done, raise_flags, &f, n);
	for (int i = 1; i <= n; i++) {
		mutex_lock(&f.m);
		while (f.round != 2 * i - 1)
			cond_wait(&f.c, &f.m);
		f.round++;
		mutex_unlock(&f.m);
		cond_signal(&f.c);
	}
	wg_wait(&done);
	CHECK_EQ(f.round, 2 * n);
}

static void await_over(struct crowd *c)
{
	mutex_lock(&c->v.m);
	while (!c->over)
		cond_wait(&c->v.c, &c->v.m);
	mutex_unlock(&c->v.m);
}

TEST(cond, broadcasts_to_thousands)
{
	struct crowd c = { 0 };

	for (int i = 0; i < test_rounds(5000); i++)
		wg_go(&c.done, await_over, &c);
	for (int i = 0; i < 10; i++)
		go_yield();
	mutex_lock(&c.v.m);
	c.over = true;
	mutex_unlock(&c.v.m);
	cond_broadcast(&c.v.c);
	wg_wait(&c.done);
}
