/* The condition is changed without the mutex. */
#include <millrace.h>

static bool ready;
static mutex lock;
static cond changed;

static void wait_for_it(chan(int) done)
{
	mutex_lock(&lock);
	while (!ready)                  /* RACE */
		cond_wait(&changed, &lock);
	mutex_unlock(&lock);
	chan_send(done, 1);
}

int main(void)
{
	chan(int) done = chan_make(int, 1);

	go(wait_for_it, done);
	for (int i = 0; i < 10; i++)
		go_yield();
#ifdef FIXED
	mutex_lock(&lock);
#endif
	ready = true;                   /* RACE */
#ifdef FIXED
	mutex_unlock(&lock);
#endif
	cond_broadcast(&changed);
	while (mr_chan_tryrecv_into(done, NULL) != CHAN_OK) {
		go_yield();
		cond_broadcast(&changed);
	}
}
