/* sync_map.h - maps that goroutines share without a lock, as Go's sync.Map.
 *
 * mr_sync_map(K, V) is a typed handle as mr_map(K, V) is, with the same keys and values
 * (map.h); it is another type, so the two cannot be mixed up. Its NULL is no map: using
 * it panics.
 *
 * All operations may be called at any time by any goroutine or thread. Each takes effect
 * at one moment between its call and its return, but for a walk, which is many. None ever
 * waits for another: a load reads some words and copies the value; a change allocates the
 * entry and puts it in with one atomic operation, trying again if another came first.
 * For maps that are read much more often than written, or written in different places;
 * a map of one goroutine, or under a lock that is there anyway, is smaller and faster.
 *
 * A change happens before each load that sees it, or that sees a later one of that key,
 * returns. Loads order nothing for changes.
 *
 * A value that is replaced or removed is freed when nobody can be copying it any more,
 * soon and by somebody else's change: some, up to a few hundred, are always waiting.
 *
 * In what follows, loaded means that the key was there. Values are compared as bytes,
 * padding included. All panic "sync_map: out of memory" when they need some, the map
 * being as before. */
#ifndef MILLRACE_SYNC_MAP_H
#define MILLRACE_SYNC_MAP_H

#include <millrace/base.h>
#include <millrace/map.h>

/* A walk over a map, by mr_sync_map_range(). The fields are the library's. */
typedef struct mr_sync_map_iter {
	const volatile void *mr_map;
	char *mr_key;
	size_t mr_len, mr_room;
	uint64_t mr_hash;
	bool mr_begun;
} mr_sync_map_iter;

MR_C_BEGIN
/* Make a map; parameters as of mr_map_new(). Returns the map, which the caller frees with
 * mr_sync_map_free(), and never NULL. Panics "sync_map: size out of range". */
MR_API MR_MUST_USE void *mr_sync_map_new(size_t key_size, size_t value_size, int kind);

/* Free m and what it contains. NULL is ignored. By whoever uses it last. */
MR_API void mr_sync_map_free(const volatile void *m);

/* Copy the value of *key to *value, zeroes if there is none; value may be NULL. Returns
 * loaded. */
MR_API bool mr_sync_map_load_into(const volatile void *m, const void *key, void *value);

/* Set the value of *key to *value, and copy the one before, or zeroes, to *before, which
 * may be NULL. Returns loaded. */
MR_API bool mr_sync_map_put(const volatile void *m, const void *key, const void *value,
			    void *before);

/* Set the value of *key to *value if it has none. Copy the one that it now has to
 * *actual, which may be NULL. Returns loaded: true if it had one. */
MR_API bool mr_sync_map_put_new(const volatile void *m, const void *key,
				const void *value, void *actual);

/* Remove *key, and copy its value, or zeroes, to *before, which may be NULL. Returns
 * loaded. */
MR_API bool mr_sync_map_remove(const volatile void *m, const void *key, void *before);

/* If the value of *key is *old, set it to *value; value NULL: remove it. Returns whether
 * that was so. */
MR_API bool mr_sync_map_exchange(const volatile void *m, const void *key, const void *old,
				 const void *value);

/* Remove all entries. Those that others store meanwhile may stay or go. */
MR_API void mr_sync_map_clear(const volatile void *m);

/* mr_sync_map_range() in its parts, as mr_map_iter_make() and so on. */
MR_API mr_sync_map_iter mr_sync_map_iter_make(const volatile void *m);
MR_API bool mr_sync_map_iter_next(mr_sync_map_iter *it, void *key, void *value);
MR_API void mr_sync_map_iter_end(mr_sync_map_iter *it);
MR_C_END

#ifndef __cplusplus
/* The type. K and V as in mr_map(). */
#define mr_sync_map(K, V) __typeof__(__typeof__(V) (*const *)(__typeof__(K)))

/* mr_sync_map_make(K, V): make a map; the result is an mr_sync_map(K, V). */
#define mr_sync_map_make(K, V)                                                          \
	(mr_key_check(K),                                                               \
	 (mr_sync_map(K, V))mr_sync_map_new(sizeof(K), sizeof(V), mr_key_kind(K)))

/* v = mr_sync_map_load(m, k): the value of k, or zero if there is none.
 * loaded = mr_sync_map_load(m, k, &v): false if there is none; v is then zero.
 * As mr_sync_map_load_into(). */
#define mr_sync_map_load(...)                                                           \
	MR_PICK3(__VA_ARGS__, mr_sync_map_load3, mr_sync_map_load2, ~)(__VA_ARGS__)
#define mr_sync_map_load2(m, k)                                                         \
	mr_sync_map_load2_(m, k, MR_CAT(mr_k_, __COUNTER__), MR_CAT(mr_b_, __COUNTER__), \
			   MR_CAT(mr_v_, __COUNTER__))
#define mr_sync_map_load2_(m, k, var, b, v)                                             \
	mr_with_key(mr_is_sync_map, m, k, var, b, mr_map_value(m, var) v;               \
		    mr_sync_map_load_into((m), &b, &v); v)
#define mr_sync_map_load3(m, k, p)                                                      \
	mr_sync_map_load3_(m, k, p, MR_CAT(mr_k_, __COUNTER__),                         \
			   MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_load3_(m, k, p, var, b)                                             \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_load_into((m), &b, mr_map_place(m, var, p)))

/* mr_sync_map_store(m, k, v): set the value of k; v may be a braced list, as in
 * mr_map_set(). As mr_sync_map_put(). */
#define mr_sync_map_store(m, k, ...)                                                    \
	mr_sync_map_store_(m, k, MR_CAT(mr_k_, __COUNTER__),                            \
			   MR_CAT(mr_b_, __COUNTER__), __VA_ARGS__)
#define mr_sync_map_store_(m, k, var, b, ...)                                           \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    (void)mr_sync_map_put((m), &b, mr_map_given(m, var, __VA_ARGS__),   \
					  NULL))

/* loaded = mr_sync_map_swap(m, k, v, &before): set the value of k, and get the one
 * before. As mr_sync_map_put(). */
#define mr_sync_map_swap(m, k, v, p)                                                    \
	mr_sync_map_swap_(m, k, v, p, MR_CAT(mr_k_, __COUNTER__),                       \
			  MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_swap_(m, k, v, p, var, b)                                           \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_put((m), &b, mr_map_given(m, var, v),                   \
				    mr_map_place(m, var, p)))

/* loaded = mr_sync_map_load_or_store(m, k, v, &actual): the value of k, which is set to
 * v if there is none. As mr_sync_map_put_new(). */
#define mr_sync_map_load_or_store(m, k, v, p)                                           \
	mr_sync_map_load_or_store_(m, k, v, p, MR_CAT(mr_k_, __COUNTER__),              \
				   MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_load_or_store_(m, k, v, p, var, b)                                  \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_put_new((m), &b, mr_map_given(m, var, v),               \
					mr_map_place(m, var, p)))

/* loaded = mr_sync_map_load_and_delete(m, k, &v): remove k, and get its value.
 * loaded = mr_sync_map_delete(m, k): remove k. As mr_sync_map_remove(). */
#define mr_sync_map_load_and_delete(m, k, p)                                            \
	mr_sync_map_remove_(m, k, p, MR_CAT(mr_k_, __COUNTER__),                        \
			    MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_delete(m, k) mr_sync_map_load_and_delete(m, k, NULL)
#define mr_sync_map_remove_(m, k, p, var, b)                                            \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_remove((m), &b, mr_map_place(m, var, p)))

/* mr_sync_map_compare_and_swap(m, k, old, new): if the value of k is old, set it to new.
 * mr_sync_map_compare_and_delete(m, k, old): if the value of k is old, remove k.
 * Whether it was. As mr_sync_map_exchange(). */
#define mr_sync_map_compare_and_swap(m, k, old, new)                                    \
	mr_sync_map_swap_if_(m, k, old, new, MR_CAT(mr_k_, __COUNTER__),                \
			     MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_swap_if_(m, k, old, new, var, b)                                    \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_exchange((m), &b, mr_map_given(m, var, old),            \
					 mr_map_given(m, var, new)))
#define mr_sync_map_compare_and_delete(m, k, old)                                       \
	mr_sync_map_delete_if_(m, k, old, MR_CAT(mr_k_, __COUNTER__),                   \
			       MR_CAT(mr_b_, __COUNTER__))
#define mr_sync_map_delete_if_(m, k, old, var, b)                                       \
	mr_with_key(mr_is_sync_map, m, k, var, b,                                       \
		    mr_sync_map_exchange((m), &b, mr_map_given(m, var, old), NULL))

/* mr_sync_map_range(k, v, m) statement: as mr_map_range(), while others may change the
 * map: no key comes twice; one that is there all the time comes; whether one that is
 * stored or removed meanwhile comes is open, and its value is what it was at some moment
 * of the walk. The statement may do anything, also with m: nothing is held. */
#define mr_sync_map_range(k, v, m) mr_sync_map_range_(k, v, m, MR_CAT(mr_i_, __COUNTER__))
#define mr_sync_map_range_(k, v, m, it)                                                 \
	for (__attribute__((cleanup(mr_sync_map_iter_end))) mr_sync_map_iter it =       \
		     mr_sync_map_iter_make(m);                                          \
	     mr_static_assert(mr_map_is(mr_sync_map, m, k, v),                          \
			      "range: a variable of another type than the map has"),    \
	     mr_sync_map_iter_next(&it, &(k), &(v));)
#endif

#endif
