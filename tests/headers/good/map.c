/* Maps and sync maps of every kind of key and value, and nested uses. */
#include <millrace.h>

struct point { int x, y; };
typedef map(const char *, struct point) places;
typedef sync_map(int, const char *) names;
struct holder { places here; names *there; map(int, map(int, int)) nested; };
union word { int i; float f; };
enum color { RED, GREEN };

int kinds(struct holder *h, int *p, const struct point *cp, union word w);
int nested(struct holder *h);
int shared(names n, sync_map(struct point, int) s, const char *text);
map(const char *, int) same(map(const char *, int) m);
void walks(places m, names n);
void cleanup(places m, names n);
void table_of(void);

int kinds(struct holder *h, int *p, const struct point *cp, union word w)
{
	map(int *, void (*)(int)) f = map_make(int *, void (*)(int));
	map(const struct point *, bool) c = map_make(const struct point *, bool, 10);
	map(union word, double) u = map_make(union word, double);
	map(enum color, char) e = map_make(enum color, char);
	map(uint8_t, struct holder) b = map_make(uint8_t, struct holder, (size_t)*p);
	map(const void *, int) v = map_make(const void *, int);
	struct { unsigned bits : 3; } s = { 5 };
	struct point got;
	const int k = 3;

	map_set(h->here, "a", { 1, 2 });
	map_set(h->here, "b", { .y = 2 });
	map_set(h->here, "c", *cp);
	map_set(f, p, NULL);
	map_set(c, cp, true);
	map_set(u, w, 1);
	map_set(e, GREEN, 'g');
	map_set(b, 'x', *h);
	map_set(b, k, { .there = NULL });
	map_set(b, s.bits, *h);
	map_set(v, p, 1);
	map_set(v, NULL, 1);
	if (map_get(h->here, "a", &got) && map_delete(h->here, "b"))
		got.x += map_get(h->here, "a").y + map_get(v, cp);
	map_get(f, p)(map_get(e, RED));
	map_get(h->here, "z", NULL);
	return got.x + map_get(c, cp) + (int)map_get(u, w) + (map_get(b, 1).there != NULL);
}

int nested(struct holder *h)
{
	map(int, int) inner = map_get(h->nested, map_get(map_get(h->nested, 1), 2));
	int i = 0;

	map_set(inner, i++, map_get(inner, map_get(inner, i++)));
	return (int)map_len(inner);
}

int shared(names n, sync_map(struct point, int) s, const char *text)
{
	sync_map(const char *, struct point) p = sync_map_make(const char *, struct point);
	const char *got = sync_map_load(n, 1);
	int i, hits = 0;

	sync_map_store(p, text, { 1, 2 });
	sync_map_store(n, 2, text);
	hits += sync_map_load(n, 3, &got);
	hits += sync_map_load_or_store(n, 4, "four", &got);
	hits += sync_map_load_or_store(n, 4, "four", NULL);
	hits += sync_map_load_and_delete(n, 5, &got);
	hits += sync_map_delete(n, 6);
	hits += sync_map_swap(s, ((struct point){ 1, 2 }), 3, &i);
	hits += sync_map_compare_and_swap(s, ((struct point){ 1, 2 }), 3, 4);
	hits += sync_map_compare_and_delete(s, ((struct point){ 1, 2 }), 4);
	sync_map_free(p);
	return hits + i + sync_map_load(s, ((struct point){ .x = 1 }));
}

map(const char *, int) same(map(const char *, int) m)
{
	return m;
}

void walks(places m, names n)
{
	const char *k, *name;
	struct point v;
	int i;

	map_range(k, v, m) {
		if (v.x)
			continue;
		sync_map_range(i, name, n)
			if (name == k || i)
				break;
	}
}

void cleanup(places m, names n)
{
	defer(map_free, m);
	defer(sync_map_free, n);
	map_clear(m);
	sync_map_clear(n);
}

void table_of(void)
{
	const int kinds[] = { KEY_BYTES, KEY_INT, KEY_STRING };
	map_iter it = mr_map_iter_make(NULL);
	sync_map_iter sit;
	void *m = mr_sync_map_new(1, 1, kinds[0]);

	sit = mr_sync_map_iter_make(m);
	mr_sync_map_iter_end(&sit);
	mr_map_iter_end(&it);
	mr_sync_map_free(m);
}
