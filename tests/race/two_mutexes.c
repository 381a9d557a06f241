/* Each holds a mutex, but not the same. The two share what the library keeps for
 * those who wait (a bucket, see waitq.c), which orders nothing. */
#include <millrace.h>

#include <stdint.h>

static int data;
static mutex locks[1000];

static unsigned bucket(const mutex *m)
{
	return ((uint64_t)(uintptr_t)m >> 3) * 0x9e3779b97f4a7c15u >> 56;
}

static void work(mutex *m, waitgroup *done)
{
	for (int i = 0; i < 10; i++) {
		mutex_lock(m);
		data++;                 /* RACE */
		go_yield();             /* others wait meanwhile */
		mutex_unlock(m);
	}
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };
	int other = 1;

	while (bucket(&locks[other]) != bucket(&locks[0]))
		other++;
#ifdef FIXED
	other = 0;
#endif
	wg_add(&done, 4);
	for (int i = 0; i < 2; i++) {
		go(work, &locks[0], &done);
		go(work, &locks[other], &done);
	}
	wg_wait(&done);
}
