/* The close comes before the receive that sees it; what is written after it does not. */
#include <millrace.h>

static int data;

static void produce(chan(int) ch)
{
#ifdef FIXED
	data = 1;
#endif
	chan_close(ch);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
}

static void consume(chan(int) ch, chan(int) done)
{
	chan_range(v, ch)
		(void)v;
	go_yield();
	if (data)                       /* RACE */
		go_yield();
	chan_send(done, 1);
}

int main(void)
{
	chan(int) ch = chan_make(int), done = chan_make(int, 2);

	go(consume, ch, done);
	go(consume, ch, done);
	go_yield();
	go(produce, ch);
	chan_recv(done);
	chan_recv(done);
	while (go_count() > 1)
		go_yield();
}
