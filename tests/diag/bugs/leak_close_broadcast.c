/* leak_close_broadcast.c - missed signal: broadcast between the look and the wait
 *
 * Close sets its flag under the lock and broadcasts after the unlock, but only to
 * those who were there when it counted them.
 *
 * From:     https://github.com/livekit/livekit/pull/3625
 * Detector: leak
 * Says:     sync.Cond.Wait */
#include <millrace.h>

typedef struct { mutex mu; cond can_read; bool closed; int waiting; } buffer;

static void read_packet(buffer *b, recv_chan(char) turn)
{
	chan_recv(turn);
	mutex_lock(&b->mu);
	defer(mutex_unlock, &b->mu);
	b->waiting++;
#ifdef FIXED
	while (!b->closed)
#endif
		cond_wait(&b->can_read, &b->mu);
}

static void buffer_close(buffer *b)
{
	mutex_lock(&b->mu);
	b->closed = true;
	mutex_unlock(&b->mu);
	cond_broadcast(&b->can_read);
}

int main(void)
{
	static buffer b;
	chan(char) turn = chan_make(char);

	go(read_packet, &b, turn);
	buffer_close(&b);
	chan_close(turn);               /* the reader was only held up */
}
