/* bench.c - runs the benchmarks named on the command line, or all of them.
 *
 *     bench [-l] [-t milliseconds] [name...]
 *
 * Prints a line for each in the format of `go test -bench` (so that benchstat reads it):
 * BenchmarkName-procs, ops, then figures and their units. MILLRACE=procs=N sets the
 * procs. -l lists the names. One run of one benchmark in a process of its own measures
 * best: run.sh does that and takes the medians. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_METRICS = sizeof((bench *)0)->metric / sizeof *((bench *)0)->metric };
enum { MAX_OPS = 1000000000 };

static bench_entry *entries, **last_entry = &entries;

void bench_register(bench_entry *e)
{
	*last_entry = e;
	last_entry = &e->next;
}

void bench_stop(bench *b)
{
	if (b->started)
		b->took += time_now() - b->started;
	b->started = 0;
}

void bench_start(bench *b)
{
	if (!b->started)
		b->started = time_now();
}

void bench_reset(bench *b)
{
	b->took = 0;
	if (b->started)
		b->started = time_now();
}

void bench_report(bench *b, double value, const char *unit)
{
	size_t i = 0;
	while (i < MAX_METRICS && b->metric[i].unit &&
	       strcmp(b->metric[i].unit, unit) != 0)
		i++;
	if (i == MAX_METRICS)
		panic("too many metrics");
	b->metric[i].unit = unit;
	b->metric[i].value = value;
}

duration bench_cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void bench_parallel(bench *b, void (*body)(bench_pb *pb, void *arg), void *arg)
{
	int count = b->parallelism * go_procs(0);
	_Atomic int64_t taken = 0;
	waitgroup wg = {0};
	int64_t portion = 1;
	/* Each pb apart from the others: they are written once an op. */
	struct padded { bench_pb pb; char pad[128]; } *pbs;

	if (b->last_took > 0)
		portion = 100 * MICROSECOND * b->last_n / b->last_took;
	portion = portion < 1 ? 1 : portion > 10000 ? 10000 : portion;
	pbs = calloc((size_t)count, sizeof *pbs);
	if (!pbs)
		panic("out of memory");
	for (int i = 0; i < count; i++) {
		pbs[i].pb = (bench_pb){ &taken, b->n, portion, 0 };
		wg_go(&wg, body, &pbs[i].pb, arg);
	}
	wg_wait(&wg);
	free(pbs);
}

static void run_n(bench *b, const bench_entry *e, int64_t n)
{
	*b = (bench){ .n = n, .last_n = b->n, .last_took = b->took, .parallelism = 1 };
	bench_start(b);
	e->fn(b);
	bench_stop(b);
}

/* As Go's testing: aim 20 % beyond the goal, at most a hundredfold at a time. */
static void run(const bench_entry *e, duration goal)
{
	bench b = {0};

	run_n(&b, e, 1);
	while (b.took < goal && b.n < MAX_OPS) {
		double each = (double)(b.took > 0 ? b.took : 1) / (double)b.n;
		double aim = 1.2 * (double)goal / each;
		int64_t next = aim > 100.0 * (double)b.n ? 100 * b.n : (int64_t)aim;
		next = next <= b.n ? b.n + 1 : next;
		run_n(&b, e, next > MAX_OPS ? MAX_OPS : next);
	}

	size_t metrics = 0;
	bool ns_reported = false;
	while (metrics < MAX_METRICS && b.metric[metrics].unit)
		ns_reported |= strcmp(b.metric[metrics++].unit, "ns/op") == 0;
	printf("Benchmark%s-%d\t%10lld", e->name, go_procs(0), (long long)b.n);
	if (!ns_reported)
		printf("\t%12.2f ns/op", (double)b.took / (double)b.n);
	for (size_t i = 0; i < metrics; i++)
		if (b.metric[i].value != 0 || strcmp(b.metric[i].unit, "ns/op") != 0)
			printf("\t%12.2f %s", b.metric[i].value, b.metric[i].unit);
	putchar('\n');
	fflush(stdout);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: bench [-l] [-t ms] [name...]\n";
	bool list = false;
	duration goal = 300 * MILLISECOND;
	int opt, found = 0;

	while ((opt = getopt(argc, argv, "lt:")) != -1)
		if (opt == 'l')
			list = true;
		else if (opt != 't' || (goal = atoi(optarg) * MILLISECOND) <= 0)
			return fputs(usage, stderr), 2;
	for (bench_entry *e = entries; e; e = e->next) {
		if (!wanted(e->name, argv + optind))
			continue;
		found++;
		if (list)
			puts(e->name);
		else
			run(e, goal);
	}
	if (!found)
		return fprintf(stderr, "bench: no such benchmark\n"), 1;
	return 0;
}
