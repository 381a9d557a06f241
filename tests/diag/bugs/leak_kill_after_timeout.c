/* leak_kill_after_timeout.c - send without receiver: the timeout wins
 *
 * A helper reports on an unbuffered channel. When the timer is first nobody receives
 * any more, and the helper waits for ever. Fixed by room for the one report.
 *
 * From:     https://github.com/BishopFox/sliver/pull/1089
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

static void wait_for_exit(send_chan(int) done, recv_chan(char) process)
{
	chan_recv(process);             /* the process ends only after the timeout */
	chan_send(done, 0);
}

static bool kill_gracefully(recv_chan(char) process)
{
#ifdef FIXED
	chan(int) done = chan_make(int, 1);
#else
	chan(int) done = chan_make(int);
#endif
	go(wait_for_exit, done, process);
	switch (chan_select(on_recv(done), on_timeout(MILLISECOND))) {
	case 0: return true;
	default: return false;
	}
}

int main(void)
{
	chan(char) process = chan_make(char);
	bool in_time = kill_gracefully(process);

	chan_close(process);
	return in_time;
}
