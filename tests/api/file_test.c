/* file_test.c - files of which nothing is in memory. Whether the kernel reads them while
 * the goroutine is parked, or another thread, makes no difference. */
#define _GNU_SOURCE
#include "harness.h"
#include <errno.h>
#include <fcntl.h>
#include <millrace.h>
#include <millrace/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096, NBLOCKS = 1024, READERS = 64 };

static context *bg(void)
{
	return ctx_background();
}

/* Each block begins with its number. Reopened by its name, each has its own position. */
static int make_file(char *name)
{
	int block[BLOCK / sizeof(int)] = { 0 };
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	for (int i = 0; i < NBLOCKS; i++) {
		block[0] = i;
		CHECK_EQ(write(fd, block, BLOCK), BLOCK);
	}
	CHECK_EQ(fsync(fd), 0);
	return fd;
}
static void forget(int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}
#define NAME "/var/tmp/millrace-file-XXXXXX"

static void read_here_and_there(const char *name, unsigned seed, waitgroup *wg)
{
	int fd = open(name, O_RDONLY), block[BLOCK / sizeof(int)];

	CHECK(fd >= 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	for (int i = 0; i < 20; i++) {
		int at = (int)((seed = seed * 1103515245 + 12345) >> 8) % NBLOCKS;

		CHECK_EQ(lseek(fd, (off_t)at * BLOCK, SEEK_SET), (off_t)at * BLOCK);
		CHECK_EQ(io_readfull(bg(), fd, block, BLOCK), BLOCK);
		CHECK_EQ(block[0], at);
	}
	CHECK_EQ(io_close(fd), 0);
	wg_done(wg);
}
static void read_all_over(const char *name)
{
	waitgroup wg = { 0 };

	for (unsigned i = 0; i < READERS; i++) {
		wg_add(&wg, 1);
		go(read_here_and_there, name, i, &wg);
	}
	wg_wait(&wg);
}

TEST(file, many_read_what_is_not_in_memory)
{
	char name[] = NAME;
	int fd = make_file(name);

	forget(fd);
	read_all_over(name);
	unlink(name);
	CHECK_EQ(io_close(fd), 0);
}

/* The library's ring, by what /proc calls it; -1 where there is none. */
static int ring_number(void)
{
	for (int fd = 3; fd < 100; fd++) {
		char path[64], what[64] = "";

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, what, sizeof what - 1) > 0 &&
		    strcmp(what, "anon_inode:[io_uring]") == 0)
			return fd;
	}
	return -1;
}

/* The kernel refuses each request from then on: threads do it. */
TEST(file, is_read_without_the_ring)
{
	char name[] = NAME;
	int fd = make_file(name), ring;

	forget(fd);
	read_all_over(name);
	ring = ring_number();
	if (ring < 0) {
		unlink(name);
		SKIP("no io_uring here, or all was in memory");
	}
	CHECK_EQ(dup2(fd, ring), ring);
	forget(fd);
	read_all_over(name);
	unlink(name);
	CHECK_EQ(io_close(fd), 0);
}

/* With one position for all of them each block is read by one. */
struct shared {
	int fd;
	int seen[NBLOCKS];
	waitgroup wg;
};
static void read_the_next(struct shared *s)
{
	int block[BLOCK / sizeof(int)];
	ssize_t n;

	while ((n = io_read(bg(), s->fd, block, BLOCK)) > 0) {
		CHECK_EQ(n, BLOCK);
		s->seen[block[0]]++;
	}
	CHECK_EQ(n, 0);
	wg_done(&s->wg);
}
TEST(file, readers_of_one_descriptor_share_its_position)
{
	char name[] = NAME;
	struct shared s = { .fd = make_file(name) };

	unlink(name);
	forget(s.fd);
	CHECK_EQ(lseek(s.fd, 0, SEEK_SET), 0);
	for (int i = 0; i < 8; i++) {
		wg_add(&s.wg, 1);
		go(read_the_next, &s);
	}
	wg_wait(&s.wg);
	for (int i = 0; i < NBLOCKS; i++)
		CHECK_EQ(s.seen[i], 1);
	CHECK_EQ(io_close(s.fd), 0);
}

static void read_until_closed(struct shared *s)
{
	char some[100];
	ssize_t n;

	while ((n = io_read(bg(), s->fd, some, sizeof some)) > 0)
		;
	CHECK(n == 0 || n == -EBADF || n == -ECANCELED);
	wg_done(&s->wg);
}
TEST(file, close_waits_for_who_reads)
{
	if (TEST_TSAN)
		SKIP("whoever asks about a number while it is closed races, says TSan");
	for (int i = 0; i < 10; i++) {
		char name[] = NAME;
		struct shared s = { .fd = make_file(name) };
		char c;

		unlink(name);
		forget(s.fd);
		/* The library's own descriptors are there: none gets this number. */
		CHECK_EQ(io_read(bg(), s.fd, &c, 1), 0);
		CHECK_EQ(lseek(s.fd, 0, SEEK_SET), 0);
		wg_add(&s.wg, 1);
		go(read_until_closed, &s);
		for (int k = 0; k < i * 10; k++)
			go_yield();
		CHECK_EQ(io_close(s.fd), 0);
		CHECK_EQ(fcntl(s.fd, F_GETFD), -1);
		wg_wait(&s.wg);
	}
}

TEST(file, errors_are_those_of_read)
{
	char name[] = NAME, c;
	int fd = make_file(name), only_to_write = open(name, O_WRONLY);
	int direct = open(name, O_RDONLY | O_DIRECT);

	forget(fd);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
#ifndef MRI_VALGRIND                    /* which would report it */
	CHECK_EQ(io_read(bg(), fd, (void *)8, 1), -EFAULT);
#endif
	CHECK_EQ(io_read(bg(), fd, &c, 0), 0);
	CHECK_EQ(io_read(bg(), only_to_write, &c, 1), -EBADF);
	if (direct >= 0) {
		ssize_t n = read(direct, &c, 1);

		CHECK_EQ(io_read(bg(), direct, &c, 1), n < 0 ? -errno : n);
		CHECK_EQ(io_close(direct), 0);
	}
	CHECK_EQ(lseek(fd, -1, SEEK_END), (off_t)NBLOCKS * BLOCK - 1);
	CHECK_EQ(io_read(bg(), fd, &c, 1), 1);
	CHECK_EQ(io_read(bg(), fd, &c, 1), 0);
	CHECK_EQ(io_close(only_to_write), 0);
	unlink(name);
	CHECK_EQ(io_close(fd), 0);
}
