/* A receive comes before the end of its own send on an unbuffered channel, and not
 * on a buffered one. */
#include <millrace.h>

#ifdef FIXED
enum { ROOM = 0 };
#else
enum { ROOM = 1 };
#endif
static int ready;

static void receive(chan(int) ch, chan(int) go_on)
{
	chan_recv(go_on);
	ready = 1;                      /* RACE */
	chan_recv(ch);
}

int main(void)
{
	chan(int) ch = chan_make(int, ROOM), go_on = chan_make(int, 1);

	go(receive, ch, go_on);
	chan_send(go_on, 1);
	chan_send(ch, 1);
	ready++;                        /* RACE */
	while (go_count() > 1)
		go_yield();
}
