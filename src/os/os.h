/* os.h - what the operating system must provide. linux.c implements it.
 *
 * Nothing here knows goroutines or calls up. Unless said otherwise a function
 * returns 0 or a negative errno code and never touches the caller's errno. */
#ifndef MRI_OS_OS_H
#define MRI_OS_OS_H
#include "base/attr.h"
#include <signal.h>
#include <spawn.h>

/* ---- waiting ---- */
/* Sleep while *word == seen, until a wake, a signal or `deadline` (monotonic ns; 0:
 * none; one in the past does not sleep). 0 when woken, maybe for no reason; -EAGAIN
 * when *word differs; -ETIMEDOUT; -EINTR (a handler installed with SA_RESTART ends
 * only a wait with a deadline); -EFAULT when word is not readable memory.
 * Any address may be woken, mapped or not: a wake never touches the memory. Safe in
 * a signal handler. */
int mri_os_futex_wait(uint32_t *word, uint32_t seen, int64_t deadline);
void mri_os_futex_wake(uint32_t *word, int n);
int64_t mri_os_now(void);                       /* monotonic, ns; never 0 */
uint64_t mri_os_random(void);                   /* cannot be guessed from outside */
void mri_os_thread_yield(void);

/* ---- threads ---- */
/* Start fn(arg) on a detached thread. Its signal mask is that of the thread that
 * started the first one, without the synchronous signals (SIGSEGV SIGBUS SIGFPE
 * SIGILL SIGTRAP SIGSYS), which would kill silently: a goroutine may run on any
 * thread, so which signals it sees must not depend on the thread. No handler runs
 * on the new thread before that mask is set.
 *
 * stack_size: bytes usable, beyond what libc takes for thread-local variables; 0: the
 * default, 256 KiB (1 MiB under a sanitizer). -EAGAIN or -ENOMEM: no thread. */
int mri_os_thread_start(void *(*fn)(void *), void *arg, size_t stack_size);
/* gettid, cached per thread; a forked child has its own */
int mri_os_tid(void);
bool mri_os_is_main_thread(void);
/* The calling thread's stack [*lo, *hi), guard excluded. Of the main thread: as far
 * as it may grow. Needs /proc there, else a negative code. */
int mri_os_thread_stack(void **lo, void **hi);
/* Send a thread of this process a signal. Async-signal-safe. */
int mri_os_thread_signal(int tid, int sig);
/* sigaction(2), sa not NULL, for handlers that are no_tsan and call only what is. TSan
 * would keep a signal back until the goroutine that it interrupted next makes a call that
 * TSan has seen to; if it has ended by then, for ever. Of these TSan knows nothing. */
struct sigaction;
int mri_os_sigaction(int sig, const struct sigaction *sa, struct sigaction *old);
/* CPU time used by a thread of this process, ns; negative errno if it is gone. */
int64_t mri_os_thread_cpu(int tid);
/* 'R' running or runnable, 'S' sleeping, 'D' ...: the letter of /proc; '?' unknown */
char mri_os_thread_state(int tid);
/* Threads of this process that are not ours: all tasks less the n tids given, a
 * tool's own thread (TSan, qemu-user), the kernel's io_uring workers and zombies (a
 * main thread after pthread_exit). Threads that start or end meanwhile may be missed or
 * counted. Negative errno if /proc cannot be read. */
int mri_os_foreign_threads(const int *ours, int n);
/* Give the thread an alternate signal stack of 64 KiB and a guard page. A usable one
 * that it already has is kept, then *mem is NULL. Free it, on the same thread; NULL
 * is allowed. */
int mri_os_sigstack_set(void **mem);
void mri_os_sigstack_free(void *mem);
/* Processors that the calling thread may use: min(its affinity, ceil(the least cgroup
 * v1 or v2 quota)), >= 1. Allocates. */
int mri_os_cpus(void);
/* membarrier(PRIVATE_EXPEDITED): register once; false where missing */
bool mri_os_membarrier_init(void);
void mri_os_membarrier(void);
/* Restartable sequences (arch/restart.h): the `area` of each thread, or 0 where there are
 * none or they cannot be interrupted. */
ptrdiff_t mri_os_restart_init(void);
/* membarrier() that also interrupts whoever is in one; false if the kernel refuses. */
bool mri_os_restart_all(void);

/* ---- memory ---- */
/* Reserve size bytes, readable and writable, lazily committed, not counted against
 * overcommit, no huge pages, aligned to `align` (a power of two). NULL: out of
 * memory. */
void *mri_os_map(size_t size, size_t align);
void mri_os_unmap(void *p, size_t size);
/* Make [p, p + size) inaccessible without splitting the mapping (MADV_GUARD_INSTALL);
 * -EINVAL where the kernel cannot or the memory is locked, or an emulator only
 * pretends. Undone by mri_os_remap, not by mri_os_release. */
int mri_os_guard(void *p, size_t size);
/* n of them (at most MRI_OS_GUARDS), each stride bytes after the one before, in one call:
 * a third cheaper. Where mri_os_guard has just worked; a negative errno where the kernel
 * has no such call (before 6.14), or some could not be had: take them one by one. */
enum { MRI_OS_GUARDS = 16 };
int mri_os_guard_each(void *p, size_t size, size_t stride, int n);
/* The fallback: mprotect(PROT_NONE). -ENOMEM past vm.max_map_count. */
int mri_os_protect(void *p, size_t size);
/* Drop the pages' content; they read as zero again. -EINVAL when locked. */
int mri_os_release(void *p, size_t size);
/* Replace the mapping by a fresh one: content, page tables, guards and protections
 * all dropped, the address range kept. */
int mri_os_remap(void *p, size_t size);
/* The bytes from the lowest page in [lo, hi) that is resident up to hi; 0: none is.
 * Pages that are swapped out or not mapped count as not there. Async-signal-safe. */
size_t mri_os_resident(void *lo, void *hi);
/* exclude from (false) or include in (true) core dumps; splits the mapping */
void mri_os_in_core(void *p, size_t size, bool in);
/* true if new mappings are locked into memory (mlockall(MCL_FUTURE)) */
bool mri_os_memory_is_locked(void);

/* ---- readiness of descriptors: poll_epoll.c ---- */
/* What may be done without waiting, or will fail without. HUP: one side of the
 * connection, or both, has ended, or there is an error; it comes with IN, OUT or both. */
enum { MRI_OS_IN = 1, MRI_OS_OUT = 2, MRI_OS_HUP = 4 };
struct mri_os_event {
	uint64_t tag;
	uint32_t what;
};
/* Before all below, once. A negative code: it cannot be had. */
int mri_os_poll_open(void);
/* From now on say when fd becomes ready: at the change, not as long as it lasts, and
 * once at the start if it is. -EPERM: fd is a file or folder, always ready; -EEXIST: it
 * was added before; -EBADF. Closing fd ends it, if no other descriptor is a copy. */
int mri_os_poll_add(int fd, uint64_t tag);
int mri_os_poll_remove(int fd);
/* Wait for changes until `deadline` (monotonic ns; 0: none; negative: do not wait); how
 * many. 0: the time is over, mri_os_poll_wake() has been called since the last time, or
 * for no reason; -EINTR. One thread at a time may wait; others may look. */
int mri_os_poll_wait(struct mri_os_event *events, int max, int64_t deadline);
void mri_os_poll_wake(void);

/* A set of descriptors, for a library that waits for several by itself: it is one too,
 * and can be read while one of them is ready. */
struct mri_os_ready {
	int fd, what; /* MRI_OS_IN, MRI_OS_OUT */
};
int mri_os_set_open(void);
/* Of the set, from now on, for `what`; 0: no longer. */
int mri_os_set_watch(int set, int fd, int what);
/* Those that are ready now, at most max; how many. Does not wait. */
int mri_os_set_ready(int set, struct mri_os_ready *ready, int max);

/* ---- files read meanwhile: ring_uring.c; one call at a time ---- */
/* After each mri_os_ring_read(), whatever it returns, ask mri_os_ring_next(): what ends
 * during the call is not said by mri_os_poll_wait(). */
/* As many may be under way. */
enum { MRI_OS_RING_SIZE = MRI_IS_HOSTILE ? 2 : 4096 };
/* After mri_os_poll_open(), once; from then on mri_os_poll_wait() says tag when some have
 * ended. False: the kernel cannot, or must not, or a tool would not see it. */
bool mri_os_ring_open(uint64_t tag);
/* Begin a read from the file's own position. -EAGAIN: nothing was begun. */
int mri_os_ring_read(int fd, void *buf, size_t n, uint64_t tag);
/* One that has ended: what read(2) would say, in *result. False: none has. It
 * is said once. -ECANCELED: not done, since the thread that began it has ended. */
bool mri_os_ring_next(uint64_t *tag, int64_t *result);

/* ---- descriptors: io.c; sanitizers see the memory ---- */
/* None waits, but on a file or where said; -EAGAIN instead. */
enum mri_os_kind {
	MRI_OS_FILE,                    /* a file, folder or block device: no readiness */
	MRI_OS_STREAM,                  /* a socket that is a stream of bytes */
	MRI_OS_SOCKET,                  /* one of another kind */
	MRI_OS_PIPE,                    /* all else: pipes, terminals, eventfds */
};
int mri_os_fd_kind(int fd);                /* -EBADF */
/* One call of read, recv, write or send, whichever suits it. Never raises SIGPIPE. A pipe
 * and the like that is not O_NONBLOCK is asked first, and written to in pieces that fit;
 * if another reads or writes it meanwhile this may block. */
int64_t mri_os_fd_read(int fd, enum mri_os_kind kind, void *buf, size_t n);
int64_t mri_os_fd_write(int fd, enum mri_os_kind kind, const void *buf, size_t n);
/* Of a file, what is in memory already. -EAGAIN: nothing is, or that cannot be told. */
int64_t mri_os_fd_read_cached(int fd, void *buf, size_t n);
/* Is what is at this offset of a file in memory, as far as can be told? The end is. */
bool mri_os_fd_in_memory(int fd, int64_t at);
int mri_os_fd_ready(int fd, int what);     /* poll(2): which of MRI_OS_IN and OUT it is */
/* Of a file to a socket that does not block, from *offset on, which moves. */
int64_t mri_os_fd_sendfile(int fd, int file, int64_t *offset, size_t n);
int mri_os_fd_close(int fd);

/* ---- filters ---- */
/* Another program that reads a text and writes one. */
struct mri_os_filter {
	int in, out;                    /* files in memory: its stdin and stdout */
	posix_spawn_file_actions_t actions;
};
/* Gets all that may need malloc. -EPERM: this process has more rights than who started
 * it, and must not run what PATH says. What is opened is never closed. */
int mri_os_filter_open(struct mri_os_filter *f);
/* Run argv, which begins with a name to be found on PATH, with what has been written to
 * f->in since the last time, and wait for its end. Its environment is empty but for
 * LC_ALL=C. 0: *text, *size is what it wrote, mapped for good; -ENOENT: there is no such
 * program; -ETIMEDOUT: killed, `deadline` (monotonic ns) has passed; -EIO: it failed.
 * Calls neither malloc nor what takes a lock. */
int mri_os_filter_run(struct mri_os_filter *f, char *const argv[], int64_t deadline,
		      const char **text, size_t *size);

/* ---- output ---- */
/* write(2) it all, retrying on EINTR and short writes; a non-blocking fd that takes
 * nothing for a second loses the rest. Async-signal-safe. */
void mri_os_write(int fd, const char *buf, size_t n);
const char *mri_os_getenv(const char *name);    /* secure_getenv */
/* Number of loaded modules that carry millrace's ELF note (owner "millrace", type 1);
 * fills two file names, valid while the modules are loaded, or NULL.
 * More than one: the library is in this process twice. */
int mri_os_library_copies(const char *names[2]);
void mri_os_exit_now(int status) __attribute__((noreturn));   /* _exit */
#endif
