/* race_start_stop.c - add after wait: stopped right after it was started
 *
 * Start and Stop in a row: the worker is not waited for, as it has not counted itself
 * yet, and what it uses is put away.
 *
 * From:     https://github.com/carwow/umbra/pull/128
 * Detector: race
 * Says:     ghost */
#include <millrace.h>

typedef struct { waitgroup wg; int requests; } ghost;

static void ghost_work(ghost *g)
{
#ifndef FIXED
	wg_add(&g->wg, 1);
#endif
	defer(wg_done, &g->wg);
	g->requests++;
}

static void ghost_start(ghost *g)
{
#ifdef FIXED
	wg_add(&g->wg, 1);
#endif
	go(ghost_work, g);
}

static void ghost_stop(ghost *g)
{
	wg_wait(&g->wg);
	g->requests = 0;
}

int main(void)
{
	static ghost g;

	ghost_start(&g);
	ghost_stop(&g);
	go_sleep(5 * MILLISECOND);
}
