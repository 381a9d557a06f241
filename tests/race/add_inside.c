/* The count goes up in the goroutine itself, maybe after the wait. */
#include <millrace.h>

static void work(waitgroup *done, chan(int) first)
{
#ifndef FIXED
	wg_add(done, 1);                /* RACE */
#endif
	if (first) {
		chan_send(first, 1);
		go_sleep(MILLISECOND);
	}
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };
	chan(int) first = chan_make(int, 1);

#ifdef FIXED
	wg_add(&done, 1);
#endif
	go(work, &done, first);
	while (chan_len(first) == 0)
		go_yield();
	wg_wait(&done);                 /* RACE */
}
