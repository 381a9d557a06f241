/* manycore.c - how far the scheduler's shared state scales: a model, run for 1 to 256
 * cores. docs/design/026 has the results and what they mean.
 *
 *   manycore [OPTION...] [NAME...]          the workloads of these names, or all
 *
 *   -old        each start announces itself, as before
 *   -chans -hints -groups -near -bitmap     what could be done (sched.h)
 *   -fix        the first three of these
 *   near=NS socket=NS far=NS        what a line costs from another core
 *   call=NS wake=NS                 a futex wake: to its caller, and until it works
 *   max=CORES
 *
 * Printed for each workload and number of cores: ops per second of all; how many times
 * one core's that is; and for an op the CPU time, line transfers, times that a thread
 * slept on a lock, looks of thieves at a P; the busiest line and how busy it was. */
#include "sched.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ncores;

/* --------------------------------------------------------------- tree -- */

/* Skynet: a tree of goroutines, eight to a node; each sends its result to its parent. A
 * task is a node. An op is a leaf. */
enum { FAN = 8, LEAVES = 1 << 18, CHANS = 4096, START = 75, END = 50, RECV = 25 };
static struct {
	int parent, leaves, pending;
} node[2 * LEAVES];
static int nnodes, chan[CHANS];

static void child_ends(int c, int parent)
{
	if (--node[parent].pending > 0)
		return;
	sched_chan_block(c, 1);
	do_work(c, RECV + END);
	if (parent == 0) {
		ops_done = LEAVES;
		return;
	}
	do_lock(c, chan[node[parent].parent % CHANS]);
	do_unlock(c, chan[node[parent].parent % CHANS]);
	do_call(c, child_ends, node[parent].parent);
}
static void tree_push(int c, int child)
{
	sched_push(c, (uint32_t)child);
}
static int new_node(int parent, int leaves)
{
	node[nnodes].parent = parent;
	node[nnodes].leaves = leaves;
	node[nnodes].pending = FAN;
	return nnodes++;
}
static void tree_run(int c, int n)
{
	if (node[n].leaves == 1) {
		do_work(c, END + RECV);
		do_lock(c, chan[node[n].parent % CHANS]);
		do_unlock(c, chan[node[n].parent % CHANS]);
		do_call(c, child_ends, node[n].parent);
		ops_done++;
		return;
	}
	sched_chan_block(c, -1);
	for (int i = 0; i < FAN; i++) {
		do_work(c, START);
		sched_new_id(c);
		do_call(c, tree_push, new_node(n, node[n].leaves / FAN));
	}
	sched_park(c);
}
static void tree_begin(void)
{
	for (int i = 0; i < CHANS; i++)
		chan[i] = lock_new("a node's channel");
	nnodes = 0;
	sched_all_idle();
	sched_push(0, (uint32_t)new_node(0, LEAVES));
}

/* ----------------------------------------- chains, pairs, timers: local -- */

/* Each core has a chain of goroutines that start the next and end. An op is one. */
static void chain_next(int c)
{
	do_read(c, pl[c].tail);
	sched_new_id(c);
	do_work(c, START + END);
	do_rmw(c, pl[c].tail);
	sched_park(c);
	ops_done++;
}
/* Each core has a pair of goroutines with two channels; an op is a round trip. */
static int own_chan[2 * MAX_CORES];
static void pair_next(int c)
{
	for (int i = 0; i < 4; i++) {
		do_lock(c, own_chan[2 * c + i % 2]);
		do_work(c, 20);
		do_unlock(c, own_chan[2 * c + i % 2]);
		if (i % 2 == 0)
			do_rmw(c, pl[c].tail);
		else
			sched_park(c);
	}
	ops_done++;
}
static void pair_begin(void)
{
	for (int i = 0; i < 2 * ncores; i++)
		own_chan[i] = lock_new("a pair's channel");
}
/* Each core starts timers and stops them again. */
static void timer_next(int c)
{
	for (int i = 0; i < 2; i++) {
		do_lock(c, pl[c].heap_lock);
		do_work(c, 60);
		do_unlock(c, pl[c].heap_lock);
	}
	ops_done++;
}

/* Each core makes channels and frees them. */
static void make_next(int c)
{
	sched_chan_block(c, -1);
	do_work(c, 2);
	sched_chan_block(c, 1);
	ops_done++;
}

/* ------------------------------------------------- one channel for all -- */

static int common, common_data, buffered, waiting;

static void common_begin(void)
{
	common = lock_new("the channel");
	common_data = line_new("the channel's count and ring");
	buffered = 0;
	waiting = ncores > 1 ? 2 * ncores : 1;
}
/* Each core sends to it and receives from it; it neither fills up nor drains. An op is
 * one of either. */
static void shared_next(int c)
{
	do_lock(c, common);
	do_store(c, common_data);
	do_unlock(c, common);
	do_work(c, 2);
	ops_done++;
}

/* One goroutine, on the first core, gives jobs of 2 us to all others, two to a core, by
 * one channel of 128. An op is a job. */
enum { JOB = 2000, CAP = 128 };
static void give(int c, int unused)
{
	(void)unused;
	if (waiting > 0) {
		waiting--;
		do_unlock(c, common);
		do_work(c, 3 * cost.socket); /* the receiver's stack and G */
		sched_push(c, 1);
	} else {
		buffered += buffered < CAP;
		do_unlock(c, common);
		do_work(c, buffered < CAP ? 20 : JOB / 2);
	}
}
static void get(int c, int unused);
static void fan_run(int c, int task)
{
	(void)task;
	do_work(c, JOB);
	do_lock(c, common);
	do_store(c, common_data);
	do_call(c, get, 0);
}
static void get(int c, int unused)
{
	(void)unused;
	ops_done++;
	if (buffered > 0) {
		buffered--;
		do_unlock(c, common);
		do_call(c, fan_run, 1);
		return;
	}
	waiting++;
	do_unlock(c, common);
	sched_park(c);
}
static void fan_next(int c)
{
	if (c > 0) {
		sched_next(c);
		return;
	}
	do_work(c, 20);
	do_lock(c, common);
	do_store(c, common_data);
	do_call(c, give, 0);
}
static void fan_begin(void)
{
	common_begin();
	sched_all_idle();
}

/* ---------------------------------------------------------- mostly idle -- */

/* A timer to each P, every 2 ms, whose goroutine works for 2 us. An op is one of them. */
enum { PERIOD = 2000000 };
static double due[MAX_CORES];
static bool ticking;

bool workload_due(int c, int v)
{
	return ticking && due[v] <= core_now(c);
}
void workload_take_due(int v)
{
	due[v] += PERIOD;
}
double workload_earliest(void)
{
	double first = due[0];

	for (int v = 1; ticking && v < ncores; v++)
		if (due[v] < first)
			first = due[v];
	return ticking ? first : 0;
}
static void tick_run(int c, int task)
{
	(void)task;
	do_work(c, 2000);
	sched_park(c);
	ops_done++;
}
static void tick_begin(void)
{
	ticking = true;
	for (int v = 0; v < ncores; v++)
		due[v] = PERIOD + (double)PERIOD * v / ncores;
	sched_all_idle();
}

/* ---------------------------------------------------------------- runs -- */

static const struct workload {
	const char *name, *op;
	void (*begin)(void);
	void (*next)(int c);
	void (*run)(int c, int task);
	long ops, ops_per_core;
	int least; /* cores */
} workloads[] = {
	{ "tree", "a goroutine of a tree", tree_begin, sched_next, tree_run, LEAVES, 0,
	  1 },
	{ "chain", "a goroutine", NULL, chain_next, NULL, 0, 4000, 1 },
	{ "pairs", "a round trip", pair_begin, pair_next, NULL, 0, 2000, 1 },
	{ "timers", "start and stop", NULL, timer_next, NULL, 0, 4000, 1 },
	{ "make", "chan_make, chan_free", NULL, make_next, NULL, 0, 1000, 1 },
	{ "shared", "a send or receive", common_begin, shared_next, NULL, 0, 1000, 1 },
	{ "fanout", "a job of 2 us", fan_begin, fan_next, fan_run, 0, 100, 2 },
	{ "idle", "a timer's goroutine", tick_begin, sched_next, tick_run, 0, 40, 1 },
};
enum { NWORKLOADS = sizeof workloads / sizeof *workloads };
static const struct workload *now;

void workload_run(int c, int task)
{
	now->run(c, task);
}

/* Ops per second. */
static double run(const struct workload *w, int n, double base)
{
	double rate, share, elapsed;
	const char *line;

	now = w;
	ncores = n;
	ticking = false;
	machine_reset();
	sched_init(n);
	if (w->begin)
		w->begin();
	elapsed = machine_run(n, w->ops ? w->ops : w->ops_per_core * n, w->next);
	rate = (double)ops_done * 1e9 / elapsed;
	line = line_busiest(elapsed, &share);
	printf("%-7s %5d %10.3f %7.2f %9.0f %7.2f %7.3f %6.1f  %3.0f%% %s\n", w->name, n,
	       rate / 1e6, base > 0 ? rate / base : 1, core_work() / (double)ops_done,
	       line_transfers() / (double)ops_done, lock_sleeps() / (double)ops_done,
	       (double)sched_looks() / (double)ops_done, 100 * share, line);
	fflush(stdout);
	return rate;
}

static bool chosen(const char *name, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return n == 0;
}
static bool option(const char *arg)
{
	static const struct {
		const char *key;
		double *to;
	} keys[] = {
		{ "near=", &cost.near },      { "socket=", &cost.socket },
		{ "far=", &cost.far },        { "wake=", &cost.wake_delay },
		{ "call=", &cost.wake_call },
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strncmp(arg, keys[i].key, strlen(keys[i].key)) == 0) {
			*keys[i].to = atof(strchr(arg, '=') + 1);
			return true;
		}
	if (strcmp(arg, "-old") == 0)
		knob.old_wakes = true;
	else if (strcmp(arg, "-hints") == 0)
		knob.hints = true;
	else if (strcmp(arg, "-chans") == 0)
		knob.chans = true;
	else if (strcmp(arg, "-groups") == 0)
		knob.groups = true;
	else if (strcmp(arg, "-near") == 0)
		knob.near = true;
	else if (strcmp(arg, "-bitmap") == 0)
		knob.bitmap = true;
	else if (strcmp(arg, "-fix") == 0)
		knob.hints = knob.chans = knob.groups = true;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int max = MAX_CORES, first = 1;

	for (; first < argc; first++)
		if (strncmp(argv[first], "max=", 4) == 0)
			max = atoi(argv[first] + 4);
		else if (!option(argv[first]))
			break;
	printf("%-7s %5s %10s %7s %9s %7s %7s %6s  %s\n", "", "cores", "M ops/s", "times",
	       "CPU ns", "lines", "sleeps", "looks", "busiest line");
	for (int i = 0; i < NWORKLOADS; i++) {
		double base = 0;
		if (!chosen(workloads[i].name, argv + first, argc - first))
			continue;
		printf("# an op is %s\n", workloads[i].op);
		for (int n = workloads[i].least; n <= max && n <= MAX_CORES; n *= 2) {
			double rate = run(&workloads[i], n, base);
			if (n == workloads[i].least)
				base = rate;
		}
	}
	return 0;
}
