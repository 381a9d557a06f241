/* A send is not ordered after an earlier one of somebody else on the channel. */
#include <millrace.h>

int data;

static void first(chan(int) ch)
{
	data = 1;                       /* RACE */
	chan_send(ch, 1);
}

static void second(chan(int) ch, chan(int) after)
{
	chan_recv(after);
#ifdef FIXED
	chan_recv(ch);
#endif
	chan_send(ch, 2);
	data = 2;                       /* RACE */
	chan_send(after, 1);
}

int main(void)
{
	chan(int) ch = chan_make(int, 1), after = chan_make(int);

	go(first, ch);
	go(second, ch, after);
	while (chan_len(ch) == 0)
		go_yield();
	chan_send(after, 1);
#ifndef FIXED
	chan_recv(ch);
#endif
	chan_recv(after);
}
