/* For `millrace build -Wthread-safety`: clang warns of each line that says so. */
#include <millrace.h>

struct account {
	mutex mu;
	rwmutex names;
	long balance guarded_by(mu);
	const char *owner guarded_by(names);
};
static mutex lock;
static int total guarded_by(lock);

static long look(struct account *a)
{
	return a->balance;                      // warning
}
static void too_late(struct account *a)
{
	mutex_lock(&a->mu);
	a->balance++;
	mutex_unlock(&a->mu);
	a->balance++;                           // warning
}
static void other_member(struct account *a)
{
	rwmutex_lock(&a->names);
	defer(rwmutex_unlock, &a->names);
	a->balance++;                           // warning
}
static void only_read(struct account *a)
{
	rwmutex_rlock(&a->names);
	defer(rwmutex_runlock, &a->names);
	a->owner = "nobody";                    // warning
}
static bool maybe(struct account *a)
{
	bool had = mutex_trylock(&a->mu);

	a->balance++;                           // warning
	if (had)
		mutex_unlock(&a->mu);
	return had;
}
static int still_locked(struct account *a, bool early)
{
	mutex_lock(&a->mu);
	if (early)
		return -1;
	mutex_unlock(&a->mu);
	return 0;
}                                               // warning
static void add_locked(struct account *a, long n) requires_lock(&a->mu);
static void add_locked(struct account *a, long n)
{
	a->balance += n;
	total++;                                // warning
}

int main(void)
{
	static struct account a, b;

	too_late(&a);
	other_member(&a);
	only_read(&a);
	still_locked(&a, maybe(&a));
	add_locked(&a, look(&b));               // warning
}
