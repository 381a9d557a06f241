/* bench.h - a small harness after Go's testing.B.
 *
 *     BENCH(Name)
 *     {
 *             for (int64_t i = 0; i < b->n; i++)
 *                     ...one op...
 *     }
 *
 * A benchmark is called with growing b->n until one call takes as long as asked (0.3 s),
 * and that call counts. It has Go's name where Go has one, and then Go's definition of an
 * op; the same work in Go is in peers/go, on the same harness.
 *
 * What n ops have to achieve is known, and is counted: bench_work() adds up what really
 * arrived or was done, `run.sh` compares the sum with that of lines.txt, times n. A
 * benchmark that leaves something out does not get a figure.
 *
 * The program is called as
 *
 *     bench [-l] [-t ms] [-s size] [-w foreign|hog]... [name...]
 *
 * -l lists the names; -t: how long a measured call takes at least (300 ms);
 * -w foreign: run with a pthread of the program's own that sends on a channel once a
 *     millisecond, a goroutine receiving: the runtime has to be ready for strangers;
 * -w hog: run with a goroutine that computes and never yields: it takes a proc's time
 *     until the runtime notices, again and again. Go's program has it too;
 * -s: the size of the Scale benchmarks, which are run only with it (scale.sh). */
#ifndef BENCH_H
#define BENCH_H
#include <millrace.h>
#include <stdatomic.h>

typedef struct bench {
	int64_t n;                      /* ops to run in this call */
	int64_t last_n;                 /* those of the call before and its time: */
	duration last_took;             /*   bench_parallel sizes its portions by them */
	int parallelism;                /* goroutines per proc in bench_parallel: 1 */
	int64_t started;                /* time_now() since when the clock runs, or 0 */
	duration took;                  /* what it has measured before */
	int64_t size;                   /* -s, for the Scale benchmarks */
	_Atomic int64_t work;           /* what was done, if counted: bench_work() */
	_Atomic bool counted;
	struct { const char *unit; double value; } metric[4];
} bench;

/* Make b->n a multiple of what is done at once: before anything else. */
static inline void bench_round(bench *b, int64_t multiple)
{
	b->n = (b->n + multiple - 1) / multiple * multiple;
}

/* So much of what the ops are to do has been done. Once per goroutine or call, not in
 * the loop that is measured. */
static inline void bench_work(bench *b, int64_t amount)
{
	atomic_store(&b->counted, true);
	atomic_fetch_add(&b->work, amount);
}

/* Take what was done so far out of the measurement; stop and start the clock. */
void bench_reset(bench *b);
void bench_stop(bench *b);
void bench_start(bench *b);

/* Report a figure of the benchmark's own beside ns/op; of "ns/op" itself, 0 hides it.
 * unit is kept: a string literal. */
void bench_report(bench *b, double value, const char *unit);

/* CPU time of the whole process so far. */
duration bench_cpu(void);

/* Run body(pb, arg) in parallelism x procs goroutines that share the b->n ops. Each takes
 * ops in portions of about 100 us: while (pb_next(pb)) { ...one op... }. */
typedef struct {
	_Atomic int64_t *taken;
	int64_t n, portion, left;
	bench *b;
} bench_pb;
void bench_parallel(bench *b, void (*body)(bench_pb *pb, void *arg), void *arg);

static inline bool pb_next(bench_pb *pb)
{
	if (pb->left == 0) {
		int64_t end = atomic_fetch_add(pb->taken, pb->portion) + pb->portion;
		if (end >= pb->n + pb->portion)
			return false;
		pb->left = end <= pb->n ? pb->portion : pb->n + pb->portion - end;
	}
	pb->left--;
	return true;
}

/* Go's model of local work, foo *= 2; foo /= 2. The empty asm keeps the compiler from
 * seeing that it does nothing. */
static inline int64_t local_work(int64_t foo, int times)
{
	for (int i = 0; i < times; i++) {
		foo *= 2;
		__asm__ volatile("" : "+r"(foo));
		foo /= 2;
		__asm__ volatile("" : "+r"(foo));
	}
	return foo;
}

typedef struct bench_entry {
	const char *name;
	void (*fn)(bench *b);
	struct bench_entry *next;
} bench_entry;
void bench_register(bench_entry *e);

#define BENCH(Name)                                                                    \
	static void bench_##Name(bench *b);                                            \
	__attribute__((constructor)) static void register_##Name(void)                 \
	{                                                                              \
		static bench_entry e = { #Name, bench_##Name, NULL };                  \
		bench_register(&e);                                                    \
	}                                                                              \
	static void bench_##Name(bench *b)
#endif
