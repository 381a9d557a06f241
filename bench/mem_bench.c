/* mem_bench.c - what a goroutine that waits costs. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

enum { PARKED = 1000000 };

/* VmRSS and page tables, in bytes. */
static int64_t memory_used(void)
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

static _Atomic int parked, woken;

#define NOINLINE __attribute__((noinline))
#define USED(p) __asm__ volatile("" : : "r"(p) : "memory")

static NOINLINE void third(recv_chan(char) gate)
{
	char locals[86];
	memset(locals, 1, sizeof locals);
	USED(locals);
	atomic_fetch_add(&parked, 1);
	chan_recv(gate);
	atomic_fetch_add(&woken, 1);
	USED(locals);
}

static NOINLINE void second(recv_chan(char) gate)
{
	char locals[85];
	memset(locals, 1, sizeof locals);
	USED(locals);
	third(gate);
	USED(locals);
}

static NOINLINE void first(recv_chan(char) gate, waitgroup *wg)
{
	char locals[85];
	memset(locals, 1, sizeof locals);
	USED(locals);
	second(gate);
	USED(locals);
	wg_done(wg);
}

/* A million goroutines parked in a receive, three calls deep with 256 bytes of locals:
 * bytes each, ns to start one until it is parked, ns to wake it until it has ended. Of
 * the first round only: a process that has had a million keeps some of them. */
BENCH(Parked)
{
	static bool measured;
	static double bytes, spawn, wake;

	for (int64_t i = 0; i < b->n; i++) {
		chan(char) gate = chan_make(char);
		waitgroup wg = {0};
		int64_t before = memory_used(), start = time_now();

		atomic_store(&parked, 0);
		atomic_store(&woken, 0);
		wg_add(&wg, PARKED);
		for (int k = 0; k < PARKED; k++)
			go(first, gate, &wg);
		while (atomic_load(&parked) < PARKED)
			go_yield();
		int64_t all_parked = time_now();
		int64_t after = memory_used(), wake_start = time_now();
		chan_close(gate);
		wg_wait(&wg);
		if (!measured) {
			bytes = (double)(after - before) / PARKED;
			spawn = (double)(all_parked - start) / PARKED;
			wake = (double)(time_now() - wake_start) / PARKED;
			measured = true;
		}
		chan_free(gate);
		bench_work(b, woken);
	}
	bench_report(b, bytes, "bytes-each");
	bench_report(b, spawn, "ns-spawn");
	bench_report(b, wake, "ns-wake+exit");
	bench_report(b, 0, "ns/op");
}
