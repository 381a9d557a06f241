/* sync_bench.c - mutexes, wait groups, once, condition variables. Names and ops as in
 * Go's sync/mutex_test.go, rwmutex_test.go, waitgroup_test.go, once_test.go and
 * cond_test.go. */
#include "bench.h"

/* -------------------------------------------------------------------------- Mutex -- */
static void mutex_uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	mutex m = {0};
	int64_t done = 0;
	while (pb_next(pb)) {
		mutex_lock(&m);
		done++;
		mutex_unlock(&m);
	}
	bench_work(pb->b, done);
}

BENCH(MutexUncontended) { bench_parallel(b, mutex_uncontended, NULL); }

struct mutex_arg { mutex m; int work; };

static void mutex_contended(bench_pb *pb, void *arg)
{
	struct mutex_arg *a = arg;
	int work = a->work;
	int64_t foo = 0;

	while (pb_next(pb)) {
		mutex_lock(&a->m);
		mutex_unlock(&a->m);
		foo = local_work(foo, work);
	}
}

static void mutex_bench(bench *b, int parallelism, int work)
{
	struct mutex_arg a = { .work = work };
	b->parallelism = parallelism;
	bench_parallel(b, mutex_contended, &a);
}

/* A goroutine per proc on one mutex; Slack: ten per proc; Work: and each does something
 * between unlocking and locking again. */
BENCH(Mutex) { mutex_bench(b, 1, 0); }
BENCH(MutexSlack) { mutex_bench(b, 10, 0); }
BENCH(MutexWork) { mutex_bench(b, 1, 100); }
BENCH(MutexWorkSlack) { mutex_bench(b, 10, 100); }

struct counter { mutex m; int64_t count; };

static void count_up(struct counter *c, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		mutex_lock(&c->m);
		c->count++;
		mutex_unlock(&c->m);
	}
}

/* Not in Go: 8 goroutines count to n under one mutex, whatever the procs. */
BENCH(Mutex8)
{
	struct counter c = {0};
	waitgroup wg = {0};

	bench_round(b, 8);
	for (int i = 0; i < 8; i++)
		wg_go(&wg, count_up, &c, b->n / 8);
	wg_wait(&wg);
	bench_work(b, c.count);
}

/* ------------------------------------------------------------------------ RWMutex -- */
/* Not in Go: one goroutine takes a read lock, reads, and gives it back. */
BENCH(RWMutexRead)
{
	struct { rwmutex m; int64_t value; } s = { .value = 1 };
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		rwmutex_rlock(&s.m);
		sum += s.value;
		rwmutex_runlock(&s.m);
	}
	bench_work(b, sum);
}

static void rwmutex_uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	rwmutex m = {0};
	while (pb_next(pb)) {
		rwmutex_rlock(&m);
		rwmutex_rlock(&m);
		rwmutex_runlock(&m);
		rwmutex_runlock(&m);
		rwmutex_lock(&m);
		rwmutex_unlock(&m);
	}
}

/* An op is two read locks, one within the other, and a write lock. */
BENCH(RWMutexUncontended) { bench_parallel(b, rwmutex_uncontended, NULL); }

struct rwmutex_arg { rwmutex m; int work, write_ratio; };

static void rwmutex_contended(bench_pb *pb, void *arg)
{
	struct rwmutex_arg *a = arg;
	int work = a->work, write_ratio = a->write_ratio;
	int64_t foo = 0;

	while (pb_next(pb)) {
		foo++;
		if (foo % write_ratio == 0) {
			rwmutex_lock(&a->m);
			rwmutex_unlock(&a->m);
		} else {
			rwmutex_rlock(&a->m);
			foo = local_work(foo, work);
			rwmutex_runlock(&a->m);
		}
	}
}

static void rwmutex_bench(bench *b, int work, int write_ratio)
{
	struct rwmutex_arg a = { .work = work, .write_ratio = write_ratio };
	bench_parallel(b, rwmutex_contended, &a);
}

/* One lock in 100 (10) is a write lock. */
BENCH(RWMutexWrite100) { rwmutex_bench(b, 0, 100); }
BENCH(RWMutexWrite10) { rwmutex_bench(b, 0, 10); }
BENCH(RWMutexWorkWrite100) { rwmutex_bench(b, 100, 100); }

/* ---------------------------------------------------------------------- WaitGroup -- */
static void wg_uncontended(bench_pb *pb, void *arg)
{
	(void)arg;
	waitgroup wg = {0};
	int64_t done = 0;
	while (pb_next(pb)) {
		wg_add(&wg, 1);
		wg_done(&wg);
		wg_wait(&wg);
		done++;
	}
	bench_work(pb->b, done);
}

BENCH(WaitGroupUncontended) { bench_parallel(b, wg_uncontended, NULL); }

static void wg_add_done(bench_pb *pb, void *arg)
{
	waitgroup *wg = arg;
	int64_t done = 0;
	while (pb_next(pb)) {
		wg_add(wg, 1);
		wg_done(wg);
		done++;
	}
	bench_work(pb->b, done);
}

BENCH(WaitGroupAddDone)
{
	waitgroup wg = {0};
	bench_parallel(b, wg_add_done, &wg);
}

static void count_one(int64_t *count, waitgroup *wg)
{
	++*count;
	wg_done(wg);
}

static void wg_actually_wait(bench_pb *pb, void *arg)
{
	(void)arg;
	int64_t done = 0;
	while (pb_next(pb)) {
		waitgroup wg = {0};
		wg_add(&wg, 1);
		go(count_one, &done, &wg);
		wg_wait(&wg);
	}
	bench_work(pb->b, done);
}

/* An op is to start a goroutine and to wait for it. */
BENCH(WaitGroupActuallyWait) { bench_parallel(b, wg_actually_wait, NULL); }

/* ------------------------------------------------------------------- Once and Cond -- */
static int64_t inits;

static void init(void) { inits++; }

static void once_body(bench_pb *pb, void *arg)
{
	once *o = arg;
	int64_t done = 0;
	while (pb_next(pb)) {
		once_do(o, init);
		done++;
	}
	bench_work(pb->b, done * inits);
}

BENCH(Once)
{
	once o = {0};
	inits = 0;
	bench_parallel(b, once_body, &o);
}

struct barrier { mutex m; cond c; int id, waiters; int64_t n, rounds; };

static void cond_worker(struct barrier *s)
{
	bool ended = false;

	for (int64_t i = 0; i < s->n && !ended; i++) {
		mutex_lock(&s->m);
		if (s->id == -1) {
			ended = true;
		} else if (++s->id == s->waiters + 1) {
			s->id = 0;
			s->rounds++;
			cond_broadcast(&s->c);
		} else {
			cond_wait(&s->c, &s->m);
		}
		mutex_unlock(&s->m);
	}
	mutex_lock(&s->m);
	s->id = -1;
	cond_broadcast(&s->c);
	mutex_unlock(&s->m);
}

/* A barrier: the last of waiters + 1 goroutines wakes the others; an op is a round. */
static void cond_bench(bench *b, int waiters)
{
	struct barrier s = { .waiters = waiters, .n = b->n };
	waitgroup wg = {0};

	for (int i = 0; i < waiters + 1; i++)
		wg_go(&wg, cond_worker, &s);
	wg_wait(&wg);
	bench_work(b, s.rounds);
}

BENCH(Cond1) { cond_bench(b, 1); }
BENCH(Cond8) { cond_bench(b, 8); }
