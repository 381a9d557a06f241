/* linux_barrier.c - membarrier(): what one thread makes all others of the process go
 * through, so that they need not do it each time themselves. */
#include "arch/restart.h"
#include "os/linux.h"
#include "os/os.h"
#if defined(MRI_HAS_RESTART) && __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define HAS_RSEQ 1
#endif

/* Commands of membarrier(2); the latter ones are younger than some headers. */
enum {
	EXPEDITED = 1 << 3, REGISTER_EXPEDITED = 1 << 4,
	EXPEDITED_RSEQ = 1 << 7, REGISTER_EXPEDITED_RSEQ = 1 << 8,
};

bool mri_os_membarrier_init(void)
{
	return linux_call(SYS_membarrier, REGISTER_EXPEDITED) == 0;
}

void mri_os_membarrier(void)
{
	linux_call(SYS_membarrier, EXPEDITED);
}

ptrdiff_t mri_os_restart_init(void)
{
#ifdef HAS_RSEQ
	/* Its size is 0 if libc was told not to register it, or the kernel refused. */
	if (__rseq_size > 0 && linux_call(SYS_membarrier, REGISTER_EXPEDITED_RSEQ) == 0)
		return __rseq_offset;
#endif
	return 0;
}

bool mri_os_restart_all(void)
{
	return linux_call(SYS_membarrier, EXPEDITED_RSEQ) == 0;
}
