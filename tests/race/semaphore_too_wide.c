/* A buffered channel that lets two in; with a capacity of one the k-th receive
 * comes before the next send. */
#include <millrace.h>

#ifdef FIXED
enum { ROOM = 1 };
#else
enum { ROOM = 2 };
#endif
static int total;

static void add(chan(int) sem, waitgroup *done)
{
	chan_send(sem, 1);
	total++;                        /* RACE */
	chan_recv(sem);
	wg_done(done);
}

int main(void)
{
	chan(int) sem = chan_make(int, ROOM);
	waitgroup done = { 0 };

	for (int i = 0; i < 6; i++) {
		wg_add(&done, 1);
		go(add, sem, &done);
	}
	wg_wait(&done);
}
