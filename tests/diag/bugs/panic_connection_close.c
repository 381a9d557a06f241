/* panic_connection_close.c - select picks the send to a closed channel
 *
 * Both the close signal and the request channel are closed; select picks at random.
 * Fixed by a wait group around the sends: the channel is closed after the last of
 * them.
 *
 * From:     https://github.com/apache/pulsar-client-go/pull/539
 * Detector: panic
 * Says:     send on closed channel */
#include <millrace.h>

static chan(char) close_ch;
static chan(int) requests;
static waitgroup sends;

static void send_request(recv_chan(char) late)
{
	defer(wg_done, &sends);
	chan_recv(late);
	chan_select(on_recv(close_ch), on_send(requests, 1));
}

static void run(chan(char) late)
{
	chan_close(close_ch);
#ifdef FIXED
	chan_close(late);
	wg_wait(&sends);
	chan_close(requests);
#else
	chan_close(requests);
	chan_close(late);
#endif
}

int main(void)
{
	chan(char) late = chan_make(char);

	close_ch = chan_make(char);
	requests = chan_make(int, 64);
	for (int i = 0; i < 32; i++) {
		wg_add(&sends, 1);
		go(send_request, late);
	}
	run(late);
	wg_wait(&sends);
}
