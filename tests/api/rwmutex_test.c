/* rwmutex_test.c - reader/writer mutexes, as a user sees them. */
#include "harness.h"
#include "waiting.h"
#include <millrace.h>
#include <pthread.h>

static int load(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}

TEST(rwmutex, try_says_what_is_possible)
{
	rwmutex m = { 0 };

	CHECK(rwmutex_tryrlock(&m));
	CHECK(rwmutex_tryrlock(&m));
	CHECK(!rwmutex_trylock(&m));
	rwmutex_runlock(&m);
	CHECK(!rwmutex_trylock(&m));
	rwmutex_runlock(&m);
	CHECK(rwmutex_trylock(&m));
	CHECK(!rwmutex_trylock(&m));
	CHECK(!rwmutex_tryrlock(&m));
	rwmutex_unlock(&m);
	CHECK(rwmutex_tryrlock(&m));
	rwmutex_runlock(&m);
}

/* As Go's TestParallelReaders: all are inside at the same time, or nobody gets past the
 * barrier and the test times out. */
struct meeting { rwmutex m; int inside; waitgroup done; };

static void meet(struct meeting *p, int n)
{
	rwmutex_rlock(&p->m);
	add(&p->inside, 1);
	while (load(&p->inside) < n)
		go_yield();
	rwmutex_runlock(&p->m);
}

TEST(rwmutex, lets_readers_in_together)
{
	for (int n = 1; n <= 16; n *= 2) {
		struct meeting p = { 0 };

		for (int i = 0; i < n; i++)
			wg_go(&p.done, meet, &p, n);
		wg_wait(&p.done);
	}
}

/* --------------------------------------------------------------- exclusion -- */

/* As Go's HammerRWMutex: `inside` counts 10000 for a writer and 1 for a reader, so each
 * can tell who else is there. x and y are plain: readers see them equal. */
struct hammer { rwmutex m; int inside; long x, y; waitgroup done; };

static void reader(struct hammer *h, int turns)
{
	for (int i = 0; i < turns; i++) {
		int n;

		if (i % 5 != 0 || !rwmutex_tryrlock(&h->m))
			rwmutex_rlock(&h->m);
		n = add(&h->inside, 1);
		CHECK(n >= 1 && n < 10000);
		if (i % 16 == 0)
			go_yield();
		CHECK_EQ(h->x, h->y);
		add(&h->inside, -1);
		rwmutex_runlock(&h->m);
	}
}

static void writer(struct hammer *h, int turns)
{
	for (int i = 0; i < turns; i++) {
		if (i % 5 != 0 || !rwmutex_trylock(&h->m))
			rwmutex_lock(&h->m);
		CHECK_EQ(add(&h->inside, 10000), 10000);
		h->x++;
		if (i % 16 == 0)
			go_yield();
		h->y++;
		CHECK_EQ(add(&h->inside, -10000), 0);
		rwmutex_unlock(&h->m);
	}
}

static void hammer(int readers, int writers, int turns)
{
	struct hammer h = { 0 };

	turns = test_rounds(turns);
	wg_go(&h.done, writer, &h, turns);
	for (int i = 0; i < readers / 2; i++)
		wg_go(&h.done, reader, &h, turns);
	for (int i = 1; i < writers; i++)
		wg_go(&h.done, writer, &h, turns);
	for (int i = readers / 2; i < readers; i++)
		wg_go(&h.done, reader, &h, turns);
	wg_wait(&h.done);
	CHECK_EQ(h.x, (long)writers * turns);
	CHECK_EQ(h.inside, 0);
}

TEST(rwmutex, excludes_one_reader) { hammer(1, 2, 2000); }
TEST(rwmutex, excludes_three_readers) { hammer(3, 2, 1000); }
TEST(rwmutex, excludes_ten_readers) { hammer(10, 2, 1000); }
TEST(rwmutex, excludes_many_readers) { hammer(100, 5, 100); }
TEST(rwmutex, excludes_writers) { hammer(0, 10, 2000); }

static void *reader_thread(void *arg)
{
	struct hammer *h = arg;

	reader(h, test_rounds(1000));
	wg_done(&h->done);
	return NULL;
}
static void *writer_thread(void *arg)
{
	struct hammer *h = arg;

	writer(h, test_rounds(1000));
	wg_done(&h->done);
	return NULL;
}

TEST(rwmutex, excludes_goroutines_and_threads)
{
	struct hammer h = { 0 };
	int turns = test_rounds(1000);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		wg_add(&h.done, 1);
		CHECK_EQ(pthread_create(&threads[i], NULL,
					i % 2 ? reader_thread : writer_thread, &h), 0);
		wg_go(&h.done, writer, &h, turns);
		wg_go(&h.done, reader, &h, turns);
	}
	wg_wait(&h.done);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(h.x, 6L * turns);
}

/* As Go's TestRLocker, which locks in one goroutine and unlocks in another: two read
 * locks keep the writer out until the second is undone. No check can come too early: the
 * channel that must be empty is filled only after a step that main has yet to take. */
static void lock_twice_then_write(rwmutex *m, chan(int) rlocked, chan(int) wlocked, int n)
{
	for (int i = 0; i < n; i++) {
		rwmutex_rlock(m);
		rwmutex_rlock(m);
		chan_send(rlocked, i);
		rwmutex_lock(m);
		chan_send(wlocked, i);
	}
}

TEST(rwmutex, counts_read_locks)
{
	rwmutex m = { 0 };
	chan(int) rlocked = chan_make(int, 1);
	chan(int) wlocked = chan_make(int, 1);
	int v;

	go(lock_twice_then_write, &m, rlocked, wlocked, 10);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(chan_recv(rlocked), i);
		rwmutex_runlock(&m);
		CHECK_EQ(chan_tryrecv(wlocked, &v), CHAN_WOULD_BLOCK);
		rwmutex_runlock(&m);
		CHECK_EQ(chan_recv(wlocked), i);
		CHECK_EQ(chan_tryrecv(rlocked, &v), CHAN_WOULD_BLOCK);
		rwmutex_unlock(&m);
	}
	chan_free(rlocked);
	chan_free(wlocked);
}

/* ------------------------------------------------------------------- order -- */

struct order { rwmutex m; int turn, wrote, read; waitgroup done; };

static void write_in_turn(struct order *o)
{
	rwmutex_lock(&o->m);
	o->wrote = ++o->turn;
	rwmutex_unlock(&o->m);
}
static void read_in_turn(struct order *o)
{
	rwmutex_rlock(&o->m);
	o->read = add(&o->turn, 1);
	rwmutex_runlock(&o->m);
}

/* A reader that comes while a writer waits goes in after it, though m is locked for
 * reading only. It cannot flake: until_waiting knows that the writer waits. */
TEST(rwmutex, pending_writer_blocks_new_readers)
{
	struct order o = { 0 };

	rwmutex_rlock(&o.m);
	wg_go(&o.done, write_in_turn, &o);
	until_waiting("sync.RWMutex.Lock", 1);
	wg_go(&o.done, read_in_turn, &o);
	go_yield();
	CHECK(!rwmutex_tryrlock(&o.m));
	CHECK(!rwmutex_trylock(&o.m));
	CHECK_EQ(load(&o.turn), 0);
	rwmutex_runlock(&o.m);
	wg_wait(&o.done);
	CHECK_EQ(o.wrote, 1);
	CHECK_EQ(o.read, 2);
}

/* Readers inside, one of whom a writer waits for, are not disturbed when the other
 * leaves: the writer comes after the last. */
TEST(rwmutex, writer_waits_for_the_last_reader)
{
	struct order o = { 0 };

	for (int i = 0; i < 5; i++)
		rwmutex_rlock(&o.m);
	wg_go(&o.done, write_in_turn, &o);
	until_waiting("sync.RWMutex.Lock", 1);
	for (int i = 0; i < 5; i++) {
		go_yield();
		CHECK_EQ(load(&o.turn), 0);
		rwmutex_runlock(&o.m);
	}
	wg_wait(&o.done);
	CHECK_EQ(o.wrote, 1);
}

/* No writer starves while readers overlap all the time, so that the count of readers
 * never is 0 by itself: the next comes in before the last leaves. */
struct relay { rwmutex m; chan(int) baton; bool stop; long rounds; };

static void overlap(struct relay *r)
{
	for (;;) {
		chan_recv(r->baton);
		if (__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
			chan_send(r->baton, 1);
			return;
		}
		rwmutex_rlock(&r->m);
		chan_send(r->baton, 1);         /* the other may come in now */
		go_yield();
		__atomic_fetch_add(&r->rounds, 1, __ATOMIC_RELAXED);
		rwmutex_runlock(&r->m);
	}
}

TEST(rwmutex, starves_no_writer)
{
	struct relay r = { .baton = chan_make(int, 1) };
	waitgroup done = { 0 };

	chan_send(r.baton, 1);
	wg_go(&done, overlap, &r);
	wg_go(&done, overlap, &r);
	for (int i = 0; i < 100; i++) {
		rwmutex_lock(&r.m);
		rwmutex_unlock(&r.m);
		go_yield();
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	wg_wait(&done);
	chan_free(r.baton);
}

/* Nor a reader while writers queue all the time. */
static void keep_writing(struct order *o, bool *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		rwmutex_lock(&o->m);
		o->turn++;
		go_yield();             /* the other writer queues */
		rwmutex_unlock(&o->m);
	}
}

TEST(rwmutex, starves_no_reader)
{
	struct order o = { 0 };
	bool stop = false;

	for (int i = 0; i < 3; i++)
		wg_go(&o.done, keep_writing, &o, &stop);
	for (int i = 0; i < 100; i++) {
		rwmutex_rlock(&o.m);
		rwmutex_runlock(&o.m);
		go_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	wg_wait(&o.done);
}

/* When a writer leaves, all the readers that wait go in before the next writer, though
 * it has waited longer. Main is a reader behind which everybody queues. */
struct batch { rwmutex m; int readers, second; chan(int) go_on; waitgroup done; };

static void first_writer(struct batch *b)
{
	rwmutex_lock(&b->m);
	chan_recv(b->go_on);
	rwmutex_unlock(&b->m);
}
static void second_writer(struct batch *b)
{
	rwmutex_lock(&b->m);
	b->second = load(&b->readers);
	rwmutex_unlock(&b->m);
}
static void batch_reader(struct batch *b)
{
	rwmutex_rlock(&b->m);
	add(&b->readers, 1);
	rwmutex_runlock(&b->m);
}

TEST(rwmutex, readers_that_wait_go_before_the_next_writer)
{
	struct batch b = { .go_on = chan_make(int) };

	rwmutex_rlock(&b.m);
	wg_go(&b.done, first_writer, &b);
	until_waiting("sync.RWMutex.Lock", 1);
	wg_go(&b.done, second_writer, &b);
	until_waiting("sync.RWMutex.Lock", 2);
	for (int i = 0; i < 10; i++)
		wg_go(&b.done, batch_reader, &b);
	until_waiting("sync.RWMutex.RLock", 10);
	rwmutex_runlock(&b.m);          /* the first writer goes in */
	chan_send(b.go_on, 1);
	wg_wait(&b.done);
	CHECK_EQ(b.readers, 10);
	CHECK_EQ(b.second, 10);
	chan_free(b.go_on);
}

/* Writers go in the order of arrival. */
struct row { rwmutex m; int order[10], n; waitgroup done; };

static void write_name(struct row *r, int name)
{
	rwmutex_lock(&r->m);
	r->order[r->n++] = name;
	rwmutex_unlock(&r->m);
}

TEST(rwmutex, writers_go_in_order)
{
	struct row r = { 0 };

	rwmutex_lock(&r.m);
	for (int i = 0; i < 10; i++) {
		wg_go(&r.done, write_name, &r, i);
		until_waiting("sync.RWMutex.Lock", i + 1);
	}
	rwmutex_unlock(&r.m);
	wg_wait(&r.done);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(r.order[i], i);
}

/* ------------------------------------------------------------------- crowd -- */

TEST(rwmutex, serves_thousands_of_waiters)
{
	struct hammer h = { 0 };
	int n = test_rounds(4000);

	rwmutex_lock(&h.m);
	for (int i = 0; i < n; i++) {
		if (i % 20 == 0)
			wg_go(&h.done, writer, &h, 1);
		wg_go(&h.done, reader, &h, 1);
	}
	go_yield();
	rwmutex_unlock(&h.m);
	wg_wait(&h.done);
	CHECK_EQ(h.x, (n + 19) / 20);
}
