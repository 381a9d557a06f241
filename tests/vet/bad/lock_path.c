/* A way out with the lock locked. */
#include <millrace.h>
#include <stdlib.h>

static mutex m;
static rwmutex rw;
struct box { mutex mu; int n; };
struct tin { mutex top; int n; };

static int early_return(int n)
{
	mutex_lock(&m);
	if (n < 0)
		return -1;              // vet: lock-path
	mutex_unlock(&m);
	return n;
}
static int in_a_loop(struct box *b)
{
	for (int i = 0; i < b->n; i++) {
		mutex_lock(&b->mu);
		if (i == 7)
			break;
		mutex_unlock(&b->mu);
	}
	return b->n;                    // vet: lock-path
}
static int in_a_switch(int n)
{
	rwmutex_rlock(&rw);
	switch (n) {
	case 1:
		rwmutex_runlock(&rw);
		return 1;
	case 2:
		return 2;               // vet: lock-path
	default:
		break;
	}
	rwmutex_runlock(&rw);
	return 0;
}
static int by_goto(int n)
{
	rwmutex_lock(&rw);
	if (n < 0)
		goto out;
	rwmutex_unlock(&rw);
out:
	return n;                       // vet: lock-path
}
static int after_trylock(int n)
{
	if (!mutex_trylock(&m))
		return 0;
	if (n < 0)
		return -1;              // vet: lock-path
	mutex_unlock(&m);
	return n;
}
static void forgotten(struct tin *b)
{
	mutex_lock(&b->top);
	b->n++;
}                                       // vet: lock-path
/* The block that the unlock was deferred to is another one. */
static int deferred_elsewhere(struct box *b, int n)
{
	if (n) {
		defer(mutex_unlock, &m);
		mutex_lock(&m);
	}
	mutex_lock(&m);
	if (b->n == n)
		return 1;               // vet: lock-path
	mutex_unlock(&m);
	return 0;
}

int main(void)
{
	struct box b = { .n = early_return(1) };
	struct tin t = { 0 };

	forgotten(&t);
	return in_a_loop(&b) + in_a_switch(2) + by_goto(3) + after_trylock(4) +
	       deferred_elsewhere(&b, 0);
}
