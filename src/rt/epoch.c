/* epoch.c - when a retired object may be freed.
 *
 * A reader notes the epoch it began in, in a word of its M, and clears that when it
 * leaves. The collector takes what was retired, moves the epoch on, makes every thread of
 * the process go through a barrier, and looks at all those words:
 *
 *      the reader                      the collector
 *      word = epoch            (F2)    the object is unlinked; epoch++         (F4)
 *      (compiler barrier)      (F3)    membarrier on all threads               (F5)
 *      look for the object             word is 0 or a later epoch? free it     (F6)
 *
 * One of the two sees the other: the reader that the collector missed finds nothing, and
 * so does one that began in a later epoch. A goroutine does not change threads in a
 * section, since it does not park there; sysmon may take its P, which has nothing to do
 * with it. A thread that sleeps in a section delays freeing, and nothing else.
 *
 * A foreign thread has no M: it takes one of a few words that belong to nobody. */
#include "rt/epoch.h"
#include "os/os.h"

enum { BATCH = 64, THREAD_SLOTS = 64 };

uint64_t mri_epoch = 1;
static struct { uint64_t word cacheline; } thread_slots[THREAD_SLOTS];

uint64_t *mri_epoch_thread_slot(void)
{
	uint32_t first = (uint32_t)mri_os_tid();

	for (uint32_t i = 0;; i++) {
		uint64_t *word = &thread_slots[(first + i) % THREAD_SLOTS].word, none = 0;

		/* F7: acquire, pairs with F2: who sees us done sees the one before done,
		 * too. An old epoch, until the caller has set it: that only delays. */
		if (atomic_cas(word, &none, (uint64_t)1, acquire))
			return word;
		if (i % THREAD_SLOTS == THREAD_SLOTS - 1)
			mri_os_thread_yield();
	}
}

static void oldest_of(uint64_t *oldest, uint64_t *word)
{
	/* F6: acquire, pairs with F2: what its earlier sections read is read. */
	uint64_t e = atomic_get(word, acquire);

	if (e && e < *oldest)
		*oldest = e;
}

/* Nobody reads since an epoch before the one returned. */
static uint64_t oldest_reader(void)
{
	uint64_t oldest = UINT64_MAX;

	/* F5: pairs with F3. */
	if (mri_sched.no_membarrier)
		atomic_fence(seq_cst);
	else
		mri_os_membarrier();
	/* A2: acquire, pairs with A1. One that is not on the list yet begins to read
	 * after the barrier. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next)
		oldest_of(&oldest, &m->reading);
	for (int i = 0; i < THREAD_SLOTS; i++)
		oldest_of(&oldest, &thread_slots[i].word);
	return oldest;
}

/* To the end of the queue, with the epoch that ends now. */
static void take_recent(struct mri_limbo *l)
{
	struct mri_retired *r, *next;
	uint64_t epoch;

	/* Relaxed: a count to go by. */
	atomic_set(&l->nrecent, 0u, relaxed);
	/* F8: acquire, pairs with F9: all of them are unlinked. */
	r = atomic_swap(&l->recent, NULL, acquire);
	/* F4: release, pairs with F1. Who sees a later epoch sees this one, too: it is
	 * made from it. */
	epoch = atomic_add(&mri_epoch, (uint64_t)1, release);
	for (; r; r = next) {
		next = r->next;
		r->next = NULL;
		r->epoch = epoch;
		*(l->oldest ? l->newest : &l->oldest) = r;
		l->newest = &r->next;
	}
}

static void destroy_before(struct mri_limbo *l, uint64_t epoch)
{
	struct mri_retired *r;

	while ((r = l->oldest) != NULL && r->epoch < epoch) {
		l->oldest = r->next;
		l->destroy(r);
	}
}

void mri_epoch_collect(struct mri_limbo *l)
{
	uint32_t no = 0;

	/* F10: acquire, pairs with F11: the queue. */
	if (!atomic_cas(&l->busy, &no, 1u, acquire))
		return;
	take_recent(l);
	destroy_before(l, oldest_reader());
	/* F11: release, pairs with F10. */
	atomic_set(&l->busy, 0u, release);
}

void mri_epoch_retire(struct mri_limbo *l, struct mri_retired *r)
{
	/* Relaxed: F9 publishes. */
	struct mri_retired *top = atomic_get(&l->recent, relaxed);
	uint32_t n, limit;

	do {
		r->next = top;
		/* F9: release, pairs with F8. Nobody pops one: no ABA. */
	} while (!atomic_cas(&l->recent, &top, r, release));
	/* Relaxed, both: when to collect is a matter of cost. A round looks at every M,
	 * so it is worth while for as many objects. */
	n = atomic_add(&l->nrecent, 1u, relaxed) + 1;
	limit = atomic_get(&mri_sched.nms, relaxed);
	if (n >= (limit > BATCH ? limit : BATCH))
		mri_epoch_collect(l);
}

void mri_epoch_finish(struct mri_limbo *l)
{
	take_recent(l);
	destroy_before(l, UINT64_MAX);
}
