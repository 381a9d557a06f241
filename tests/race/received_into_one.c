/* Two receive into the same variable. */
#include <millrace.h>

int shared;

static void receive(chan(int) in, waitgroup *done)
{
#ifdef FIXED
	int own;

	mr_chan_recv_into(in, &own);
#else
	mr_chan_recv_into(in, &shared); /* RACE */
#endif
	wg_done(done);
}

int main(void)
{
	chan(int) in = chan_make(int);
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go(receive, in, &done);
	go(receive, in, &done);
	chan_send(in, 1);
	chan_send(in, 2);
	wg_wait(&done);
}
