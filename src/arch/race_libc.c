/* race_libc.c - what libc's names mean in the library of the race build, see
 * base/race_libc.h. Nothing here in any other build. */
#if defined(MRI_RACE)
#include "base/atomic.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of TSan's, in no header. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);

char __tsan_atomic8_load(const volatile char *at, int order);

void *mri_race_memcpy(void *restrict to, const void *restrict from, size_t n);
void *mri_race_memmove(void *to, const void *from, size_t n);
void *mri_race_memset(void *to, int byte, size_t n);
int mri_race_memcmp(const void *a, const void *b, size_t n);
int mri_race_strcmp(const char *a, const char *b);
size_t mri_race_strlen(const char *s);
void *mri_race_malloc(size_t n);
void *mri_race_calloc(size_t n, size_t size);
void *mri_race_realloc(void *p, size_t n);
int mri_race_posix_memalign(void **p, size_t align, size_t n);
void mri_race_free(void *p);
int mri_race_clock_gettime(clockid_t clock, struct timespec *ts);
int mri_race_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			    void *(*fn)(void *), void *arg);
int mri_race_pthread_once(pthread_once_t *once, void (*fn)(void));
int mri_race_pthread_mutex_lock(pthread_mutex_t *m);
int mri_race_pthread_mutex_unlock(pthread_mutex_t *m);

/* ---------------------------------------------------------------- copies -- */

/* Barriers in the loops, or the compiler makes calls of what they stand for of them. */
static void copy_up(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = from[i];
		compiler_barrier();
	}
}

void *mri_race_memcpy(void *restrict to, const void *restrict from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

void *mri_race_memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to <= (uintptr_t)from) {
		copy_up(to, from, n);
		return to;
	}
	while (n-- > 0) {
		((char *)to)[n] = ((const char *)from)[n];
		compiler_barrier();
	}
	return to;
}

void *mri_race_memset(void *to, int byte, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		((char *)to)[i] = (char)byte;
		compiler_barrier();
	}
	return to;
}

/* ----------------------------------------------------------- comparisons -- */

/* Of a key with those that others have given, for instance. */
int mri_race_memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
		compiler_barrier();
	}
	return 0;
}

size_t mri_race_strlen(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		n++;
		compiler_barrier();
	}
	return n;
}

int mri_race_strcmp(const char *a, const char *b)
{
	return mri_race_memcmp(a, b, mri_race_strlen(a) + 1);
}

/* ------------------------------------------------------------ allocation -- */

/* Fresh memory is then without a past, and freeing it is no write. */
static void ignore_accesses(void)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static void heed_accesses(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

void *mri_race_malloc(size_t n)
{
	void *p;

	ignore_accesses();
	p = malloc(n);
	heed_accesses();
	return p;
}

void *mri_race_calloc(size_t n, size_t size)
{
	void *p;

	ignore_accesses();
	p = calloc(n, size);
	heed_accesses();
	return p;
}

void *mri_race_realloc(void *p, size_t n)
{
	void *q;

	ignore_accesses();
	q = realloc(p, n);
	heed_accesses();
	return q;
}

int mri_race_posix_memalign(void **p, size_t align, size_t n)
{
	int err;

	ignore_accesses();
	err = posix_memalign(p, align, n);
	heed_accesses();
	return err;
}

void mri_race_free(void *p)
{
	ignore_accesses();
	free(p);
	heed_accesses();
}

/* ----------------------------------------------------------------- clock -- */

/* A scheduler's frames belong to several fibers in turn, and TSan's own clock_gettime
 * writes there. TSan keeps signals back until a call of its own: let this be one. */
int mri_race_clock_gettime(clockid_t clock, struct timespec *ts)
{
	/* Eight bytes: TSan knows the last four accesses to each eight, and those to a
	 * variable of the program's beside a byte of ours would soon be forgotten. */
	static uint64_t none;

	__tsan_atomic8_load((char *)&none, __ATOMIC_RELAXED);
	return (int)syscall(SYS_clock_gettime, clock, ts);
}

/* --------------------------------------------------------------- threads -- */

static void ignore_sync(void)
{
	AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}

static void heed_sync(void)
{
	AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
}

int mri_race_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			    void *(*fn)(void *), void *arg)
{
	int err;

	ignore_sync();
	err = pthread_create(t, attr, fn, arg);
	heed_sync();
	return err;
}

int mri_race_pthread_once(pthread_once_t *once, void (*fn)(void))
{
	int err;

	ignore_sync();
	err = pthread_once(once, fn);
	heed_sync();
	return err;
}

int mri_race_pthread_mutex_lock(pthread_mutex_t *m)
{
	int err;

	ignore_sync();
	err = pthread_mutex_lock(m);
	heed_sync();
	return err;
}

int mri_race_pthread_mutex_unlock(pthread_mutex_t *m)
{
	int err;

	ignore_sync();
	err = pthread_mutex_unlock(m);
	heed_sync();
	return err;
}
#else
typedef int mri_race_libc_nothing;      /* an empty translation unit is not ISO C */
#endif
