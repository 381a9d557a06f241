/* leak_racer.c - send without receiver: the loser of a race
 *
 * Two sites are asked; the select goes on with the first answer, and the second finds
 * nobody.
 *
 * From:     https://github.com/quii/learn-go-with-tests/issues/257
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void get(duration takes, send_chan(char) ch)
{
	go_sleep(takes);
	chan_send(ch, 0);
}

static recv_chan(char) ping(duration takes)
{
#ifdef FIXED
	chan(char) ch = chan_make(char, 1);
#else
	chan(char) ch = chan_make(char);
#endif
	go(get, takes, ch);
	return ch;
}

static int racer(duration a, duration b)
{
	return chan_select(on_recv(ping(a)), on_recv(ping(b)), on_timeout(SECOND));
}

int main(void)
{
	int winner = racer(5 * MILLISECOND, MICROSECOND);

	go_sleep(10 * MILLISECOND);
	return winner != 1;
}
