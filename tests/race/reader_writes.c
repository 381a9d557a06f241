/* Readers are not ordered among themselves. */
#include <millrace.h>

static int hits;
static rwmutex lock;

static void look(waitgroup *done)
{
#ifdef FIXED
	rwmutex_lock(&lock);
#else
	rwmutex_rlock(&lock);
#endif
	hits++;                         /* RACE */
#ifdef FIXED
	rwmutex_unlock(&lock);
#else
	rwmutex_runlock(&lock);
#endif
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 3);
	for (int i = 0; i < 3; i++)
		go(look, &done);
	wg_wait(&done);
}
