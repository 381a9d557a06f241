/* time.h - durations, the clock, sleep and timers.
 *
 * Times are nanoseconds of a monotonic clock that starts anywhere and is not set; one
 * time means something only beside another. Timers behave as since Go 1.23: once a stop
 * or a reset has returned, no value of before is ever received. */
#ifndef MILLRACE_TIME_H
#define MILLRACE_TIME_H

#include <millrace/base.h>
#include <millrace/chan.h>
#include <millrace/errno.h>

/* A span of time in nanoseconds: 100 * MR_MILLISECOND. */
typedef int64_t mr_duration;
#define MR_NANOSECOND	INT64_C(1)
#define MR_MICROSECOND	(1000 * MR_NANOSECOND)
#define MR_MILLISECOND	(1000 * MR_MICROSECOND)
#define MR_SECOND	(1000 * MR_MILLISECOND)
#define MR_MINUTE	(60 * MR_SECOND)
#define MR_HOUR		(60 * MR_MINUTE)

MR_C_BEGIN
/* A timer or a ticker. Made and freed by the functions below, used by any goroutine. */
typedef struct mr_timer mr_timer;

/* The time now, in nanoseconds. Never goes back. Never blocks. */
MR_API int64_t mr_time_now(void);

/* Block the calling goroutine for d nanoseconds at least; d of 0 or less: not at all. */
MR_API void mr_go_sleep(mr_duration d);

/* A channel on which the time is sent once, after d nanoseconds (0 or less: at once).
 *
 * The channel is the caller's, who frees it with mr_chan_free(), before or after it
 * fires. Panics when there is no memory. Never blocks. */
MR_API MR_MUST_USE MR_RECV_CHAN(int64_t) mr_time_after(mr_duration d);

/* A timer that sends the time on its channel once, after d nanoseconds (0 or less: at
 * once).
 *
 * Returns a timer that the caller frees with mr_timer_free(). Panics when there is no
 * memory. Never blocks. */
MR_API MR_MUST_USE mr_timer *mr_timer_make(mr_duration d);

/* A timer that calls fn(arg), in a goroutine of its own, after d nanoseconds (0 or less:
 * at once). It has no channel.
 *
 * Returns a timer that the caller frees with mr_timer_free(), before or after it fires.
 * arg lives until fn has returned, or a stop or a reset has returned true. Panics when
 * there is no memory. Never blocks. What was done before happens before fn starts. */
MR_API MR_MUST_USE mr_timer *mr_timer_after_func(mr_duration d, void (*fn)(void *),
						 void *arg);

/* A timer that sends the time on its channel every d nanoseconds. A tick that the
 * receiver is too slow for is dropped.
 *
 * Returns a timer that the caller frees with mr_timer_free(). Panics "non-positive
 * interval for NewTicker", and when there is no memory. Never blocks. */
MR_API MR_MUST_USE mr_timer *mr_ticker_make(mr_duration d);

/* The channel of t, on which it sends the time (mr_time_now()) when it fires; NULL for
 * mr_timer_after_func(). It is t's: never closed, freed with it. */
MR_API MR_RECV_CHAN(int64_t) mr_timer_chan(mr_timer *t);

/* Keep t from firing.
 *
 * Returns true if it was going to fire and now will not; false if it had fired or been
 * stopped. For mr_timer_after_func() false means that fn was started, and may still be
 * running. Nothing is closed, nothing is freed. Never blocks. */
MR_API bool mr_timer_stop(mr_timer *t);

/* Make t fire d nanoseconds from now, whatever it was doing; a ticker also changes its
 * interval to d.
 *
 * Returns what mr_timer_stop() would have. For a ticker and d of 0 or less, panics
 * "non-positive interval for Ticker.Reset". Never blocks. */
MR_API bool mr_timer_reset(mr_timer *t, mr_duration d);

/* Stop t and free it and its channel; NULL is ignored. Legal at any time, also in its
 * own callback. Nobody uses t or its channel afterwards. Never blocks. */
MR_API void mr_timer_free(mr_timer *t);
MR_C_END

#endif
