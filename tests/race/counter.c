/* Two goroutines count without a lock. */
#include <millrace.h>

static int counter;
static mutex lock;

static void count(waitgroup *done)
{
#ifdef FIXED
	mutex_lock(&lock);
#else
	(void)lock;
#endif
	counter++;                      /* RACE */
#ifdef FIXED
	mutex_unlock(&lock);
#endif
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go(count, &done);
	go(count, &done);
	wg_wait(&done);
}
