/* Guarded data, used without its lock. */
#include <millrace.h>

struct account {
	mutex mu;
	long balance guarded_by(mu);
	const char *owner;
};
static rwmutex lock;
static int total guarded_by(lock);

static long look(struct account *a)
{
	return a->balance;                      // vet: guarded
}
static void too_late(struct account *a)
{
	mutex_lock(&a->mu);
	a->balance++;
	mutex_unlock(&a->mu);
	a->balance++;                           // vet: guarded
}
static void other_lock(struct account *a, struct account *b)
{
	mutex_lock(&a->mu);
	defer(mutex_unlock, &a->mu);
	a->balance -= 5;
	b->balance += 5;                        // vet: guarded
}
static void one_way(struct account *a, int locked)
{
	if (locked)
		mutex_lock(&a->mu);
	a->balance = 0;                         // vet: guarded
	if (locked)
		mutex_unlock(&a->mu);
}
static int of_a_variable(void)
{
	if (total > 3)                          // vet: guarded
		return 1;
	rwmutex_rlock(&lock);
	int n = total;
	rwmutex_runlock(&lock);
	return n;
}

int main(void)
{
	static struct account a, b;

	too_late(&a);
	other_lock(&a, &b);
	one_way(&a, 1);
	return look(&a) + of_a_variable() != 0;
}
