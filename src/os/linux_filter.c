/* linux_filter.c - another program run as a filter, by a process that is stopped.
 *
 * For reports at the end of a process, when a thread that will never run again may hold
 * any lock, malloc's too. So its input and output are files in memory and no pipes, which
 * would have to be read and written in turn; and posix_spawn, which in glibc takes no
 * lock, is given what was allocated before. */
#define _GNU_SOURCE
#include "os/linux.h"
#include "os/os.h"
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Above 2, or the child would overwrite one with another. */
static int file_in_memory(void)
{
	int low = memfd_create("millrace", MFD_CLOEXEC);
	int fd;

	if (low < 0)
		return -errno;
	fd = fcntl(low, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		fd = -errno;
	linux_call(SYS_close, low);
	return fd;
}

static int prepare(struct mri_os_filter *f)
{
	posix_spawn_file_actions_t *a = &f->actions;

	f->in = file_in_memory();
	f->out = file_in_memory();
	if (f->in < 0 || f->out < 0)
		return f->in < 0 ? f->in : f->out;
	if (posix_spawn_file_actions_init(a) ||
	    posix_spawn_file_actions_adddup2(a, f->in, 0) ||
	    posix_spawn_file_actions_adddup2(a, f->out, 1) ||
	    posix_spawn_file_actions_addopen(a, 2, "/dev/null", O_WRONLY, 0))
		return -ENOMEM;
	return 0;
}

int mri_os_filter_open(struct mri_os_filter *f)
{
	int saved = errno;
	int rc = getauxval(AT_SECURE) ? -EPERM : prepare(f);

	errno = saved;
	return rc;
}

/* A program that ignores SIGCHLD, or waits for anybody's child, takes the status away:
 * what was written then has to do. */
static int wait_for(pid_t pid, int64_t deadline)
{
	static uint32_t never;
	int status = 0;
	long rc;

	while ((rc = linux_call(SYS_wait4, pid, &status, WNOHANG, NULL)) == 0) {
		if (mri_os_now() >= deadline) {
			linux_call(SYS_kill, pid, SIGKILL);
			linux_call(SYS_wait4, pid, NULL, 0, NULL);
			return -ETIMEDOUT;
		}
		mri_os_futex_wait(&never, 0, mri_os_now() + 1000 * 1000);
	}
	if (rc > 0 && status)           /* 127: an emulator's posix_spawn */
		return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
	return 0;
}

static int spawn(struct mri_os_filter *f, char *const argv[], int64_t deadline)
{
	char locale[] = "LC_ALL=C";
	char *const env[] = { locale, NULL };
	pid_t pid;
	int err;

	lseek(f->in, 0, SEEK_SET);
	lseek(f->out, 0, SEEK_SET);
	if (ftruncate(f->out, 0))
		return -errno;
	err = posix_spawnp(&pid, argv[0], &f->actions, NULL, argv, env);
	if (err)
		return -err;
	err = wait_for(pid, deadline);
	lseek(f->in, 0, SEEK_SET);
	return ftruncate(f->in, 0) ? -errno : err;
}

int mri_os_filter_run(struct mri_os_filter *f, char *const argv[], int64_t deadline,
		      const char **text, size_t *size)
{
	int saved = errno;
	int rc = spawn(f, argv, deadline);
	struct stat st;
	void *p;

	*text = "";
	*size = 0;
	if (!rc && fstat(f->out, &st))
		rc = -errno;
	if (!rc && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, f->out, 0);
		if (p == MAP_FAILED)
			rc = -errno;
		else
			*text = p, *size = (size_t)st.st_size;
	}
	errno = saved;
	return rc;
}
