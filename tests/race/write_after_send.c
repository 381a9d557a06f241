/* What is written after the send is not ordered by it. */
#include <millrace.h>

static int data;

static void produce(chan(int) ch)
{
#ifdef FIXED
	data = 1;
#endif
	chan_send(ch, 1);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
}

int main(void)
{
	chan(int) ch = chan_make(int, 1);

	go(produce, ch);
	chan_recv(ch);
	for (int i = 0; i < 10; i++)
		go_yield();
	if (data > 1)                   /* RACE */
		go_yield();
	while (go_count() > 1)
		go_yield();
}
