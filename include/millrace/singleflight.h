/* singleflight.h - of calls with the same key at the same time, one is made, and all get
 * its result. As Go's golang.org/x/sync/singleflight.
 *
 *	static mr_flight loads;                 zero is ready to use
 *	page = mr_flight_do(&loads, name, load_page, (void *)name, NULL); */
#ifndef MILLRACE_SINGLEFLIGHT_H
#define MILLRACE_SINGLEFLIGHT_H

#include <millrace/base.h>
#include <millrace/errno.h>

MR_C_BEGIN
/* A set of calls under way. Ready to use when zero; it lives in the user's storage, which
 * no call may outlive, never allocates, needs no destruction, and may be neither copied
 * nor moved once used. Its fields are the library's. */
typedef struct mr_flight {
	void *mr_calls[16];
} mr_flight;

/* The result of fn(arg), or of such a call that is under way for the same key.
 *
 * key: compared as a string; not copied: it lives, unchanged, until this returns. fn
 * runs in the first caller's goroutine. shared, if not NULL, is set to whether the
 * result was given to more callers than one. Who frees a result that several have is
 * between them: they all get the same pointer.
 *
 * Blocks while somebody else's call is under way. fn's return happens before all of them
 * return. If fn panics, or calls mr_go_exit(), so do all that wait for it, with the same
 * message. A fn that calls this with the same key blocks for ever. */
MR_API void *mr_flight_do(mr_flight *f, const char *key, void *(*fn)(void *), void *arg,
			  bool *shared);

/* Have the next mr_flight_do() for key make a call of its own, even if one is under way,
 * whose callers still get that one's result. Never blocks. */
MR_API void mr_flight_forget(mr_flight *f, const char *key);
MR_C_END

#endif
