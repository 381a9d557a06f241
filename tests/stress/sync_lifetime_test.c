/* sync_lifetime_test.c - an object may be freed by whoever can know that it is the last:
 * unlocking does not touch it after the access that lets another have it. Run under asan
 * this finds any later touch, writes and reads alike; elsewhere the memory is filled with
 * ones before it is freed, and a wrong waiter list crashes.
 *
 * Every round is a new object, shared by a few goroutines and a thread or two. Each drops
 * its reference under the lock; the one that drops the last frees the object as soon as
 * its own unlock has returned, when the one before it may still be in the middle of its
 * own. The tests pass on every schedule; what they need is many rounds. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARERS = 4, THREADS = 2, ALL = SHARERS + THREADS };

struct object {
	mutex m;
	rwmutex rw;
	cond c;
	once o;
	int refs;
};

static struct object *new_object(int refs)
{
	struct object *obj = calloc(1, sizeof *obj);

	CHECK(obj != NULL);
	obj->refs = refs;
	return obj;
}
static void free_object(struct object *obj)
{
	memset(obj, 0xff, sizeof *obj);
	free(obj);
}

/* Now and then somebody stays for a turn, so that the others queue behind him; the last
 * comes and goes as fast as it can. */
static void linger(int refs)
{
	if (refs != 0 && refs % 2 == 0)
		go_yield();
}

static void drop_mutex(struct object *obj)
{
	bool last;

	mutex_lock(&obj->m);
	last = --obj->refs == 0;
	linger(obj->refs);
	mutex_unlock(&obj->m);
	if (last)
		free_object(obj);
}

static void drop_writer(struct object *obj)
{
	bool last;

	rwmutex_lock(&obj->rw);
	last = --obj->refs == 0;
	linger(obj->refs);
	rwmutex_unlock(&obj->rw);
	if (last)
		free_object(obj);
}

/* Readers count under the read lock, atomically. The last one knows that the others have
 * counted, but not that they have unlocked: it waits for that as a writer. */
static void drop_reader(struct object *obj)
{
	int refs;

	rwmutex_rlock(&obj->rw);
	refs = __atomic_sub_fetch(&obj->refs, 1, __ATOMIC_ACQ_REL);
	linger(refs);
	rwmutex_runlock(&obj->rw);
	if (refs != 0)
		return;
	rwmutex_lock(&obj->rw);
	rwmutex_unlock(&obj->rw);
	free_object(obj);
}

/* The first one waits for the others and frees it. The last of them signals before it
 * unlocks, so it still has the mutex when the first one is woken. */
static void drop_cond(struct object *obj)
{
	bool first;

	mutex_lock(&obj->m);
	first = obj->refs-- == ALL;
	while (first && obj->refs != 0)
		cond_wait(&obj->c, &obj->m);
	if (obj->refs == 0 && !first)
		cond_signal(&obj->c);
	mutex_unlock(&obj->m);
	if (first)
		free_object(obj);
}

/* ------------------------------------------------ one crew for many rounds -- */

/* The members wait at a barrier of two waitgroups for each new object. */
struct crew {
	void (*drop)(struct object *);
	int rounds;
	chan(struct object *) in[ALL];
	waitgroup done;
};

static void member(struct crew *c, int i)
{
	chan_range(obj, c->in[i])
		c->drop(obj);
}

struct thread_job { struct crew *c; int i; };
static void *member_thread(void *arg)
{
	struct thread_job *job = arg;

	member(job->c, job->i);
	wg_done(&job->c->done);
	return NULL;
}

static void hammer(void (*drop)(struct object *), int rounds)
{
	struct crew c = { .drop = drop };
	struct thread_job jobs[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < ALL; i++)
		c.in[i] = chan_make(struct object *, 8);
	for (int i = 0; i < SHARERS; i++)
		wg_go(&c.done, member, &c, i);
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct thread_job){ &c, SHARERS + i };
		wg_add(&c.done, 1);
		CHECK_EQ(pthread_create(&threads[i], NULL, member_thread, &jobs[i]), 0);
	}
	for (int round = test_rounds(rounds); round > 0; round--) {
		struct object *obj = new_object(ALL);

		for (int i = 0; i < ALL; i++)
			chan_send(c.in[(i + round) % ALL], obj);
	}
	for (int i = 0; i < ALL; i++)
		chan_close(c.in[i]);
	wg_wait(&c.done);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ALL; i++)
		chan_free(c.in[i]);
}

TEST(lifetime, mutex) { hammer(drop_mutex, 6000); }
TEST(lifetime, rwmutex_writers) { hammer(drop_writer, 6000); }
TEST(lifetime, rwmutex_readers) { hammer(drop_reader, 6000); }
TEST(lifetime, cond) { hammer(drop_cond, 5000); }

/* --------------------------------------------------------------- waitgroup -- */

/* The waiter frees the group as soon as its wait is over, be it by waking up or by
 * finding that there is nothing to wait for. */
static void done_later(waitgroup *wg, int yields)
{
	while (yields-- > 0)
		go_yield();
	wg_done(wg);
}

static void wait_and_free(int rounds)
{
	for (int round = 0; round < rounds; round++) {
		waitgroup *wg = calloc(1, sizeof *wg);
		int n = 1 + round % 4;

		CHECK(wg != NULL);
		wg_add(wg, n);
		for (int i = 0; i < n; i++)
			go(done_later, wg, (round + i) % 3);
		if (round % 3 == 0)
			go_yield();
		wg_wait(wg);
		memset(wg, 0xff, sizeof *wg);
		free(wg);
	}
}
static void *wait_and_free_thread(void *arg)
{
	wait_and_free(test_rounds(2000));
	wg_done(arg);
	return NULL;
}

TEST(lifetime, waitgroup)
{
	waitgroup done = { 0 };
	pthread_t t;

	wg_add(&done, 1);
	CHECK_EQ(pthread_create(&t, NULL, wait_and_free_thread, &done), 0);
	for (int i = 0; i < 4; i++)
		wg_go(&done, wait_and_free, test_rounds(2000));
	wg_wait(&done);
	pthread_join(t, NULL);
}

/* -------------------------------------------------------------------- once -- */

/* The one that runs the function counts itself out in there, the others when they have
 * returned: so the last of them may free it while the first is still on its way back. */
struct run { struct object *obj; bool ran; };

static void count_out(void *p)
{
	struct run *r = p;

	r->ran = true;
	linger(__atomic_sub_fetch(&r->obj->refs, 1, __ATOMIC_ACQ_REL) - 1);
}
static void drop_once(struct object *obj)
{
	struct run r = { obj, false };

	once_call(&obj->o, count_out, &r);
	if (!r.ran && __atomic_sub_fetch(&obj->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free_object(obj);
}

TEST(lifetime, once) { hammer(drop_once, 6000); }
