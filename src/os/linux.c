/* linux.c - os.h on Linux: futex, clock, threads, memory, modules. What is read from
 * /proc and the cgroups is in linux_proc.c.
 *
 * No function here changes errno. Most make their system call themselves, which
 * never looks at errno; where libc is needed (pthreads; mmap, which the sanitizers
 * must see) it is put back. */
#define _GNU_SOURCE
#include "os/os.h"
#include "base/atomic.h"
#include "os/linux.h"
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#ifdef MRI_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* Younger than the headers this may be built with. */
enum { ADVICE_GUARD_INSTALL = 102, PIDFD_OF_SELF = -10000 };
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { RESIDENT_PAGES = 1024 };         /* asked for at a time */
enum { NS_PER_S = 1000000000, TSAN_SLICE = 20 * 1000 * 1000 };

#if defined(MRI_ASAN) || defined(MRI_TSAN)
enum { DEFAULT_STACK = 1 << 20 };
#else
enum { DEFAULT_STACK = 256 << 10 };
#endif

static size_t page_size(void)
{
	return getauxval(AT_PAGESZ);
}

static size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* ---- waiting ---- */

int mri_os_futex_wait(uint32_t *word, uint32_t seen, int64_t deadline)
{
	/* A negative time would be EINVAL; it has passed like any other. */
	int64_t at = deadline < 0 ? 0 : deadline;
	bool sliced = false;
	struct timespec ts;
	int rc;

#if defined(MRI_TSAN) || defined(MRI_RACE)
	/* TSan keeps a signal back until its thread makes a call that it intercepts;
	 * asleep in the kernel it makes none. So here a thread sleeps in slices, with
	 * such a call, the clock's, between them. */
	int64_t slice = mri_os_now() + TSAN_SLICE;

	sliced = !deadline || slice < at;
	if (sliced)
		at = deadline = slice;
#endif
	ts = (struct timespec){ at / NS_PER_S, at % NS_PER_S };
	/* WAIT_BITSET and not WAIT: its time is absolute, so a wait that a signal
	 * interrupts is taken up again without drifting. */
	rc = (int)linux_call(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen,
			     deadline ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	return sliced && rc == -ETIMEDOUT ? 0 : rc;
}

no_tsan void mri_os_futex_wake(uint32_t *word, int n)
{
	/* The woken may have freed *word already. The kernel does not care: it looks
	 * for sleepers at that address and reads nothing. Valgrind does: without the
	 * word there is nobody to be woken. */
#ifdef MRI_VALGRIND
	uint32_t bits;

	if (VALGRIND_GET_VBITS(word, &bits, sizeof bits) == 3)
		return;
#endif
	linux_call(SYS_futex, word, FUTEX_WAKE_PRIVATE, n);
}

int64_t mri_os_now(void)
{
	struct timespec ts;
	int64_t ns;

	/* Through libc, which reads the clock without entering the kernel. It cannot
	 * fail, so errno is safe. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
	return ns ? ns : 1;
}

uint64_t mri_os_random(void)
{
	/* The kernel gives every process 16 random bytes: what there is if it has no
	 * getrandom, or a sandbox forbids it. */
	const void *given = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	uint64_t v = 0;

	if (linux_call(SYS_getrandom, &v, sizeof v, GRND_NONBLOCK, 0, 0, 0) == sizeof v)
		return v;
	if (given)
		memcpy(&v, given, sizeof v);
	return v ^ (uint64_t)mri_os_now() * 0x9e3779b97f4a7c15u;
}

void mri_os_thread_yield(void)
{
	linux_call(SYS_sched_yield);
}

/* ---- threads ---- */

struct thread_start {
	void *(*fn)(void *);
	void *arg;
};

static pthread_once_t mask_once = PTHREAD_ONCE_INIT;
static sigset_t thread_mask;            /* of every thread started; set once */

/* Every thread gets the mask of the first caller, the program as it was when the
 * library started. Goroutines run on any thread: a signal that only some threads
 * took would reach them by chance. */
static void choose_thread_mask(void)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS,  SIGFPE,
					   SIGILL,  SIGTRAP, SIGSYS };

	pthread_sigmask(SIG_SETMASK, NULL, &thread_mask);
	/* Blocked, these kill the process without a word. */
	for (size_t i = 0; i < ARRAY_LEN(synchronous); i++)
		sigdelset(&thread_mask, synchronous[i]);
}

static void *thread_main(void *p)
{
	struct thread_start start = *(struct thread_start *)p;

	free(p);
	pthread_sigmask(SIG_SETMASK, &thread_mask, NULL);
	return start.fn(start.arg);
}

static int add_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
	size_t *sum = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	return 0;
}

static int create_thread(struct thread_start *start, size_t stack_size)
{
	size_t size = stack_size ? stack_size : DEFAULT_STACK;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	/* libc takes the thread-local variables out of the stack, and a program may
	 * have megabytes of them. */
	dl_iterate_phdr(add_tls, &size);
	size = round_up(size, page_size());
	if (size < (size_t)PTHREAD_STACK_MIN)
		size = PTHREAD_STACK_MIN;
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_attr_setstacksize(&attr, size);
	if (!err)
		err = pthread_create(&thread, &attr, thread_main, start);
	pthread_attr_destroy(&attr);
	return -err;
}

int mri_os_thread_start(void *(*fn)(void *), void *arg, size_t stack_size)
{
	struct thread_start *start;
	sigset_t all, old;
	int saved = errno;
	int rc = -ENOMEM;

	pthread_once(&mask_once, choose_thread_mask);
	start = malloc(sizeof *start);
	if (!start)
		goto out;
	*start = (struct thread_start){ fn, arg };
	/* No handler runs on a thread whose mask is still the creator's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = create_thread(start, stack_size);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		free(start);
out:
	errno = saved;  /* NOLINT(clang-analyzer-unix.Malloc): thread_main frees start */
	return rc;
}

/* initial-exec: reading it in a signal handler must not allocate. */
static __thread int cached_tid __attribute__((tls_model("initial-exec")));

/* Not inlined, even by a link-time optimizer: a caller that parks between two calls
 * would keep the address of the old thread's copy. */
noinline int mri_os_tid(void)
{
	if (unlikely(!cached_tid))
		cached_tid = (int)linux_call(SYS_gettid);
	return cached_tid;
}

static void forget_tid(void)
{
	cached_tid = 0;
}

/* The thread that survives a fork has another id in the child. */
__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_tid);
}

bool mri_os_is_main_thread(void)
{
	return mri_os_tid() == (int)linux_call(SYS_getpid);
}

int mri_os_thread_stack(void **lo, void **hi)
{
	pthread_attr_t attr;
	size_t size = 0;
	int saved = errno;
	int err = pthread_getattr_np(pthread_self(), &attr);

	if (!err) {
		err = pthread_attr_getstack(&attr, lo, &size);
		*hi = (char *)*lo + size;
		pthread_attr_destroy(&attr);
	}
	errno = saved;
	return -err;
}

int64_t mri_os_thread_cpu(int tid)
{
	/* The kernel's name for the CPU clock of a thread: the tid inverted, then
	 * "of one thread" (4) and "scheduler time" (2). pthread_getcpuclockid knows
	 * the same, but wants a pthread_t, which must not outlive its thread. */
	unsigned clock = (~(unsigned)tid << 3) | 6;
	struct timespec ts = { 0 };
	long rc = linux_call(SYS_clock_gettime, (int)clock, &ts);

	return rc < 0 ? rc : ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

/* What a crash report needs, and the registers the kernel saves on this CPU. */
static size_t sigstack_size(void)
{
	return round_up((64 << 10) + getauxval(AT_MINSIGSTKSZ), page_size());
}

int mri_os_sigstack_set(void **mem)
{
	size_t size = sigstack_size();
	size_t guard = page_size();
	stack_t ss = { 0 };
	char *p;
	int rc;

	*mem = NULL;
	rc = (int)linux_call(SYS_sigaltstack, NULL, &ss);
	if (rc)
		return rc;
	/* One that is there and of use stays: it is the program's, or it is ASan's,
	 * which frees whatever it finds when the thread ends. */
	if (!(ss.ss_flags & SS_DISABLE) && ss.ss_size >= 16 << 10)
		return 0;
	p = mri_os_map(guard + size, guard);
	if (!p)
		return -ENOMEM;
	mri_os_protect(p, guard);
	ss = (stack_t){ .ss_sp = p + guard, .ss_size = size };
	rc = (int)linux_call(SYS_sigaltstack, &ss, NULL);
	if (rc) {
		mri_os_unmap(p, guard + size);
		return rc;
	}
	*mem = p;
	return 0;
}

void mri_os_sigstack_free(void *mem)
{
	size_t guard = page_size();
	stack_t ss = { 0 };

	if (!mem)
		return;
	if (!linux_call(SYS_sigaltstack, NULL, &ss) && ss.ss_sp == (char *)mem + guard) {
		ss = (stack_t){ .ss_flags = SS_DISABLE };
		linux_call(SYS_sigaltstack, &ss, NULL);
	}
	mri_os_unmap(mem, guard + sigstack_size());
}

/* ---- memory ---- */

/* MAP_STACK: since 6.7 the kernel leaves such a mapping without huge pages, so that
 * it merges with its neighbours at once; before, the advice does it. */
static void *map(void *at, size_t size, int fixed)
{
	int saved = errno;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK | fixed;
	void *p = mmap(at, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	errno = saved;
	if (p == MAP_FAILED)
		return NULL;
	linux_call(SYS_madvise, p, size, MADV_NOHUGEPAGE);
	return p;
}

void *mri_os_map(size_t size, size_t align)
{
	size_t page = page_size();
	size_t slack = align > page ? align - page : 0;
	size_t whole = round_up(size, page);
	char *p, *aligned;
	size_t head;

	if (whole < size || whole + slack < whole)
		return NULL;
	p = map(NULL, whole + slack, 0);
	if (!p)
		return NULL;
	aligned = (char *)(((uintptr_t)p + slack) & ~(uintptr_t)slack);
	if (!slack)
		return p;
	head = (size_t)(aligned - p);
	if (head)
		mri_os_unmap(p, head);
	if (slack > head)
		mri_os_unmap(aligned + whole, slack - head);
	return aligned;
}

void mri_os_unmap(void *p, size_t size)
{
	int saved = errno;

	munmap(p, size);
	errno = saved;
}

/* Does [p, ...) fault? Asked of the kernel, by letting it write there. */
static bool is_inaccessible(void *p)
{
	return linux_call(SYS_clock_gettime, CLOCK_MONOTONIC, p) == -EFAULT;
}

int mri_os_guard(void *p, size_t size)
{
	static int trusted;             /* 1: guards hold; -1: they are only accepted */
	int rc = (int)linux_call(SYS_madvise, p, size, ADVICE_GUARD_INSTALL);
	int state = atomic_get(&trusted, relaxed);

	if (rc)
		return rc;
	/* An emulator (qemu-user) takes any advice for a hint and says yes. */
	if (unlikely(!state)) {
		state = is_inaccessible(p) ? 1 : -1;
		atomic_set(&trusted, state, relaxed);
	}
	return state > 0 ? 0 : -EINVAL;
}

int mri_os_guard_each(void *p, size_t size, size_t stride, int n)
{
	static int missing;             /* negative errno once it has been refused */
	struct iovec v[MRI_OS_GUARDS];
	/* Relaxed: a hint. */
	long rc = atomic_get(&missing, relaxed);

#ifdef MRI_VALGRIND
	rc = -ENOSYS;                   /* valgrind says so, on stderr */
#endif
	if (rc)
		return (int)rc;
	for (int i = 0; i < n; i++)
		v[i] = (struct iovec){ (char *)p + (size_t)i * stride, size };
	rc = linux_call(SYS_process_madvise, PIDFD_OF_SELF, v, n,
			ADVICE_GUARD_INSTALL, 0);
	if (rc == (long)((size_t)n * size))
		return 0;
	rc = rc < 0 ? rc : -EAGAIN;
	if (rc != -EAGAIN && rc != -ENOMEM && rc != -EINTR)
		atomic_set(&missing, (int)rc, relaxed);
	return (int)rc;
}

int mri_os_protect(void *p, size_t size)
{
	return (int)linux_call(SYS_mprotect, p, size, PROT_NONE);
}

int mri_os_release(void *p, size_t size)
{
	return (int)linux_call(SYS_madvise, p, size, MADV_DONTNEED);
}

int mri_os_remap(void *p, size_t size)
{
	return map(p, size, MAP_FIXED) ? 0 : -ENOMEM;
}

/* The lowest resident page of some; `end`: none. Asked in one go, and where some are not
 * mapped, one by one. */
static char *lowest_resident(char *at, char *end)
{
	unsigned char there[RESIDENT_PAGES] = { 0 };
	size_t page = page_size();
	bool whole = linux_call(SYS_mincore, at, end - at, there) == 0;

	for (unsigned char *t = there; at < end; at += page, t++)
		if ((whole || linux_call(SYS_mincore, at, page, t) == 0) && (*t & 1))
			break;
	return at;
}

size_t mri_os_resident(void *lo, void *hi)
{
	size_t page = page_size();
	char *at = (char *)((uintptr_t)lo & ~(page - 1));
	char *end = (char *)round_up((uintptr_t)hi, page);

	while (at < end) {
		size_t step = RESIDENT_PAGES * page;
		char *stop = step < (size_t)(end - at) ? at + step : end;

		at = lowest_resident(at, stop);
		if (at < stop)
			break;
	}
	at = at < (char *)lo ? lo : at;
	return at < (char *)hi ? (size_t)((char *)hi - at) : 0;
}

void mri_os_in_core(void *p, size_t size, bool in)
{
	linux_call(SYS_madvise, p, size, in ? MADV_DODUMP : MADV_DONTDUMP);
}

bool mri_os_memory_is_locked(void)
{
	size_t page = page_size();
	void *p = mri_os_map(page, page);
	bool locked;

	/* Most likely RLIMIT_MEMLOCK is used up. */
	if (!p)
		return true;
	/* Not by mincore: with MCL_ONFAULT a locked page need not be there. */
	locked = mri_os_release(p, page) == -EINVAL;
	mri_os_unmap(p, page);
	return locked;
}

/* ---- output and the rest ---- */

void mri_os_write(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		long done = linux_call(SYS_write, fd, buf, n);

		if (done > 0) {
			buf += done;
			n -= (size_t)done;
		} else if (done == -EAGAIN) {
			/* Somebody made the terminal non-blocking. A reader that takes
			 * nothing for a second is not waited for. */
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			struct timespec second = { .tv_sec = 1 };

			if (linux_call(SYS_ppoll, &pfd, 1, &second, NULL, 0) == 0)
				return;
		} else if (done != -EINTR) {
			return;
		}
	}
}

const char *mri_os_getenv(const char *name)
{
	return secure_getenv(name);
}

void mri_os_exit_now(int status)
{
	_exit(status);
}

/* ---- modules ---- */

static bool carries_note(const char *p, const char *end, size_t align)
{
	static const char owner[] = "millrace";

	while ((size_t)(end - p) >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)p;
		const char *name = p + sizeof *note;
		size_t size = sizeof *note + round_up(note->n_namesz, align) +
			      round_up(note->n_descsz, align);

		if (size > (size_t)(end - p))
			return false;
		if (note->n_type == 1 && note->n_namesz == sizeof owner &&
		    !memcmp(name, owner, sizeof owner))
			return true;
		p += size;
	}
	return false;
}

struct copies {
	int n;
	const char **names;
};

static int count_copy(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct copies *copies = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *notes = (const char *)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type != PT_NOTE ||
		    !carries_note(notes, notes + ph->p_memsz, ph->p_align == 8 ? 8 : 4))
			continue;
		if (copies->n < 2)
			copies->names[copies->n] =
				*info->dlpi_name ? info->dlpi_name : "the program itself";
		copies->n++;
		break;
	}
	return 0;
}

int mri_os_library_copies(const char *names[2])
{
	struct copies copies = { 0, names };

	names[0] = names[1] = NULL;
	dl_iterate_phdr(count_copy, &copies);
	return copies.n;
}
