/* atomic.h - every atomic access in the library goes through these macros.
 *
 * They take a pointer to a plain integer or pointer object, so that the words of
 * public structs have the same type in C and C++. The order is always spelled out
 * (relaxed, acquire, release, acq_rel, seq_cst); every use that is not relaxed
 * carries a label in a comment, and the label of the access it pairs with.
 *
 * The model tests compile the shipped files with MRI_MODEL, which replaces the
 * macros by calls into an explorer of interleavings (tests/model/explorer.h). */
#ifndef MRI_BASE_ATOMIC_H
#define MRI_BASE_ATOMIC_H

#ifdef MRI_MODEL
#include "explorer.h"
#else

#define MRI_MO_relaxed __ATOMIC_RELAXED
#define MRI_MO_acquire __ATOMIC_ACQUIRE
#define MRI_MO_release __ATOMIC_RELEASE
#define MRI_MO_acq_rel __ATOMIC_ACQ_REL
#define MRI_MO_seq_cst __ATOMIC_SEQ_CST

#define atomic_get(p, order)        __atomic_load_n((p), MRI_MO_##order)
#define atomic_set(p, v, order)     __atomic_store_n((p), (v), MRI_MO_##order)
#define atomic_swap(p, v, order)    __atomic_exchange_n((p), (v), MRI_MO_##order)
#define atomic_add(p, v, order)     __atomic_fetch_add((p), (v), MRI_MO_##order)
#define atomic_sub(p, v, order)     __atomic_fetch_sub((p), (v), MRI_MO_##order)
#define atomic_or(p, v, order)      __atomic_fetch_or((p), (v), MRI_MO_##order)
#define atomic_and(p, v, order)     __atomic_fetch_and((p), (v), MRI_MO_##order)
/* True if *p was *expected and is now v; else *expected is what *p was. A failed
 * one is a relaxed load. */
#define atomic_cas(p, expected, v, order)                                              \
	__atomic_compare_exchange_n((p), (expected), (v), 0, MRI_MO_##order,           \
				    __ATOMIC_RELAXED)
#define atomic_fence(order)         __atomic_thread_fence(MRI_MO_##order)
/* Orders this thread's accesses as a signal handler, or a membarrier() issued by
 * another thread, sees them: a compiler barrier. */
#define compiler_barrier()          __atomic_signal_fence(__ATOMIC_SEQ_CST)

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#else
	__asm__ volatile("" ::: "memory");
#endif
}
#endif
#endif
