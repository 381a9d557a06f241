/* partial_chain_selector.c - lock order through a callback
 *
 * The selector calls back into the sync state with its lock held; the state calls the
 * selector with its own. Peers keep sending, and nothing is logged.
 *
 * From:     https://github.com/blinklabs-io/dingo/issues/4070
 * Detector: partial
 * Says:     Mutex */
#include <millrace.h>

static struct { mutex mu; int tip; } selector;
static struct { mutex mu; int client; } state;
static chan(char) in_selector, in_state;

static int client_id(void)
{
	mutex_lock(&state.mu);
	defer(mutex_unlock, &state.mu);
	return state.client;
}

static int best_tip(void)
{
	mutex_lock(&selector.mu);
	defer(mutex_unlock, &selector.mu);
	return selector.tip;
}

static void peer_tip_update(void)
{
#ifdef FIXED
	int id = client_id();
	mutex_lock(&selector.mu);
#else
	int id;
	mutex_lock(&selector.mu);
	chan_send(in_selector, 0);
	chan_recv(in_state);
	id = client_id();
#endif
	selector.tip = id;
	mutex_unlock(&selector.mu);
}

static void deliver_header(void)
{
	mutex_lock(&state.mu);
#ifndef FIXED
	chan_recv(in_selector);
	chan_send(in_state, 0);
#endif
	state.client = best_tip();
	mutex_unlock(&state.mu);
}

static void peers(recv_chan(char) stop)
{
	while (chan_select(on_recv(stop), on_timeout(MILLISECOND)) == 1)
		;
}

int main(void)
{
	chan(char) stop = chan_make(char);
	waitgroup wg = {0}, others = {0};

	in_selector = chan_make(char);
	in_state = chan_make(char);
	wg_go(&others, peers, stop);
	wg_go(&wg, peer_tip_update);
	wg_go(&wg, deliver_header);
	wg_wait(&wg);
	chan_close(stop);
	wg_wait(&others);
}
