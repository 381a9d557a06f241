/* leak_racer.c - send without receiver: the loser of a race
 *
 * Two sites are asked; the select goes on with the first answer, and the second finds
 * nobody.
 *
 * From:     https://github.com/quii/learn-go-with-tests/issues/257
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void get(recv_chan(char) site, send_chan(char) ch)
{
	chan_recv(site);
	chan_send(ch, 0);
}

static recv_chan(char) ping(recv_chan(char) site)
{
#ifdef FIXED
	chan(char) ch = chan_make(char, 1);
#else
	chan(char) ch = chan_make(char);
#endif
	go(get, site, ch);
	return ch;
}

static int racer(recv_chan(char) a, recv_chan(char) b)
{
	return chan_select(on_recv(ping(a)), on_recv(ping(b)), on_timeout(MINUTE));
}

int main(void)
{
	chan(char) slow = chan_make(char), fast = chan_make(char);
	int winner;

	chan_close(fast);               /* it answers at once */
	winner = racer(slow, fast);
	chan_close(slow);
	return winner != 1;
}
