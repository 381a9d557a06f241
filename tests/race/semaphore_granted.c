/* Whoever waits is ordered after the releases that let him in, and not after those
 * that come before he runs. */
#include <millrace.h>

static semaphore s = SEMAPHORE(3);
static int total;

static void add(waitgroup *done)
{
	if (sem_acquire(&s, ctx_background(), 2) == 0) {
		total++;                /* RACE */
		sem_release(&s, 2);
	}
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 1);
	if (sem_acquire(&s, ctx_background(), 2) != 0)
		return 1;
	go(add, &done);
	while (sem_tryacquire(&s, 1)) {         /* until it waits */
		sem_release(&s, 1);
		go_yield();
	}
#ifdef FIXED
	total++;
	sem_release(&s, 1);                     /* lets it in */
#else
	sem_release(&s, 1);
	total++;                        /* RACE */
#endif
	sem_release(&s, 1);
	wg_wait(&done);
}
