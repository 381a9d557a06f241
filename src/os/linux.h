/* linux.h - what the linux*.c files share: system calls without errno, and the
 * readers of /proc and cgroups that the tests point at a made-up tree. */
#ifndef MRI_OS_LINUX_H
#define MRI_OS_LINUX_H
#include "base/attr.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "the system calls used here have their 64-bit form");

/* One system call; its result, or a negative errno code. errno stays as it is: not
 * even its address is taken, which belongs to the thread and not to the goroutine. */
always_inline long mri_linux_call(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1) {
		ret = -errno;
		errno = saved;
	}
	return ret;
#endif
}
/* linux_call(SYS_close, fd): arguments not given are 0 */
#define linux_call(...) linux_call_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define linux_call_(nr, a, b, c, d, e, f, ...)                                       \
	mri_linux_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),  \
		       (long)(f))

/* The processors that the cgroups of this process grant it by quota, rounded up;
 * 0: no limit. `root` is put before the paths of /proc and of the mounts: "" but in
 * tests. */
int mri_linux_proc_quota(const char *root);
#endif
