/* ring_test.c - reads of files meanwhile, as os.h has them: each ends once, with what
 * read(2) would have said. */
#define _GNU_SOURCE
#include "harness.h"
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TAG = 7, N = 100, BLOCK = 512 };
enum { ATONCE = MRI_IS_HOSTILE ? 2 : N };

static void open_ring(void)
{
	struct io_uring_params p = { 0 };
	int probe = (int)syscall(SYS_io_uring_setup, 1, &p);

	CHECK_EQ(mri_os_poll_open(), 0);
	if (mri_os_ring_open(TAG)) {
		CHECK(probe >= 0);
		close(probe);
		return;
	}
	/* Where the kernel would, only a tool may be why not. */
	if (probe >= 0 && !TEST_ASAN && !TEST_TSAN && !getenv("MR_TEST_WRAP"))
		FAIL("there is io_uring, but not for us");
	SKIP("no io_uring here");
}

static int make_file(void)
{
	char name[] = "/var/tmp/millrace-ring-XXXXXX", block[BLOCK];
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	for (int i = 0; i < N; i++) {
		memset(block, i, sizeof block);
		CHECK_EQ(write(fd, block, sizeof block), sizeof block);
	}
	CHECK_EQ(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* The next end; the poller is told of each. */
static int64_t await_end(uint64_t *tag)
{
	struct mri_os_event e[4];
	int64_t result;
	int n;

	while (!mri_os_ring_next(tag, &result)) {
		n = mri_os_poll_wait(e, 4, 0);
		CHECK(n >= 0 || n == -EINTR);
		for (int i = 0; i < n; i++)
			CHECK_EQ(e[i].tag, TAG);
	}
	return result;
}

TEST(ring, reads_on_from_where_the_file_is)
{
	char block[BLOCK];
	uint64_t tag;
	int fd;

	open_ring();
	fd = make_file();
	for (int i = 0; i < N; i++) {
		CHECK_EQ(mri_os_ring_read(fd, block, sizeof block, (uint64_t)i + 1000),
			 0);
		CHECK_EQ(await_end(&tag), BLOCK);
		CHECK_EQ(tag, i + 1000);
		CHECK_EQ(block[0], i);
		CHECK_EQ(block[BLOCK - 1], i);
	}
	CHECK_EQ(mri_os_ring_read(fd, block, sizeof block, 1), 0);
	CHECK_EQ(await_end(&tag), 0);
	CHECK(!mri_os_ring_next(&tag, &(int64_t){ 0 }));
	close(fd);
}

TEST(ring, says_what_read_would)
{
	char c;
	uint64_t tag;
	int fd, folder;

	open_ring();
	fd = make_file();
	folder = open("/", O_RDONLY);
	CHECK_EQ(mri_os_ring_read(folder, &c, 1, 1), 0);
	CHECK_EQ(await_end(&tag), read(folder, &c, 1) < 0 ? -errno : 0);
	CHECK_EQ(mri_os_ring_read(12345, &c, 1, 2), 0);
	CHECK_EQ(await_end(&tag), -EBADF);
	CHECK_EQ(tag, 2);
	CHECK_EQ(mri_os_ring_read(fd, (void *)8, 1, 3), 0);
	CHECK_EQ(await_end(&tag), -EFAULT);
	CHECK_EQ(mri_os_ring_read(fd, &c, 0, 4), 0);
	CHECK_EQ(await_end(&tag), 0);
	close(fd);
	close(folder);
}

/* As many at once as may be, or many. */
TEST(ring, none_is_lost)
{
	static char block[ATONCE][BLOCK];
	bool ended[ATONCE] = { false };
	int fd[ATONCE], first;

	open_ring();
	first = make_file();
	for (int i = 0; i < ATONCE; i++) {
		char name[64];

		snprintf(name, sizeof name, "/proc/self/fd/%d", first);
		fd[i] = open(name, O_RDONLY);
		CHECK_EQ(lseek(fd[i], i * BLOCK, SEEK_SET), i * BLOCK);
	}
	for (int i = 0; i < ATONCE; i++)
		CHECK_EQ(mri_os_ring_read(fd[i], block[i], BLOCK, (uint64_t)i), 0);
	for (int i = 0; i < ATONCE; i++) {
		uint64_t tag;

		CHECK_EQ(await_end(&tag), BLOCK);
		CHECK(tag < ATONCE && !ended[tag]);
		ended[tag] = true;
		CHECK_EQ(block[tag][7], tag);
		close(fd[tag]);
	}
	close(first);
}
