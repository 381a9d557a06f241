/* defer: functions of all kinds, blocks of all kinds. */
// refers: mr_unwinding mr_run_deferred_caught
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int f(const char *path, void (*done)(const int *), const int *arg, waitgroup *wg);

static int take(char *p) { free(p); return 1; }

int f(const char *path, void (*done)(const int *), const int *arg, waitgroup *wg)
{
	FILE *file = fopen(path, "r");
	chan(int) ch = chan_make(int);
	send_chan(int) out = ch;

	if (!file)
		return -1;
	defer(fclose, file);
	defer(done, arg);
	defer(chan_free, ch);
	defer(chan_close, ch);
	defer(chan_close, out);
	defer(wg_done, wg);
	defer(close, 3);
	defer(close, dup(1)); defer(close, dup(2));
	for (int i = 0; i < 3; i++) {
		defer(take, malloc(1));
		if (i == 1)
			continue;
		if (i == 2)
			break;
	}
	{
		defer(free, NULL);
		goto out;
	}
out:
	return 0;
}
