/* ring_uring.c - os.h's reads of files meanwhile, by io_uring.
 *
 * One ring, with an eventfd among those that epoll watches: edge-triggered, so nobody
 * ever reads it. A request is handed to the kernel at once, so the queue of requests
 * never holds more than one. What the kernel does then and there is no news for the
 * poller. */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "os/linux.h"
#include "os/os.h"
#include <linux/io_uring.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* Linux 5.6: read, at the file's own position. */
enum { FEATURES = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS };
enum { REQUESTS = 1 };
/* More than that in one go read(2) does not take either. */
enum { MOST = 0x7ffff000 };

static struct {
	int fd, news;
	/* atomic, all: shared with the kernel */
	uint32_t *sq_tail, *cq_head, *cq_tail, *cq_flags;
	uint32_t sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

#if defined(MRI_ASAN) || defined(MRI_TSAN) || defined(MRI_RACE) || defined(MRI_VALGRIND)
enum { TOOL_SEES_CALLS_ONLY = 1 };
#else
enum { TOOL_SEES_CALLS_ONLY = 0 };
#endif

static void *map(size_t size, uint64_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       ring.fd, (off_t)what);

	return p == MAP_FAILED ? NULL : p;
}

static bool map_ring(const struct io_uring_params *p)
{
	char *shared = map(p->cq_off.cqes + p->cq_entries * sizeof *ring.cqes,
			   IORING_OFF_SQ_RING);

	ring.sqes = map(p->sq_entries * sizeof *ring.sqes, IORING_OFF_SQES);
	if (!shared || !ring.sqes)
		return false;
	ring.sq_tail = (uint32_t *)(void *)(shared + p->sq_off.tail);
	ring.sq_mask = p->sq_entries - 1;
	ring.cq_head = (uint32_t *)(void *)(shared + p->cq_off.head);
	ring.cq_tail = (uint32_t *)(void *)(shared + p->cq_off.tail);
	ring.cq_flags = (uint32_t *)(void *)(shared + p->cq_off.flags);
	ring.cq_mask = p->cq_entries - 1;
	ring.cqes = (struct io_uring_cqe *)(void *)(shared + p->cq_off.cqes);
	for (uint32_t i = 0; i < p->sq_entries; i++)
		((uint32_t *)(void *)(shared + p->sq_off.array))[i] = i;
	return true;
}

bool mri_os_ring_open(uint64_t tag)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE };

	if (TOOL_SEES_CALLS_ONLY)
		return false;
	p.cq_entries = MRI_OS_RING_SIZE;
	ring.fd = (int)linux_call(SYS_io_uring_setup, REQUESTS, &p);
	if (ring.fd < 0)
		return false;
	ring.news = (int)linux_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((p.features & FEATURES) == FEATURES && p.cq_off.flags && ring.news >= 0 &&
	    linux_call(SYS_io_uring_register, ring.fd, IORING_REGISTER_EVENTFD,
		       &ring.news, 1) == 0 &&
	    map_ring(&p) && mri_os_poll_add(ring.news, tag) == 0)
		return true;
	/* What has been mapped stays: once, and it is small. */
	linux_call(SYS_close, ring.fd);
	if (ring.news >= 0)
		linux_call(SYS_close, ring.news);
	return false;
}

static bool submit(void)
{
	bool taken;

	/* Relaxed, both: this thread's own call is what they are for. An end of another's
	 * meanwhile is seen by who asks after the call. */
	atomic_set(ring.cq_flags, IORING_CQ_EVENTFD_DISABLED, relaxed);
	taken = linux_call(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0) == 1;
	/* U4: seq_cst fence: the flag before the look into the queue that follows. */
	atomic_set(ring.cq_flags, 0u, relaxed);
	atomic_fence(seq_cst);
	return taken;
}

int mri_os_ring_read(int fd, void *buf, size_t n, uint64_t tag)
{
	uint32_t tail = *ring.sq_tail;
	struct io_uring_sqe *e = &ring.sqes[tail & ring.sq_mask];

	*e = (struct io_uring_sqe){
		.opcode = IORING_OP_READ,
		.fd = fd,
		.off = UINT64_MAX,
		.addr = (uint64_t)(uintptr_t)buf,
		.len = n < MOST ? (uint32_t)n : MOST,
		.user_data = tag,
	};
	/* U1: release, for the kernel's acquire. */
	atomic_set(ring.sq_tail, tail + 1, release);
	if (submit())
		return 0;
	/* Relaxed: the kernel looks at it in that call only. */
	atomic_set(ring.sq_tail, tail, relaxed);
	return -EAGAIN;
}

bool mri_os_ring_next(uint64_t *tag, int64_t *result)
{
	uint32_t head = *ring.cq_head;
	struct io_uring_cqe *e = &ring.cqes[head & ring.cq_mask];

	/* U2: acquire, for the kernel's release. */
	if (head == atomic_get(ring.cq_tail, acquire))
		return false;
	*tag = e->user_data;
	*result = e->res;
	/* U3: release, for the kernel's acquire: *e may be overwritten. */
	atomic_set(ring.cq_head, head + 1, release);
	return true;
}
