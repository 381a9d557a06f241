/* What comes after go is not ordered before the function. */
#include <millrace.h>

static int data;

static void use(chan(int) done)
{
	chan_send(done, data);          /* RACE */
}

int main(void)
{
	chan(int) done = chan_make(int, 1);

#ifdef FIXED
	data = 1;
#endif
	go(use, done);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
	chan_recv(done);
}
