/* Guarded data, used with its lock, or by whoever has the only pointer to it. */
#include <millrace.h>
#include <stdlib.h>

struct account {
	mutex mu;
	long balance mr_guarded_by(mu);
	const char *owner;
};
struct bank {
	rwmutex lock;
	struct account *best guarded_by(lock);
};
static mutex lock;
static int total guarded_by(lock);

static struct account *account_new(void)
{
	struct account *a = calloc(1, sizeof *a);

	a->balance = 5;                 // nobody else has it yet
	return a;
}
static long look(struct account *a)
{
	mutex_lock(&a->mu);
	defer(mutex_unlock, &a->mu);
	return a->owner ? a->balance : 0;
}
static void by_another_name(struct account *given)
{
	struct account *a = given;

	mutex_lock(&given->mu);
	a->balance++;
	mutex_unlock(&given->mu);
}
static void add_locked(struct account *a, long n)
{
	a->balance += n;
}
static void twice(struct account *a) requires_lock(&a->mu);
static void twice(struct account *a)
{
	a->balance *= 2;
}
static void add(struct account *a, long n)
{
	mutex_lock(&a->mu);
	add_locked(a, n);
	twice(a);
	mutex_unlock(&a->mu);
}
static void enter(struct account *a) { mutex_lock(&a->mu); }
static void leave(struct account *a) { mutex_unlock(&a->mu); }
static void in_between(struct account *a)
{
	enter(a);
	a->balance--;
	leave(a);
}
static bool if_free(struct account *a)
{
	bool ok = false;

	if (mutex_trylock(&a->mu)) {
		ok = a->balance > 0;
		mutex_unlock(&a->mu);
	}
	return ok;
}
static struct account *best_of(struct bank *b)
{
	struct account *best;

	rwmutex_rlock(&b->lock);
	best = b->best;
	rwmutex_runlock(&b->lock);
	return best;
}
static size_t size(void)
{
	mutex_lock(&lock);
	total++;
	mutex_unlock(&lock);
	return sizeof ((struct account *)NULL)->balance;
}

int main(void)
{
	struct account own = { .balance = 1 }, *a = account_new();
	struct bank b = { .best = a };

	own.balance++;
	add(a, 1);
	by_another_name(a);
	in_between(a);
	return look(a) + if_free(a) + (long)size() != own.balance + (best_of(&b) == a);
}
