/* Readers and a writer; one reader forgets to lock. */
#include <millrace.h>
#include <stdlib.h>

static int data;
static rwmutex lock;

static void write_it(waitgroup *done)
{
	rwmutex_lock(&lock);
	data++;                         /* RACE */
	rwmutex_unlock(&lock);
	wg_done(done);
}

static void read_it(waitgroup *done)
{
	int seen;

	rwmutex_rlock(&lock);
	seen = data;
	rwmutex_runlock(&lock);
#ifndef FIXED
	seen += data;                   /* RACE */
#endif
	if (seen < 0)
		abort();
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 6);
	for (int i = 0; i < 3; i++) {
		go(read_it, &done);
		go(write_it, &done);
	}
	wg_wait(&done);
}
