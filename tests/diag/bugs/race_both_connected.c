/* race_both_connected.c - unsynchronised field: every worker says "connected"
 *
 * Eight connections set the same flag of the client when they are through. All write
 * the same value: a data race for all that.
 *
 * From:     https://github.com/schollz/croc/issues/44
 * Detector: race
 * Says:     run_client */
#include <millrace.h>
#ifdef FIXED
#include <stdatomic.h>
static atomic_bool got_file;
#else
static bool got_file;
#endif

static void run_client(int part)
{
	if (part >= 0)
		got_file = true;
}

int main(void)
{
	waitgroup wg = {0};

	for (int i = 0; i < 8; i++)
		wg_go(&wg, run_client, i);
	wg_wait(&wg);
	return !got_file;
}
