/* hash.h - a seeded hash of bytes, for tables whose keys somebody else may choose. */
#ifndef MRI_BASE_HASH_H
#define MRI_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

struct mri_hash_seed { uint64_t word[2]; };

/* 64 bits, every one of which depends on every bit of the key and of the seed. Who does
 * not know the seed cannot choose keys that collide: it is secret, and each table has
 * its own. Not for anything that is written down: it may change. */
uint64_t mri_hash_bytes(const void *key, size_t n, const struct mri_hash_seed *seed);
#endif
