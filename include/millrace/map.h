/* map.h - maps from keys to values, as Go's.
 *
 * mr_map(K, V) is a typed handle: a pointer type that carries K and V and is never
 * dereferenced. It needs no declaration, any two uses of mr_map(int, double) are the
 * same type, and its NULL is Go's nil map: empty, and not to be written to.
 *
 * K is an integer type other than bool, a pointer, a struct or union, or a string:
 *   - const char * (or char *) is a string key: compared by its text, which the map
 *     copies. The caller's string may change or go as soon as the call returns. Not NULL.
 *   - any other pointer is compared as a pointer, and what it points to is not looked at.
 *   - structs and unions are compared as bytes, padding included: make them zero first
 *     (memset, or better a struct without padding). So -0.0 and 0.0 in one differ.
 *   - floating-point numbers and bool are refused.
 * V is any complete type but an array (wrap one in a struct). Keys and values are copied
 * in and out; nothing ever points into a map.
 *
 * A map is not synchronised: goroutines that use one at the same time, at least one of
 * them changing it, need a lock around it, or an mr_sync_map. Without one the library
 * will often notice, in every build, and the process ends with "fatal error: concurrent
 * map writes", "fatal error: concurrent map read and map write" or "fatal error:
 * concurrent map iteration and map write" and names both goroutines. Two changes are
 * always noticed if they overlap. Reading at the same time is fine.
 *
 * The functions take any map and untyped keys and values: they are for bindings. C code
 * uses the macros below them, which check the types. In C++ there are the functions. */
#ifndef MILLRACE_MAP_H
#define MILLRACE_MAP_H

#include <millrace/base.h>

/* How a map takes its keys; mr_map_make() chooses by the type. */
enum mr_key_kind {
	MR_KEY_BYTES,           /* as they are */
	MR_KEY_INT,             /* given as an int64_t, cut to size; at most 8 bytes */
	MR_KEY_STRING           /* a const char *, by its text */
};

/* A walk over a map, by mr_map_range(). The fields are the library's. */
typedef struct mr_map_iter {
	const volatile void *mr_map;
	uint32_t mr_at, mr_left, mr_used;
	char *mr_text;
	size_t mr_room;
} mr_map_iter;

MR_C_BEGIN
/* Make a map for keys of key_size bytes (MR_KEY_STRING: of a char *) that are of that
 * kind (enum mr_key_kind), and values of value_size bytes. hint: how many entries are
 * expected; 0: no idea. There may be more.
 *
 * Returns the map, which the caller frees with mr_map_free(), and never NULL. Panics
 * "makemap: size out of range" and "makemap: out of memory". Never blocks. */
MR_API MR_MUST_USE void *mr_map_new(size_t key_size, size_t value_size, int kind,
				    size_t hint);

/* Set the value of *key to *value; both are copied.
 *
 * Panics "assignment to entry in nil map" for a NULL map, and "map: out of memory", the
 * map being as before. Never blocks. */
MR_API void mr_map_set_from(const volatile void *m, const void *key, const void *value);

/* Copy the value of *key to *value, which has value_size bytes or is NULL.
 *
 * Returns true; or false, *value being zeroed, if there is none. A NULL map is empty.
 * Never blocks. */
MR_API bool mr_map_get_into(const volatile void *m, const void *key, void *value,
			    size_t value_size);

/* Remove *key and its value. Returns whether it was there. A NULL map is empty. Never
 * blocks. */
MR_API bool mr_map_delete_key(const volatile void *m, const void *key);

/* The number of entries; 0 for NULL. */
MR_API size_t mr_map_len(const volatile void *m);

/* Remove all entries. Memory is kept for new ones. NULL: nothing happens. */
MR_API void mr_map_clear(const volatile void *m);

/* Free m and what it contains. NULL is ignored. By whoever uses it last; an iteration is
 * a use. */
MR_API void mr_map_free(const volatile void *m);

/* mr_map_range() in its parts. Begin a walk; take the next entry's key and value, or
 * return false when there is none; end it, also one that is not through. A string key is
 * the walk's own copy, until the next step or the end. Panics "map: out of memory" if
 * there is none for that copy. */
MR_API mr_map_iter mr_map_iter_make(const volatile void *m);
MR_API bool mr_map_iter_next(mr_map_iter *it, void *key, void *value);
MR_API void mr_map_iter_end(mr_map_iter *it);
MR_C_END

#ifndef __cplusplus
/* The type. K and V are type names: mr_map(const char *, struct job). */
#define mr_map(K, V)	__typeof__(__typeof__(V) (**)(__typeof__(K)))

/* What kind of key the type K is. */
#define mr_key_kind(K)                                                                  \
	_Generic((__typeof__(K) *)0,                                                    \
		char **: MR_KEY_STRING, const char **: MR_KEY_STRING,                   \
		char *: MR_KEY_INT, signed char *: MR_KEY_INT,                          \
		unsigned char *: MR_KEY_INT, short *: MR_KEY_INT,                       \
		unsigned short *: MR_KEY_INT, int *: MR_KEY_INT,                        \
		unsigned *: MR_KEY_INT, long *: MR_KEY_INT,                             \
		unsigned long *: MR_KEY_INT, long long *: MR_KEY_INT,                   \
		unsigned long long *: MR_KEY_INT, default: MR_KEY_BYTES)
/* Of the others only pointers (5), structs and unions: GNU C numbers the kinds. */
#define mr_key_ok(K)                                                                    \
	(mr_key_kind(K) != MR_KEY_BYTES || mr_key_class(K) == 5 ||                      \
	 mr_key_class(K) == 12 || mr_key_class(K) == 13)
#define mr_key_class(K)	__builtin_classify_type(*(__typeof__(K) *)0)
#define mr_key_no_array(K)                                                              \
	__builtin_types_compatible_p(__typeof__(K),                                     \
				     __typeof__(((void)0, *(__typeof__(K) *)0)))
#define mr_key_check(K)                                                                 \
	(mr_static_assert(mr_key_no_array(K),                                           \
			  "key type is an array: wrap it in a struct"),                 \
	 mr_static_assert(mr_key_ok(K),                                                 \
			  "key type: an integer, a pointer, a struct or a string"))
/* A key given as the variable k, as the functions take it: integers as int64_t. */
#define mr_key_given(k)                                                                 \
	__typeof__(_Generic((k), bool: (int64_t)0, char: (int64_t)0,                    \
			    signed char: (int64_t)0, unsigned char: (int64_t)0,         \
			    short: (int64_t)0, unsigned short: (int64_t)0,              \
			    int: (int64_t)0, unsigned: (int64_t)0, long: (int64_t)0,    \
			    unsigned long: (int64_t)0, long long: (int64_t)0,           \
			    unsigned long long: (int64_t)0, default: (k)))
#define mr_key_no_float(k)                                                              \
	_Generic((k), float: 0, double: 0, long double: 0, default: 1)
/* That k converts to m's key type, in the words of a call that is never made. */
#define mr_key_fits(m, k) ((void)(0 && ((void)(**(m))(k), 0)))
/* The value type of m, given a key. */
#define mr_map_value(m, k) __typeof__((**(m))(k))

/* Which of the two kinds of map m is. */
#define mr_is_map(m)                                                                    \
	__builtin_types_compatible_p(__typeof__(m), __typeof__(&**(m)) *)
#define mr_is_sync_map(m)                                                               \
	__builtin_types_compatible_p(__typeof__(m), __typeof__(&**(m)) const *)

/* The statements at the end, the last of which is the result, with the key k of m in a
 * variable, and as the functions take it at &b. k is evaluated once. */
#define mr_with_key(is, m, k, var, b, ...)                                              \
	__extension__ ({                                                                \
		mr_static_assert(is(m), "map and sync_map are mixed up");               \
		__auto_type var = ((void)0, (k)); /* not as a bit-field */              \
		mr_static_assert(mr_key_no_float(var),                                  \
				 "a floating-point number is no key");                  \
		mr_key_fits(m, k);                                                      \
		mr_key_given(var) b = var;                                              \
		__VA_ARGS__;                                                            \
	})

/* mr_map_make(K, V), mr_map_make(K, V, hint): make a map; the result is an mr_map(K, V).
 * As mr_map_new(). */
#define mr_map_make(...)                                                                \
	MR_PICK3(__VA_ARGS__, mr_map_make3, mr_map_make2, ~)(__VA_ARGS__)
#define mr_map_make2(K, V) mr_map_make3(K, V, 0)
#define mr_map_make3(K, V, hint)                                                        \
	(mr_key_check(K),                                                               \
	 (mr_map(K, V))mr_map_new(sizeof(K), sizeof(V), mr_key_kind(K), (hint)))

/* mr_map_set(m, k, v): set the value of k to v, converted to the value type as in an
 * initialiser; for a struct also its members: mr_map_set(m, k, { 1, 2 }). A key that is
 * a compound literal stands in parentheses. As mr_map_set_from(). */
#define mr_map_set(m, k, ...)                                                           \
	mr_map_set_(m, k, MR_CAT(mr_k_, __COUNTER__), MR_CAT(mr_b_, __COUNTER__),       \
		    __VA_ARGS__)
#define mr_map_set_(m, k, var, b, ...)                                                  \
	mr_with_key(mr_is_map, m, k, var, b,                                            \
		    mr_map_set_from((m), &b, mr_map_given(m, var, __VA_ARGS__)))
/* The address of a value made from an expression or a braced list. */
#define mr_map_given(m, var, ...)                                                       \
	(&((struct { mr_map_value(m, var) mr_v; }){ __VA_ARGS__ }).mr_v)
/* The address p of a value; as an initialiser, so that a wrong type is the user's. */
#define mr_map_place(m, var, p)                                                         \
	(((struct { mr_map_value(m, var) *mr_p; }){ (p) }).mr_p)

/* v = mr_map_get(m, k): the value of k, or zero if there is none.
 * ok = mr_map_get(m, k, &v): false if there is none; v is then zero.
 * As mr_map_get_into(). */
#define mr_map_get(...)                                                                 \
	MR_PICK3(__VA_ARGS__, mr_map_get3, mr_map_get2, ~)(__VA_ARGS__)
#define mr_map_get2(m, k)                                                               \
	mr_map_get2_(m, k, MR_CAT(mr_k_, __COUNTER__), MR_CAT(mr_b_, __COUNTER__),      \
		     MR_CAT(mr_v_, __COUNTER__))
#define mr_map_get2_(m, k, var, b, v)                                                   \
	mr_with_key(mr_is_map, m, k, var, b, mr_map_value(m, var) v;                    \
		    mr_map_get_into((m), &b, &v, sizeof v); v)
#define mr_map_get3(m, k, p)                                                            \
	mr_map_get3_(m, k, p, MR_CAT(mr_k_, __COUNTER__), MR_CAT(mr_b_, __COUNTER__))
#define mr_map_get3_(m, k, p, var, b)                                                   \
	mr_with_key(mr_is_map, m, k, var, b,                                            \
		    mr_map_get_into((m), &b, mr_map_place(m, var, p),                   \
				    sizeof(mr_map_value(m, var))))

/* mr_map_delete(m, k): remove k. Returns whether it was there. As mr_map_delete_key(). */
#define mr_map_delete(m, k)                                                             \
	mr_map_delete_(m, k, MR_CAT(mr_k_, __COUNTER__), MR_CAT(mr_b_, __COUNTER__))
#define mr_map_delete_(m, k, var, b)                                                    \
	mr_with_key(mr_is_map, m, k, var, b, mr_map_delete_key((m), &b))

/* mr_map_range(k, v, m) statement: as `for k, v = range m`. k and v are variables of
 * exactly the key and the value type, which the statement finds filled in; m is
 * evaluated once. break, continue, return, goto and panics leave it as any loop.
 *
 * The order is random, another one each time. The statement may change m: an entry that
 * is removed before its turn is left out, one that is added may come or not, and every
 * other comes once. A string k is good until the next round or the end of the loop. */
#define mr_map_range(k, v, m)	mr_map_range_(k, v, m, MR_CAT(mr_i_, __COUNTER__))
#define mr_map_range_(k, v, m, it)                                                      \
	for (__attribute__((cleanup(mr_map_iter_end))) mr_map_iter it =                 \
		     mr_map_iter_make(m);                                               \
	     mr_static_assert(mr_map_is(mr_map, m, k, v),                               \
			      "range: a variable of another type than the map has"),    \
	     mr_map_iter_next(&it, &(k), &(v));)
#define mr_map_is(type, m, k, v)                                                        \
	__builtin_types_compatible_p(__typeof__(m), type(__typeof__(k), __typeof__(v)))
#endif

#endif
