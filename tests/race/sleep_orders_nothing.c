/* It has surely finished after a while. */
#include <millrace.h>

static int result;

static void compute(chan(int) done)
{
	result = 42;                    /* RACE */
	chan_send(done, 1);
}

int main(void)
{
	chan(int) done = chan_make(int, 1);

	go(compute, done);
#ifdef FIXED
	chan_recv(done);
#else
	go_sleep(20 * MILLISECOND);
#endif
	if (result > 42)                /* RACE */
		go_yield();
	while (go_count() > 1)
		go_yield();
}
