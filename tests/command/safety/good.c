/* For `millrace build -Wthread-safety`: clang has nothing to say. */
#include <millrace.h>
#include <stdlib.h>

struct account {
	mutex mu;
	cond changed;
	rwmutex names;
	long balance guarded_by(mu);
	const char *owner guarded_by(names);
};
static mutex lock;
static int total guarded_by(lock);

static void add_locked(struct account *a, long n) requires_lock(&a->mu);
static void add_locked(struct account *a, long n)
{
	a->balance += n;
	cond_signal(&a->changed);
}
static void add(struct account *a, long n)
{
	mutex_lock(&a->mu);
	add_locked(a, n);
	mutex_unlock(&a->mu);
}
static long wait_for(struct account *a, long n)
{
	char *copy = malloc(8);

	defer(free, copy);
	mutex_lock(&a->mu);
	defer(mutex_unlock, &a->mu);
	while (a->balance < n)
		cond_wait(&a->changed, &a->mu);
	if (a->balance > 2 * n)
		return 0;
	return a->balance;
}
static void rename_to(struct account *a, const char *name)
{
	rwmutex_lock(&a->names);
	defer(rwmutex_unlock, &a->names);
	a->owner = name;
}
static char initial(struct account *a)
{
	rwmutex_rlock(&a->names);
	defer(rwmutex_runlock, &a->names);
	return a->owner[0];
}
static bool if_free(struct account *a)
{
	if (!mutex_trylock(&a->mu))
		return false;
	a->balance++;
	mutex_unlock(&a->mu);
	return true;
}
static void in_a_loop(struct account *a)
{
	for (int i = 0; i < 3; i++) {
		mutex_lock(&lock);
		defer(mutex_unlock, &lock);
		if (++total > 2)
			break;
		add(a, total);
	}
}

int main(void)
{
	static struct account a;

	rename_to(&a, "x");
	in_a_loop(&a);
	if (!if_free(&a) || initial(&a) != 'x')
		return 1;
	return wait_for(&a, 4) != 4;
}
