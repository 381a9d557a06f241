/* partial_test.c - MILLRACE=deadlock=partial: circles of lock waits while others run, and
 * programs that lock as much and end.
 *
 * Each program ends when the circle is closed, and only then: main sleeps for as long as
 * a test may take. */
#define TEST_PROCS_ALL
#include "waiting.h"
#include <pthread.h>
#include <unistd.h>

#define KNOB "MILLRACE=deadlock=partial"
#define CIRCLE(name_, ...) CRASH_TEST_ENV(partial_##name_, KNOB, 2, ##__VA_ARGS__)
#define SILENT(name_) TWIN(partial_##name_, .env = KNOB)
#define EACH_OTHER "fatal error: partial deadlock: goroutines wait for each other's locks\n\n"
#define ITSELF \
	"fatal error: partial deadlock: a goroutine waits for a lock that it already holds\n\n"
#define G(why, name) "goroutine ", " [" why "]: " name "\nwaits for 0x", " at\n"
#define LOCKED "locked by goroutine ", "s ago at\n"
#define RLOCKED "locked for reading by goroutine ", "s ago at\n"

static mutex a, b, c;
static rwmutex rw;
static waitgroup wg;
static cond cv;

static void for_ever(void)
{
	go_sleep(HOUR);
}

/* Lock the one, say so, wait until `others` have as well, lock the other. */
static int arrived;
static void meet(int others)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < others)
		go_yield();
}
static void lock_both(mutex *one, mutex *other, int others)
{
	mutex_lock(one);
	meet(others);
	mutex_lock(other);
	mutex_unlock(other);
	mutex_unlock(one);
	wg_done(&wg);
}
static void works(void)
{
	for (;;)
		go_yield();
}

/* -------------------------------------------------------------------- two mutexes -- */

CIRCLE(two_mutexes, EACH_OTHER, G("sync.Mutex.Lock", "lock_both"), "lock_both(...)\n\t",
       LOCKED, "lock_both(...)\n\t",
       "created by test_crash__partial_two_mutexes at tests/diag/partial_test.c:",
       G("sync.Mutex.Lock", "lock_both"), LOCKED, "created by ", "!goroutine ")
{
	go(works);
	go(lock_both, &a, &b, 2);
	go(lock_both, &b, &a, 2);
	for_ever();
}
SILENT(two_mutexes_in_order)
{
	wg_add(&wg, 2);
	go(lock_both, &a, &b, 1);
	go(lock_both, &a, &b, 1);
	wg_wait(&wg);
}
CIRCLE(three_mutexes, EACH_OTHER, G("sync.Mutex.Lock", "lock_both"), LOCKED,
       G("sync.Mutex.Lock", "lock_both"), LOCKED, G("sync.Mutex.Lock", "lock_both"), LOCKED,
       "created by ", "!goroutine ")
{
	go(works);
	go(lock_both, &a, &b, 3);
	go(lock_both, &b, &c, 3);
	go(lock_both, &c, &a, 3);
	for_ever();
}
SILENT(three_mutexes_in_a_chain)
{
	wg_add(&wg, 2);
	go(lock_both, &a, &b, 2);
	go(lock_both, &b, &c, 2);
	wg_wait(&wg);
}
/* main in it, and a bystander that waits too. */
static void lock_one(mutex *m)
{
	mutex_lock(m);
	mutex_unlock(m);
}
CIRCLE(with_main, EACH_OTHER, " [sync.Mutex.Lock]: ", "goroutine ", " [sync.Mutex.Lock]: ",
       "!lock_one")
{
	go(works);
	go(lock_both, &a, &b, 2);
	mutex_lock(&b);
	go(lock_one, &b);
	meet(2);
	mutex_lock(&a);
}

/* ------------------------------------------------------------------------- itself -- */

static void lock_twice(void)
{
	mutex_lock(&a);
	mutex_lock(&a);
	mutex_unlock(&a);               /* or a tail call would not show who locked */
}
CIRCLE(itself, ITSELF, G("sync.Mutex.Lock", "lock_twice"), "lock_twice(...)\n\t", LOCKED,
       "lock_twice(...)\n\t", "created by ", "!goroutine ")
{
	go(works);
	go(lock_twice);
	for_ever();
}
/* The first call of all. */
CIRCLE(itself_first_of_all, ITSELF, "goroutine 1 [sync.Mutex.Lock]: main\n")
{
	lock_twice();
}
CIRCLE(itself_after_trylock, ITSELF, "goroutine 1 [sync.Mutex.Lock]: main\n")
{
	go(works);
	CHECK(mutex_trylock(&a));
	mutex_lock(&a);
}
static void signals(void)
{
	lock_one(&a);                   /* once main waits */
	cond_signal(&cv);
}
CIRCLE(itself_after_cond_wait, ITSELF, G("sync.Mutex.Lock", "main"),
       "test_crash__partial_itself_after_cond_wait(...)\n\t", "locked by goroutine 1 ",
       "test_crash__partial_itself_after_cond_wait(...)\n\t")
{
	go(works);
	mutex_lock(&a);
	go(signals);
	cond_wait(&cv, &a);
	mutex_lock(&a);
	mutex_unlock(&a);
}
CIRCLE(reader_becomes_writer, ITSELF, G("sync.RWMutex.Lock", "main"), "locked for reading by ")
{
	go(works);
	rwmutex_rlock(&rw);
	rwmutex_lock(&rw);
}
CIRCLE(writer_reads, ITSELF, G("sync.RWMutex.RLock", "main"), LOCKED)
{
	go(works);
	rwmutex_lock(&rw);
	rwmutex_rlock(&rw);
}
CIRCLE(writer_writes, ITSELF, G("sync.RWMutex.Lock", "main"), LOCKED)
{
	go(works);
	CHECK(rwmutex_trylock(&rw));
	rwmutex_lock(&rw);
}
SILENT(trylock_of_ones_own)
{
	mutex_lock(&a);
	CHECK(!mutex_trylock(&a));
	mutex_unlock(&a);
	rwmutex_rlock(&rw);
	CHECK(rwmutex_tryrlock(&rw));
	CHECK(!rwmutex_trylock(&rw));
	rwmutex_runlock(&rw);
	rwmutex_runlock(&rw);
	CHECK(rwmutex_trylock(&rw));
	rwmutex_unlock(&rw);
}

/* ------------------------------------------------------------------------ rwmutex -- */

static void write_it(void)
{
	rwmutex_lock(&rw);
	rwmutex_unlock(&rw);
}
/* Each way round is possible: who comes last closes it. */
CIRCLE(writer_between_two_reads, EACH_OTHER, "[sync.RWMutex.RLock]: main\n", "after goroutine ",
       ", which waits to lock it for writing\n", G("sync.RWMutex.Lock", "write_it"),
       "locked for reading by goroutine 1 ", "created by ")
{
	go(works);
	rwmutex_rlock(&rw);
	go(write_it);
	until_waiting("sync.RWMutex.Lock", 1);
	rwmutex_rlock(&rw);
}
SILENT(two_reads)
{
	rwmutex_rlock(&rw);
	rwmutex_rlock(&rw);
	go(write_it);
	until_waiting("sync.RWMutex.Lock", 1);
	rwmutex_runlock(&rw);
	rwmutex_runlock(&rw);
	write_it();
}
static void read_then_write(rwmutex *r, rwmutex *w)
{
	rwmutex_rlock(r);
	meet(2);
	rwmutex_lock(w);
}
CIRCLE(two_rwmutexes, EACH_OTHER, G("sync.RWMutex.Lock", "read_then_write"), RLOCKED,
       G("sync.RWMutex.Lock", "read_then_write"), RLOCKED)
{
	static rwmutex other;

	go(works);
	go(read_then_write, &rw, &other);
	go(read_then_write, &other, &rw);
	for_ever();
}
/* A reader waits behind a writer that waits for a reader that waits for a mutex that the
 * first reader holds. */
static void read_then_lock(void)
{
	rwmutex_rlock(&rw);
	meet(2);
	mutex_lock(&a);
}
static void lock_then_read(void)
{
	mutex_lock(&a);
	meet(2);
	until_waiting("sync.RWMutex.Lock", 1);
	rwmutex_rlock(&rw);
}
CIRCLE(through_a_writer, EACH_OTHER, "[sync.", "[sync.", "[sync.", "created by ", "!goroutine ")
{
	go(works);
	go(read_then_lock);
	go(lock_then_read);
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 2)
		go_yield();
	go(write_it);
	for_ever();
}
/* A writer hands on to the readers that wait, also to one before whom another writer
 * waits: it does not wait for that. */
static void read_with(void)
{
	rwmutex_rlock(&rw);
	mutex_lock(&a);
	mutex_unlock(&a);
	rwmutex_runlock(&rw);
	wg_done(&wg);
}
SILENT(readers_pass_a_writer)
{
	wg_add(&wg, 1);
	rwmutex_lock(&rw);
	go(write_it);
	until_waiting("sync.RWMutex.Lock", 1);
	go(read_with);
	until_waiting("sync.RWMutex.RLock", 1);
	mutex_lock(&a);
	rwmutex_unlock(&rw);
	go_yield();
	mutex_unlock(&a);
	wg_wait(&wg);
	write_it();
}

/* --------------------------------------------------------------- threads, and ends -- */

static void *lock_both_thread(void *arg)
{
	mutex_lock(&a);
	meet(2);
	mutex_lock(&b);
	return arg;
}
CIRCLE(with_a_thread, EACH_OTHER, "a thread", "locked by ")
{
	pthread_t t;

	go(works);
	go(lock_both, &b, &a, 2);
	CHECK_EQ(pthread_create(&t, NULL, lock_both_thread, NULL), 0);
	for_ever();
}
/* Whoever unlocks it, it is not held any more. */
SILENT(unlocked_by_another)
{
	for (int i = 0; i < 100; i++) {
		mutex_lock(&a);
		wg_go(&wg, mutex_unlock, &a);
		wg_wait(&wg);
	}
	rwmutex_rlock(&rw);
	rwmutex_rlock(&rw);
	wg_go(&wg, rwmutex_runlock, &rw);
	wg_go(&wg, rwmutex_runlock, &rw);
	wg_wait(&wg);
	rwmutex_lock(&rw);
	wg_go(&wg, rwmutex_unlock, &rw);
	wg_wait(&wg);
}
/* A goroutine ended with its lock, and the next has its stack; a lock ended locked, and
 * the next is at its place. */
static void ends_with(mutex *m)
{
	mutex_lock(m);
	wg_done(&wg);
}
SILENT(ends_locked)
{
	static mutex place;

	for (int i = 0; i < 20; i++) {
		wg_add(&wg, 1);
		go(ends_with, &place);
		wg_wait(&wg);
		place = (mutex){ 0 };
		mutex_lock(&a);
		mutex_lock(&place);
		mutex_unlock(&place);
		mutex_unlock(&a);
		place = (mutex){ 0 };
	}
}
CIRCLE(after_a_long_chain, EACH_OTHER, "goroutine ", "goroutine ")
{
	enum { N = TEST_TSAN ? 200 : 2000 };
	static mutex chain[N];

	go(works);
	for (int i = 0; i < N; i++)
		go(lock_both, &chain[i], &chain[(i + 1) % N], N);
	for_ever();
}

/* ------------------------------------------------------------------------- crowds -- */

/* Each locks some of many, in order, in every way there is. */
enum { LOCKS = 8, ROUNDS = 400 };
static mutex ms[LOCKS];
static rwmutex rws[LOCKS];

static void unlock_all(const int *how)
{
	for (int i = LOCKS; i-- > 0;)
		if (how[i] == 1)
			mutex_unlock(&ms[i]);
		else if (how[i] == 2)
			rwmutex_runlock(&rws[i]);
		else if (how[i] == 3)
			rwmutex_unlock(&rws[i]);
}
static void mixes(unsigned seed)
{
	for (int n = test_rounds(ROUNDS); n > 0; n--) {
		int how[LOCKS];

		for (int i = 0; i < LOCKS; i++) {
			how[i] = rand_r(&seed) % 6;
			if (how[i] == 1 && rand_r(&seed) % 4)
				mutex_lock(&ms[i]);
			else if (how[i] == 1)
				how[i] = mutex_trylock(&ms[i]);
			else if (how[i] == 2)
				rwmutex_rlock(&rws[i]);
			else if (how[i] == 3)
				rwmutex_lock(&rws[i]);
			if (rand_r(&seed) % 8 == 0)
				go_yield();
		}
		unlock_all(how);
	}
	wg_done(&wg);
}
static void *mixes_thread(void *arg)
{
	mixes((unsigned)(uintptr_t)arg);
	return NULL;
}
SILENT(a_crowd)
{
	uint64_t seed = test_seed();
	pthread_t t[2];

	wg_add(&wg, 34);
	for (unsigned i = 0; i < 32; i++)
		go(mixes, (unsigned)seed + i);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, mixes_thread,
					(void *)(uintptr_t)(seed + 100 + i)), 0);
	wg_wait(&wg);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}
