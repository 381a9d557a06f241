/* bufio.h - buffered reading and writing: lines, and few system calls.
 *
 *	mr_bufio_reader *r = mr_bufio_reader_net(conn, 4096);
 *	while ((n = mr_bufio_readline(ctx, r, &line)) > 0)
 *		...
 *	mr_bufio_reader_free(r);
 *
 * A reader or writer is for one goroutine at a time. It reads from a connection, a
 * descriptor, or anything that a function reads. What is underneath stays the caller's,
 * and is not closed.
 *
 * Results, where not said otherwise, are those of what is underneath: see net.h, io.h. */
#ifndef MILLRACE_BUFIO_H
#define MILLRACE_BUFIO_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <millrace/net.h>
#include <sys/types.h>

MR_C_BEGIN
/* Read up to n bytes of `from`, as mr_net_read(); write all n to `to`, as
 * mr_net_write(). */
typedef ssize_t mr_bufio_read_fn(mr_context *ctx, void *from, void *buf, size_t n);
typedef ssize_t mr_bufio_write_fn(mr_context *ctx, void *to, const void *buf, size_t n);

typedef struct mr_bufio_reader mr_bufio_reader;

/* A reader with a buffer of so many bytes, 16 or more, which is also the longest line
 * that it can read. The caller frees it. NULL: out of memory. */
MR_API MR_MUST_USE mr_bufio_reader *mr_bufio_reader_new(mr_bufio_read_fn *read,
							void *from, size_t size);
MR_API MR_MUST_USE mr_bufio_reader *mr_bufio_reader_net(mr_net_conn *c, size_t size);
MR_API MR_MUST_USE mr_bufio_reader *mr_bufio_reader_fd(int fd, size_t size);
/* NULL is ignored. What is in the buffer is lost. */
MR_API void mr_bufio_reader_free(mr_bufio_reader *r);

/* Read up to n bytes into buf: what is in the buffer, or else what one read brings.
 *
 * Returns how many, 0 at the end (or if n is 0). */
MR_API MR_MUST_USE ssize_t mr_bufio_read(mr_context *ctx, mr_bufio_reader *r, void *buf,
					 size_t n);

/* Read n bytes. Returns n; fewer, if the end or an error came after some: the next call
 * says which. A negative code if nothing was read. */
MR_API MR_MUST_USE ssize_t mr_bufio_readfull(mr_context *ctx, mr_bufio_reader *r,
					     void *buf, size_t n);

/* Read a line.
 *
 * Sets *line to its first byte, in the buffer: it is good until the next call with r, may
 * be changed, and is followed by no 0. Returns its length with the '\n' at its end; a
 * last line may have none. 0 at the end; -EMSGSIZE: it is longer than the buffer; the
 * bytes stay there, to be read otherwise. */
MR_API MR_MUST_USE ssize_t mr_bufio_readline(mr_context *ctx, mr_bufio_reader *r,
					     char **line);

/* Have n bytes or more in the buffer, without taking them out.
 *
 * Sets *bytes to the first one, good until the next call with r. Returns how many there
 * are; fewer than n at the end, 0 among them. -EMSGSIZE: n is more than the buffer. n of
 * 0 looks at what there is, and reads nothing. */
MR_API MR_MUST_USE ssize_t mr_bufio_peek(mr_context *ctx, mr_bufio_reader *r, size_t n,
					 char **bytes);

/* Take n bytes out of the buffer, where mr_bufio_peek() has seen them. Panics "bufio:
 * skipped more than there is". */
MR_API void mr_bufio_skip(mr_bufio_reader *r, size_t n);

typedef struct mr_bufio_writer mr_bufio_writer;

/* A writer with a buffer of so many bytes, 16 or more. The caller frees it. NULL: out of
 * memory. */
MR_API MR_MUST_USE mr_bufio_writer *mr_bufio_writer_new(mr_bufio_write_fn *write,
							void *to, size_t size);
MR_API MR_MUST_USE mr_bufio_writer *mr_bufio_writer_net(mr_net_conn *c, size_t size);
MR_API MR_MUST_USE mr_bufio_writer *mr_bufio_writer_fd(int fd, size_t size);
/* NULL is ignored. What has not been flushed is lost. */
MR_API void mr_bufio_writer_free(mr_bufio_writer *w);

/* Write n bytes: into the buffer, or, when it is full, on. An error stays: every later
 * call returns it, and writes nothing, so it is enough to look at that of
 * mr_bufio_flush().
 *
 * Returns n or a negative code. */
MR_API ssize_t mr_bufio_write(mr_context *ctx, mr_bufio_writer *w, const void *buf,
			      size_t n);

/* The same for what printf(3) would print. -EINVAL if that fails, -ENOMEM. */
MR_API ssize_t mr_bufio_printf(mr_context *ctx, mr_bufio_writer *w, const char *format,
			       ...) __attribute__((format(printf, 3, 4)));

/* Write on what is in the buffer. Returns 0 or a negative code. */
MR_API MR_MUST_USE int mr_bufio_flush(mr_context *ctx, mr_bufio_writer *w);

/* How many bytes are in the buffer. */
MR_API size_t mr_bufio_unread(const mr_bufio_reader *r);
MR_API size_t mr_bufio_unwritten(const mr_bufio_writer *w);
MR_C_END

#endif
