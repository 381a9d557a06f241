/* poll_epoll.c - os.h's readiness by epoll: edge-triggered, with an eventfd to wake it;
 * and sets, level-triggered. */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "os/linux.h"
#include "os/os.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

enum { MAX = 128, SET_MAX = 8 };
enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, SLICE = 20 * NS_PER_MS };
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
static const uint64_t WAKE = UINT64_MAX; /* the eventfd's tag */

static int poll_fd = -1, wake_fd = -1;
static uint32_t no_pwait2; /* atomic: before Linux 5.11 */

int mri_os_poll_open(void)
{
	/* Level-triggered: a look of somebody else's does not take it away. */
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = WAKE };
	int rc;

	poll_fd = (int)linux_call(SYS_epoll_create1, EPOLL_CLOEXEC);
	if (poll_fd < 0)
		return poll_fd;
	wake_fd = (int)linux_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = wake_fd < 0 ? wake_fd
			 : (int)linux_call(SYS_epoll_ctl, poll_fd, EPOLL_CTL_ADD, wake_fd,
					   &e);
	if (rc < 0) {
		linux_call(SYS_close, poll_fd);
		if (wake_fd >= 0)
			linux_call(SYS_close, wake_fd);
	}
	return rc;
}

int mri_os_poll_add(int fd, uint64_t tag)
{
	struct epoll_event e = { .data.u64 = tag };

	e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	return (int)linux_call(SYS_epoll_ctl, poll_fd, EPOLL_CTL_ADD, fd, &e);
}

int mri_os_poll_remove(int fd)
{
	struct epoll_event e = { 0 };

	return (int)linux_call(SYS_epoll_ctl, poll_fd, EPOLL_CTL_DEL, fd, &e);
}

/* NULL: for ever. */
static int epoll(struct epoll_event *e, int max, const struct timespec *t)
{
	int64_t ms;

	if (t && t->tv_sec == 0 && t->tv_nsec == 0)
		return (int)linux_call(SYS_epoll_pwait, poll_fd, e, max, 0, NULL, 8);
	/* Relaxed: whoever does not know yet finds out. */
	if (likely(!atomic_get(&no_pwait2, relaxed))) {
		int n = (int)linux_call(SYS_epoll_pwait2, poll_fd, e, max, t, NULL, 8);

		if (n != -ENOSYS)
			return n;
		atomic_set(&no_pwait2, 1u, relaxed); /* relaxed: as above */
	}
	if (!t)
		return (int)linux_call(SYS_epoll_pwait, poll_fd, e, max, -1, NULL, 8);
	ms = t->tv_sec * 1000 + (t->tv_nsec + NS_PER_MS - 1) / NS_PER_MS;
	return (int)linux_call(SYS_epoll_pwait, poll_fd, e, max,
			       ms < INT32_MAX ? ms : INT32_MAX, NULL, 8);
}

static uint32_t what(uint32_t e)
{
	uint32_t all = e & (EPOLLHUP | EPOLLERR) ? MRI_OS_IN | MRI_OS_OUT : 0;

	return all | (e & (EPOLLIN | EPOLLRDHUP) ? MRI_OS_IN : 0) |
	       (e & EPOLLOUT ? MRI_OS_OUT : 0) |
	       (e & (EPOLLHUP | EPOLLERR | EPOLLRDHUP) ? MRI_OS_HUP : 0);
}

int mri_os_poll_wait(struct mri_os_event *events, int max, int64_t deadline)
{
	struct epoll_event e[MAX];
	struct timespec t = { 0 };
	bool woken = false;
	int n, found = 0;

#if defined(MRI_TSAN) || defined(MRI_RACE)
	/* In slices, as mri_os_futex_wait(). */
	if (deadline == 0 || deadline > mri_os_now() + SLICE)
		deadline = mri_os_now() + SLICE;
#endif
	if (deadline > 0) {
		int64_t left = deadline - mri_os_now();

		left = left > 0 ? left : 0;
		t = (struct timespec){ left / NS_PER_S, left % NS_PER_S };
	}
	n = epoll(e, max < MAX ? max : MAX, deadline ? &t : NULL);
	for (int i = 0; i < n; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.*): the kernel has written it */
		if (e[i].data.u64 == WAKE)
			woken = true;
		else
			events[found++] =
				(struct mri_os_event){ e[i].data.u64, what(e[i].events) };
	if (woken && deadline >= 0) {
		uint64_t count;

		linux_call(SYS_read, wake_fd, &count, sizeof count);
	}
	return n < 0 ? n : found;
}

void mri_os_poll_wake(void)
{
	uint64_t one = 1;

	linux_call(SYS_write, wake_fd, &one, sizeof one);
}

/* ----------------------------------------------------------------- sets -- */

int mri_os_set_open(void)
{
	return (int)linux_call(SYS_epoll_create1, EPOLL_CLOEXEC);
}

int mri_os_set_watch(int set, int fd, int what)
{
	struct epoll_event e = { .data.fd = fd };
	int rc;

	if (what == 0)
		return (int)linux_call(SYS_epoll_ctl, set, EPOLL_CTL_DEL, fd, &e);
	e.events = (what & MRI_OS_IN ? EPOLLIN : 0) | (what & MRI_OS_OUT ? EPOLLOUT : 0);
	rc = (int)linux_call(SYS_epoll_ctl, set, EPOLL_CTL_MOD, fd, &e);
	return rc == -ENOENT ? (int)linux_call(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, &e)
			     : rc;
}

int mri_os_set_ready(int set, struct mri_os_ready *ready, int max)
{
	struct epoll_event e[SET_MAX] = { 0 };
	int n = (int)linux_call(SYS_epoll_pwait, set, e, max < SET_MAX ? max : SET_MAX, 0,
				NULL, 8);

	for (int i = 0; i < n; i++) {
		ready[i].fd = e[i].data.fd;
		ready[i].what = (int)(what(e[i].events) & (MRI_OS_IN | MRI_OS_OUT));
	}
	return n;
}
