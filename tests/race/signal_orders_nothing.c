/* A signal comes from the library, not from who raised it. */
#include <millrace.h>

#include <signal.h>

static int data;

static void raise_it(chan(int) done)
{
	data = 1;                       /* RACE */
	raise(SIGUSR1);
	chan_send(done, 1);
}

int main(void)
{
	chan(int) signals = chan_make(int, 1), done = chan_make(int, 1);

	signal_notify(signals, SIGUSR1);
	go(raise_it, done);
	chan_recv(signals);
#ifdef FIXED
	chan_recv(done);
#endif
	return data == 0;               /* RACE */
}
