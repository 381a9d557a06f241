/* timer_test.c - src/rt/timer.c: a timer is stopped, or claimed and fired, once; when
 * stop has returned its storage is the owner's again. No scheduler: threads that are not
 * ours start timers on the first P's heap and run it. */
#include "world.h"

static struct mri_timer *t;
static int claims, fires;
static uint32_t won, fired;

static bool claim(struct mri_timer *timer)
{
	uint32_t none = 0;

	claims++;
	(void)timer;
	return atomic_cas(&won, &none, 1u, relaxed);
}
static void fire(struct mri_timer *timer)
{
	uint32_t *word = timer->arg;

	fires++;
	atomic_set(word, 1u, release);
}
static void setup(void)
{
	world_procs_busy(2);
	world_thread();
	t = model_malloc(sizeof *t);
	*t = (struct mri_timer){ .when = 1, .claim = claim, .fire = fire, .arg = &fired };
}
static void setup_started(void)
{
	setup();
	model_check(mri_timer_start(t));
}
static void runs(void)
{
	world_thread();
	mri_timer_run(world_ps[0].timers, 5);
}
/* As a select does: decides who it was, stops the timer, and leaves. */
static void stops_and_frees(void)
{
	uint32_t none = 0;
	bool mine, was_in;

	world_thread();
	mine = atomic_cas(&won, &none, 1u, relaxed);
	if (!mine)
		model_await(&fired, 1);
	was_in = mri_timer_stop(t);
	model_check(!(was_in && claims));
	model_check(mine || !was_in);
	model_free(t);
}
static void starts_and_stops(void)
{
	world_thread();
	model_check(mri_timer_start(t));
	stops_and_frees();
}
static void check(void)
{
	model_check(claims <= 1 && fires <= claims);
	model_check(!mri_timer_next(world_ps[0].timers) && !mri_timer_next(world_ps[1].timers));
}
MODEL(timer_stop, .setup = setup_started, .threads = { stops_and_frees, runs }, .check = check)
MODEL(timer_start_and_stop, .setup = setup, .threads = { starts_and_stops, runs })
MODEL(timer_two_run, .setup = setup_started, .threads = { stops_and_frees, runs, runs },
      .check = check, .preemptions = 3)

/* Stopped while it moves to another heap. */
static void moves(void)
{
	world_thread();
	mri_timer_move_all(world_ps[0].timers, world_ps[1].timers);
}
static void moves_back(void)
{
	world_thread();
	mri_timer_move_all(world_ps[1].timers, world_ps[0].timers);
}
MODEL(timer_moves, .setup = setup_started, .threads = { stops_and_frees, moves },
      .check = check)
MODEL(timer_moves_and_back, .setup = setup_started,
      .threads = { stops_and_frees, moves, moves_back }, .check = check, .preemptions = 2)
MODEL(timer_moves_and_runs, .setup = setup_started,
      .threads = { stops_and_frees, moves, runs }, .preemptions = 2)
