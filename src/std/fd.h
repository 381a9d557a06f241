/* fd.h - operations on a descriptor: whose turn it is, waiting until it is ready, and
 * what ends a wait early: the context, a deadline, a close. All results are 0 or a
 * negative errno code: what mr_ctx_err() says of ctx; -ETIMEDOUT, a deadline; -ECANCELED,
 * closed meanwhile; -EBADF, not open, or closed before. */
#ifndef MRI_STD_FD_H
#define MRI_STD_FD_H
#include "millrace/context.h"
#include "rt/netpoll.h"

/* An open descriptor: what the library made or accepted, by the seq that open returned;
 * or the user's own, any seq. */
struct mri_fd_ref {
	struct mri_fd *s;
	uint32_t seq; /* 0: any */
};

/* fd has just been made; in *ref. Fails only with -ENOMEM, or as epoll does. */
int mri_fd_open(int fd, enum mri_os_kind kind, struct mri_fd_ref *ref);
/* The user's fd, which may have been used before; in *ref. */
int mri_fd_use(int fd, struct mri_fd_ref *ref);
/* End all that is under way, wait for it to be gone, and close it. The user's own that
 * has not been used since it was opened is just closed. */
int mri_fd_close(struct mri_fd_ref ref);

/* The caller's turn on a side, until mri_fd_end(). */
int mri_fd_begin(struct mri_fd_ref ref, enum mri_fd_way way, mr_context *ctx);
void mri_fd_end(struct mri_fd_ref ref, enum mri_fd_way way);
/* In one's turn on all ways (1 << MRI_FD_READ, ...): wait until one of them is ready. */
int mri_fd_wait(struct mri_fd_ref ref, unsigned ways, mr_context *ctx);
/* When operations on a side fail with -ETIMEDOUT, monotonic ns; 0: never. */
int mri_fd_set_deadline(struct mri_fd_ref ref, enum mri_fd_way way, int64_t when);

/* Something done in one's turn on a side, as soon as it does not say -EAGAIN. */
struct mri_fd_op {
	int64_t (*call)(struct mri_fd_op *op, int fd);
	/* A read of a file into buf if it takes no time, or -EAGAIN. NULL: no read. */
	int64_t (*call_cached)(struct mri_fd_op *op, int fd);
	void *buf;
	size_t n, done;
	enum mri_os_kind kind; /* of the descriptor; set before the call */
	bool drained;          /* by call: there is no more, until the kernel says so */
};
int64_t mri_fd_do(struct mri_fd_ref ref, enum mri_fd_way way, mr_context *ctx,
		  struct mri_fd_op *op);

/* One transfer, of one byte or more if n is not 0. 0: the end. */
int64_t mri_fd_read(struct mri_fd_ref ref, mr_context *ctx, void *buf, size_t n);
int64_t mri_fd_write(struct mri_fd_ref ref, mr_context *ctx, const void *buf, size_t n);
/* All of it, in one turn; a datagram at once. How many bytes, fewer than n if something
 * went wrong after some. */
int64_t mri_fd_writeall(struct mri_fd_ref ref, mr_context *ctx, const void *buf,
			size_t n);
#endif
