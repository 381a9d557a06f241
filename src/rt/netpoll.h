/* netpoll.h - goroutines that wait for descriptors.
 *
 * Each descriptor that is waited for has a slot, found by its number, that is never
 * freed. A slot has two sides, for reading and for writing. Whoever wants to do something
 * on a side first gets its turn, so that reads do not share bytes out and writes do not
 * mix; the one whose turn it is tries, and parks until the side is ready if it has to. So
 * at most one per side waits for readiness. std/fd.c has these waits, and what ends them.
 *
 * `seq` is another whenever the number has been given up: who held the old one, and what
 * the kernel still says of it, is told apart by that. */
#ifndef MRI_RT_NETPOLL_H
#define MRI_RT_NETPOLL_H
#include "os/os.h"
#include "rt/rt.h"

enum mri_fd_way { MRI_FD_READ, MRI_FD_WRITE };

/* On the stack of who waits. */
struct mri_fd_waiter {
	struct mri_fd_waiter *next;
	struct g *g;
	bool queued; /* for its turn; by the slot's lock */
	int err;     /* 0: go on; by the waker */
};
struct mri_fd_side {
	bool ready;                   /* atomic: may be tried */
	bool busy;                    /* it is somebody's turn */
	bool expired;                 /* its deadline has passed */
	bool armed;                   /* timer has been started, for `fires` */
	struct mri_fd_waiter *waiter; /* atomic: whose turn it is, if it has parked */
	struct mri_fd_waiter *first;  /* who waits for a turn */
};
/* What is rarely needed of a side. */
struct mri_fd_rest {
	struct mri_fd_waiter *last;
	int64_t deadline, fires;      /* monotonic ns; 0: none */
	struct mri_timer timer;
};
enum mri_fd_state { MRI_FD_FREE, MRI_FD_OPEN, MRI_FD_CLOSING };
/* All that a read or a write needs is in one cache line: with many descriptors it is not
 * there yet, each time. All by lock. */
struct mri_fd {
	struct mri_lock lock;
	int fd;
	uint32_t seq;
	uint8_t state; /* enum mri_fd_state */
	uint8_t kind;  /* atomic: enum mri_os_kind */
	bool listens;
	bool hup;      /* atomic: what is ready stays so */
	struct mri_fd_side side[2];

	struct g *closer; /* waits until no side is busy */
	struct mri_fd_rest rest[2];
} cacheline;

/* The slot of a descriptor, made if need be, in *slot. 0; -ENOMEM; -EBADF: fd is negative
 * or larger than any. The first call starts netpoll, and may fail as epoll_create(2). */
int mri_netpoll_slot(int fd, struct mri_fd **slot);
/* The same, but NULL if it was never made. */
struct mri_fd *mri_netpoll_find(int fd);
/* The descriptor whose slot is at this address, or -1. Async-signal-safe. */
int mri_netpoll_number(const void *at);
/* s->lock held: have the kernel watch it, as s->seq. As mri_os_poll_add(). */
int mri_netpoll_watch(struct mri_fd *s);

/* s->lock held: who waits until this side is ready goes on; if err, which is why, so do
 * those who wait for their turn. Returns list with them put in front, chained by g->link,
 * for mri_sched_ready_all(). */
struct g *mri_netpoll_wake_side(struct mri_fd *s, enum mri_fd_way way, int err,
				struct g *list);
/* s->lock held: w, which is on no queue, goes on, unless something else was faster. */
struct g *mri_netpoll_wake(struct mri_fd_waiter *w, int err, struct g *list);

/* How many are parked until ready: only they need anybody to poll. By who parks. */
void mri_netpoll_count(int n);
bool mri_netpoll_wanted(void); /* are there any; a hint */

/* Those whose descriptors are ready by now, chained, for mri_sched_ready_all(). Does not
 * wait. Only if some are wanted. */
struct g *mri_netpoll_look(void);
/* As long as none is, wait until `deadline` (0: none) or mri_os_poll_wake(); NULL also
 * for no reason. One M at a time, mri_sched.poller. */
struct g *mri_netpoll_wait(int64_t deadline);
bool mri_netpoll_is_open(void);     /* there have been descriptors */
bool mri_netpoll_late(int64_t now); /* some wait, and nobody has looked for long */
#endif
