/* The end of a goroutine is ordered by wg_go, however it ends, and else by nothing. */
#include <millrace.h>

static int result;

static void compute(void)
{
	result = 42;                    /* RACE */
	go_exit();
}

int main(void)
{
	waitgroup done = { 0 };

#ifdef FIXED
	wg_go(&done, compute);
	wg_wait(&done);
#else
	wg_go(&done, go_yield);
	go(compute);
	wg_wait(&done);
	while (go_count() > 1)
		go_yield();
#endif
	return result == 0;             /* RACE */
}
