/* The benchmarks in State Threads: one proc, and so no locks around a channel, only its
 * two condition variables; an unbuffered one has room for one. Yield is a sleep of 0. */
#include "../peer.h"
#include <st.h>

static st_thread_t start(void *(*fn)(void *), void *arg)
{
	st_thread_t t = st_thread_create(fn, arg, 1, 16 * 1024);

	if (!t) {
		perror("st_thread_create");
		exit(1);
	}
	return t;
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
		int done = 0;
		st_thread_join(start(one, &done), NULL);
		sum += done;
	}
	bench_work(b, sum);
}

enum { BATCH = 1000 };
static st_cond_t gate;

static void *block_once(void *done)
{
	st_cond_wait(gate);
	return one(done);
}

static void batches(bench *b, void *(*fn)(void *))
{
	static st_thread_t t[BATCH];
	int64_t sum = 0;

	bench_round(b, BATCH);
	gate = st_cond_new();
	for (int64_t i = 0; i < b->n; i += BATCH) {
		int done[BATCH] = {0};
		for (int k = 0; k < BATCH; k++)
			t[k] = start(fn, &done[k]);
		st_usleep(0);
		st_cond_broadcast(gate);
		for (int k = 0; k < BATCH; k++) {
			st_thread_join(t[k], NULL);
			sum += done[k];
		}
	}
	st_cond_destroy(gate);
	bench_work(b, sum);
}

static void spawn_join_batch(bench *b) { batches(b, one); }
static void spawn_join_1000(bench *b) { batches(b, block_once); }

struct share { bench *b; int64_t n; void *with; };

static void shared(bench *b, int count, void *(*fn)(void *), void *with)
{
	st_thread_t t[16];
	struct share s[16];

	bench_round(b, count);
	for (int i = 0; i < count; i++) {
		s[i] = (struct share){ b, b->n / count, with };
		t[i] = start(fn, &s[i]);
	}
	for (int i = 0; i < count; i++)
		st_thread_join(t[i], NULL);
}

static void *yielder(void *arg)
{
	struct share *s = arg;
	int64_t i;

	for (i = 0; i < s->n; i++)
		st_usleep(0);
	bench_work(s->b, i);
	return NULL;
}

static void yield(bench *b) { shared(b, 2, yielder, NULL); }

/* ---- channels ---- */
struct chan {
	st_cond_t filled, emptied;
	unsigned cap, count, first;
	uint64_t ring[128];
};

static struct chan *chan_new(unsigned cap)
{
	struct chan *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->cap = cap;
	c->filled = st_cond_new();
	c->emptied = st_cond_new();
	return c;
}

static void chan_drop(struct chan *c)
{
	st_cond_destroy(c->filled);
	st_cond_destroy(c->emptied);
	free(c);
}

static void put(struct chan *c, uint64_t v)
{
	while (c->count == c->cap)
		st_cond_wait(c->emptied);
	c->ring[(c->first + c->count++) % 128] = v;
	st_cond_signal(c->filled);
}

static uint64_t get(struct chan *c)
{
	while (c->count == 0)
		st_cond_wait(c->filled);
	uint64_t v = c->ring[c->first++ % 128];
	c->count--;
	st_cond_signal(c->emptied);
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
	st_thread_t t = start(putter, s);
	int64_t sum = 0;

	for (int64_t i = 0; i < s->n; i++)
		sum += (int64_t)get(s->with);
	st_thread_join(t, NULL);
	bench_work(s->b, sum);
	return NULL;
}

static void buffered(bench *b, int pairs)
{
	struct chan *c = chan_new(128);
	shared(b, pairs, put_and_get, c);
	chan_drop(c);
}

static void buffered_1(bench *b) { buffered(b, 1); }
static void buffered_4(bench *b) { buffered(b, 4); }

struct two { struct chan *ping, *pong; int64_t n; };

static void *ponger(void *arg)
{
	struct two *c = arg;

	for (int64_t i = 0; i < c->n; i++)
		put(c->pong, get(c->ping));
	return NULL;
}

static void ping_pong(bench *b)
{
	struct two c = { chan_new(1), chan_new(1), b->n };
	st_thread_t t = start(ponger, &c);
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		put(c.ping, 1);
		sum += (int64_t)get(c.pong);
	}
	st_thread_join(t, NULL);
	chan_drop(c.ping);
	chan_drop(c.pong);
	bench_work(b, sum);
}

/* ---- a tree, joined ---- */
struct node { int64_t first, size, sum; };

static void *skynet(void *arg)
{
	struct node *n = arg, part[10];
	st_thread_t t[10];

	n->sum = n->first;
	if (n->size == 1)
		return NULL;
	for (int i = 0; i < 10; i++) {
		part[i] = (struct node){ n->first + i * (n->size / 10), n->size / 10, 0 };
		t[i] = start(skynet, &part[i]);
	}
	n->sum = 0;
	for (int i = 0; i < 10; i++) {
		st_thread_join(t[i], NULL);
		n->sum += part[i].sum;
	}
	return NULL;
}

static void skynet_join(bench *b)
{
	for (int64_t i = 0; i < b->n; i++) {
		struct node root = { 0, 1000000, 0 };
		skynet(&root);
		bench_work(b, root.sum);
	}
}

/* ---- locks ---- */
static void mutex_uncontended(bench *b)
{
	st_mutex_t m = st_mutex_new();
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++) {
		st_mutex_lock(m);
		done++;
		st_mutex_unlock(m);
	}
	st_mutex_destroy(m);
	bench_work(b, done);
}

struct counter { st_mutex_t m; int64_t count; };

static void *count_up(void *arg)
{
	struct share *s = arg;
	struct counter *c = s->with;

	for (int64_t i = 0; i < s->n; i++) {
		st_mutex_lock(c->m);
		c->count++;
		st_mutex_unlock(c->m);
	}
	return NULL;
}

static void mutex_8(bench *b)
{
	struct counter c = { st_mutex_new(), 0 };
	shared(b, 8, count_up, &c);
	st_mutex_destroy(c.m);
	bench_work(b, c.count);
}

/* ---- sleepers, and many that wait ---- */
enum { SLEEPERS = 100000, PARKED = 1000000 };
static int64_t slept, left, parked;

static void *sleeper(void *arg)
{
	int64_t ms = (int64_t)(intptr_t)arg;

	st_usleep((st_utime_t)ms * 1000);
	slept += ms;
	left--;
	return NULL;
}

static void detached(void *(*fn)(void *), void *arg)
{
	if (!st_thread_create(fn, arg, 0, 16 * 1024)) {
		perror("st_thread_create");
		exit(1);
	}
}

static void sleepers(bench *b)
{
	int64_t cpu = cpu_ns(), begin = now_ns();

	slept = 0;
	for (int64_t i = 0; i < b->n; i++) {
		left = SLEEPERS;
		for (int64_t k = 0; k < SLEEPERS; k++)
			detached(sleeper, (void *)(intptr_t)(1 + k * 7919 % 100));
		while (left)
			st_usleep(1000);
	}
	double each = (double)b->n * 1e6;
	bench_work(b, slept);
	bench_report(b, (double)(cpu_ns() - cpu) / each, "cpu-ms");
	bench_report(b, (double)(now_ns() - begin) / each, "wall-ms");
}

static void *park(void *arg)
{
	char locals[256];               /* as elsewhere, if not over three calls */

	memset(locals, 1, sizeof locals);
	parked++;
	st_cond_wait(gate);
	__asm__ volatile("" : : "r"(locals) : "memory");
	left--;
	return arg;
}

static void parked_bench(bench *b)
{
	static double bytes, spawn, wake;

	for (int64_t i = 0; i < b->n; i++) {
		gate = st_cond_new();
		int64_t before = memory_used(), begin = now_ns();
		parked = 0;
		left = PARKED;
		for (int k = 0; k < PARKED; k++)
			detached(park, NULL);
		while (parked < PARKED)
			st_usleep(0);
		int64_t all_parked = now_ns(), after = memory_used(), woken = now_ns();
		st_cond_broadcast(gate);
		while (left)
			st_usleep(0);
		bench_work(b, PARKED - left);
		if (!bytes) {
			bytes = (double)(after - before) / PARKED;
			spawn = (double)(all_parked - begin) / PARKED;
			wake = (double)(now_ns() - woken) / PARKED;
		}
		st_cond_destroy(gate);
	}
	bench_report(b, bytes, "bytes-each");
	bench_report(b, spawn, "ns-spawn");
	bench_report(b, wake, "ns-wake+exit");
}

static const bench_entry entries[] = {
	{ "SpawnJoin", spawn_join, 1 },
	{ "SpawnJoinBatch", spawn_join_batch, 1 },
	{ "SpawnJoin1000", spawn_join_1000, 1 },
	{ "Yield", yield, 1 },
	{ "PingPong", ping_pong, 1 },
	{ "ChanBuffered1to1", buffered_1, 1 },
	{ "ChanBuffered4to4", buffered_4, 1 },
	{ "SkynetJoin", skynet_join, 1 },
	{ "MutexUncontended", mutex_uncontended, 1 },
	{ "Mutex8", mutex_8, 1 },
	{ "Sleepers", sleepers, 1 },
	{ "Parked", parked_bench, 1 },
	{ NULL, NULL, 0 }
};

static void begin(void)
{
	st_set_eventsys(ST_EVENTSYS_ALT);
	if (st_init() < 0) {
		perror("st_init");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	return peer_main(argc, argv, entries, PEER_VERSION ", gcc " __VERSION__, begin);
}
