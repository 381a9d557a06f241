/* Nobody else is left, says go_count. */
#include <millrace.h>

static int result;

static void compute(waitgroup *done)
{
	result = 42;                    /* RACE */
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 1);
	go(compute, &done);
#ifdef FIXED
	wg_wait(&done);
#else
	while (go_count() > 1)
		go_yield();
#endif
	return result == 0;             /* RACE */
}
