/* A map is not synchronised. The library notices, as Go's does, when one goroutine
 * changes a map that another uses: "fatal error: concurrent map writes". So it is guarded
 * by a mutex here; a sync_map needs none, and its readers do not slow each other down.
 *
 * Output:
 * 1000 words, 10 of each
 * 1000 words, seen by all */
#include <millrace.h>
#include <stdio.h>

enum { WORKERS = 10, WORDS = 1000 };
typedef struct { mutex mu; map(int, int) count; } counter;

static void count_words(counter *c)
{
	for (int word = 0; word < WORDS; word++) {
		mutex_lock(&c->mu);
		map_set(c->count, word, map_get(c->count, word) + 1);
		mutex_unlock(&c->mu);
	}
}

static void note_words(sync_map(int, bool) seen)
{
	for (int word = 0; word < WORDS; word++)
		sync_map_store(seen, word, true);
}

int main(void)
{
	counter c = { .count = map_make(int, int) };
	defer(map_free, c.count);
	sync_map(int, bool) seen = sync_map_make(int, bool);
	defer(sync_map_free, seen);
	waitgroup wg = {0};
	int word, n, times = 0, words = 0;
	bool yes;

	for (int i = 0; i < WORKERS; i++) {
		wg_go(&wg, count_words, &c);
		wg_go(&wg, note_words, seen);
	}
	wg_wait(&wg);
	map_range(word, n, c.count)
		times += n;
	printf("%zu words, %d of each\n", map_len(c.count), times / WORDS);
	for (int i = 0; i < WORDS; i++)
		words += sync_map_load(seen, i, &yes);
	printf("%d words, seen by all\n", words);
	(void)word;
}
