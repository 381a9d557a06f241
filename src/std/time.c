/* time.c - timers and tickers for users, on the runtime's heaps.
 *
 * A timer's state is the runtime's: armed is to be in a heap, firing is from claim to
 * the end of fire(). Stop and reset hold t->lock, take it out of its heap, wait for a
 * fire() that is under way, and then empty the channel: no stale value is ever
 * received. fire() takes no lock of the timer and never blocks, so the wait is short. */
#include "millrace/time.h"
#include "os/os.h"
#include "sync/chan.h"
#include <stdlib.h>

struct mr_timer {
	struct mri_lock lock;
	struct mri_timer t;
	int64_t period;                 /* ticker; changed while nothing fires */
	struct mri_chan *chan;          /* NULL: calls fn */
	void (*fn)(void *);
	void *arg;
	void *pc;                       /* who made it */
	uint32_t firing;                /* atomic: between claim and the end of fire */
	uint32_t stopping;              /* atomic: a ticker shall not start again */
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

	/* V1: release, pairs with V2; the heap's lock orders it for who stops us. */
	atomic_set(&tm->firing, 1u, release);
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

static void run_after(struct g *g)
{
	mri_panic_root((void (*)(void *))g->fn, g->start_arg);
}

static void start_func(struct mr_timer *tm)
{
	struct g *g = mri_g_new(0, run_after, tm->arg);

	g->fn = (void (*)(void))tm->fn;
	/* Relaxed: reports look only after G1. */
	atomic_set(&g->name, "timer_after_func", relaxed);
	atomic_set(&g->file, NULL, relaxed);
	atomic_set(&g->creator_pc, tm->pc, relaxed);
	mri_sched_start(g);
}

static void arm(struct mr_timer *tm)
{
	if (!mri_timer_start(&tm->t))
		mri_panic("out of memory for a timer");
}

static void fire(struct mri_timer *t)
{
	struct mr_timer *tm = t->arg;

	if (tm->chan)
		send_time(tm->chan);
	else
		start_func(tm);
	/* V3: acquire, pairs with V4. */
	if (tm->period && !atomic_get(&tm->stopping, acquire)) {
		int64_t now = mri_choice_now();

		/* Missed ticks are dropped; the rhythm is kept. */
		t->when += tm->period * (1 + (now - t->when) / tm->period);
		arm(tm);
	}
	/* V2: release, pairs with V1': the last touch; the timer may be freed now. */
	atomic_set(&tm->firing, 0u, release);
}

/* tm->lock held. Afterwards it is in no heap, nothing fires, and nothing is in its
 * channel. True if that kept something from happening. */
static bool disarm(struct mr_timer *tm)
{
	bool was = false;

	/* V4: release, pairs with V3. */
	atomic_set(&tm->stopping, 1u, release);
	for (int i = 0;; i++) {
		/* V1': acquire, pairs with V2. Read before the stop: a fire that had not
		 * ended may have started the ticker again. */
		uint32_t firing = atomic_get(&tm->firing, acquire);

		if (mri_timer_stop(&tm->t)) {
			was = true;
			break;
		}
		if (!firing && !atomic_get(&tm->firing, acquire))
			break;
		i < 100 ? cpu_relax() : mri_os_thread_yield();
	}
	if (tm->chan) {
		struct g *wake;

		mri_lock_take(&tm->chan->lock);
		was |= mri_chan_recv_now(tm->chan, NULL, &wake) == MRI_CHAN_DONE;
		mri_lock_drop(&tm->chan->lock);
	}
	/* Relaxed: nothing fires. */
	atomic_set(&tm->stopping, 0u, relaxed);
	return was;
}

static void set(struct mr_timer *tm, int64_t d)
{
	int64_t now = mri_choice_now();

	d = d > 0 ? d : 0;
	tm->t.when = d > INT64_MAX - now ? INT64_MAX : now + d;
}

static struct mr_timer *make(int64_t period, void (*fn)(void *), void *arg, void *pc)
{
	struct mr_timer *tm = mri_alloc(sizeof *tm);

	mri_lock_init(&tm->lock, MRI_RANK_TIMER_OBJ);
	tm->t = (struct mri_timer){ .claim = claim, .fire = fire, .arg = tm };
	tm->period = period;
	tm->fn = fn;
	tm->arg = arg;
	tm->pc = pc;
	if (!fn) {
		tm->chan = mr_chan_new(sizeof(int64_t), 1);
		tm->chan->timer = true;
		tm->chan->owner = tm;
	}
	return tm;
}

mr_timer *mr_timer_make(mr_duration d)
{
	struct mr_timer *tm = make(0, NULL, NULL, NULL);

	set(tm, d);
	arm(tm);
	return tm;
}

mr_timer *mr_ticker_make(mr_duration d)
{
	struct mr_timer *tm;

	if (d <= 0)
		mri_panic("non-positive interval for NewTicker");
	tm = make(d, NULL, NULL, NULL);
	set(tm, d);
	arm(tm);
	return tm;
}

mr_timer *mr_timer_after_func(mr_duration d, void (*fn)(void *), void *arg)
{
	struct mr_timer *tm;

	if (!fn)
		mri_panic("timer_after_func of a NULL function");
	tm = make(0, fn, arg, __builtin_return_address(0));
	set(tm, d);
	arm(tm);
	return tm;
}

static void free_after(struct mri_chan *c)
{
	mr_timer_free(c->owner);
}

mr_recv_chan(int64_t) mr_time_after(mr_duration d)
{
	struct mr_timer *tm = make(0, NULL, NULL, NULL);

	tm->chan->free_owner = free_after;
	set(tm, d);
	arm(tm);
	return (mr_recv_chan(int64_t))(void *)tm->chan;
}

mr_recv_chan(int64_t) mr_timer_chan(mr_timer *tm)
{
	return (mr_recv_chan(int64_t))(void *)tm->chan;
}

bool mr_timer_stop(mr_timer *tm)
{
	bool was;

	mri_lock_take(&tm->lock);
	was = disarm(tm);
	mri_lock_drop(&tm->lock);
	return was;
}

bool mr_timer_reset(mr_timer *tm, mr_duration d)
{
	bool was, armed;

	if (tm->period && d <= 0)
		mri_panic("non-positive interval for Ticker.Reset");
	mri_lock_take(&tm->lock);
	was = disarm(tm);
	if (tm->period)
		tm->period = d;
	set(tm, d);
	armed = mri_timer_start(&tm->t);
	mri_lock_drop(&tm->lock);
	if (!armed)
		mri_panic("out of memory for a timer");
	return was;
}

void mr_timer_free(mr_timer *tm)
{
	if (!tm)
		return;
	mri_lock_take(&tm->lock);
	disarm(tm);
	mri_lock_drop(&tm->lock);
	if (tm->chan) {
		tm->chan->owner = NULL;
		mr_chan_free(tm->chan);
	}
	free(tm);
}
