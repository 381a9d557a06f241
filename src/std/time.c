/* time.c - timers and tickers for users, on the runtime's heaps.
 *
 * A timer is in a heap until an M finds it due and claims it; from then to the end of
 * fire() it is counted as firing. A ticker's fire() puts it into a heap again. Stop and
 * reset hold tm->lock, forbid that, take it out of its heap, wait for a fire() that is
 * under way, and then empty the channel: no stale value is ever received. fire() takes
 * no lock of the timer and never blocks, so the wait is short. */
#include "millrace/time.h"
#include "os/os.h"
#include "sync/chan.h"
#include <stdlib.h>

enum { STOPPING = 1, FIRING = 2 };

struct mr_timer {
	struct mri_lock lock;
	uint32_t state;                 /* atomic: STOPPING + FIRING * fires under way */
	struct mri_timer t;
	int64_t period;                 /* ticker; changed while nothing fires */
	bool ticking;                   /* ticker: not stopped; by lock */
	bool armed;                     /* atomic: it will fire, or is firing */
	struct mri_chan *chan;          /* NULL: calls fn */
	void (*fn)(void *);
	void *arg;
	void *pc;                       /* who made it */
};

int64_t mr_time_now(void)
{
	return mri_choice_now();
}

void mr_go_sleep(mr_duration d)
{
	mri_timer_sleep(d);
}

static bool claim(struct mri_timer *t)
{
	struct mr_timer *tm = t->arg;

	/* V1: acquire, pairs with V2: a fire() that begins after STOPPING was set must
	 * see it. */
	atomic_add(&tm->state, (uint32_t)FIRING, acquire);
	return true;
}

static void send_time(struct mri_chan *c)
{
	int64_t now = mri_choice_now();
	struct g *wake;

	mri_lock_take(&c->lock);
	mri_chan_send_now(c, &now, &wake);
	mri_lock_drop(&c->lock);
	if (wake)
		mri_sched_ready(wake);
}

/* In a hostile build fire() is slow now and then: others find the timer claimed, or in a
 * heap again, before it has ended. */
static void dawdle(void)
{
	if (MRI_IS_HOSTILE && mri_choice_hostile(NULL, 4))
		for (int i = 0; i < 1000; i++)
			cpu_relax();
}

static void fire(struct mri_timer *t)
{
	struct mr_timer *tm = t->arg;

	dawdle();
	mri_race_library_begin(&tm->ticking);
	if (tm->chan)
		send_time(tm->chan);
	else
		mri_go_start(tm->fn, tm->arg, "timer_after_func", 0, tm->pc);
	mri_race_library_end();
	if (!tm->period)
		atomic_set(&tm->armed, false, relaxed); /* relaxed: for reports */
	dawdle();
	/* Relaxed: V1 and V2 are on the same word. */
	if (tm->period && !(atomic_get(&tm->state, relaxed) & STOPPING)) {
		int64_t now = mri_choice_now();

		/* Missed ticks are dropped; the rhythm is kept. */
		t->when += tm->period * (1 + (now - t->when) / tm->period);
		if (!mri_timer_start(t))
			mri_panic("out of memory for a timer");
		dawdle();
	}
	/* V3: release, pairs with V4: the last touch, the timer may be freed now. */
	atomic_sub(&tm->state, (uint32_t)FIRING, release);
}

/* tm->lock held. Afterwards it is in no heap, nothing fires, and nothing is in its
 * channel. True if that kept something from happening. */
static bool disarm(struct mr_timer *tm)
{
	bool was = tm->ticking, idle;

	/* V2: release, pairs with V1. */
	atomic_or(&tm->state, (uint32_t)STOPPING, release);
	/* Idle before, it can leave a heap but not come back to one, as who claims it
	 * from now on sees STOPPING. A fire() that began earlier may have put it back
	 * until it ended. So: found idle, not in a heap, still idle. */
	for (int i = 0;; i++) {
		/* V4: acquire, pairs with V3. */
		idle = atomic_get(&tm->state, acquire) == STOPPING;
		was |= mri_timer_stop(&tm->t);
		/* V4: acquire, pairs with V3. */
		if (idle && atomic_get(&tm->state, acquire) == STOPPING)
			break;
		i < 100 ? cpu_relax() : mri_os_thread_yield();
	}
	/* Nothing is sent any more, so empty it stays so. */
	if (tm->chan && !mri_chan_is_empty(tm->chan)) {
		struct g *wake;

		mri_lock_take(&tm->chan->lock);
		was |= mri_chan_recv_now(tm->chan, NULL, &wake) == MRI_CHAN_DONE;
		mri_lock_drop(&tm->chan->lock);
	}
	tm->ticking = false;
	/* Relaxed: the heap's lock publishes it to the next claim. */
	atomic_set(&tm->state, 0u, relaxed);
	return was;
}

/* Nothing fires; by tm->lock, or nobody else has it yet. False: out of memory. */
static bool arm(struct mr_timer *tm, int64_t d)
{
	int64_t now = mri_choice_now();

	d = d > 0 ? d : 0;
	tm->t.when = d > INT64_MAX - now ? INT64_MAX : now + d;
	tm->ticking = tm->period != 0;
	atomic_set(&tm->armed, true, relaxed);          /* relaxed: for reports */
	mri_race_publish(&tm->ticking);
	return mri_timer_start(&tm->t);
}

/* The channel's `fed`. */
static bool will_fire(const struct mri_chan *c)
{
	/* Relaxed, both: a snapshot; see mr_timer_free(). */
	struct mr_timer *tm = atomic_get(&c->owner, relaxed);

	return tm && atomic_get(&tm->armed, relaxed);
}

/* `like` is what the user chose of it. Its channel, if it is to have one. */
static struct mr_timer *make(int64_t d, const struct mr_timer *like)
{
	struct mri_chan *c = like->fn ? NULL : mr_chan_new(sizeof(int64_t), 1);
	struct mr_timer *tm = malloc(sizeof *tm);

	if (tm) {
		*tm = *like;
		mri_lock_init(&tm->lock, MRI_RANK_TIMER_OBJ);
		tm->t = (struct mri_timer){ .claim = claim, .fire = fire, .arg = tm };
		tm->chan = c;
		if (c) {
			c->timer = true;
			/* Relaxed: nobody has it yet. */
			atomic_set(&c->fed, will_fire, relaxed);
			atomic_set(&c->owner, tm, relaxed);
		}
		if (arm(tm, d))
			return tm;
		if (c)
			atomic_set(&c->owner, NULL, relaxed);   /* relaxed: as above */
		free(tm);
	}
	mr_chan_free(c);
	mri_panic("out of memory for a timer");
}

mr_timer *mr_timer_make(mr_duration d)
{
	return make(d, &(struct mr_timer){ 0 });
}

mr_timer *mr_ticker_make(mr_duration d)
{
	if (d <= 0)
		mri_panic("non-positive interval for NewTicker");
	return make(d, &(struct mr_timer){ .period = d });
}

mr_timer *mr_timer_after_func(mr_duration d, void (*fn)(void *), void *arg)
{
	if (!fn)
		mri_panic("timer_after_func of a NULL function");
	mri_init_check_fork();
	return make(d, &(struct mr_timer){
		.fn = fn, .arg = arg, .pc = __builtin_return_address(0) });
}

static void free_after(struct mri_chan *c)
{
	mr_timer_free(c->owner);
}

mr_recv_chan(int64_t) mr_time_after(mr_duration d)
{
	struct mr_timer *tm = make(d, &(struct mr_timer){ 0 });

	/* Only the caller can get at the channel, and has not yet. */
	tm->chan->free_owner = free_after;
	return (mr_recv_chan(int64_t))(void *)tm->chan;
}

mr_recv_chan(int64_t) mr_timer_chan(mr_timer *tm)
{
	return (mr_recv_chan(int64_t))(void *)tm->chan;
}

bool mr_timer_stop(mr_timer *tm)
{
	bool was;

	mri_init_check_fork();
	mri_lock_take(&tm->lock);
	was = disarm(tm);
	atomic_set(&tm->armed, false, relaxed);         /* relaxed: for reports */
	mri_lock_drop(&tm->lock);
	return was;
}

bool mr_timer_reset(mr_timer *tm, mr_duration d)
{
	bool was, armed;

	mri_init_check_fork();
	mri_lock_take(&tm->lock);
	if (tm->period && d <= 0) {
		mri_lock_drop(&tm->lock);
		mri_panic("non-positive interval for Ticker.Reset");
	}
	was = disarm(tm);
	if (tm->period)
		tm->period = d;
	armed = arm(tm, d);
	mri_lock_drop(&tm->lock);
	if (!armed)
		mri_panic("out of memory for a timer");
	return was;
}

void mr_timer_free(mr_timer *tm)
{
	if (!tm || unlikely(mri_forked))
		return;
	mri_lock_take(&tm->lock);
	disarm(tm);
	mri_lock_drop(&tm->lock);
	if (tm->chan) {
		/* Relaxed: for will_fire(), which tm outlives as freeing the channel
		 * takes its lock. */
		atomic_set(&tm->chan->owner, NULL, relaxed);
		mr_chan_free(tm->chan);
	}
	free(tm);
}
