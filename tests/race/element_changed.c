/* The element is changed while it is being sent: the send reads it. */
#include <millrace.h>

static int element;

static void change(chan(int) go_on)
{
	chan_recv(go_on);
	element = 2;                    /* RACE */
}

int main(void)
{
	chan(int) ch = chan_make(int, 1), go_on = chan_make(int, 1);

	go(change, go_on);
#ifdef FIXED
	mr_chan_send_from(ch, &element);
	chan_send(go_on, 1);
#else
	chan_send(go_on, 1);
	mr_chan_send_from(ch, &element);        /* RACE */
#endif
	while (go_count() > 1)
		go_yield();
}
