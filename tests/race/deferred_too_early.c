/* Deferred calls run in their order, the last one first, also when a panic or
 * go_exit runs them. */
#include <millrace.h>

static int data;

static void write_it(int *p)
{
	*p = 1;                         /* RACE */
}

static void work(waitgroup *done)
{
#ifdef FIXED
	defer(wg_done, done);
	defer(write_it, &data);
#else
	defer(write_it, &data);
	defer(wg_done, done);
#endif
	go_exit();
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 1);
	go(work, &done);
	wg_wait(&done);
	data++;                         /* RACE */
	while (go_count() > 1)
		go_yield();
}
