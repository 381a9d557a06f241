/* The wait group is told before the work is finished. */
#include <millrace.h>

static int result;

static void compute(waitgroup *done, chan(int) end)
{
#ifdef FIXED
	result = 42;
#endif
	wg_done(done);
#ifndef FIXED
	result = 42;                    /* RACE */
#endif
	chan_send(end, 1);
}

int main(void)
{
	waitgroup done = { 0 };
	chan(int) end = chan_make(int, 1);

	wg_add(&done, 1);
	go(compute, &done, end);
	wg_wait(&done);
	result++;                       /* RACE */
	chan_recv(end);
}
