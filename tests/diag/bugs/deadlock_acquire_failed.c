/* deadlock_acquire_failed.c - waitgroup never done: no slot for the task
 *
 * A task is counted, and then a slot is waited for with a limit; when that runs out
 * the count stays.
 *
 * From:     https://github.com/fatih/semgroup/pull/2
 * Detector: deadlock
 * Says:     sync.WaitGroup.Wait */
#include <millrace.h>

static waitgroup wg;
static chan(char) slots;

static void task(recv_chan(char) until)
{
	defer(wg_done, &wg);
	chan_recv(until);
	chan_recv(slots);
}

static int group_go(recv_chan(char) until)
{
	wg_add(&wg, 1);
	if (chan_select(on_send(slots, 0), on_timeout(MILLISECOND)) == 1) {
#ifdef FIXED
		wg_done(&wg);
#endif
		return -110;
	}
	go(task, until);
	return 0;
}

int main(void)
{
	chan(char) until = chan_make(char);
	int a, b;

	slots = chan_make(char, 1);
	a = group_go(until);
	b = group_go(until);
	chan_close(until);
	wg_wait(&wg);
	return a != 0 || b != -110;
}
