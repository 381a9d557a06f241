/* linux_signal.c - sending signals and having them handled. */
#define _GNU_SOURCE
#include "os/linux.h"
#include "os/os.h"
#include <signal.h>

int mri_os_thread_signal(int tid, int sig)
{
	return (int)linux_call(SYS_tgkill, linux_call(SYS_getpid), tid, sig);
}

int mri_os_sigaction(int sig, const struct sigaction *sa, struct sigaction *old)
{
	int rc = sigaction(sig, sa, old);

#if defined(MRI_TSAN) || defined(MRI_RACE)
	/* The kernel's struct begins with the handler: TSan's, which calls ours. */
	unsigned long kernels[8];

	if (rc == 0 && linux_call(SYS_rt_sigaction, sig, NULL, kernels, 8) == 0) {
		kernels[0] = (unsigned long)sa->sa_sigaction;
		linux_call(SYS_rt_sigaction, sig, kernels, NULL, 8);
	}
#endif
	return rc;
}
