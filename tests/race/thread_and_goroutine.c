/* A thread of the program's own and a goroutine. */
#include <millrace.h>

#include <pthread.h>

static int counter;
static mutex lock;
static chan(int) done;

static void count(void)
{
#ifdef FIXED
	mutex_lock(&lock);
#else
	(void)lock;
#endif
	counter++;                      /* RACE */
#ifdef FIXED
	mutex_unlock(&lock);
#endif
	chan_send(done, 1);
}

static void *thread(void *arg)
{
	count();
	return arg;
}

int main(void)
{
	pthread_t t;

	done = chan_make(int);
	go(count);
	if (pthread_create(&t, NULL, thread, NULL) != 0)
		return 1;
	chan_recv(done);
	chan_recv(done);
	pthread_join(t, NULL);
}
