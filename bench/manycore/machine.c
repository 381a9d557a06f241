/* machine.c - see machine.h. Lines as MESI would have them: one core may write a line it
 * has alone; a read makes it shared; either fetches it from where it is, and while it
 * travels others wait. Reads of a shared line overlap, but for read_gap. */
#include "machine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* hit, rmw, fence, near: measured on 2 cores of an EPYC (near is half a round trip of
 * 86 ns). socket, far: assumed, as published core-to-core tables have them: some 100 ns
 * between clusters of a socket, 200 to 400 between sockets. wake_*: of bare metal,
 * assumed; a virtual machine's are ten times as long. */
struct costs cost = {
	.hit = 1,
	.rmw = 2.4,
	.fence = 2.4,
	.near = 43,
	.socket = 100,
	.far = 200,
	.read_gap = 10,
	.spin = 1500,
	.pause = 20,
	.wake_call = 1500,
	.wake_delay = 5000,
	.sleep_call = 1000,
	.relax = 300,
	.cluster = 8,
	.per_socket = 64,
};

enum { MAX_LINES = 1 << 14, MAX_LOCKS = 1 << 13, MAX_OPS = 1 << 13 };
enum op_kind { WORK, READ, STORE, RMW, LOCK, UNLOCK, CALL };

struct op {
	enum op_kind kind;
	int arg;
	double ns;
	call_fn *fn;
};
struct core {
	double t, stopped_at, stopped;
	uint32_t version; /* of its entry in the heap */
	bool is_stopped;
	enum { RUNS, SPINS, SLEEPS } state;
	double spin_until;
	int wants; /* the lock it spins or sleeps on */
	uint32_t head, tail;
	struct op *q;
};
struct line {
	const char *name;
	int owner;
	bool dirty; /* the owner has it alone */
	uint64_t has[MAX_CORES / 64];
	double free_at, busy;
};
struct lock {
	int line, word, nspin, nsleep;
	bool held;
	int spin[MAX_CORES], sleep[MAX_CORES];
};
struct entry {
	double t;
	int core;
	uint32_t version;
};

static struct core cores[MAX_CORES];
static struct line lines[MAX_LINES];
static struct lock locks[MAX_LOCKS];
static int ncores, nlines, nlocks;
static double transfers, sleeps;
static struct entry *heap;
static int nheap, cap_heap;
static uint64_t seed;
long ops_done;

uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

/* ---------------------------------------------------------------- time -- */

static void heap_push(struct entry e)
{
	int i = nheap++;

	if (nheap > cap_heap)
		heap = realloc(heap, sizeof *heap * (size_t)(cap_heap = 2 * nheap));
	if (!heap)
		abort();
	for (; i > 0 && heap[(i - 1) / 2].t > e.t; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = e;
}
static struct entry heap_pop(void)
{
	struct entry top = heap[0], e = heap[--nheap];
	int i = 0, k;

	while ((k = 2 * i + 1) < nheap) {
		if (k + 1 < nheap && heap[k + 1].t < heap[k].t)
			k++;
		if (heap[k].t >= e.t)
			break;
		heap[i] = heap[k];
		i = k;
	}
	heap[i] = e;
	return top;
}
/* Its next step is at t; an earlier entry of it counts no more. */
static void schedule(int c, double t)
{
	heap_push((struct entry){ t, c, ++cores[c].version });
}

void core_stop(int c)
{
	cores[c].is_stopped = true;
	cores[c].stopped_at = cores[c].t;
}
void core_start(int c, double at)
{
	struct core *k = &cores[c];

	if (!k->is_stopped)
		return;
	k->is_stopped = false;
	k->t = at > k->stopped_at ? at : k->stopped_at;
	k->stopped += k->t - k->stopped_at;
	schedule(c, k->t);
}
double core_now(int c)
{
	return cores[c].t;
}

double core_work(void)
{
	double sum = 0;

	for (int c = 0; c < ncores; c++) {
		struct core *k = &cores[c];
		sum += (k->is_stopped ? k->stopped_at : k->t) - k->stopped;
	}
	return sum;
}

/* --------------------------------------------------------------- lines -- */

int line_new(const char *name)
{
	if (nlines == MAX_LINES)
		abort();
	lines[nlines] = (struct line){ .name = name, .owner = -1 };
	return nlines++;
}
const char *line_busiest(double elapsed, double *share)
{
	const struct line *best = &lines[0];

	for (int i = 0; i < nlines; i++)
		if (lines[i].busy > best->busy)
			best = &lines[i];
	*share = best->busy / elapsed;
	return best->name;
}
double line_transfers(void)
{
	return transfers;
}

static double distance(int a, int b)
{
	if (a / cost.cluster == b / cost.cluster)
		return cost.near;
	return a / cost.per_socket == b / cost.per_socket ? cost.socket : cost.far;
}
/* c gets the line. Returns when it has it; `gap` later the next one can. */
static double fetch(int c, struct line *l, double gap)
{
	double start = cores[c].t > l->free_at ? cores[c].t : l->free_at;
	double way = l->owner < 0 || l->owner == c ? cost.near : distance(c, l->owner);

	l->free_at = start + (gap > 0 ? gap : way);
	l->busy += gap > 0 ? gap : way;
	transfers++;
	return start + way;
}
static void access_line(int c, int i, enum op_kind kind)
{
	struct line *l = &lines[i];
	struct core *k = &cores[c];
	uint64_t bit = (uint64_t)1 << (c % 64);
	double there;

	if (kind == READ) {
		if (l->has[c / 64] & bit) {
			k->t += cost.hit;
			return;
		}
		k->t = fetch(c, l, cost.read_gap);
		l->has[c / 64] |= bit;
		l->dirty = false;
		return;
	}
	if (!(l->dirty && l->owner == c)) {
		there = fetch(c, l, 0);
		if (kind == RMW)
			k->t = there;
		memset(l->has, 0, sizeof l->has);
		l->has[c / 64] = bit;
		l->owner = c;
		l->dirty = true;
	}
	k->t += kind == RMW ? cost.rmw : cost.hit;
}

/* --------------------------------------------------------------- locks -- */

int lock_on(int line)
{
	if (nlocks == MAX_LOCKS)
		abort();
	memset(&locks[nlocks], 0, sizeof locks[0]);
	locks[nlocks].line = line;
	return nlocks++;
}
int lock_new(const char *name)
{
	return lock_on(line_new(name));
}
double lock_sleeps(void)
{
	return sleeps;
}

static void take(struct lock *l, int word)
{
	l->held = true;
	l->word = word;
}
/* True: c has it. Else it spins; after that, and when it is woken, lock_or_sleep. */
static bool lock_take(int c, int i)
{
	struct lock *l = &locks[i];

	access_line(c, l->line, RMW);
	if (!l->held) {
		take(l, 1);
		return true;
	}
	cores[c].state = SPINS;
	cores[c].spin_until = cores[c].t + cost.spin;
	cores[c].wants = i;
	l->spin[l->nspin++] = c;
	schedule(c, cores[c].spin_until);
	return false;
}
static void spin_no_more(int c, struct lock *l)
{
	for (int i = 0; i < l->nspin; i++)
		if (l->spin[i] == c)
			l->spin[i] = l->spin[--l->nspin];
	cores[c].state = RUNS;
}
/* It has seen the word change. Whoever was there first has it, or who just let go. */
static bool lock_poll(int c)
{
	struct lock *l = &locks[cores[c].wants];

	access_line(c, l->line, READ);
	if (l->held) {
		schedule(c, cores[c].spin_until);
		return false;
	}
	spin_no_more(c, l);
	access_line(c, l->line, RMW);
	take(l, 1);
	return true;
}
/* As the loop with the swap in mri_lock_slow. */
static bool lock_or_sleep(int c)
{
	struct lock *l = &locks[cores[c].wants];

	spin_no_more(c, l);
	access_line(c, l->line, RMW);
	if (!l->held) {
		take(l, 2);
		return true;
	}
	l->word = 2;
	l->sleep[l->nsleep++] = c;
	cores[c].state = SLEEPS;
	cores[c].t += cost.sleep_call;
	sleeps++;
	return false;
}
static void lock_drop(int c, int i)
{
	struct lock *l = &locks[i];
	bool wakes = l->word == 2 && l->nsleep > 0;
	int woken = wakes ? l->sleep[0] : -1;

	access_line(c, l->line, RMW);
	l->held = false;
	l->word = 0;
	for (int n = 0; n < l->nspin; n++) {
		struct core *k = &cores[l->spin[n]];
		double sees = cores[c].t + cost.pause * rnd(1000) / 1000;

		schedule(l->spin[n], sees < k->spin_until ? sees : k->spin_until);
	}
	if (wakes) {
		memmove(l->sleep, l->sleep + 1, sizeof(int) * (size_t)--l->nsleep);
		cores[c].t += cost.wake_call;
		cores[woken].t = cores[c].t + cost.wake_delay;
		schedule(woken, cores[woken].t);
	}
}

/* ----------------------------------------------------- micro-operations -- */

/* What a call queues comes before what was queued behind it. */
static struct op called[MAX_OPS];
static int ncalled = -1;

static struct op *queue(int c, enum op_kind kind, int arg)
{
	struct core *k = &cores[c];
	struct op *o;

	if (k->tail - k->head + (uint32_t)(ncalled > 0 ? ncalled : 0) >= MAX_OPS)
		abort();
	o = ncalled >= 0 ? &called[ncalled++] : &k->q[k->tail++ % MAX_OPS];
	o->kind = kind;
	o->arg = arg;
	return o;
}
static void call(int c, const struct op *o)
{
	struct core *k = &cores[c];

	ncalled = 0;
	o->fn(c, o->arg);
	while (ncalled > 0)
		k->q[--k->head % MAX_OPS] = called[--ncalled];
	ncalled = -1;
}
void do_work(int c, double ns)
{
	queue(c, WORK, 0)->ns = ns;
}
void do_read(int c, int line)
{
	queue(c, READ, line);
}
void do_store(int c, int line)
{
	queue(c, STORE, line);
}
void do_rmw(int c, int line)
{
	queue(c, RMW, line);
}
void do_lock(int c, int lock)
{
	queue(c, LOCK, lock);
}
void do_unlock(int c, int lock)
{
	queue(c, UNLOCK, lock);
}
void do_call(int c, call_fn *fn, int arg)
{
	queue(c, CALL, arg)->fn = fn;
}

/* One micro-operation. False: the core waits for somebody. */
static bool step(int c, const struct op *o)
{
	switch (o->kind) {
	case WORK: cores[c].t += o->ns; break;
	case LOCK: return lock_take(c, o->arg);
	case UNLOCK: lock_drop(c, o->arg); break;
	case CALL: call(c, o); break;
	case READ:
	case STORE:
	case RMW: access_line(c, o->arg, o->kind); break;
	}
	return true;
}

static bool next_step(int c)
{
	struct op o = cores[c].q[cores[c].head++ % MAX_OPS];

	return step(c, &o);
}

double machine_run(int n, long ops, void (*more)(int c))
{
	double t = 0;

	ncores = n;
	for (int c = 0; c < n; c++)
		if (!cores[c].is_stopped)
			schedule(c, 0);
	while (nheap > 0 && ops_done < ops) {
		struct entry e = heap_pop();
		struct core *k = &cores[e.core];
		bool goes_on;

		if (e.version != k->version || k->is_stopped)
			continue;
		t = k->t = e.t;
		if (k->state == RUNS && k->head == k->tail)
			more(e.core);
		if (k->state == SPINS && t < k->spin_until)
			goes_on = lock_poll(e.core);
		else if (k->state != RUNS)
			goes_on = lock_or_sleep(e.core);
		else
			goes_on = k->head == k->tail || next_step(e.core);
		if (goes_on && !k->is_stopped)
			schedule(e.core, k->t);
	}
	return t;
}

void machine_reset(void)
{
	for (int c = 0; c < MAX_CORES; c++) {
		struct op *q = cores[c].q ? cores[c].q : malloc(MAX_OPS * sizeof *q);

		if (!q)
			abort();
		cores[c] = (struct core){ .q = q };
	}
	nheap = nlines = nlocks = 0;
	transfers = sleeps = 0;
	ops_done = 0;
	seed = 1;
}
