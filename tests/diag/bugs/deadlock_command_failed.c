/* deadlock_command_failed.c - waitgroup never done: the command did not start
 *
 * The wait is deferred before the command is started; when that fails, nobody will
 * ever say done.
 *
 * From:     https://github.com/rakyll/gotest/pull/44
 * Detector: deadlock
 * Says:     sync.WaitGroup.Wait */
#include <millrace.h>

static void consume(waitgroup *wg, recv_chan(int) output)
{
	defer(wg_done, wg);
	chan_range(line, output)
		(void)line;
}

static int start_command(void) { return -2; }

static int run(void)
{
	static waitgroup wg;
	chan(int) output = chan_make(int);

	wg_add(&wg, 1);
	defer(wg_wait, &wg);
	go(consume, &wg, output);
#ifdef FIXED
	defer(chan_close, output);
	return start_command();
#else
	int err = start_command();
	if (err)
		return err;             /* the output is never closed */
	chan_close(output);
	return 0;
#endif
}

int main(void)
{
	return run() != -2;
}
