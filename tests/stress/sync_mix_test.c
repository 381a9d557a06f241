/* sync_mix_test.c - all sync types at the same time, goroutines and threads on the same
 * objects, in an order that a seed decides. Each test counts what was done under every
 * lock in plain variables and compares at the end: a lost update means two owners, a
 * hang a lost wake-up. No outcome depends on the schedule. */
#include "harness.h"
#include "waiting.h"
#include <millrace.h>
#include <pthread.h>
#include <sys/wait.h>

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* ------------------------------------------------------------ everything -- */

enum { LOCKS = 5 };
struct world {
	mutex m[LOCKS];
	long under_m[LOCKS];
	rwmutex rw[LOCKS];
	long under_rw[LOCKS], same[LOCKS];
	once o[LOCKS];
	int ran[LOCKS];
	mutex gate_m;                   /* a counting semaphore of two places */
	cond gate_c;
	int inside, most;
	waitgroup done;
	long m_turns, rw_turns;         /* atomic */
};

static void set_ran(void *p) { ++*(int *)p; }

static void through_the_gate(struct world *w, bool yield)
{
	mutex_lock(&w->gate_m);
	while (w->inside == 2)
		cond_wait(&w->gate_c, &w->gate_m);
	if (++w->inside > w->most)
		w->most = w->inside;
	mutex_unlock(&w->gate_m);
	if (yield)
		go_yield();
	mutex_lock(&w->gate_m);
	w->inside--;
	mutex_unlock(&w->gate_m);
	cond_signal(&w->gate_c);
}

static void step(struct world *w, uint64_t r)
{
	int i = (int)((r >> 8) % LOCKS);
	bool yield = (r >> 16) % 4 == 0;

	switch (r % 8) {
	case 0:
	case 1:
	case 2:
		if (r % 8 == 0 && !mutex_trylock(&w->m[i]))
			return;
		if (r % 8 != 0)
			mutex_lock(&w->m[i]);
		w->under_m[i]++;
		if (yield)
			go_yield();
		mutex_unlock(&w->m[i]);
		__atomic_fetch_add(&w->m_turns, 1, __ATOMIC_RELAXED);
		return;
	case 3:
		if ((r >> 24) % 4 == 0 && !rwmutex_trylock(&w->rw[i]))
			return;
		if ((r >> 24) % 4 != 0)
			rwmutex_lock(&w->rw[i]);
		w->under_rw[i]++;
		if (yield)
			go_yield();
		w->same[i]++;
		rwmutex_unlock(&w->rw[i]);
		__atomic_fetch_add(&w->rw_turns, 1, __ATOMIC_RELAXED);
		return;
	case 4:
	case 5:
		if (r % 8 == 4 && !rwmutex_tryrlock(&w->rw[i]))
			return;
		if (r % 8 != 4)
			rwmutex_rlock(&w->rw[i]);
		CHECK_EQ(w->under_rw[i], w->same[i]);
		if (yield)
			go_yield();
		CHECK_EQ(w->under_rw[i], w->same[i]);
		rwmutex_runlock(&w->rw[i]);
		return;
	case 6:
		through_the_gate(w, yield);
		return;
	case 7:
		once_call(&w->o[i], set_ran, &w->ran[i]);
		CHECK_EQ(w->ran[i], 1);
		return;
	}
}

static void live(struct world *w, uint64_t seed, int steps)
{
	uint64_t x = seed | 1;

	while (steps-- > 0)
		step(w, next(&x));
}

struct thread_job { struct world *w; uint64_t seed; int steps; };
static void *live_thread(void *arg)
{
	struct thread_job *job = arg;

	live(job->w, job->seed, job->steps);
	wg_done(&job->w->done);
	return NULL;
}

static void run_world(int goroutines, int nthreads, int steps)
{
	struct world w = { 0 };
	uint64_t x = test_seed() | 1;
	pthread_t threads[8];
	struct thread_job jobs[8];
	long m = 0, rw = 0;

	steps = test_rounds(steps);
	for (int i = 0; i < nthreads; i++) {
		jobs[i] = (struct thread_job){ &w, next(&x), steps };
		wg_add(&w.done, 1);
		CHECK_EQ(pthread_create(&threads[i], NULL, live_thread, &jobs[i]), 0);
	}
	for (int i = 0; i < goroutines; i++)
		wg_go(&w.done, live, &w, next(&x), steps);
	wg_wait(&w.done);
	for (int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < LOCKS; i++) {
		m += w.under_m[i];
		rw += w.under_rw[i];
		CHECK(mutex_trylock(&w.m[i]));
		CHECK(rwmutex_trylock(&w.rw[i]));
	}
	CHECK_EQ(m, w.m_turns);
	CHECK_EQ(rw, w.rw_turns);
	CHECK(w.most <= 2);
	CHECK_EQ(w.inside, 0);
}

TEST(sync_mix, goroutines) { run_world(20, 0, 5000); }
TEST(sync_mix, threads) { run_world(0, 6, 5000); }
TEST(sync_mix, goroutines_and_threads) { run_world(12, 4, 5000); }
TEST(sync_mix, many_goroutines) { run_world(2000, 2, 50); }

/* ----------------------------------------------------------------- barrier -- */

/* A reusable barrier of a mutex and a cond, as Go's benchmark of Cond: each round all
 * meet, so a round that is over while one has not come shows in `round`. */
struct barrier { mutex m; cond c; int parties, here; long round; waitgroup done; };

static void meet(struct barrier *b, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		mutex_lock(&b->m);
		CHECK_EQ(b->round, i);
		if (++b->here == b->parties) {
			b->here = 0;
			b->round++;
			cond_broadcast(&b->c);
		}
		while (b->round == i)
			cond_wait(&b->c, &b->m);
		mutex_unlock(&b->m);
	}
}

struct meet_job { struct barrier *b; long rounds; };
static void *meet_thread(void *arg)
{
	struct meet_job *job = arg;

	meet(job->b, job->rounds);
	wg_done(&job->b->done);
	return NULL;
}

static void run_barrier(int goroutines, int nthreads, int rounds)
{
	struct barrier b = { .parties = goroutines + nthreads };
	struct meet_job job = { &b, test_rounds(rounds) };
	pthread_t threads[4];

	for (int i = 0; i < nthreads; i++) {
		wg_add(&b.done, 1);
		CHECK_EQ(pthread_create(&threads[i], NULL, meet_thread, &job), 0);
	}
	for (int i = 0; i < goroutines; i++)
		wg_go(&b.done, meet, &b, job.rounds);
	wg_wait(&b.done);
	for (int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(b.round, job.rounds);
}

TEST(sync_barrier, of_two) { run_barrier(2, 0, 5000); }
TEST(sync_barrier, of_a_hundred) { run_barrier(100, 0, 200); }
TEST(sync_barrier, with_threads) { run_barrier(6, 2, 1000); }

/* --------------------------------------------------------------- phases -- */

/* Waitgroups used again and again by the same goroutines, as their only order: what one
 * phase wrote in its slots, the next reads from its neighbour's. Plain variables. */
enum { CELLS = 8 };
struct phases { waitgroup start[2], end[2], done; long cell[2][CELLS]; };

static void cell(struct phases *p, int i, int rounds)
{
	for (int r = 0; r < rounds; r++) {
		wg_wait(&p->start[r % 2]);
		p->cell[(r + 1) % 2][i] = p->cell[r % 2][(i + 1) % CELLS] + 1;
		wg_done(&p->end[r % 2]);
	}
}

TEST(sync_phases, see_the_one_before)
{
	struct phases p = { 0 };
	int rounds = test_rounds(3000);

	wg_add(&p.start[0], 1);
	wg_add(&p.end[0], CELLS);
	for (int i = 0; i < CELLS; i++)
		wg_go(&p.done, cell, &p, i, rounds);
	for (int r = 0; r < rounds; r++) {
		/* The next round's are free: all have left start of the last but one
		 * before they made its end 0. */
		wg_add(&p.start[(r + 1) % 2], 1);
		wg_add(&p.end[(r + 1) % 2], CELLS);
		wg_done(&p.start[r % 2]);
		wg_wait(&p.end[r % 2]);
		for (int i = 0; i < CELLS; i++)
			CHECK_EQ(p.cell[(r + 1) % 2][i], r + 1);
	}
	wg_wait(&p.done);
}

/* ------------------------------------------------------------------- fork -- */

/* The child of a fork may return from main, so what deferred calls do must work there,
 * though those who wait do not exist. */
struct held { mutex m; rwmutex read, write; waitgroup wg, done; once o; pid_t child; };

static void take_and_leave(struct held *h, int which)
{
	switch (which) {
	case 0: mutex_lock(&h->m); mutex_unlock(&h->m); return;
	case 1: rwmutex_lock(&h->read); rwmutex_unlock(&h->read); return;
	case 2: rwmutex_lock(&h->write); rwmutex_unlock(&h->write); return;
	case 3: wg_wait(&h->wg); return;
	}
}

static void fork_within(void *arg)
{
	struct held *h = arg;

	for (int i = 0; i < 4; i++)
		wg_go(&h->done, take_and_leave, h, i);
	until_waiting("sync.Mutex.Lock", 1);
	until_waiting("sync.RWMutex.Lock", 2);
	until_waiting("sync.WaitGroup.Wait", 1);
	h->child = fork();
	CHECK(h->child >= 0);
}

TEST(sync_fork, child_may_let_go)
{
	struct held h = { 0 };
	int status;

	mutex_lock(&h.m);
	rwmutex_rlock(&h.read);
	rwmutex_lock(&h.write);
	wg_add(&h.wg, 1);
	once_call(&h.o, fork_within, &h);
	mutex_unlock(&h.m);
	rwmutex_runlock(&h.read);
	rwmutex_unlock(&h.write);
	wg_done(&h.wg);
	if (h.child == 0)
		_exit(0);
	CHECK_EQ(waitpid(h.child, &status, 0), h.child);
	CHECK_EQ(status, 0);
	wg_wait(&h.done);
}
