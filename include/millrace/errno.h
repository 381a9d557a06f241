/* errno.h - an errno that stays right when a goroutine changes threads.
 *
 * The C library may declare the address of errno constant within a function (glibc
 * does), so a compiler computes it once and keeps it; after a call that parks, the
 * goroutine may run on another thread, and that address is the old thread's. Code that
 * includes any header of this library therefore reads the address afresh each time.
 * Define MR_KEEP_ERRNO first to keep the C library's errno.
 *
 * This library itself reports errors by results, never by errno. */
#ifndef MILLRACE_ERRNO_H
#define MILLRACE_ERRNO_H

#include <errno.h>
#include <millrace/base.h>

MR_C_BEGIN
/* The address of the running thread's errno.
 *
 * A goroutine's errno is carried along when it changes threads. The address is good
 * until the goroutine's next call that may block: use it at once, do not keep it.
 * Never blocks; async-signal-safe; callable from any thread. */
MR_API int *mr_errno(void);
MR_C_END

#ifndef MR_KEEP_ERRNO
#undef errno
#define errno (*mr_errno())
#endif

#endif
