/* held.c - deadlocks of some goroutines while others run: MILLRACE=deadlock=partial.
 *
 * A table beside the locks, which have no room for it, says who holds and who waits for
 * each. Whoever is about to park looks for a way from lock to holder to lock that leads
 * back to itself; then none of those on the way will ever run, provided that it is they
 * who would unlock what they have locked.
 *
 * A record is no earlier than what it stands for and gone no later: "holds" is entered
 * after locking and removed before unlocking, "waits" entered and removed under the
 * bucket lock while queued. So all that the table says at one moment is true then, and a
 * circle in it is one. And none is missed: its last wait is entered when all the rest is
 * there.
 *
 * Lock order: a bucket lock, then the table's. */
#include "sync/held.h"
#include "base/hooks.h"
#include "os/os.h"
#include <stdlib.h>

enum { BUCKETS = 1024, TRACE = 64 };

struct record {
	struct record *next;            /* in the lock's bucket, oldest first; unused */
	struct record *next_wait;       /* in the goroutine's bucket */
	const void *lock;
	struct g *g;
	int64_t id;                     /* of g, whose slot may be another's by now */
	void *pc;                       /* where the locking call returns to */
	int64_t since;
	enum mri_why how;               /* it is locked, or waited for */
	bool waits;
	/* of one that waits, while somebody looks for a circle */
	uint32_t seen;
	struct record *before;          /* who waits for this one ... */
	struct record *because;         /* ... and the record that is in its way */
	struct record *then;            /* looked at next; the next in the circle */
};

static struct mri_lock table = MRI_LOCK_INIT(MRI_RANK_LEAF);
/* By table. */
static struct record *of_lock[BUCKETS], *of_waiter[BUCKETS], *unused;
static uint32_t round_no;

uint32_t mr_locks_watched = 1;

/* A child of fork has no use for it, and the table's lock may be held by nobody there. */
static bool is_on(void)
{
	if (mri_forked)
		return false;
	mri_self();             /* the first call of all reads the environment */
	if (mri_config.partial_deadlocks)
		return true;
	/* Relaxed: as long as others see the 1, they ask here. */
	atomic_set(&mr_locks_watched, 0u, relaxed);
	return false;
}

/* --------------------------------------------------------------------- the table -- */

static struct record **bucket(struct record **table_of, const void *key)
{
	uint64_t h = ((uint64_t)(uintptr_t)key >> 3) * 0x9e3779b97f4a7c15u;

	return &table_of[h >> 54];
}

/* NULL without memory: then some circles are not found. */
static struct record *enter(const void *lock, struct g *g, enum mri_why how, void *pc)
{
	struct record *r = unused, **end = bucket(of_lock, lock);

	if (r)
		unused = r->next;
	else
		r = malloc(sizeof *r);
	if (!r)
		return NULL;
	*r = (struct record){
		.lock = lock, .g = g, .id = g->id, .how = how, .pc = pc,
		.since = mri_os_now(),
	};
	while (*end)
		end = &(*end)->next;
	*end = r;
	return r;
}

static void erase(struct record **at)
{
	struct record *r = *at;

	*at = r->next;
	r->next = unused;
	unused = r;
}

static bool writes(const struct record *r)
{
	return r->how != MRI_WHY_RLOCK;
}

static bool is_of(const struct record *r, const struct g *g)
{
	return r->g == g && r->id == g->id;
}

/* Nobody can hold what somebody has got for himself: what says so is about a lock that
 * was at this address before. */
static void erase_held(const void *lock)
{
	for (struct record **at = bucket(of_lock, lock); *at;)
		if ((*at)->lock == lock && !(*at)->waits)
			erase(at);
		else
			at = &(*at)->next;
}

void mri_held_add(const void *lock, enum mri_why how, void *pc)
{
	if (!is_on())
		return;
	mri_lock_take(&table);
	if (how != MRI_WHY_RLOCK)
		erase_held(lock);
	enter(lock, mri_self(), how, pc);
	mri_lock_drop(&table);
}

void mri_held_drop(const void *lock, enum mri_why how)
{
	struct record **any = NULL, **own = NULL;

	if (!is_on())
		return;
	mri_lock_take(&table);
	for (struct record **at = bucket(of_lock, lock); *at; at = &(*at)->next) {
		struct record *r = *at;

		if (r->lock != lock || r->waits || r->how != how)
			continue;
		any = at;
		if (is_of(r, mri_self()))
			own = at;
	}
	if (any)
		erase(own ? own : any);
	mri_lock_drop(&table);
}

/* ---------------------------------------------------------------------- circles -- */

static struct record **wait_of(const struct g *g)
{
	struct record **at = bucket(of_waiter, g);

	while (*at && (*at)->g != g)
		at = &(*at)->next_wait;
	return at;
}

/* Readers wait for the writer that has it, or else for the first that wants it. */
static struct record *ahead_of_readers(const void *lock)
{
	struct record *wants = NULL;

	for (struct record *r = *bucket(of_lock, lock); r; r = r->next) {
		if (r->lock != lock || !writes(r))
			continue;
		if (!r->waits)
			return r;
		if (!wants)
			wants = r;
	}
	return wants;
}

/* r waits until b is gone: a writer for all that have it. */
static bool is_in_the_way(const struct record *b, const struct record *r)
{
	if (b->lock != r->lock)
		return false;
	return writes(r) ? !b->waits : b == ahead_of_readers(r->lock);
}

/* Breadth first from `start`. Who closes a circle, start->before being the last in it
 * and start->because what is in that one's way; or NULL. */
static bool find_circle(struct record *start)
{
	struct record **end = &start->then;

	start->seen = ++round_no;
	for (struct record *r = start; r; r = r->then) {
		for (struct record *b = *bucket(of_lock, r->lock); b; b = b->next) {
			struct record *next = b->waits ? b : *wait_of(b->g);

			if (!is_in_the_way(b, r) || !next || next->id != b->id)
				continue;
			if (next == start || next->seen != round_no) {
				next->before = r;
				next->because = b;
			}
			if (next == start)
				return true;
			if (next->seen == round_no)
				continue;
			next->seen = round_no;
			next->then = NULL;
			*end = next;
			end = &next->then;
		}
	}
	return false;
}

/* ----------------------------------------------------------------------- report -- */

static void print_name(struct mri_out *o, const struct record *r)
{
	if (r->g->is_thread)
		mri_out_str(o, "a thread");
	else
		mri_out_fmt(o, "goroutine %lld", (long long)r->id);
}

static void print_place(struct mri_out *o, void *const *pcs, int n)
{
	if (mri_hooks.trace)
		mri_hooks.trace(o, pcs, n);
}

/* One of the circle, and what is in its way. */
static void print(struct mri_out *o, const struct record *r, const struct record *b)
{
	void *pcs[TRACE] = { r->pc };
	bool own = r->g == mri_self() && mri_hooks.capture;
	int n = own ? mri_hooks.capture(pcs, TRACE) : 1;

	print_name(o, r);
	mri_out_fmt(o, " [%s]: %s\nwaits for %p at\n", mri_why_names[r->how],
		    r->g->name ? r->g->name : "?", r->lock);
	print_place(o, pcs, n);
	if (b->waits) {
		mri_out_str(o, "after ");
		print_name(o, b);
		mri_out_str(o, ", which waits to lock it for writing\n");
	} else {
		mri_out_str(o, writes(b) ? "locked by " : "locked for reading by ");
		print_name(o, b);
		mri_out_fmt(o, " %ms ago at\n", mri_os_now() - b->since);
		print_place(o, &b->pc, 1);
	}
	mri_panic_created(o, r->g);
	mri_out_str(o, "\n");
}

/* Prefixed though static: see mri_vfault in panic.c. */
noreturn_fn static void mri_held_report(struct record *start)
{
	struct record *r = start;
	struct mri_out o;

	mri_panic_report_begin(&o);
	mri_out_str(&o, start->before == start ?
		    "fatal error: partial deadlock: a goroutine waits for a lock that it "
		    "already holds\n\n" :
		    "fatal error: partial deadlock: goroutines wait for each other's "
		    "locks\n\n");
	/* Forwards: from the one that came last to the one that waits for it. */
	do {
		r->before->then = r;
		r = r->before;
	} while (r != start);
	do {
		print(&o, r, r->then->because);
		r = r->then;
	} while (r != start);
	mri_out_flush(&o);
	if (mri_config.crash)
		abort();
	mri_panic_report_end(&o);
}

void mri_held_wait(const void *lock, enum mri_why how, void *pc)
{
	struct g *g = mri_self();
	struct record *r, **at = bucket(of_waiter, g);

	if (!is_on())
		return;
	mri_lock_take(&table);
	r = enter(lock, g, how, pc);
	if (r) {
		r->waits = true;
		r->next_wait = *at;
		*at = r;
		if (find_circle(r))
			mri_held_report(r);
	}
	mri_lock_drop(&table);
}

void mri_held_woken(const void *lock, struct g *g, bool granted)
{
	struct record **at, *r;

	if (!is_on())
		return;
	mri_lock_take(&table);
	at = wait_of(g);
	r = *at;
	if (r) {
		*at = r->next_wait;
		r->waits = false;
		r->since = mri_os_now();
		for (at = bucket(of_lock, lock); !granted; at = &(*at)->next)
			if (*at == r) {
				erase(at);
				break;
			}
	}
	mri_lock_drop(&table);
}
