/* sync_map_test.c - the trie of std/sync_map.c where the hashes of keys are alike, which
 * does not happen by itself. The file is included, with a bad hash in the place of the
 * good one; the library's own copy is then not linked. */
#include "base/hash.h"
#include "harness.h"
#include <millrace.h>

/* How many bits of the first 64, from the top, are kept; the path goes on beyond them
 * with hashes of other seeds, of which this many are bad as well. */
static unsigned keep_bits, bad_rounds;
static uint64_t seeds[8];

static uint64_t bad_hash(const void *key, size_t n, const struct mri_hash_seed *seed)
{
	uint64_t h = mri_hash_bytes(key, n, seed);
	unsigned i = 0;

	while (i < 8 && seeds[i] && seeds[i] != seed->word[1])
		i++;
	if (i < 8)
		seeds[i] = seed->word[1];
	if (i >= bad_rounds)
		return h;
	return keep_bits ? h >> (64 - keep_bits) << (64 - keep_bits) : 0;
}
#define mri_hash_bytes bad_hash
#include "std/sync_map.c"

static void with_bad_hash(unsigned keep, unsigned rounds)
{
	enum { N = 200 };
	sync_map(int, int) m;
	int k, v, n = 0, seen[N] = { 0 };

	keep_bits = keep;
	bad_rounds = rounds;
	memset(seeds, 0, sizeof seeds);
	m = sync_map_make(int, int);
	for (int i = 0; i < N; i++)
		CHECK(!sync_map_load_or_store(m, i, i, NULL));
	for (int i = 0; i < N; i++)
		CHECK_EQ(sync_map_load(m, i), i);
	CHECK(!sync_map_load(m, N, NULL));
	sync_map_range(k, v, m) {
		CHECK_EQ(seen[v]++, 0);
		CHECK(sync_map_compare_and_swap(m, k, v, -v));
		n++;
	}
	CHECK_EQ(n, N);
	sync_map_range(k, v, m) {
		CHECK_EQ(v, -k);
		/* Its place in the order is what the walk goes on from. */
		CHECK(sync_map_delete(m, k));
		n--;
	}
	CHECK_EQ(n, 0);
	sync_map_free(m);
}
TEST(sync_map_trie, good_hash) { with_bad_hash(64, 0); }
TEST(sync_map_trie, few_bits_differ) { with_bad_hash(3, 1); }
TEST(sync_map_trie, hashes_are_equal) { with_bad_hash(0, 1); }
TEST(sync_map_trie, second_hashes_are_equal_too) { with_bad_hash(0, 3); }
