/* io.h - reading and writing descriptors in blocking style: a goroutine that has to wait
 * parks, and its thread runs others.
 *
 *	n = mr_io_read(ctx, STDIN_FILENO, line, sizeof line);
 *
 * fd is any descriptor that the program has: a socket, pipe, terminal, eventfd, file. It
 * stays as it is; O_NONBLOCK in particular is never set, since others may share it. What
 * takes long on a file or a folder, whose readiness cannot be waited for, stalls nobody
 * else: io_uring reads it, if the kernel permits, or other goroutines go on on another
 * thread. Neither a context nor a close ends it early.
 *
 * While io_uring reads, lseek(2) of the same descriptor is lost, and calls that signals
 * interrupt for good, such as epoll_wait(2), may fail with EINTR.
 *
 * Several goroutines may use one descriptor. Reads take turns, in the order in which they
 * came, and so do writes.
 *
 * A descriptor that has been given to a function of this file is closed by mr_io_close().
 * After a plain close(2) the library takes the next descriptor of that number for the old
 * one, and a wait for it may last for ever.
 *
 * Results, where not said otherwise: 0 or more, or a negative errno code:
 *	mr_ctx_err(ctx)         the context has ended, before the call or while it waited
 *	-ECANCELED              another goroutine has closed fd meanwhile
 *	-EBADF                  fd is not open
 *	-ENOMEM                 there is no memory for the first use of fd
 *	-EMFILE, -ENFILE        no descriptor is left for the library's own, at the first
 *	                        use of all
 * or what read(2) and write(2) say; but never -EAGAIN or -EINTR, and SIGPIPE is never
 * raised: -EPIPE. */
#ifndef MILLRACE_IO_H
#define MILLRACE_IO_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <sys/types.h>

MR_C_BEGIN
/* Read up to n bytes into buf. Blocks until there is at least one, or fd is at its end.
 *
 * Returns how many, 0 at the end (or if n is 0). */
MR_API MR_MUST_USE ssize_t mr_io_read(mr_context *ctx, int fd, void *buf, size_t n);

/* Write up to n bytes of buf. Blocks until at least one is written.
 *
 * Returns how many. */
MR_API MR_MUST_USE ssize_t mr_io_write(mr_context *ctx, int fd, const void *buf,
				       size_t n);

/* Read n bytes, however many calls that takes. Other reads may come in between.
 *
 * Returns n; fewer, if fd has come to its end or something went wrong after some: the
 * next call says which, by 0 or an error. A negative code if nothing was read. */
MR_API MR_MUST_USE ssize_t mr_io_readfull(mr_context *ctx, int fd, void *buf, size_t n);

/* Write n bytes, however many calls that takes. Other writes may come in between.
 *
 * Returns n; fewer, if something went wrong after some: the next call says what. A
 * negative code if nothing was written. */
MR_API MR_MUST_USE ssize_t mr_io_writeall(mr_context *ctx, int fd, const void *buf,
					  size_t n);

/* What mr_io_wait() may wait for. */
enum { MR_IO_IN = 1, MR_IO_OUT = 2 };

/* Wait until fd can be read (MR_IO_IN), written (MR_IO_OUT), or one of both, without
 * blocking; for a library that makes the calls itself. It can also be when they would
 * fail at once. A file always is.
 *
 * Returns which of them, not 0. Panics "io: wait for nothing" if `what` is 0 or not of
 * those. */
MR_API MR_MUST_USE int mr_io_wait(mr_context *ctx, int fd, int what);

/* Close fd. Who waits for it gets -ECANCELED; when this returns nobody of them touches it
 * any more, and fd may be in use again. Blocks only for those who are just reading or
 * writing it.
 *
 * Returns 0; -EBADF: it is not open, or somebody else is closing it; -EIO and the like as
 * close(2), and it is closed then, too. */
MR_API int mr_io_close(int fd);
MR_C_END

#endif
