/* A map belongs to one goroutine at a time; a sync_map to all. */
#include <millrace.h>

static void fill(map(int, int) m, waitgroup *done, chan(int) turn)
{
#ifdef FIXED
	chan_recv(turn);
#endif
	map_set(m, 1, 2);               /* RACE */
#ifdef FIXED
	chan_send(turn, 1);
#endif
	wg_done(done);
}

int main(void)
{
	map(int, int) m = map_make(int, int);
	chan(int) turn = chan_make(int, 1);
	waitgroup done = { 0 };

	chan_send(turn, 1);
	wg_add(&done, 2);
	go(fill, m, &done, turn);
	go(fill, m, &done, turn);
	wg_wait(&done);
	map_free(m);
}
