/* table.h - a hash table from keys to values of sizes known at run time: what a map is
 * made of. It knows nothing of goroutines: its user sees to it that nothing else happens
 * during a change, and no change during anything else. */
#ifndef MRI_STD_TABLE_H
#define MRI_STD_TABLE_H
#include "base/hash.h"
#include "std/key.h"
#include <stdbool.h>

/* Entries lie in chunks, each twice as large as the one before, and never move: an
 * iteration is a walk over positions, to which it does not matter what is added, removed
 * or rehashed meanwhile. */
enum { MRI_TABLE_CHUNKS = 32 };

struct mri_look {
	const void *bytes;
	unsigned len, hash;
};

struct mri_entry;
struct mri_table {
	struct mri_key_type key;
	struct mri_hash_seed seed;
	size_t value_size, value_at, entry_size;
	struct mri_entry *head;         /* uthash's handle; NULL: nothing was put yet */
	struct mri_entry *free_list;    /* removed ones, through hh.next */
	uint32_t used;                  /* positions handed out, free ones included */
	uint32_t count;
	uint32_t first_log2;            /* log2 of the entries in chunk 0 */
	char *chunk[MRI_TABLE_CHUNKS];
};

/* hint: that many entries are expected. Allocates nothing. */
void mri_table_init(struct mri_table *t, struct mri_key_type key, size_t value_size,
		    size_t hint);
void mri_table_free(struct mri_table *t);
/* Make of a program's key what the others look it up by; points to its bytes. Panics if
 * it is none. */
struct mri_look mri_table_look(const struct mri_table *t, const void *key);
/* The value of a key, or NULL. */
const void *mri_table_find(const struct mri_table *t, struct mri_look k);
/* The same for writing, a zeroed entry being made if there is none. NULL: out of memory,
 * and nothing has changed. */
void *mri_table_put(struct mri_table *t, struct mri_look k);
bool mri_table_remove(struct mri_table *t, struct mri_look k);
void mri_table_clear(struct mri_table *t);
/* The entry at a position below used: false if there is none now. */
bool mri_table_at(const struct mri_table *t, uint32_t pos, const void **key,
		  const void **value);
#endif
