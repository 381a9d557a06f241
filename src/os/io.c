/* io.c - os.h's calls on descriptors. As all of os.h they leave errno alone, and read it
 * on the thread whose it is: nothing here can park. */
#define _GNU_SOURCE
#include "os/linux.h"
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What POSIX lets a pipe take at once, if it is ready at all. */
enum { PIECE = 4096 };

int mri_os_fd_kind(int fd)
{
	int saved = errno, type = 0, rc = MRI_OS_PIPE;
	socklen_t size = sizeof type;
	struct stat st;

	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (S_ISSOCK(st.st_mode))
		rc = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
				     type == SOCK_STREAM
			     ? MRI_OS_STREAM
			     : MRI_OS_SOCKET;
	else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		rc = MRI_OS_FILE;
	errno = saved;
	return rc;
}

int mri_os_fd_ready(int fd, int what)
{
	struct pollfd p = { .fd = fd };
	int saved = errno, n;

	p.events = (short)((what & MRI_OS_IN ? POLLIN : 0) |
			   (what & MRI_OS_OUT ? POLLOUT : 0));
	do {
		n = poll(&p, 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		n = -errno;
	else if (p.revents & (POLLERR | POLLHUP | POLLNVAL))
		n = what;
	else
		n = (p.revents & POLLIN ? MRI_OS_IN : 0) |
		    (p.revents & POLLOUT ? MRI_OS_OUT : 0);
	errno = saved;
	return n;
}

/* Would read or write block? Others' descriptors stay as they are: a terminal that was
 * made O_NONBLOCK would be so for the shell. False also for what fails at once. */
static bool may_block(int fd, int wrong_mode)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != wrong_mode;
}

/* recv(2) and send(2) that do not wait. Where no tool must see them they go past libc's,
 * which make each call a point where the thread can be cancelled: two locked
 * operations. */
#if defined(MRI_ASAN) || defined(MRI_TSAN) || defined(MRI_RACE)
static int64_t receive(int fd, void *buf, size_t n)
{
	int saved = errno;
	int64_t got = recv(fd, buf, n, MSG_DONTWAIT);

	if (got < 0)
		got = -errno;
	errno = saved;
	return got;
}
static int64_t transmit(int fd, const void *buf, size_t n)
{
	int saved = errno;
	int64_t put = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (put < 0)
		put = -errno;
	errno = saved;
	return put;
}
#else
static int64_t receive(int fd, void *buf, size_t n)
{
	return linux_call(SYS_recvfrom, fd, buf, n, MSG_DONTWAIT);
}
static int64_t transmit(int fd, const void *buf, size_t n)
{
	return linux_call(SYS_sendto, fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}
#endif

static bool is_socket(enum mri_os_kind kind)
{
	return kind == MRI_OS_STREAM || kind == MRI_OS_SOCKET;
}

static int64_t read_other(int fd, enum mri_os_kind kind, void *buf, size_t n)
{
	int saved = errno;
	int64_t got;

	do {
		if (kind == MRI_OS_PIPE && may_block(fd, O_WRONLY) &&
		    mri_os_fd_ready(fd, MRI_OS_IN) == 0)
			got = -1, errno = EAGAIN;
		else
			got = read(fd, buf, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		got = -errno;
	errno = saved;
	return got;
}

int64_t mri_os_fd_read(int fd, enum mri_os_kind kind, void *buf, size_t n)
{
	int64_t got;

	if (!is_socket(kind))
		return read_other(fd, kind, buf, n);
	do {
		got = receive(fd, buf, n);
	} while (got == -EINTR);
	return got;
}

int64_t mri_os_fd_read_cached(int fd, void *buf, size_t n)
{
	struct iovec iov = { buf, n };
	int saved = errno;
	/* -1: from where the file is, which moves. */
	int64_t got = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	if (got < 0)
		got = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL ||
				      errno == EINTR || errno == ESPIPE ?
			      -EAGAIN :
			      -errno;
	errno = saved;
	return got;
}

bool mri_os_fd_in_memory(int fd, int64_t at)
{
	char c;
	struct iovec iov = { &c, 1 };
	int saved = errno;
	bool is = preadv2(fd, &iov, 1, at, RWF_NOWAIT) >= 0;

	errno = saved;
	return is;
}

/* SIGPIPE is this thread's own: kept back, and taken away if it came from here. */
struct quiet {
	sigset_t pipe, old;
	bool before; /* one was pending already */
};

static void quiet_begin(struct quiet *q)
{
	sigset_t pending;

	sigemptyset(&q->pipe);
	sigaddset(&q->pipe, SIGPIPE);
	sigpending(&pending);
	q->before = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &q->pipe, &q->old);
}

/* Leaves errno alone, which is put's. */
static void quiet_end(struct quiet *q, int64_t put)
{
	static const struct timespec now;
	int err = errno;

	if (put < 0 && err == EPIPE && !q->before)
		while (sigtimedwait(&q->pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &q->old, NULL);
	errno = err;
}

static int64_t write_quietly(int fd, const void *buf, size_t n)
{
	struct quiet q;
	int64_t put;

	quiet_begin(&q);
	put = write(fd, buf, n);
	quiet_end(&q, put);
	return put;
}

static int64_t write_other(int fd, enum mri_os_kind kind, const void *buf, size_t n)
{
	int saved = errno;
	int64_t put;

	do {
		if (kind == MRI_OS_FILE) {
			put = write(fd, buf, n);
		} else {
			if (may_block(fd, O_RDONLY)) {
				if (mri_os_fd_ready(fd, MRI_OS_OUT) == 0) {
					put = -1, errno = EAGAIN;
					break;
				}
				n = n < PIECE ? n : PIECE;
			}
			put = write_quietly(fd, buf, n);
		}
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		put = -errno;
	errno = saved;
	return put;
}

int64_t mri_os_fd_write(int fd, enum mri_os_kind kind, const void *buf, size_t n)
{
	int64_t put;

	if (!is_socket(kind))
		return write_other(fd, kind, buf, n);
	do {
		put = transmit(fd, buf, n);
	} while (put == -EINTR);
	return put;
}

int64_t mri_os_fd_sendfile(int fd, int file, int64_t *offset, size_t n)
{
	off_t at = *offset;
	int saved = errno;
	struct quiet q;
	int64_t put;

	quiet_begin(&q);
	do {
		put = sendfile(fd, file, &at, n);
	} while (put < 0 && errno == EINTR);
	quiet_end(&q, put);
	if (put < 0)
		put = -errno;
	*offset = at;
	errno = saved;
	return put;
}

/* Linux has let go of fd whatever close() says. */
int mri_os_fd_close(int fd)
{
	int saved = errno, rc = close(fd) < 0 && errno != EINTR ? -errno : 0;

	errno = saved;
	return rc;
}
