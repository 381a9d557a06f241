/* The result is looked at before the wait. */
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
#endif
	result++;                       /* RACE */
	wg_wait(&done);
}
