/* race_fields_map.c - unsynchronised table: looked up while it grows
 *
 * A table's fields are collected on first use, and looked up by other requests
 * meanwhile, without a lock.
 *
 * From:     https://github.com/go-pg/pg/issues/1141
 * Detector: race
 * Says:     fields_add */
#include <millrace.h>
#include <string.h>

enum { FIELDS = 16 };
typedef struct { mutex mu; const char *name[FIELDS]; int n; } table;

static void lock(table *t)
{
#ifdef FIXED
	mutex_lock(&t->mu);
#else
	(void)t;
#endif
}
static void unlock(table *t)
{
#ifdef FIXED
	mutex_unlock(&t->mu);
#else
	(void)t;
#endif
}

static void fields_add(table *t)
{
	for (int i = 0; i < FIELDS; i++) {
		lock(t);
		t->name[t->n++] = "field";
		unlock(t);
	}
}

static void fields_find(table *t, int *found)
{
	for (int round = 0; round < 10; round++) {
		lock(t);
		for (int i = 0; i < t->n; i++)
			*found += strcmp(t->name[i], "id") == 0;
		unlock(t);
	}
}

int main(void)
{
	table t = {0};
	waitgroup wg = {0};
	int found = 0;

	wg_go(&wg, fields_add, &t);
	wg_go(&wg, fields_find, &t, &found);
	wg_wait(&wg);
	return found;
}
