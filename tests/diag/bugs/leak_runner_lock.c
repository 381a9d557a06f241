/* leak_runner_lock.c - channel and lock: a blocking send under the mutex
 *
 * A message is queued with the mutex held; the queue is full, and those who could
 * report an error need the mutex.
 *
 * From:     https://github.com/fnproject/fn/pull/920
 * Detector: leak
 * Says:     sync.Mutex.Lock */
#include <millrace.h>

typedef struct { mutex mu; chan(int) out; int err; } call;

static void enqueue(call *c, int n)
{
	for (int i = 0; i < n; i++) {
		mutex_lock(&c->mu);
#ifdef FIXED
		chan_trysend(c->out, i);
#else
		chan_send(c->out, i);
#endif
		mutex_unlock(&c->mu);
	}
}

static void fail(call *c)
{
	mutex_lock(&c->mu);
	defer(mutex_unlock, &c->mu);
	c->err = -5;                    /* from here on nothing is taken out */
}

int main(void)
{
	static call c;

	c.out = chan_make(int, 1);
	go(enqueue, &c, 3);
	go_sleep(MILLISECOND);
	go(fail, &c);
	go_sleep(MILLISECOND);
}
