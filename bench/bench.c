/* bench.c - runs the benchmarks named on the command line, or all of them.
 *
 * bench.h says what it takes. Prints a line for each in the format of `go test -bench`
 * (so that benchstat reads it): BenchmarkName-procs, ops, then figures and their units.
 * MILLRACE=procs=N sets the procs. One run of one benchmark in a process of its own
 * measures best: run.sh does that and takes the medians. */
#include "bench.h"

#include <pthread.h>
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
		pbs[i].pb = (bench_pb){ &taken, b->n, portion, 0, b };
		wg_go(&wg, body, &pbs[i].pb, arg);
	}
	wg_wait(&wg);
	free(pbs);
}

static void run_n(bench *b, const bench_entry *e, int64_t n)
{
	*b = (bench){ .n = n, .last_n = b->n, .last_took = b->took, .parallelism = 1,
		      .size = b->size };
	bench_start(b);
	e->fn(b);
	bench_stop(b);
}

/* As Go's testing: aim 20 % beyond the goal, at most a hundredfold at a time. */
static void run(const bench_entry *e, duration goal, int64_t size)
{
	bench b = { .size = size };

	/* Starting up, or another program's turn, may have hit the first call. */
	run_n(&b, e, 1);
	if (b.took >= goal && b.took < SECOND)
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
	if (b.counted)
		printf("\t%12lld work", (long long)b.work);
	putchar('\n');
	fflush(stdout);
}

/* The Scale benchmarks are another matter: they are not "all". */
static bool wanted(const char *name, char **names, int64_t size)
{
	if (!*names)
		return !size == (strncmp(name, "Scale", 5) != 0);
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* ---- with whom: -w ---- */

static chan(int) from_outside;

static void *foreigner(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		nanosleep(&pause, NULL);
		chan_send(from_outside, 1);
	}
	return arg;
}

static void listener(recv_chan(int) c)
{
	chan_range(v, c)
		(void)v;
}

static void hog(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static bool with(const char *whom)
{
	pthread_t thread;

	if (strcmp(whom, "hog") == 0) {
		go(hog);
		return true;
	}
	if (strcmp(whom, "foreign") != 0)
		return false;
	from_outside = chan_make(int);
	go(listener, from_outside);
	return pthread_create(&thread, NULL, foreigner, NULL) == 0;
}

int main(int argc, char **argv)
{
	static const char usage[] =
		"usage: bench [-l] [-t ms] [-s size] [-w foreign|hog]... [name...]\n";
	bool list = false, good = true;
	duration goal = 300 * MILLISECOND;
	int64_t size = 0;
	int opt, found = 0;

	while ((opt = getopt(argc, argv, "ls:t:w:")) != -1)
		switch (opt) {
		case 'l': list = true; break;
		case 's': good = (size = atoll(optarg)) > 0; break;
		case 't': good = (goal = atoi(optarg) * MILLISECOND) > 0; break;
		case 'w': good = with(optarg); break;
		default: good = false;
		}
	if (!good)
		return fputs(usage, stderr), 2;
	for (bench_entry *e = entries; e; e = e->next) {
		if (!wanted(e->name, argv + optind, size))
			continue;
		found++;
		if (list)
			puts(e->name);
		else
			run(e, goal, size ? size : 1000);
	}
	if (!found)
		return fprintf(stderr, "bench: no such benchmark\n"), 1;
	return 0;
}
