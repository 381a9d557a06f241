/* deadlock_enqueue_failed.c - waitgroup never done: counted, but not queued
 *
 * AddTask counts the task and then finds no room in the queue.
 *
 * From:     https://github.com/songzhibin97/gkit/pull/38
 * Detector: deadlock
 * Says:     sync.WaitGroup.Wait */
#include <millrace.h>

static waitgroup wg;
static chan(int) tasks;

static bool add_task(int t)
{
	wg_add(&wg, 1);
	if (chan_trysend(tasks, t) == CHAN_OK)
		return true;
#ifdef FIXED
	wg_done(&wg);
#endif
	return false;
}

static void worker(void)
{
	chan_range(t, tasks) {
		(void)t;
		wg_done(&wg);
	}
}

int main(void)
{
	int dropped = 0;

	tasks = chan_make(int, 2);
	for (int i = 0; i < 3; i++)
		dropped += !add_task(i);
	go(worker);
	wg_wait(&wg);
	chan_close(tasks);
	return dropped != 1;
}
