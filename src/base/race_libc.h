/* race_libc.h - in the race build, the library's own copies and allocations are no
 * accesses of the program's. Included before every file of the library, arch/race_libc.c
 * excepted, by the Makefile.
 *
 * TSan replaces these functions of libc, for the library too: it would take an array that
 * one goroutine made and another grows for a race, and the lock of the first call for
 * something that orders goroutines. Hence their names mean those of arch/race_libc.c; to
 * the assembler, since compilers call memcpy and memset of themselves. */
#ifndef MRI_BASE_RACE_LIBC_H
#define MRI_BASE_RACE_LIBC_H
__asm__(".set memcpy, mri_race_memcpy\n"
	".set memmove, mri_race_memmove\n"
	".set memset, mri_race_memset\n"
	".set memcmp, mri_race_memcmp\n"
	".set strcmp, mri_race_strcmp\n"
	".set strlen, mri_race_strlen\n"
	".set malloc, mri_race_malloc\n"
	".set calloc, mri_race_calloc\n"
	".set realloc, mri_race_realloc\n"
	".set posix_memalign, mri_race_posix_memalign\n"
	".set free, mri_race_free\n"
	".set clock_gettime, mri_race_clock_gettime\n"
	".set pthread_create, mri_race_pthread_create\n"
	".set pthread_once, mri_race_pthread_once\n"
	".set pthread_mutex_lock, mri_race_pthread_mutex_lock\n"
	".set pthread_mutex_unlock, mri_race_pthread_mutex_unlock\n");
#endif
