/* singleflight.c - calls under way, by key, and who waits for their results.
 *
 * A call lies in the frame of whoever makes it; it is in a list of the flight's small
 * table until it is over or forgotten, the only one there with its key. Its waiters lie
 * in the frames of the others, and whoever makes the call copies the outcome into each of
 * them: so it need not wait until they have all looked. Everything is by the bucket lock
 * of the flight's address. */
#include "millrace/singleflight.h"
#include "sync/waitq.h"
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 1024 };
enum outcome { RETURNED, PANICKED, EXITED };

struct call {
	struct call *next;
	const char *key;
	uint64_t hash;
	bool listed;
	struct mri_waiter *waiters;
	void *(*fn)(void *);
	void *arg, *value;
};
struct guest {                          /* who waits for a call */
	struct mri_waiter w;
	void *value;
	enum outcome outcome;
	char message[MESSAGE];          /* PANICKED */
};

static uint64_t hash_of(const char *key)
{
	uint64_t h = 0xcbf29ce484222325u;       /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3u;
	return h;
}

/* Where the call for key hangs, or the end of its list. */
static struct call **find(mr_flight *f, const char *key, uint64_t hash)
{
	struct call **c = (struct call **)&f->mr_calls[hash >> 60];

	while (*c && ((*c)->hash != hash || strcmp((*c)->key, key) != 0))
		c = &(*c)->next;
	return c;
}

static void unlist(struct call **at)
{
	(*at)->listed = false;
	*at = (*at)->next;
}

static void run(void *arg)
{
	struct call *c = arg;

	c->value = c->fn(c->arg);
}

static void tell(struct guest *to, const struct call *c, const struct mri_unwind *u)
{
	const char *message = u ? mri_panic_message(u) : NULL;

	to->value = c->value;
	to->outcome = !u ? RETURNED : message ? PANICKED : EXITED;
	if (message)
		strncpy(to->message, message, MESSAGE - 1);
}

/* The call is over: off the list with it, and tell those who wait. True if any did. */
static bool finish(mr_flight *f, struct call *c, const struct mri_unwind *u)
{
	struct mri_lock *bucket = mri_waitq_lock(f);
	struct mri_waiter *w, *next, *first;

	if (c->listed)
		unlist(find(f, c->key, c->hash));
	first = c->waiters;
	if (first)
		first->prev->next = NULL;
	mri_waitq_unlock(bucket);
	for (w = first; w; w = next) {
		next = w->next;         /* *w is gone once its g is ready */
		tell(container_of(w, struct guest, w), c, u);
		mri_waitq_order(w);
		mri_sched_ready(w->g);
	}
	return first != NULL;
}

/* bucket is held, and dropped once parked. */
static noinline void *share(mr_flight *f, struct call *c, struct mri_lock *bucket)
{
	struct guest me = { .w.g = mri_self() };

	mri_waitq_push(&c->waiters, &me.w);
	mri_sched_park(mri_waitq_unlock, bucket, MRI_WHY_FLIGHT, f);
	mri_race_acquire(&me.w.ok);
	if (me.outcome == PANICKED)
		mri_panic("%s", me.message);
	if (me.outcome == EXITED)
		mri_panic_exit();
	return me.value;
}

void *mr_flight_do(mr_flight *f, const char *key, void *(*fn)(void *), void *arg,
		   bool *shared)
{
	struct call c = { .key = key, .hash = hash_of(key), .fn = fn, .arg = arg };
	struct mri_lock *bucket = mri_waitq_lock(f);
	struct call **at = find(f, key, c.hash);
	struct mri_unwind *u;
	bool others;

	if (*at) {
		if (shared)
			*shared = true;
		return share(f, *at, bucket);
	}
	c.listed = true;
	*at = &c;
	mri_waitq_unlock(bucket);
	u = mri_panic_catch(run, &c);
	others = finish(f, &c, u);
	if (u)
		mri_panic_hand_on(u);
	if (shared)
		*shared = others;
	return c.value;
}

void mr_flight_forget(mr_flight *f, const char *key)
{
	struct mri_lock *bucket = mri_waitq_lock(f);
	struct call **at = find(f, key, hash_of(key));

	if (*at)
		unlist(at);
	mri_waitq_unlock(bucket);
}
