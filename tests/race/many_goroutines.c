/* More goroutines over time than TSan knows fibers. */
#include <millrace.h>

static int sum;
static mutex lock;

static void add(waitgroup *done, bool locks)
{
	if (locks)
		mutex_lock(&lock);
	sum++;                          /* RACE */
	if (locks)
		mutex_unlock(&lock);
	wg_done(done);
}

int main(void)
{
	bool locks = false;

#ifdef FIXED
	locks = true;
#endif
	for (int i = 0; i < 1000; i++) {
		waitgroup done = { 0 };

		wg_add(&done, 10);
		for (int k = 0; k < 10; k++)
			go(add, &done, locks || i < 999);
		wg_wait(&done);
	}
}
