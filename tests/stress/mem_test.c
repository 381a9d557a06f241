/* mem_test.c - what a million parked goroutines cost, and that the memory comes back. */
#define _GNU_SOURCE
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A field of /proc/self/status, in bytes. */
static long status_of(const char *field)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	long kib = -1;

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field)))
			kib = atol(line + strlen(field) + 1);
	fclose(f);
	CHECK(kib >= 0);
	return kib * 1024;
}
static long used(void)
{
	return status_of("VmRSS") + status_of("VmPTE");
}
static long available(void)
{
	char line[256];
	FILE *f = fopen("/proc/meminfo", "r");
	long kib = 0;

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "MemAvailable:", 13))
			kib = atol(line + 13);
	if (f)
		fclose(f);
	return kib * 1024;
}

/* Parked in chan_recv three calls deep, with 256 bytes of locals. */
static waitgroup parked_soon, gone;

__attribute__((noinline)) static int third(chan(int) gate)
{
	volatile char room[128];
	int got;

	memset((char *)room, 1, sizeof room);
	wg_done(&parked_soon);
	got = chan_recv(gate);
	return got + room[got];
}
__attribute__((noinline)) static int second(chan(int) gate)
{
	volatile char room[128];

	room[0] = room[127] = 1;
	return third(gate) + room[127];
}
static void parks(chan(int) gate)
{
	CHECK_EQ(second(gate), 2);
	wg_done(&gone);
}

static void park(int n, long limit_each, long left_each)
{
	chan(int) gate = chan_make(int);
	long before = used(), each, left;
	int64_t begin = time_now();

	wg_add(&parked_soon, n);
	wg_add(&gone, n);
	for (int i = 0; i < n; i++)
		go(parks, gate);
	wg_wait(&parked_soon);
	go_yield();
	CHECK_EQ(go_count(), n + 1);
	each = (used() - before) / n;
	printf("%d parked after %.2f s: %ld bytes each\n", n,
	       (double)(time_now() - begin) / 1e9, each);
	CHECK(each <= limit_each);

	begin = time_now();
	chan_close(gate);
	wg_wait(&gone);
	printf("gone after %.2f s\n", (double)(time_now() - begin) / 1e9);
	/* The memory is given back in portions, by and by. Cannot flake: it waits for
	 * the event, and only the test's own limit ends that. */
	do {
		go_sleep(20 * MILLISECOND);
		left = used() - before;
	} while (left > n * left_each);
	printf("given back but %ld bytes each after %.2f s\n", left / n,
	       (double)(time_now() - begin) / 1e9);
	while (go_count() != 1)
		go_yield();
	chan_free(gate);
}

/* The bound is that of the release build; and of a default environment, at one number of
 * procs, for its size. It takes some seconds. */
TEST(memory, of_a_million_parked, .env = "MILLRACE=procs=2", .limit = 120)
{
#ifdef MRI_DEV
	SKIP("what is measured is the release build's");
#endif
	if (TEST_TSAN)
		SKIP("TSan has no fibers for so many");
	if (available() < 7L << 30)
		SKIP("less than 7 GiB of memory are available");
	if (getenv("MR_TEST_WRAP"))
		SKIP("an emulator has its own memory");
	park(1000000, 4915, 40);        /* 4.8 KiB */
}

/* Twice in a row: stacks that were given back serve again, at the same price. */
TEST(memory, is_used_again, .env = "MILLRACE=procs=2")
{
	long limit = 3 * 4915;

	if (TEST_ASAN || TEST_TSAN)
		SKIP("the shadow of the stacks does not come back");
	for (int i = 0; i < 2; i++)
		park(20000, limit, limit / 10);
}

/* Goroutines that come and go do not add up. Cannot flake: the bound is hundreds of
 * times what one costs, and there are thousands. */
static void short_lived(int n)
{
	if (n > 0)
		go(short_lived, n - 1);
	else
		wg_done(&gone);
}
TEST(memory, of_many_one_after_another)
{
	int rounds = test_rounds(100000);
	long before, grown;

	wg_add(&gone, 1);
	go(short_lived, rounds / 10);
	wg_wait(&gone);
	before = used();
	wg_add(&gone, 1);
	go(short_lived, rounds);
	wg_wait(&gone);
	grown = used() - before;
	printf("grown by %ld bytes\n", grown);
	CHECK(grown < (8L << 20) * test_slow());
}

/* Deep stacks are given back too: a goroutine that was deep once, and whose slot is used
 * again and again by shallow ones, does not keep it all. */
static long deep(long n)
{
	volatile char room[4096];

	room[0] = room[4095] = 1;
	n = n > 1 ? deep(n - 1) : 0;
	/* The frame is needed: no loop can be made of this. */
	__asm__ volatile("" : : "r"(room) : "memory");
	return n + room[0];
}
static void deep_once(long n)
{
	CHECK_EQ(deep(n), n);
	wg_done(&gone);
}
/* Some dozens at a time, so that all of them are kept warm by their P. */
enum { DEEP = 50, PAGES = 40 };
static chan(int) all_deep;

__attribute__((noinline)) static long deep_and_parks(long n)
{
	volatile char room[4096];
	long got;

	room[0] = room[4095] = 1;
	if (n == 1) {
		wg_done(&parked_soon);
		return chan_recv(all_deep) + 1;
	}
	got = deep_and_parks(n - 1);
	/* The frame is needed: no loop can be made of this. */
	__asm__ volatile("" : : "r"(room) : "memory");
	return got + room[0];
}
static void deep_together(long n)
{
	CHECK_EQ(deep_and_parks(n), n);
	wg_done(&gone);
}
static void shallow(void)
{
	wg_done(&gone);
}

/* Bytes used before; then DEEP goroutines have been deep, and are gone. */
static long after_deep_ones(void)
{
	long before, peak;

	if (TEST_ASAN || TEST_TSAN)
		SKIP("the shadow of the stacks does not come back");
	if (getenv("MR_TEST_WRAP"))
		SKIP("an emulator has its own memory");
	all_deep = chan_make(int);
	wg_add(&gone, 1);
	go(deep_once, 1L);
	wg_wait(&gone);
	before = used();
	wg_add(&gone, DEEP);
	wg_add(&parked_soon, DEEP);
	for (int i = 0; i < DEEP; i++)
		go(deep_together, (long)PAGES);
	wg_wait(&parked_soon);
	peak = used() - before;
	printf("%ld KiB\n", peak / 1024);
	chan_close(all_deep);
	wg_wait(&gone);
	CHECK(peak > 2L << 20);
	return before;
}
/* All but a little of it. None of these can flake: they wait for it to come about, and
 * only the test's own limit ends that. */
static bool is_back(long before)
{
	return used() - before < 1L << 20;
}

TEST(memory, of_deep_stacks_comes_back_to_those_asleep)
{
	long before = after_deep_ones();

	while (!is_back(before))
		go_sleep(50 * MILLISECOND);
}
TEST(memory, of_deep_stacks_comes_back_from_used_slots)
{
	long before = after_deep_ones();

	while (!is_back(before)) {
		wg_add(&gone, 1);
		go(shallow);
		wg_wait(&gone);
	}
}
TEST(memory, of_deep_stacks_comes_back_to_those_that_yield)
{
	long before = after_deep_ones();

	while (!is_back(before))
		go_yield();
}
/* A slot that no P keeps, and that never lies unused for long. */
TEST(memory, of_deep_stacks_comes_back_from_large_ones)
{
	const go_opts large = { .stack = 8 << 20 };
	long before;

	if (TEST_ASAN || TEST_TSAN)
		SKIP("the shadow of the stacks does not come back");
	if (getenv("MR_TEST_WRAP"))
		SKIP("an emulator has its own memory");
	before = used();
	wg_add(&gone, 1);
	go_with(large, deep_once, 1500L);
	wg_wait(&gone);
	while (!is_back(before)) {
		wg_add(&gone, 1);
		go_with(large, shallow);
		wg_wait(&gone);
	}
}
/* No turn at all: its P keeps the slots. */
TEST(memory, of_deep_stacks_comes_back_to_one_that_blocks)
{
	long before = after_deep_ones();

	while (!is_back(before))
		usleep(50 * 1000);
}

/* Nothing of ours is active at all. */
static chan(int) told;
static void *tells_when_back(void *before)
{
	while (!is_back(*(long *)before))
		usleep(50 * 1000);
	chan_send(told, 1);
	return NULL;
}
TEST(memory, comes_back_when_nobody_runs)
{
	long before = after_deep_ones();
	pthread_t t;

	told = chan_make(int);
	CHECK_EQ(pthread_create(&t, NULL, tells_when_back, &before), 0);
	CHECK_EQ(chan_recv(told), 1);
	pthread_join(t, NULL);
}
