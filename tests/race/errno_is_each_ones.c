/* All use errno on one thread, which is no race; what they keep it in is. */
#include <millrace.h>

#include <stdlib.h>

int last;

static void fail(waitgroup *done, int error)
{
	for (int i = 0; i < 5; i++) {
		errno = error;
		go_yield();
		if (errno != error)
			abort();
	}
#ifndef FIXED
	last = error;                   /* RACE */
#endif
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go(fail, &done, EINVAL);
	go(fail, &done, ENOMEM);
	wg_wait(&done);
}
