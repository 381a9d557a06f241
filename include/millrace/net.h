/* net.h - network connections in blocking style: a goroutine for each, which parks when
 * it has to wait.
 *
 *	if (mr_net_listen(ctx, "tcp", ":8080", &listener) < 0) ...
 *	while (mr_net_accept(ctx, listener, &conn) == 0)
 *		mr_go(serve, conn);
 *
 * Networks are "tcp", "udp", and the same with "4" or "6" for one version of IP; "unix"
 * (a stream), "unixpacket" and "unixgram". An address is "host:port", "[::1]:port" or
 * ":port" for every interface of this machine, where host may be a name and port that of
 * a service; of a unix socket a path, or "@name" for an abstract one.
 *
 * Several goroutines may use a connection at once. Reads take turns, and so do writes:
 * what one call writes is not mixed with what another does.
 *
 * Results, where not said otherwise: 0 or more, or a negative errno code:
 *	mr_ctx_err(ctx)         the context has ended, before the call or while it waited
 *	-ETIMEDOUT              a deadline of the connection has passed (or the kernel's)
 *	-ECANCELED              another goroutine has closed the connection meanwhile
 *	-EBADF                  it had been closed before
 *	-ENOMEM                 out of memory
 * or what socket(7), tcp(7) and so on say, -ECONNRESET and -EPIPE among them; never
 * -EAGAIN or -EINTR, and SIGPIPE is never raised. */
#ifndef MILLRACE_NET_H
#define MILLRACE_NET_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <sys/types.h>
#include <sys/uio.h>

MR_C_BEGIN
/* A connection, a listener, or a socket for datagrams. A handle: copies are the same
 * connection; it is never NULL, and after mr_net_close() it is known to be closed for
 * good, even when the kernel has given its descriptor's number to another. It points to
 * nothing. */
typedef struct mr_net_conn mr_net_conn;

/* Listen at an address, or receive datagrams there.
 *
 * Sets *listener, which is the caller's to close. Port 0 is any free one: see
 * mr_net_local(). A name stands for its addresses: the first that can be had. Blocks
 * while a name is looked up, by c-ares or on a thread: it stalls no other goroutine, and
 * the context ends it.
 * Returns 0; -EINVAL: no such network, or that is no address; -ENOENT: no such host or
 * service; -EHOSTDOWN: nobody could say; -EADDRINUSE and so on. */
MR_API MR_MUST_USE int mr_net_listen(mr_context *ctx, const char *network,
				     const char *address, mr_net_conn **listener);

/* Wait for the next connection. Sets *conn, which is the caller's to close.
 *
 * Those who wait for one listener get them in the order in which they came. If there are
 * no descriptors left, or no memory in the kernel, it waits, for 5 ms and then longer, up
 * to a second, and tries again: nothing is lost but time. */
MR_API MR_MUST_USE int mr_net_accept(mr_context *ctx, mr_net_conn *listener,
				     mr_net_conn **conn);

/* Connect to an address. Sets *conn, which is the caller's to close.
 *
 * All addresses of a name are tried, those of IPv6 and IPv4 by turns, the next one if 250
 * ms have passed or one has failed; the first that connects is it (RFC 8305).
 * Returns 0, or as mr_net_listen(); if none has connected, why the first did not. */
MR_API MR_MUST_USE int mr_net_dial(mr_context *ctx, const char *network,
				   const char *address, mr_net_conn **conn);

/* Read up to n bytes, or one datagram. Blocks until there is something.
 *
 * Returns how many; 0: the other side has ended its half (or an empty datagram, or n is
 * 0). What does not fit of a datagram is lost. */
MR_API MR_MUST_USE ssize_t mr_net_read(mr_context *ctx, mr_net_conn *c, void *buf,
				       size_t n);

/* Write all n bytes, or one datagram. Blocks until the kernel has them.
 *
 * Returns n; fewer, if something went wrong after some: the next call says what. A
 * negative code if nothing was written. */
MR_API MR_MUST_USE ssize_t mr_net_write(mr_context *ctx, mr_net_conn *c, const void *buf,
					size_t n);

/* The same of n pieces, as one. iov stays as it is. -EINVAL: more than SSIZE_MAX
 * bytes. */
MR_API MR_MUST_USE ssize_t mr_net_writev(mr_context *ctx, mr_net_conn *c,
					 const struct iovec *iov, int n);

/* Send n bytes of a file from offset on, without copying them: sendfile(2). Neither the
 * file's own offset nor its O_NONBLOCK matter.
 *
 * Returns as mr_net_write(); also fewer than n if the file ends, and then 0. */
MR_API MR_MUST_USE ssize_t mr_net_sendfile(mr_context *ctx, mr_net_conn *c, int file,
					   off_t offset, size_t n);

/* Close. Who waits for it gets -ECANCELED, and when this returns nobody of them uses it
 * any more. What was written is still sent. The path of a unix listener is removed.
 *
 * Returns 0, or -EBADF if it was closed before, or is being closed. */
MR_API int mr_net_close(mr_net_conn *c);

/* End this half: the other side reads to the end and can still write. After writes that
 * are under way. */
MR_API int mr_net_close_write(mr_context *ctx, mr_net_conn *c);

/* From `when` on (mr_time_now()'s; 0: never) reads, accepts and writes fail with
 * -ETIMEDOUT, also those that wait already, until another deadline is set. What was read
 * or written before stays so.
 *
 * Never blocks. Returns 0, -EBADF or -ENOMEM. */
MR_API int mr_net_set_deadline(mr_net_conn *c, int64_t when);
MR_API int mr_net_set_read_deadline(mr_net_conn *c, int64_t when);
MR_API int mr_net_set_write_deadline(mr_net_conn *c, int64_t when);

/* Room for any address as text, with its end. */
enum { MR_NET_ADDRESS = 128 };

/* The address of this side, or of the other, as text that mr_net_dial() takes; "" if it
 * has none. Cut off to n bytes with the 0 at its end. Never blocks.
 *
 * Returns 0, or a negative code, text being "". */
MR_API int mr_net_local(mr_net_conn *c, char *text, size_t n);
MR_API int mr_net_peer(mr_net_conn *c, char *text, size_t n);

/* A datagram's sender or receiver. Its fields are the library's; it can be copied. */
typedef struct mr_net_addr {
	uint32_t mr_size;
	uint32_t mr_family;
	uint64_t mr_bytes[16];
} mr_net_addr;

/* From text, as mr_net_dial() takes it. Blocks while a name is looked up. Returns as
 * mr_net_listen(). */
MR_API MR_MUST_USE int mr_net_resolve(mr_context *ctx, const char *network,
				      const char *address, mr_net_addr *addr);
/* As text: see mr_net_local(). */
MR_API void mr_net_text(const mr_net_addr *addr, char *text, size_t n);

/* As mr_net_read() and mr_net_write() of a socket that mr_net_listen() made for
 * datagrams, which has many peers. from may be NULL. */
MR_API MR_MUST_USE ssize_t mr_net_readfrom(mr_context *ctx, mr_net_conn *c, void *buf,
					   size_t n, mr_net_addr *from);
MR_API MR_MUST_USE ssize_t mr_net_writeto(mr_context *ctx, mr_net_conn *c,
					  const void *buf, size_t n,
					  const mr_net_addr *to);

/* Its descriptor, for setsockopt(2) and the like: not to be closed, read or written, nor
 * kept longer than c. -EBADF: closed. Never blocks. */
MR_API int mr_net_fd(mr_net_conn *c);
MR_C_END

#endif
