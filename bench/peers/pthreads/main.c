/* The benchmarks that make sense with plain threads. A channel is what one writes by
 * hand: a ring, a mutex, two condition variables; an unbuffered one has room for one.
 * Procs are CPUs: the process is bound to so many. */
#define _GNU_SOURCE
#include "../peer.h"
#include <pthread.h>
#include <sched.h>

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	if (pthread_create(t, NULL, fn, arg) != 0) {
		perror("pthread_create");
		exit(1);
	}
}

static void *one(void *done)
{
	*(int *)done = 1;
	return NULL;
}

static void spawn_join(bench *b)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		pthread_t t;
		int done = 0;
		start(&t, one, &done);
		pthread_join(t, NULL);
		sum += done;
	}
	bench_work(b, sum);
}

enum { BATCH = 1000 };
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opens = PTHREAD_COND_INITIALIZER;
static int gate_open;

static void *block_once(void *done)
{
	pthread_mutex_lock(&gate_lock);
	while (!gate_open)
		pthread_cond_wait(&gate_opens, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
	return one(done);
}

static void batches(bench *b, void *(*fn)(void *))
{
	static pthread_t t[BATCH];
	int64_t sum = 0;

	bench_round(b, BATCH);
	for (int64_t i = 0; i < b->n; i += BATCH) {
		int done[BATCH] = {0};
		gate_open = 0;
		for (int k = 0; k < BATCH; k++)
			start(&t[k], fn, &done[k]);
		pthread_mutex_lock(&gate_lock);
		gate_open = 1;
		pthread_cond_broadcast(&gate_opens);
		pthread_mutex_unlock(&gate_lock);
		for (int k = 0; k < BATCH; k++) {
			pthread_join(t[k], NULL);
			sum += done[k];
		}
	}
	bench_work(b, sum);
}

static void spawn_join_batch(bench *b) { batches(b, one); }
static void spawn_join_1000(bench *b) { batches(b, block_once); }

/* ---- threads that share the ops of a benchmark ---- */
struct share { bench *b; int64_t n; void *with; };

static void shared(bench *b, int count, void *(*fn)(void *), void *with)
{
	pthread_t t[64];
	struct share s[64];

	bench_round(b, count);
	for (int i = 0; i < count; i++) {
		s[i] = (struct share){ b, b->n / count, with };
		start(&t[i], fn, &s[i]);
	}
	for (int i = 0; i < count; i++)
		pthread_join(t[i], NULL);
}

static void *yielder(void *arg)
{
	struct share *s = arg;
	int64_t i;

	for (i = 0; i < s->n; i++)
		sched_yield();
	bench_work(s->b, i);
	return NULL;
}

static void yield(bench *b) { shared(b, 2 * peer_procs, yielder, NULL); }

/* ---- channels ---- */
struct chan {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	unsigned cap, count, first;
	uint64_t ring[128];
};
#define CHAN(room) { .lock = PTHREAD_MUTEX_INITIALIZER, .cap = room,                    \
		     .filled = PTHREAD_COND_INITIALIZER,                                \
		     .emptied = PTHREAD_COND_INITIALIZER }

static void put(struct chan *c, uint64_t v)
{
	pthread_mutex_lock(&c->lock);
	while (c->count == c->cap)
		pthread_cond_wait(&c->emptied, &c->lock);
	c->ring[(c->first + c->count++) % 128] = v;
	pthread_cond_signal(&c->filled);
	pthread_mutex_unlock(&c->lock);
}

static uint64_t get(struct chan *c)
{
	uint64_t v;

	pthread_mutex_lock(&c->lock);
	while (c->count == 0)
		pthread_cond_wait(&c->filled, &c->lock);
	v = c->ring[c->first++ % 128];
	c->count--;
	pthread_cond_signal(&c->emptied);
	pthread_mutex_unlock(&c->lock);
	return v;
}

static void *putter(void *arg)
{
	struct share *s = arg;

	for (int64_t i = 0; i < s->n; i++)
		put(s->with, 1);
	return NULL;
}

static void *put_and_get(void *arg)
{
	struct share *s = arg;
	pthread_t t;
	int64_t sum = 0;

	start(&t, putter, s);
	for (int64_t i = 0; i < s->n; i++)
		sum += (int64_t)get(s->with);
	pthread_join(t, NULL);
	bench_work(s->b, sum);
	return NULL;
}

static void buffered_1(bench *b)
{
	struct chan c = CHAN(128);
	shared(b, 1, put_and_get, &c);
}

static void buffered_4(bench *b)
{
	struct chan c = CHAN(128);
	shared(b, 4, put_and_get, &c);
}

struct two { struct chan ping, pong; int64_t n; int work; };

static void *ponger(void *arg)
{
	struct two *c = arg;

	for (int64_t i = 0; i < c->n; i++) {
		uint64_t v = get(&c->ping);
		put(&c->pong, c->work ? toil(v) : v);
	}
	return NULL;
}

static void ping_pong(bench *b)
{
	struct two c = { CHAN(1), CHAN(1), b->n, 0 };
	pthread_t t;
	int64_t sum = 0;

	start(&t, ponger, &c);
	for (int64_t i = 0; i < b->n; i++) {
		put(&c.ping, 1);
		sum += (int64_t)get(&c.pong);
	}
	pthread_join(t, NULL);
	bench_work(b, sum);
}

static void *toiling_pinger(void *arg)
{
	struct share *s = arg;
	struct two c = { CHAN(1), CHAN(1), s->n / 2, 1 };
	pthread_t t;
	uint64_t v = 1;
	int64_t odd = 0;

	start(&t, ponger, &c);
	for (int64_t i = 0; i < s->n; i += 2) {
		put(&c.ping, v);
		v = get(&c.pong);
		odd += (int64_t)(v & 1);
		v = toil(v);
	}
	pthread_join(t, NULL);
	bench_work(s->b, 2 * odd);
	return NULL;
}

static void ping_pong_work(bench *b, int pairs)
{
	bench_round(b, 2 * pairs);
	shared(b, pairs, toiling_pinger, NULL);
}

static void ping_pong_work_1(bench *b) { ping_pong_work(b, 1); }
static void ping_pong_work_2(bench *b) { ping_pong_work(b, 2); }
static void ping_pong_work_8(bench *b) { ping_pong_work(b, 8); }

/* ---- locks ---- */
static void mutex_uncontended(bench *b)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++) {
		pthread_mutex_lock(&m);
		done++;
		pthread_mutex_unlock(&m);
	}
	bench_work(b, done);
}

struct counter { pthread_mutex_t m; int64_t count; };

static void *count_up(void *arg)
{
	struct share *s = arg;
	struct counter *c = s->with;

	for (int64_t i = 0; i < s->n; i++) {
		pthread_mutex_lock(&c->m);
		c->count++;
		pthread_mutex_unlock(&c->m);
	}
	return NULL;
}

static void mutex_8(bench *b)
{
	struct counter c = { PTHREAD_MUTEX_INITIALIZER, 0 };
	shared(b, 8, count_up, &c);
	bench_work(b, c.count);
}

static void rwmutex_read(bench *b)
{
	struct { pthread_rwlock_t m; int64_t value; } s = {
		PTHREAD_RWLOCK_INITIALIZER, 1
	};
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		pthread_rwlock_rdlock(&s.m);
		sum += s.value;
		pthread_rwlock_unlock(&s.m);
	}
	bench_work(b, sum);
}

static int64_t inits;
static pthread_once_t once_control;
static void init(void) { inits++; }

static void *once_body(void *arg)
{
	struct share *s = arg;
	int64_t i;

	for (i = 0; i < s->n; i++)
		pthread_once(&once_control, init);
	bench_work(s->b, i * inits);
	return NULL;
}

static void once(bench *b)
{
	const pthread_once_t fresh = PTHREAD_ONCE_INIT;

	once_control = fresh;
	inits = 0;
	shared(b, peer_procs, once_body, NULL);
}

struct barrier { pthread_mutex_t m; pthread_cond_t c; int id; int64_t n, rounds; };

static void *cond_worker(void *arg)
{
	struct barrier *s = ((struct share *)arg)->with;
	int ended = 0;

	for (int64_t i = 0; i < s->n && !ended; i++) {
		pthread_mutex_lock(&s->m);
		if (s->id == -1) {
			ended = 1;
		} else if (++s->id == 2) {
			s->id = 0;
			s->rounds++;
			pthread_cond_broadcast(&s->c);
		} else {
			int64_t round = s->rounds;
			while (s->rounds == round && s->id != -1)
				pthread_cond_wait(&s->c, &s->m);
		}
		pthread_mutex_unlock(&s->m);
	}
	pthread_mutex_lock(&s->m);
	s->id = -1;
	pthread_cond_broadcast(&s->c);
	pthread_mutex_unlock(&s->m);
	return NULL;
}

static void cond_1(bench *b)
{
	struct barrier s = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			     0, b->n, 0 };
	int64_t n = b->n;

	shared(b, 2, cond_worker, &s);
	b->n = n;
	bench_work(b, s.rounds);
}

static void bind_to_cpus(void)
{
	cpu_set_t all, some;

	CPU_ZERO(&some);
	sched_getaffinity(0, sizeof all, &all);
	for (int i = 0, n = 0; i < CPU_SETSIZE && n < peer_procs; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &some);
			n++;
		}
	sched_setaffinity(0, sizeof some, &some);
}

static const bench_entry entries[] = {
	{ "SpawnJoin", spawn_join, 0 },
	{ "SpawnJoinBatch", spawn_join_batch, 0 },
	{ "SpawnJoin1000", spawn_join_1000, 0 },
	{ "Yield", yield, 0 },
	{ "PingPong", ping_pong, 0 },
	{ "ChanBuffered1to1", buffered_1, 0 },
	{ "ChanBuffered4to4", buffered_4, 0 },
	{ "PingPongWork1", ping_pong_work_1, 0 },
	{ "PingPongWork2", ping_pong_work_2, 0 },
	{ "PingPongWork8", ping_pong_work_8, 0 },
	{ "MutexUncontended", mutex_uncontended, 0 },
	{ "Mutex8", mutex_8, 0 },
	{ "RWMutexRead", rwmutex_read, 0 },
	{ "Once", once, 0 },
	{ "Cond1", cond_1, 0 },
	{ NULL, NULL, 0 }
};

int main(int argc, char **argv)
{
	char version[128], libc[64] = "libc";

	confstr(_CS_GNU_LIBC_VERSION, libc, sizeof libc);
	snprintf(version, sizeof version, "%s, %s", libc, "gcc " __VERSION__);
	return peer_main(argc, argv, entries, version, bind_to_cpus);
}
