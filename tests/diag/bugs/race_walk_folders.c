/* race_walk_folders.c - add after wait: a recursive walk counts too late
 *
 * Folders found on the way are counted by the goroutine that was started for them. The
 * first may be done before the second has begun.
 *
 * From:     https://github.com/viktomas/godu/issues/85
 * Detector: race
 * Says:     walk */
#include <millrace.h>

static waitgroup wg;
static int files[8];

static void walk(int folder)
{
#ifndef FIXED
	wg_add(&wg, 1);
#endif
	files[folder] = 10;
	for (int sub = 2 * folder; folder && sub <= 2 * folder + 1 && sub < 8; sub++) {
#ifdef FIXED
		wg_add(&wg, 1);
#endif
		go(walk, sub);
	}
	wg_done(&wg);
}

int main(void)
{
	int sum = 0;

#ifdef FIXED
	wg_add(&wg, 1);
#endif
	go(walk, 1);
	wg_wait(&wg);
	for (int i = 0; i < 8; i++)
		sum += files[i];
	go_sleep(5 * MILLISECOND);
	return sum > 80;
}
