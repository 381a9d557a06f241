/* Pointers to them, new ones, and copies of what lies beside them. */
#include <millrace.h>
#include <stdlib.h>

struct account { mutex mu; long balance; };
struct list { struct list *next; mutex *mu; long n; };

static void by_pointer(mutex *m)
{
	mutex_lock(m);
	mutex_unlock(m);
}
static struct list prefixed(struct list l, long n)
{
	l.n = n;
	return l;
}

int main(void)
{
	struct account a = { .balance = 1 }, *p = &a, *fresh;
	struct list l = { 0 }, k;
	waitgroup wg = { 0 };

	a = (struct account){ 0 };              // as new
	wg = (waitgroup){ 0 };
	fresh = malloc(sizeof *fresh);
	*fresh = (struct account){ .balance = p->balance };
	k = prefixed(l, a.balance);
	k.mu = &a.mu;
	wg_go(&wg, by_pointer, &a.mu);
	wg_wait(&wg);
	free(fresh);
	return (int)sizeof(a) == (int)sizeof *p + (int)k.n;
}
