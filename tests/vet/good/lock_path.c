/* All ways out unlock, or hand the lock to the caller. */
#include <millrace.h>
#include <stdlib.h>

static mutex m;
static rwmutex rw;
struct box { mutex mu; int n; };

static int deferred(int n)
{
	mutex_lock(&m);
	defer(mutex_unlock, &m);
	if (n < 0)
		return -1;
	return n;
}
static int every_way(int n)
{
	mutex_lock(&m);
	if (n < 0) {
		mutex_unlock(&m);
		return -1;
	}
	mutex_unlock(&m);
	return n;
}
static int by_goto(int n)
{
	int rc = -1;

	rwmutex_lock(&rw);
	if (n < 0)
		goto out;
	rc = n;
out:
	rwmutex_unlock(&rw);
	return rc;
}
static int in_a_loop(struct box *b)
{
	for (int i = 0; i < b->n; i++) {
		mutex_lock(&b->mu);
		defer(mutex_unlock, &b->mu);
		if (i == 7)
			break;
		if (i == 5)
			continue;
	}
	return b->n;
}
static int after_trylock(void)
{
	if (!mutex_trylock(&m))
		return 0;
	mutex_unlock(&m);
	return 1;
}
/* One condition, asked twice. */
static int if_asked(bool shared, int n)
{
	if (shared)
		mutex_lock(&m);
	n++;
	if (shared)
		mutex_unlock(&m);
	return n;
}
static void dies(int n)
{
	mutex_lock(&m);
	if (n < 0)
		panic("negative");
	if (n > 100)
		exit(1);
	mutex_unlock(&m);
}
/* A pair of functions, and one who uses them. */
static void enter(struct box *b) { mutex_lock(&b->mu); }
static void leave(struct box *b) { mutex_unlock(&b->mu); }
static int pair(struct box *b)
{
	enter(b);
	b->n++;
	leave(b);
	return b->n;
}
static int unlocked_by_another(struct box *b, int n)
{
	mutex_lock(&b->mu);
	if (n < 0) {
		leave(b);
		return -1;
	}
	mutex_unlock(&b->mu);
	return n;
}
static int waits(cond *c, int *n)
{
	mutex_lock(&m);
	while (*n == 0)
		cond_wait(c, &m);
	mutex_unlock(&m);
	for (;;) {
		mutex_lock(&m);
		if (*n) {
			mutex_unlock(&m);
			break;
		}
		mutex_unlock(&m);
	}
	do {
		mutex_lock(&m);
		(*n)--;
		mutex_unlock(&m);
	} while (*n > 0);
	return 0;
}
static int five_times(void)
{
	for (int i = 0; i < 5; i++)
		rwmutex_rlock(&rw);
	for (int i = 0; i < 5; i++)
		rwmutex_runlock(&rw);
	return 0;
}

int main(void)
{
	struct box b = { .n = deferred(1) };
	cond c = { 0 };

	dies(1);
	return every_way(1) + by_goto(2) + in_a_loop(&b) + after_trylock() + if_asked(1, 2) +
	       pair(&b) + unlocked_by_another(&b, 2) + waits(&c, &b.n) + five_times();
}
