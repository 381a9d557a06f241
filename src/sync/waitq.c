/* waitq.c - the bucket locks of the sync types' wait lists. */
#include "sync/waitq.h"
#include "os/os.h"

enum { BUCKETS = 256 };         /* a power of two */

#define LOCK1  { MRI_LOCK_INIT(MRI_RANK_WAITQ) }
#define LOCK4  LOCK1, LOCK1, LOCK1, LOCK1
#define LOCK16 LOCK4, LOCK4, LOCK4, LOCK4
#define LOCK64 LOCK16, LOCK16, LOCK16, LOCK16
static struct { struct mri_lock lock cacheline; } buckets[BUCKETS] = {
	LOCK64, LOCK64, LOCK64, LOCK64,
};

struct mri_lock *mri_waitq_lock(const void *addr)
{
	/* Fibonacci hashing: neighbours in an array land in different buckets. */
	uint64_t h = ((uint64_t)(uintptr_t)addr >> 3) * 0x9e3779b97f4a7c15u;
	struct mri_lock *l = &buckets[h >> 56].lock;

	mri_init_check_fork(); /* its holder may not exist in a child */
	mri_lock_take(l);
	return l;
}

void mri_waitq_unlock(void *bucket)
{
	mri_lock_drop(bucket);
}

bool mri_waitq_interrupt(void)
{
	/* Relaxed: set at the start. */
	if (!atomic_get(&mri_sched.restart_area, relaxed))
		return false;
	if (!mri_os_restart_all())
		mri_fatal("millrace: membarrier() is not permitted any more");
	return true;
}
