/* wg_go.c - a goroutine that counts in a wait group however it ends: by returning, by
 * go_exit, or by a panic (which ends the process after that). */
#include "millrace/sync.h"
#include "rt/rt.h"

static void start_in_group(struct g *g)
{
	mri_go_call(g);
	mr_wg_done(g->start_arg);
}

void mr_wg_go_captured(mr_waitgroup *wg, void (*fn)(void), const char *name,
		       const char *file, int line)
{
	struct g *g = mri_go_make(&(struct mri_go){
		.fn = fn, .name = name, .file = file, .line = line,
		.pc = __builtin_return_address(0),
		.start = start_in_group, .start_arg = wg,
	});

	mri_race_enter(__builtin_return_address(0));
	mr_wg_add(wg, 1);
	mri_race_leave();
	mri_sched_start(g);
}
