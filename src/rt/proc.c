/* proc.c - who owns a P: entering and leaving, acquire and release, the taking.
 *
 * m->proc names m's P. Its M may change that word only while in_rt is not 0; sysmon
 * may change it, by CAS, only if in_rt is 0 after m's thread has been through a
 * barrier. So ordinary code pays two plain stores and one load, and sysmon, which
 * comes by a hundred times a second, pays for the barrier:
 *
 *      the M                           sysmon
 *      in_rt = 1                       proc: p -> p | TAKING        (P4)
 *      (compiler barrier)              membarrier on all threads    (P1)
 *      read proc: TAKING? wait         in_rt == 0? take : give back (P6)
 *
 * One of the two sees the other. */
#include "os/os.h"
#include "rt/rt.h"

noinline struct p *mri_proc_enter_slow(struct m *m)
{
	uintptr_t w;

	/* Entered already, further out: the P cannot be taken, sysmon will see so. */
	if (m->in_rt > 1)
		/* Relaxed: the outer enter has acquired it. */
		return (struct p *)(atomic_get(&m->proc, relaxed) & ~MRI_TAKING);
	do {
		/* P5: release, pairs with P6. Step back, so that sysmon can decide. */
		atomic_set(&m->in_rt, 0u, release);
		/* Relaxed: read again with acquire below. */
		for (int i = 0; atomic_get(&m->proc, relaxed) & MRI_TAKING; i++)
			i < 100 ? cpu_relax() : mri_os_thread_yield();
		/* Relaxed: as in mri_proc_enter. */
		atomic_set(&m->in_rt, 1u, relaxed);
		compiler_barrier();
		if (mri_sched.no_membarrier)
			/* P2: seq_cst, pairs with P1. */
			atomic_fence(seq_cst);
		/* P3: acquire, pairs with P4. */
		w = atomic_get(&m->proc, acquire);
	} while (w & MRI_TAKING);
	return (struct p *)w;
}

void mri_proc_acquire(struct m *m, struct p *p)
{
	mri_assert(m->in_rt && !(atomic_get(&m->proc, relaxed) & ~MRI_TAKING));
	/* Relaxed: sysmon's hint; the word below decides. */
	atomic_set(&p->m, m, relaxed);
	/* P7: release, pairs with P4: sysmon takes what we have made of it. */
	atomic_set(&m->proc, (uintptr_t)p, release);
}

struct p *mri_proc_release(struct m *m)
{
	/* P8: acq_rel, pairs with P4: sysmon may be deciding this moment; its CAS
	 * then fails. */
	uintptr_t w = atomic_swap(&m->proc, (uintptr_t)0, acq_rel);
	struct p *p = (struct p *)(w & ~MRI_TAKING);

	mri_assert(m->in_rt);
	if (p)
		/* Relaxed: sysmon's hint. */
		atomic_set(&p->m, NULL, relaxed);
	return p;
}

/* Mark p as m's no more, for the time being. True: it is the caller's until
 * mri_proc_unhold, since m is outside and would wait in mri_proc_enter_slow. */
bool mri_proc_hold(struct m *m, struct p *p)
{
	uintptr_t w = (uintptr_t)p;

	/* P4: acq_rel, pairs with P3, P7 and P8. */
	if (!atomic_cas(&m->proc, &w, w | MRI_TAKING, acq_rel))
		return false;
	/* P1: pairs with the compiler barrier after in_rt = 1, or with P2. */
	if (mri_sched.no_membarrier)
		atomic_fence(seq_cst);
	else
		mri_os_membarrier();
	/* P6: acquire, pairs with P5. Relaxed for proc: P6 ordered it. The mark is gone
	 * if m has let go of p before it left, even if it has p again. */
	if (atomic_get(&m->in_rt, acquire) == 0 &&
	    atomic_get(&m->proc, relaxed) == ((uintptr_t)p | MRI_TAKING))
		return true;
	mri_proc_unhold(m, p);
	return false;
}

void mri_proc_unhold(struct m *m, struct p *p)
{
	uintptr_t w = (uintptr_t)p | MRI_TAKING;

	/* P4: acq_rel: given back with all we did to it, if it is still there. */
	atomic_cas(&m->proc, &w, (uintptr_t)p, acq_rel);
}

bool mri_proc_take(struct m *m, struct p *p, uint32_t tick)
{
	if (!mri_proc_hold(m, p))
		return false;
	/* Relaxed: P6 ordered it. */
	if (atomic_get(&p->tick, relaxed) != tick) {
		mri_proc_unhold(m, p);
		return false;
	}
	/* Relaxed: the caller owns p now. */
	atomic_set(&p->m, NULL, relaxed);
	/* P4: release: m, if it looks, has no P; there is no other to undo the mark. */
	atomic_set(&m->proc, (uintptr_t)0, release);
	return true;
}
