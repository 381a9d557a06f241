/* net.c - connections. A handle is a descriptor's number and the seq of its slot
 * (rt/netpoll.h), so there is no object that could be freed too early or leak, and an old
 * handle is told from a new one. */
#define _GNU_SOURCE
#include "std/net.h"
#include "millrace/chan.h"
#include "millrace/select.h"
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { FD_BITS = 24, BACKLOG = 4096, KEEP_ALIVE = 15 /* s */, PIECES = 64 };
enum { LAST_PAUSE = 1000 * 1000 * 1000 /* ns */ };
_Static_assert(sizeof(void *) == 8, "a handle holds a number and a seq");

/* ------------------------------------------------------------- handles -- */

struct mri_fd_ref mri_net_ref(mr_net_conn *c)
{
	uint64_t bits = (uint64_t)(uintptr_t)c;
	struct mri_fd *s = mri_netpoll_find((int)(bits & ((1 << FD_BITS) - 1)));

	mri_init_check_fork();
	return (struct mri_fd_ref){ bits >> FD_BITS ? s : NULL,
				    (uint32_t)(bits >> FD_BITS) };
}

int mri_net_made(int fd, enum mri_os_kind kind, mr_net_conn **conn)
{
	struct mri_fd_ref ref;
	int rc = fd < 1 << FD_BITS ? 0 : -EMFILE;

	if (rc == 0)
		rc = mri_fd_open(fd, kind, &ref);
	if (rc < 0) {
		mri_os_fd_close(fd);
		return rc;
	}
	*conn = (mr_net_conn *)(uintptr_t)((uint64_t)ref.seq << FD_BITS | (uint32_t)fd);
	return 0;
}

int mri_net_socket(int family, int type)
{
	int fd =
		(int)mri_net_call(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

	if (fd < 0 || family == AF_UNIX || type != SOCK_STREAM)
		return fd;
	/* As Go has it: small writes go out at once, and dead peers are noticed. A
	 * listener's are those of the connections that it accepts. */
	mri_net_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	mri_net_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	mri_net_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE);
	mri_net_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE);
	return fd;
}

void mri_net_set(int fd, int level, int option, int value)
{
	mri_net_call(setsockopt(fd, level, option, &value, sizeof value));
}

/* ---------------------------------------------------------------- listen -- */

static int listen_at(const mr_net_addr *a, struct mri_net_kind kind, bool any,
		     mr_net_conn **out)
{
	int family = (int)a->mr_family, fd = mri_net_socket(family, kind.type), rc;

	if (fd < 0)
		return fd;
	if (family != AF_UNIX && kind.type == SOCK_STREAM)
		mri_net_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (family == AF_INET6)
		/* ":port" is every interface, of both. */
		mri_net_set(fd, IPPROTO_IPV6, IPV6_V6ONLY,
			    !(any && kind.family == AF_UNSPEC));
	rc = (int)mri_net_call(bind(fd, mri_net_sockaddr(a), a->mr_size));
	if (rc == 0 && kind.type != SOCK_DGRAM)
		rc = (int)mri_net_call(listen(fd, BACKLOG));
	if (rc < 0) {
		mri_os_fd_close(fd);
		return rc;
	}
	/* Watched only now: before it is one that has hung up. */
	rc = mri_net_made(fd, mri_net_kind_of(kind.type), out);
	if (rc == 0)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it has a slot */
		mri_net_ref(*out).s->listens = kind.type != SOCK_DGRAM;
	return rc;
}

int mr_net_listen(mr_context *ctx, const char *network, const char *address,
		  mr_net_conn **listener)
{
	struct mri_net_list *list;
	bool any = address[0] == ':';
	int first = 0, rc = mri_net_lookup(ctx, network, address, true,
					   __builtin_return_address(0), &list);

	if (rc < 0)
		return rc;
	/* IPv6 before IPv4, which it includes. */
	for (int v6 = 1; v6 >= 0; v6--)
		for (int i = 0; i < list->n; i++) {
			if ((list->at[i].mr_family == AF_INET6) != v6)
				continue;
			rc = listen_at(&list->at[i], list->kind, any, listener);
			if (rc == 0) {
				free(list);
				return 0;
			}
			first = first ? first : rc;
		}
	free(list);
	return first;
}

/* ---------------------------------------------------------------- accept -- */

static int64_t call_accept(struct mri_fd_op *op, int fd)
{
	(void)op;
	return mri_net_call(accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/* The connection, not the listener, has gone wrong: accept(2). */
static bool is_of_one(int64_t rc)
{
	return rc == -ECONNABORTED || rc == -EINTR || rc == -EPROTO || rc == -EPERM ||
	       rc == -ENETDOWN || rc == -ENOPROTOOPT || rc == -EHOSTDOWN ||
	       rc == -ENONET || rc == -EHOSTUNREACH || rc == -ENETUNREACH;
}

int mri_net_pause(mr_context *ctx, int64_t *pause)
{
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = mr_ctx_done(ctx) },
		{ .op = MR_SELECT_TIMEOUT, .time = *pause },
	};

	*pause = 2 * *pause < LAST_PAUSE ? 2 * *pause : LAST_PAUSE;
	return mr_chan_select_n(cases, 2) == 0 ? mr_ctx_err(ctx) : 0;
}

static bool is_want_of_something(int64_t rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

int mr_net_accept(mr_context *ctx, mr_net_conn *listener, mr_net_conn **conn)
{
	struct mri_fd_ref ref = mri_net_ref(listener);
	int64_t pause = MRI_NET_PAUSE;

	if (!ref.s)
		return -EBADF;
	for (;;) {
		struct mri_fd_op op = { .call = call_accept };
		int64_t rc = mri_fd_do(ref, MRI_FD_READ, ctx, &op);

		if (rc >= 0)
			return mri_net_made((int)rc, op.kind, conn);
		if (is_want_of_something(rc)) {
			/* Somebody will give something back. */
			rc = mri_net_pause(ctx, &pause);
			if (rc < 0)
				return (int)rc;
		} else if (!is_of_one(rc)) {
			/* Closed while we paused, it is not open when we come back. */
			if (rc == -EBADF && pause > MRI_NET_PAUSE)
				rc = -ECANCELED;
			return (int)rc;
		}
	}
}

/* ------------------------------------------------------------ read, write -- */

ssize_t mr_net_read(mr_context *ctx, mr_net_conn *c, void *buf, size_t n)
{
	struct mri_fd_ref ref = mri_net_ref(c);

	return ref.s ? mri_fd_read(ref, ctx, buf, n) : -EBADF;
}

/* What is left to send. */
struct sending {
	struct mri_fd_op op;
	const struct iovec *iov;
	int niov;
	size_t skip; /* of the first piece */
	int file;
	int64_t offset;
	const mr_net_addr *to;
};

/* A datagram goes as a whole, also an empty one. */
static int64_t send_datagram(const struct sending *s, int fd)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)s->iov };
	int64_t put;

	msg.msg_iovlen = (size_t)s->niov;
	do {
		put = mri_net_call(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
	} while (put == -EINTR);
	return put;
}

static int64_t send_pieces(struct mri_fd_op *op, int fd)
{
	struct sending *s = container_of(op, struct sending, op);

	if (op->kind == MRI_OS_SOCKET)
		return send_datagram(s, fd);
	while (op->done < op->n) {
		struct iovec iov[PIECES];
		int n = s->niov < PIECES ? s->niov : PIECES;
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
		int64_t put;

		memcpy(iov, s->iov, (size_t)n * sizeof iov[0]);
		/* NOLINTNEXTLINE(clang-analyzer-core.*): what is left lies in a piece */
		iov[0].iov_base = (char *)iov[0].iov_base + s->skip;
		iov[0].iov_len -= s->skip;
		put = mri_net_call(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
		if (put == -EINTR)
			continue;
		if (put < 0)
			return put;
		op->done += (size_t)put;
		s->skip += (size_t)put;
		while (s->niov && s->skip >= s->iov->iov_len) {
			s->skip -= s->iov->iov_len;
			s->iov++;
			s->niov--;
		}
	}
	return (int64_t)op->done;
}

static int64_t send_file(struct mri_fd_op *op, int fd)
{
	struct sending *s = container_of(op, struct sending, op);

	while (op->done < op->n) {
		/* The disk is waited for on a thread of its own, as it were. */
		bool slow = !mri_os_fd_in_memory(s->file, s->offset);
		int64_t put;

		if (slow)
			mri_sched_block_begin();
		put = mri_os_fd_sendfile(fd, s->file, &s->offset, op->n - op->done);
		if (slow)
			mri_sched_block_end();
		if (put < 0)
			return put;
		if (put == 0)
			break;
		op->done += (size_t)put;
	}
	return (int64_t)op->done;
}

/* What has been sent before something went wrong counts. */
static ssize_t run(mr_context *ctx, mr_net_conn *c, struct mri_fd_op *op)
{
	struct mri_fd_ref ref = mri_net_ref(c);
	int64_t rc = ref.s ? mri_fd_do(ref, MRI_FD_WRITE, ctx, op) : -EBADF;

	return rc < 0 && op->done ? (ssize_t)op->done : rc;
}

ssize_t mr_net_write(mr_context *ctx, mr_net_conn *c, const void *buf, size_t n)
{
	struct mri_fd_ref ref = mri_net_ref(c);

	return ref.s ? mri_fd_writeall(ref, ctx, buf, n) : -EBADF;
}

ssize_t mr_net_writev(mr_context *ctx, mr_net_conn *c, const struct iovec *iov, int n)
{
	struct sending s = { .op.call = send_pieces, .iov = iov, .niov = n };

	for (int i = 0; i < n; i++)
		if (__builtin_add_overflow(s.op.n, iov[i].iov_len, &s.op.n))
			return -EINVAL;
	return n < 0 || s.op.n > SSIZE_MAX ? -EINVAL : run(ctx, c, &s.op);
}

ssize_t mr_net_sendfile(mr_context *ctx, mr_net_conn *c, int file, off_t offset, size_t n)
{
	struct sending s = { .op.call = send_file, .op.n = n, .file = file };

	s.offset = offset;
	return run(ctx, c, &s.op);
}

struct receiving {
	struct mri_fd_op op;
	mr_net_addr *from;
};

static int64_t receive_from(struct mri_fd_op *op, int fd)
{
	struct receiving *r = container_of(op, struct receiving, op);
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	int64_t rc;

	do {
		rc = mri_net_call(recvfrom(fd, op->buf, op->n, MSG_DONTWAIT,
					   (struct sockaddr *)(void *)&from, &size));
	} while (rc == -EINTR);
	if (rc >= 0 && r->from)
		*r->from = mri_net_addr(&from, size);
	return rc;
}

ssize_t mr_net_readfrom(mr_context *ctx, mr_net_conn *c, void *buf, size_t n,
			mr_net_addr *from)
{
	struct mri_fd_ref ref = mri_net_ref(c);
	struct receiving r = { .op.call = receive_from, .op.buf = buf, .op.n = n };

	r.from = from;
	return ref.s ? mri_fd_do(ref, MRI_FD_READ, ctx, &r.op) : -EBADF;
}

static int64_t send_to(struct mri_fd_op *op, int fd)
{
	struct sending *s = container_of(op, struct sending, op);
	int64_t rc;

	do {
		rc = mri_net_call(sendto(fd, op->buf, op->n, MSG_DONTWAIT | MSG_NOSIGNAL,
					 mri_net_sockaddr(s->to), s->to->mr_size));
	} while (rc == -EINTR);
	return rc;
}

ssize_t mr_net_writeto(mr_context *ctx, mr_net_conn *c, const void *buf, size_t n,
		       const mr_net_addr *to)
{
	struct sending s = { .op.call = send_to, .op.n = n, .to = to };

	s.op.buf = (void *)(uintptr_t)buf;
	return run(ctx, c, &s.op);
}

/* ------------------------------------------------------------- the rest -- */

int mr_net_close(mr_net_conn *c)
{
	struct mri_fd_ref ref = mri_net_ref(c);
	struct sockaddr_un un = { 0 };
	socklen_t size = sizeof un;
	int fd = mr_net_fd(c), rc;

	if (fd < 0 || !ref.s)
		return -EBADF;
	if (!ref.s->listens ||
	    mri_net_call(getsockname(fd, (struct sockaddr *)&un, &size)) < 0 ||
	    un.sun_family != AF_UNIX)
		un.sun_path[0] = '\0';
	rc = mri_fd_close(ref);
	if (rc == 0 && un.sun_path[0] && size < sizeof un)
		mri_net_call(unlink(un.sun_path));
	return rc == -EBADF ? rc : 0;
}

int mr_net_close_write(mr_context *ctx, mr_net_conn *c)
{
	struct mri_fd_ref ref = mri_net_ref(c);
	int rc = ref.s ? mri_fd_begin(ref, MRI_FD_WRITE, ctx) : -EBADF;

	if (rc < 0)
		return rc;
	rc = (int)mri_net_call(shutdown(ref.s->fd, SHUT_WR));
	mri_fd_end(ref, MRI_FD_WRITE);
	return rc;
}

int mr_net_set_read_deadline(mr_net_conn *c, int64_t when)
{
	struct mri_fd_ref ref = mri_net_ref(c);

	return ref.s ? mri_fd_set_deadline(ref, MRI_FD_READ, when) : -EBADF;
}

int mr_net_set_write_deadline(mr_net_conn *c, int64_t when)
{
	struct mri_fd_ref ref = mri_net_ref(c);

	return ref.s ? mri_fd_set_deadline(ref, MRI_FD_WRITE, when) : -EBADF;
}

int mr_net_set_deadline(mr_net_conn *c, int64_t when)
{
	int rc = mr_net_set_read_deadline(c, when);

	return rc < 0 ? rc : mr_net_set_write_deadline(c, when);
}

int mr_net_fd(mr_net_conn *c)
{
	struct mri_fd_ref ref = mri_net_ref(c);
	int fd = -EBADF;

	if (!ref.s)
		return fd;
	mri_lock_take(&ref.s->lock);
	if (ref.s->state == MRI_FD_OPEN && ref.s->seq == ref.seq)
		fd = ref.s->fd;
	mri_lock_drop(&ref.s->lock);
	return fd;
}

static int name(mr_net_conn *c, int (*get)(int, struct sockaddr *, socklen_t *),
		char *text, size_t n)
{
	struct sockaddr_storage at;
	socklen_t size = sizeof at;
	int fd = mr_net_fd(c);
	int rc = fd < 0 ? fd
			: (int)mri_net_call(
				  get(fd, (struct sockaddr *)(void *)&at, &size));
	mr_net_addr a = { 0 };

	if (rc >= 0)
		a = mri_net_addr(&at, size);
	mr_net_text(&a, text, n);
	return rc;
}

static int get_local(int fd, struct sockaddr *at, socklen_t *size)
{
	return getsockname(fd, at, size);
}
static int get_peer(int fd, struct sockaddr *at, socklen_t *size)
{
	return getpeername(fd, at, size);
}

int mr_net_local(mr_net_conn *c, char *text, size_t n)
{
	return name(c, get_local, text, n);
}
int mr_net_peer(mr_net_conn *c, char *text, size_t n)
{
	return name(c, get_peer, text, n);
}
