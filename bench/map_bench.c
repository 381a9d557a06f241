/* map_bench.c - maps, alone and shared. Go's own benchmarks of maps are many; these are
 * few, and each says what its op is. */
#include "bench.h"
#include <stdio.h>

typedef map(uint64_t, uint64_t) numbers;

/* Consecutive numbers are no keys that anybody has; the product is a permutation. */
static uint64_t key(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15u;
}
static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static numbers filled(uint64_t n)
{
	numbers m = map_make(uint64_t, uint64_t);

	for (uint64_t i = 0; i < n; i++)
		map_set(m, key(i), i);
	return m;
}

static uint64_t sink;

static void get_bench(bench *b, uint64_t size)
{
	numbers m = filled(size);
	uint64_t s = 88172645463325252u, sum = 0;

	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++)
		sum += map_get(m, key(next(&s) % size));
	bench_stop(b);
	sink += sum;
	map_free(m);
}

/* An op is a look-up of a random key that is there, among so many. */
BENCH(MapGet100) { get_bench(b, 100); }
BENCH(MapGet10000) { get_bench(b, 10000); }
BENCH(MapGet1000000) { get_bench(b, 1000000); }

/* An op is a look-up of a key that is not there. */
BENCH(MapMiss10000)
{
	numbers m = filled(10000);
	uint64_t sum = 0;

	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++)
		sum += map_get(m, key((uint64_t)i + 10000), NULL);
	bench_stop(b);
	sink += sum;
	map_free(m);
}

/* An op is an assignment to a key that is there. */
BENCH(MapSet10000)
{
	numbers m = filled(10000);
	uint64_t s = 88172645463325252u;

	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++)
		map_set(m, key(next(&s) % 10000), (uint64_t)i);
	bench_stop(b);
	map_free(m);
}

static void fill_bench(bench *b, int64_t size)
{
	bench_round(b, size);
	for (int64_t left = b->n; left > 0; left -= size)
		map_free(filled((uint64_t)(left < size ? left : size)));
}

/* An op is a new key; a map is made, filled with so many, and dropped. */
BENCH(MapFill100) { fill_bench(b, 100); }
BENCH(MapFill10000) { fill_bench(b, 10000); }
BENCH(MapFill1000000) { fill_bench(b, 1000000); }

/* An op is to remove a key and to put it in again. */
BENCH(MapDelete10000)
{
	numbers m = filled(10000);
	uint64_t s = 88172645463325252u;

	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++) {
		uint64_t k = key(next(&s) % 10000);

		map_delete(m, k);
		map_set(m, k, (uint64_t)i);
	}
	bench_stop(b);
	map_free(m);
}

/* An op is one entry of a walk over 10,000. */
BENCH(MapRange10000)
{
	numbers m = filled(10000);
	uint64_t k, v, sum = 0;

	bench_reset(b);
	for (int64_t i = 0; i < b->n; i += 10000)
		map_range(k, v, m)
			sum += v;
	bench_stop(b);
	sink += sum;
	map_free(m);
}

enum { NAMES = 10000 };
static char names[NAMES][16];

/* An op is a look-up of a random string of 5 to 8 letters among 10,000. */
BENCH(MapGetString10000)
{
	map(const char *, int) m = map_make(const char *, int);
	uint64_t s = 88172645463325252u, sum = 0;

	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "key%d", i);
		map_set(m, names[i], i);
	}
	bench_reset(b);
	for (int64_t i = 0; i < b->n; i++)
		sum += (uint64_t)map_get(m, names[next(&s) % NAMES]);
	bench_stop(b);
	sink += sum;
	map_free(m);
}

/* ----------------------------------------------------------------------- shared -- */

/* A goroutine per proc on one map of 1,000 keys. An op is a look-up, or, one in
 * `writes`, an assignment to a key that is there; 0: never. */
enum { SHARED = 1000 };
struct shared {
	sync_map(uint64_t, uint64_t) sync;
	numbers plain;
	mutex m;
	rwmutex rw;
	int writes;
};

static void sync_body(bench_pb *pb, void *arg)
{
	struct shared *a = arg;
	uint64_t s = (uintptr_t)pb | 1;
	int64_t right = 0;

	for (int i = 1; pb_next(pb); i++) {
		uint64_t v = next(&s) % SHARED, k = key(v);

		if (i == a->writes) {
			sync_map_store(a->sync, k, v);
			i = 0;
			right++;
		} else {
			right += sync_map_load(a->sync, k) == v;
		}
	}
	bench_work(pb->b, right);
}
static void mutex_body(bench_pb *pb, void *arg)
{
	struct shared *a = arg;
	uint64_t s = (uintptr_t)pb | 1;
	int64_t right = 0;

	for (int i = 1; pb_next(pb); i++) {
		uint64_t v = next(&s) % SHARED, k = key(v);

		mutex_lock(&a->m);
		if (i == a->writes) {
			map_set(a->plain, k, v);
			i = 0;
			right++;
		} else {
			right += map_get(a->plain, k) == v;
		}
		mutex_unlock(&a->m);
	}
	bench_work(pb->b, right);
}
static void rwmutex_body(bench_pb *pb, void *arg)
{
	struct shared *a = arg;
	uint64_t s = (uintptr_t)pb | 1;
	int64_t right = 0;

	for (int i = 1; pb_next(pb); i++) {
		uint64_t v = next(&s) % SHARED, k = key(v);

		if (i == a->writes) {
			rwmutex_lock(&a->rw);
			map_set(a->plain, k, v);
			rwmutex_unlock(&a->rw);
			i = 0;
			right++;
		} else {
			rwmutex_rlock(&a->rw);
			right += map_get(a->plain, k) == v;
			rwmutex_runlock(&a->rw);
		}
	}
	bench_work(pb->b, right);
}

static void shared_bench(bench *b, void (*body)(bench_pb *, void *), int writes)
{
	struct shared a = { .writes = writes, .plain = filled(SHARED),
			    .sync = sync_map_make(uint64_t, uint64_t) };

	for (uint64_t i = 0; i < SHARED; i++)
		sync_map_store(a.sync, key(i), i);
	bench_reset(b);
	bench_parallel(b, body, &a);
	bench_stop(b);
	map_free(a.plain);
	sync_map_free(a.sync);
}

BENCH(SyncMapRead100) { shared_bench(b, sync_body, 0); }
BENCH(SyncMapRead99) { shared_bench(b, sync_body, 100); }
BENCH(MutexMapRead99) { shared_bench(b, mutex_body, 100); }
BENCH(RWMutexMapRead99) { shared_bench(b, rwmutex_body, 100); }
BENCH(SyncMapRead50) { shared_bench(b, sync_body, 2); }
BENCH(MutexMapRead50) { shared_bench(b, mutex_body, 2); }
