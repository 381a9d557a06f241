/* hash_test.c - the seeded hash: every bit matters, and seeds are independent. The seed
 * is fixed here, so the outcome is, too; the bounds are six standard deviations. */
#include "base/hash.h"
#include "harness.h"
#include <string.h>

static const struct mri_hash_seed seed = { { 0x0123456789abcdefu, 0xfedcba9876543210u } };

static int ones(uint64_t v)
{
	return __builtin_popcountll(v);
}

/* Of the 64 bits of the result half change, on average, whichever bit of a key does. */
TEST(hash, each_bit_of_the_key_changes_half)
{
	unsigned char key[40];

	for (size_t len = 1; len <= sizeof key; len++) {
		long changed = 0, n = 0;

		for (int round = 0; round < 200; round++) {
			for (size_t i = 0; i < len; i++)
				key[i] = (unsigned char)(round * 37 + (int)i * 11);
			for (size_t bit = 0; bit < len * 8; bit++, n++) {
				uint64_t h = mri_hash_bytes(key, len, &seed);

				key[bit / 8] ^= (unsigned char)(1 << bit % 8);
				h ^= mri_hash_bytes(key, len, &seed);
				CHECK(h != 0);
				changed += ones(h);
				key[bit / 8] ^= (unsigned char)(1 << bit % 8);
			}
		}
		CHECK(changed > n * 31 && changed < n * 33);
	}
}

TEST(hash, each_bit_of_the_seed_changes_half)
{
	struct mri_hash_seed s = seed;
	long changed = 0;

	for (int bit = 0; bit < 128; bit++) {
		s.word[bit / 64] ^= (uint64_t)1 << bit % 64;
		for (int k = 0; k < 100; k++)
			changed += ones(mri_hash_bytes(&k, sizeof k, &s) ^
					mri_hash_bytes(&k, sizeof k, &seed));
		s.word[bit / 64] ^= (uint64_t)1 << bit % 64;
	}
	CHECK(changed > 12800 * 31 && changed < 12800 * 33);
}

/* Counting keys, as programs have them, in any 12 bits: buckets of 16 on average. */
TEST(hash, spreads_consecutive_keys)
{
	enum { BUCKETS = 4096, KEYS = BUCKETS * 16 };
	static int bucket[BUCKETS];

	for (int shift = 0; shift <= 52; shift += 4) {
		double chi2 = 0;

		memset(bucket, 0, sizeof bucket);
		for (uint64_t k = 0; k < KEYS; k++)
			bucket[mri_hash_bytes(&k, sizeof k, &seed) >> shift & (BUCKETS - 1)]++;
		for (int i = 0; i < BUCKETS; i++)
			chi2 += (bucket[i] - 16.0) * (bucket[i] - 16.0) / 16;
		/* 4,095 degrees of freedom: deviation sqrt(2 * 4095) = 90.5 */
		CHECK(chi2 > 4095 - 543 && chi2 < 4095 + 543);
	}
}

TEST(hash, tells_lengths_apart)
{
	static const char zeroes[64];

	for (size_t a = 0; a < sizeof zeroes; a++)
		for (size_t b = 0; b < a; b++)
			CHECK(mri_hash_bytes(zeroes, a, &seed) != mri_hash_bytes(zeroes, b, &seed));
}

/* Keys that fall into one bucket under a seed are scattered by another. */
TEST(hash, another_seed_scatters_what_collides)
{
	struct mri_hash_seed other = { { 1, 2 } };
	int together = 0, found = 0;

	for (uint64_t k = 0; found < 256; k++) {
		if (mri_hash_bytes(&k, sizeof k, &seed) % 256 != 0)
			continue;
		found++;
		together += mri_hash_bytes(&k, sizeof k, &other) % 256 == 0;
	}
	CHECK(together <= 8);           /* 1 expected */
}
