/* A semaphore that lets two in. */
#include <millrace.h>

static int total;

static void add(semaphore *s, waitgroup *done)
{
	for (int i = 0; i < 50; i++) {
		if (sem_acquire(s, ctx_background(), 1) != 0)
			break;
		total++;                /* RACE */
		go_yield();
		sem_release(s, 1);
	}
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };
#ifdef FIXED
	semaphore s = SEMAPHORE(1);
#else
	semaphore s = SEMAPHORE(2);
#endif

	wg_add(&done, 6);
	for (int i = 0; i < 6; i++)
		go(add, &s, &done);
	wg_wait(&done);
}
