/* deadlock_lost_wakeup.c - missed signal: signalled without the mutex
 *
 * The waiter has seen that it is not cancelled and has not yet begun to wait when the
 * signal, sent without its mutex, comes and goes.
 *
 * From:     https://github.com/erigontech/erigon/pull/21827
 * Detector: deadlock
 * Says:     sync.Cond.Wait */
#include <millrace.h>

static mutex queue;
static cond queue_cond;
static bool cancelled;
static chan(char) looked;

static void cancel(void)
{
#ifdef FIXED
	mutex_lock(&queue);
	cancelled = true;
	cond_signal(&queue_cond);
	mutex_unlock(&queue);
#else
	chan_recv(looked);
	__atomic_store_n(&cancelled, true, __ATOMIC_RELEASE);
	cond_signal(&queue_cond);
	chan_send(looked, 0);
#endif
}

static void wait_for_event(void)
{
	mutex_lock(&queue);
	defer(mutex_unlock, &queue);
	while (!__atomic_load_n(&cancelled, __ATOMIC_ACQUIRE)) {
#ifndef FIXED
		chan_send(looked, 0);
		chan_recv(looked);
#endif
		cond_wait(&queue_cond, &queue);
	}
}

int main(void)
{
	looked = chan_make(char);
	go(cancel);
	wait_for_event();
}
