/* leak.h - goroutines that were left behind: those that wait for what nobody will do.
 *
 * With MILLRACE=leaks=exit in the environment they are listed on stderr when main returns
 * or exit() is called, and a process that would have ended with status 0 ends with 3. */
#ifndef MILLRACE_LEAK_H
#define MILLRACE_LEAK_H

#include <millrace/base.h>
#include <millrace/errno.h>
#include <stdio.h>

MR_C_BEGIN
/* List on out the goroutines that are stuck, for the end of a test.
 *
 * First the others get 300 ms to finish, or less if by then none of them could run. Stuck
 * is whoever then waits without a time limit for a channel, a lock, a waitgroup, a once,
 * a condition, a semaphore or a flight, or for ever; and, if others still ran, goes on
 * with that wait for another 100 ms. Not stuck is who receives from a timer's or a
 * ticker's channel that is going to fire, from one that signals are sent on, or from the
 * done channel of a context with a deadline, also in a select; who sleeps, runs or is in
 * a call that blocks its thread; main, and the caller. Whether one of those might yet
 * wake a waiter cannot be known: the waiter is listed.
 *
 * Each entry begins with "goroutine leak: ", and says what is waited for since when, on
 * which object, and where the goroutine was started. Many that were started at the same
 * place and wait in the same way are one entry with their number.
 * Returns how many are stuck; 0: nothing was written. Errors of out are ignored. Blocks
 * the calling goroutine, or thread, for up to 0.4 s; on a busy machine for longer. */
MR_API int mr_go_leaks(FILE *out);
MR_C_END

#endif
