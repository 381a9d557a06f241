/* hash.c - the seeded hash: 16 bytes a step, each step one widening multiplication whose
 * halves are folded together. The family is that of wyhash, which Go uses for its maps
 * where there are no AES instructions. */
#include "base/hash.h"
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* Odd, half of the bits set, no pattern: the fractions of square roots. */
static const uint64_t k0 = 0x6a09e667f3bcc909u, k1 = 0xbb67ae8584caa73bu;

static uint64_t fold(uint64_t a, uint64_t b)
{
	wide r = (wide)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}
static uint64_t load8(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}
static uint64_t load4(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* The last 1 to 16 bytes as two words; bytes in the middle may be in both. */
static void load_tail(const unsigned char *p, size_t n, uint64_t *a, uint64_t *b)
{
	if (n >= 8) {
		*a = load8(p);
		*b = load8(p + n - 8);
	} else if (n >= 4) {
		*a = load4(p);
		*b = load4(p + n - 4);
	} else if (n > 0) {
		*a = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
	}
}

uint64_t mri_hash_bytes(const void *key, size_t n, const struct mri_hash_seed *seed)
{
	const unsigned char *p = key;
	uint64_t s0 = seed->word[0], s1 = seed->word[1], a = 0, b = 0;
	uint64_t h = s0 ^ n;

	for (; n > 16; n -= 16, p += 16)
		h = fold(load8(p) ^ s1, load8(p + 8) ^ h);
	load_tail(p, n, &a, &b);
	/* A factor of 0 would lose the other: with a secret in each, nobody can aim at
	 * that. */
	return fold(fold(a ^ s1 ^ k0, b ^ h) ^ s0, k1 ^ s1);
}
