/* A trylock that failed has locked nothing. */
#include <millrace.h>

int data;
static mutex lock;

static void work(chan(int) done)
{
	mutex_lock(&lock);
	data = 1;                       /* RACE */
	go_sleep(MILLISECOND);
	mutex_unlock(&lock);
	chan_send(done, 1);
}

int main(void)
{
	chan(int) done = chan_make(int, 1);

	go(work, done);
	while (mutex_trylock(&lock)) {
		mutex_unlock(&lock);
		go_yield();
	}
#ifdef FIXED
	mutex_lock(&lock);
#endif
	data = 2;                       /* RACE */
#ifdef FIXED
	mutex_unlock(&lock);
#endif
	chan_recv(done);
}
