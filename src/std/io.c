/* io.c - the user's own descriptors. */
#include "millrace/io.h"
#include "std/fd.h"

static int use(int fd, struct mri_fd_ref *ref)
{
	mri_init_check_fork();
	return mri_fd_use(fd, ref);
}

ssize_t mr_io_read(mr_context *ctx, int fd, void *buf, size_t n)
{
	struct mri_fd_ref ref;
	int rc = use(fd, &ref);

	return rc < 0 ? rc : mri_fd_read(ref, ctx, buf, n);
}

ssize_t mr_io_write(mr_context *ctx, int fd, const void *buf, size_t n)
{
	struct mri_fd_ref ref;
	int rc = use(fd, &ref);

	return rc < 0 ? rc : mri_fd_write(ref, ctx, buf, n);
}

ssize_t mr_io_readfull(mr_context *ctx, int fd, void *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t rc = mr_io_read(ctx, fd, (char *)buf + got, n - got);

		if (rc <= 0)
			return got ? (ssize_t)got : rc;
		got += (size_t)rc;
	}
	return (ssize_t)got;
}

ssize_t mr_io_writeall(mr_context *ctx, int fd, const void *buf, size_t n)
{
	size_t put = 0;

	while (put < n) {
		ssize_t rc = mr_io_write(ctx, fd, (const char *)buf + put, n - put);

		if (rc < 0)
			return put ? (ssize_t)put : rc;
		put += (size_t)rc;
	}
	return (ssize_t)put;
}

/* Those of `ways` on which it is the caller's turn, in this order, or none. */
static int begin(struct mri_fd_ref ref, unsigned ways, mr_context *ctx)
{
	int rc = 0;

	if (ways & MR_IO_IN)
		rc = mri_fd_begin(ref, MRI_FD_READ, ctx);
	if (rc == 0 && (ways & MR_IO_OUT)) {
		rc = mri_fd_begin(ref, MRI_FD_WRITE, ctx);
		if (rc < 0 && (ways & MR_IO_IN))
			mri_fd_end(ref, MRI_FD_READ);
	}
	return rc;
}

_Static_assert((int)MR_IO_IN == 1 << MRI_FD_READ && (int)MR_IO_IN == MRI_OS_IN,
	       "the same bit");
_Static_assert((int)MR_IO_OUT == 1 << MRI_FD_WRITE && (int)MR_IO_OUT == MRI_OS_OUT,
	       "the same bit");

int mr_io_wait(mr_context *ctx, int fd, int what)
{
	struct mri_fd_ref ref;
	int rc = use(fd, &ref);

	if (what <= 0 || what > (MR_IO_IN | MR_IO_OUT))
		mri_panic("io: wait for nothing");
	if (rc < 0)
		return rc;
	rc = begin(ref, (unsigned)what, ctx);
	if (rc < 0)
		return rc;
	for (;;) {
		/* Relaxed: as in mri_fd_do(). */
		for (int way = 0; way < 2; way++)
			if (what & 1 << way)
				atomic_set(&ref.s->side[way].ready, false, relaxed);
		/* Relaxed: as in fd.c. */
		rc = atomic_get(&ref.s->kind, relaxed) == MRI_OS_FILE ?
			     what :
			     mri_os_fd_ready(fd, what);
		if (rc != 0)
			break;
		rc = mri_fd_wait(ref, (unsigned)what, ctx);
		if (rc < 0)
			break;
	}
	for (int way = 0; way < 2; way++) {
		if (!(what & 1 << way))
			continue;
		atomic_set(&ref.s->side[way].ready, true,
			   relaxed); /* relaxed: as above */
		mri_fd_end(ref, way);
	}
	return rc;
}

int mr_io_close(int fd)
{
	struct mri_fd *s = mri_netpoll_find(fd);

	mri_init_check_fork();
	return s ? mri_fd_close((struct mri_fd_ref){ s, 0 }) : mri_os_fd_close(fd);
}
