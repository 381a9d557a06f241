/* The value of a timer orders what its maker did, and nobody else. */
#include <millrace.h>

int data;

static void work(chan(int) done)
{
	data = 1;                       /* RACE */
	chan_send(done, 1);
}

int main(void)
{
	chan(int) done = chan_make(int, 1);
	timer *t = ticker_make(MILLISECOND);

	go(work, done);
	for (int i = 0; i < 5; i++)
		chan_recv(timer_chan(t));
#ifdef FIXED
	chan_recv(done);
#endif
	data = 2;                       /* RACE */
	while (go_count() > 1)
		go_yield();
	timer_free(t);
}
