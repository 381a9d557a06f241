/* key.h - what the keys of a map are, to map.c and sync_map.c: bytes of a size, or the
 * text that a char * points at. */
#ifndef MRI_STD_KEY_H
#define MRI_STD_KEY_H
#include "base/fault.h"
#include <millrace/map.h>
#include <string.h>

struct mri_key_type {
	size_t size;                    /* in the program; of a string: its pointer */
	uint8_t kind;                   /* enum mr_key_kind */
};

/* The bytes that are hashed and compared of the key that the program keeps at `key`, and
 * how many they are. An integer comes as an int64_t, of which a smaller key is the low
 * part: that is C's conversion, also of a negative one. */
static inline const void *mri_key_bytes(struct mri_key_type t, const void *key, size_t *n)
{
	if (t.kind == MR_KEY_STRING) {
		const char *s = *(const char *const *)key;

		if (!s)
			mri_panic("map: the key is NULL, not a string");
		*n = strlen(s);
		return s;
	}
	*n = t.size;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	if (t.kind == MR_KEY_INT)
		return (const char *)key + (sizeof(int64_t) - t.size);
#endif
	return key;
}
#endif
