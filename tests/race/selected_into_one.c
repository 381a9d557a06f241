/* Two selects receive into the same variable. */
#include <millrace.h>

static int shared;

static void receive(chan(int) in, chan(int) stop, waitgroup *done)
{
	int own, *to = &shared;

#ifdef FIXED
	to = &own;
#endif
	chan_select(on_recv(in, to), on_recv(stop, &own));      /* RACE */
	wg_done(done);
}

int main(void)
{
	chan(int) in = chan_make(int), stop = chan_make(int);
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go(receive, in, stop, &done);
	go(receive, in, stop, &done);
	chan_send(in, 1);
	chan_send(in, 2);
	wg_wait(&done);
}
