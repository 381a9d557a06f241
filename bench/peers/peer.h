/* peer.h - bench.c's harness again, for peers in C and C++: no millrace in it.
 *
 *     peer [-l] [-V] [-t ms] [name...]
 *
 * BENCH_PROCS=N is the number of procs. -l lists what there is with so many; -V says what
 * the peer is. One file includes this. bench.h and lines.txt say what is to be done. */
#ifndef PEER_H
#define PEER_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct bench {
	int64_t n, work;
	int counted, metrics;
	struct { const char *unit; double value; } metric[4];
} bench;

static int peer_procs = 1;

static inline int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void bench_round(bench *b, int64_t multiple)
{
	b->n = (b->n + multiple - 1) / multiple * multiple;
}

static inline void bench_work(bench *b, int64_t amount)
{
	__atomic_store_n(&b->counted, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->work, amount, __ATOMIC_RELAXED);
}

/* A benchmark that reports figures of its own has no ns/op. */
static inline void bench_report(bench *b, double value, const char *unit)
{
	b->metric[b->metrics].unit = unit;
	b->metric[b->metrics++].value = value;
}

/* VmRSS and page tables, in bytes. */
static inline int64_t memory_used(void)
{
	char line[256];
	long kib, sum = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1 ||
		    sscanf(line, "VmPTE: %ld", &kib) == 1)
			sum += kib;
	if (f)
		fclose(f);
	return 1024 * (int64_t)sum;
}

/* Some 50 us of arithmetic: as in chan_bench.c. */
static inline uint64_t toil(uint64_t x)
{
	for (int i = 0; i < 25000; i++)
		x = (x ^ x >> 33) * 6364136223846793005u;
	return x | 1;
}

typedef struct bench_entry {
	const char *name;
	void (*fn)(bench *b);
	int max_procs;                  /* the most it can use; 0: as many as you like */
} bench_entry;

static void peer_run(const bench_entry *e, int64_t goal)
{
	bench b;
	int64_t n = 1, took, calls = 0;

	for (;;) {
		memset(&b, 0, sizeof b);
		b.n = n;
		int64_t start = now_ns();
		e->fn(&b);
		took = now_ns() - start;
		took += !took;
		/* Starting up may have hit the first call. */
		if (!calls++ && took >= goal && took < 1000000000)
			continue;
		if (took >= goal || b.n >= 1000000000)
			break;
		double aim = 1.2 * (double)goal * (double)b.n / (double)took;
		n = aim > 100.0 * (double)b.n ? 100 * b.n : (int64_t)aim;
		n = n <= b.n ? b.n + 1 : n > 1000000000 ? 1000000000 : n;
	}
	printf("Benchmark%s-%d\t%10lld", e->name, peer_procs, (long long)b.n);
	if (!b.metrics)
		printf("\t%12.2f ns/op", (double)took / (double)b.n);
	for (int i = 0; i < b.metrics; i++)
		printf("\t%12.2f %s", b.metric[i].value, b.metric[i].unit);
	if (b.counted)
		printf("\t%12lld work", (long long)b.work);
	putchar('\n');
	fflush(stdout);
}

/* What a peer's main() does; entries end with a NULL name. `begin` is called once the
 * procs are known, before a benchmark runs. */
static int peer_main(int argc, char **argv, const bench_entry *entries,
		     const char *version, void (*begin)(void))
{
	int64_t goal = 300000000;
	int opt, list = 0, found = 0;

	if (getenv("BENCH_PROCS"))
		peer_procs = atoi(getenv("BENCH_PROCS"));
	while ((opt = getopt(argc, argv, "lVt:")) != -1)
		if (opt == 'l')
			list = 1;
		else if (opt == 'V')
			return puts(version) < 0;
		else if (opt != 't' || (goal = atoi(optarg) * INT64_C(1000000)) <= 0)
			return fputs("usage: peer [-lV] [-t ms] [name...]\n", stderr), 2;
	if (!list && begin)
		begin();
	for (const bench_entry *e = entries; e->name; e++) {
		int wanted = optind == argc;
		for (int i = optind; i < argc; i++)
			wanted |= !strcmp(argv[i], e->name);
		if (!wanted || (e->max_procs && peer_procs > e->max_procs))
			continue;
		found++;
		if (list)
			puts(e->name);
		else
			peer_run(e, goal);
	}
	return !list && !found;
}
#endif
