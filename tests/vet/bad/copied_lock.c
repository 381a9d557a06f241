/* Copies of what must not be copied. */
#include <millrace.h>

struct account { mutex mu; long balance; };
typedef struct { struct account accounts[4]; } bank;
union either { waitgroup wg; int n; };

static void by_value(mutex m)                   // vet: copied-lock
{
	mutex_lock(&m);
	mutex_unlock(&m);
}
static long balance_of(struct account a)        // vet: copied-lock
{
	return a.balance;
}
static struct account copy_of(const struct account *a)
{
	return *a;                              // vet: copied-lock
}

int main(void)
{
	waitgroup wg = { 0 }, other;
	struct account a = { 0 }, b;
	bank one = { 0 };
	cond c = { 0 };
	semaphore sem = SEMAPHORE(2);
	once o = { 0 };
	rwmutex rw = { 0 };
	mutex m = a.mu;                         // vet: copied-lock
	union either e = { .n = 1 };

	other = wg;                             // vet: copied-lock
	b = a;                                  // vet: copied-lock
	bank two = one;                         // vet: copied-lock
	cond d = c;                             // vet: copied-lock
	once p = o;                             // vet: copied-lock
	semaphore t = sem;                      // vet: copied-lock
	rwmutex s = rw;                         // vet: copied-lock
	union either f = e;                     // vet: copied-lock
	wg_go(&wg, by_value, m);                // vet: copied-lock
	one.accounts[0] = a;                    // vet: copied-lock
	a = copy_of(&one.accounts[1]);
	(void)other, (void)two, (void)d, (void)t, (void)p, (void)s, (void)f;
	wg_wait(&wg);
	return balance_of(b) != 0;              // vet: copied-lock
}
