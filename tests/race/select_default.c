/* A select that took its default has not received. */
#include <millrace.h>

static int data;

static void produce(chan(int) ch)
{
	data = 1;                       /* RACE */
	chan_send(ch, 1);
}

int main(void)
{
	chan(int) ch = chan_make(int, 1), other = chan_make(int);
	int v;

	go(produce, ch);
#ifdef FIXED
	chan_select(on_recv(ch, &v), on_recv(other, &v), on_timeout(MINUTE));
#else
	while (chan_select(on_recv(other, &v), on_default) != 1)
		;
	go_sleep(5 * MILLISECOND);
#endif
	if (data > 1)                   /* RACE */
		go_yield();
	while (go_count() > 1)
		go_yield();
}
