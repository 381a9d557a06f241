/* The function of a timer comes after the making of the timer and what was before
 * that. */
#include <millrace.h>

static int data;

static void fire(void *arg)
{
	chan(int) *done = arg;

	data++;                         /* RACE */
	chan_send(*done, 1);
}

int main(void)
{
	chan(int) done = chan_make(int, 1);
	timer *t;

#ifdef FIXED
	data = 1;
#endif
	t = timer_after_func(5 * MILLISECOND, fire, &done);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
	chan_recv(done);
	timer_free(t);
}
