/* linux_proc.c - what Linux tells in files: the threads of this process in /proc,
 * and its share of the processors in the cgroups.
 *
 * A process is in one cgroup of each hierarchy. Its quota there, and that of every
 * cgroup above, bounds what it gets: the smallest counts. */
#define _GNU_SOURCE
#include "os/linux.h"
#include "os/os.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- threads ---- */

/* Read a small file; the number of bytes, buf[n] = 0, or a negative errno code. */
static int read_file(const char *path, char *buf, size_t size)
{
	long fd = linux_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	long n;

	if (fd < 0)
		return (int)fd;
	n = linux_call(SYS_read, fd, buf, size - 1);
	linux_call(SYS_close, fd);
	if (n >= 0)
		buf[n] = 0;
	return (int)n;
}

/* /proc/self/task/TID/stat is "TID (NAME) STATE ...", and NAME may hold anything. */
static char read_stat(int tid, char *name, size_t name_size)
{
	char path[64], buf[256];
	const char *open, *close;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	if (read_file(path, buf, sizeof buf) <= 0)
		return '?';
	open = strchr(buf, '(');
	close = strrchr(buf, ')');
	if (!open || !close || close < open || close[1] != ' ')
		return '?';
	if (name)
		snprintf(name, name_size, "%.*s", (int)(close - open - 1), open + 1);
	return close[2];
}

char mri_os_thread_state(int tid)
{
	int saved = errno;
	char state = read_stat(tid, NULL, 0);

	errno = saved;
	return state;
}

/* Can this thread still do something for the program? Gone, or a zombie (a main
 * thread that called pthread_exit), or the kernel's own io_uring worker: no. */
static bool is_alive(int tid)
{
	char name[32] = "";
	char state = read_stat(tid, name, sizeof name);

	return !strchr("?ZX", state) && strncmp(name, "iou-", 4) != 0;
}

static bool contains(const int *tids, int n, int tid)
{
	for (int i = 0; i < n; i++)
		if (tids[i] == tid)
			return true;
	return false;
}

/* qemu-user has a thread of its own, from the start. It also takes any advice on
 * memory for a hint, where a kernel refuses what it does not know. */
static bool is_emulated(void)
{
	return linux_call(SYS_madvise, NULL, 0, 0x4d52) == 0;
}

extern void __tsan_init(void) __attribute__((weak));

/* Threads that are neither the program's nor ours. TSan adds one at the first
 * pthread_create, so if there is a foreign one at all, it is among them. */
static int tool_threads(void)
{
	return (&__tsan_init != NULL) + is_emulated();
}

/* A directory of threads has that many links, and two. */
static int count_threads(int fd)
{
	struct statx st = { 0 };

	/* The raw call: TSan did not see the descriptor opened and would see libc's. */
	if (linux_call(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_NLINK, &st) != 0)
		return -1;
	return (int)st.stx_nlink - 2;
}

int mri_os_foreign_threads(const int *ours, int n)
{
	char buf[2048] __attribute__((aligned(8))) = { 0 };
	int saved = errno;
	int count = 0, seen = 0;
	int threads;
	long len;
	long fd = linux_call(SYS_openat, AT_FDCWD, "/proc/self/task",
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return (int)fd;
	threads = count_threads((int)fd);
	while ((len = linux_call(SYS_getdents64, fd, buf, sizeof buf)) > 0) {
		for (long at = 0; at < len;) {
			const struct dirent64 *d = (const void *)(buf + at);
			int tid = atoi(d->d_name);

			at += d->d_reclen;
			seen += tid > 0;
			if (tid > 0 && !contains(ours, n, tid) && is_alive(tid))
				count++;
		}
	}
	/* A thread that ends while the directory is read cuts the rest off. */
	if (len == 0 && (threads != seen || count_threads((int)fd) != seen))
		len = -EAGAIN;
	linux_call(SYS_close, fd);
	errno = saved;
	if (len < 0)
		return (int)len;
	return count > 0 ? count - tool_threads() : 0;
}

/* ---- processors ---- */

static FILE *open_under(const char *root, const char *path)
{
	char full[PATH_MAX];

	if (snprintf(full, sizeof full, "%s%s", root, path) >= (int)sizeof full)
		return NULL;
	return fopen(full, "re");
}

/* The number(s) at the start of a file in dir; how many were found. */
static int read_numbers(const char *dir, const char *name, long long *a, long long *b)
{
	char path[PATH_MAX], text[64];

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path ||
	    read_file(path, text, sizeof text) <= 0)
		return 0;
	return sscanf(text, "%lld %lld", a, b);
}

static int processors(long long quota, long long period)
{
	long long n;

	if (quota <= 0 || period <= 0)
		return 0;
	n = quota / period + (quota % period != 0);
	return n < INT_MAX ? (int)n : INT_MAX;
}

/* "max 100000" or "150000 100000": microseconds of CPU time per period */
static int quota_v2(const char *dir)
{
	long long quota, period;

	if (read_numbers(dir, "cpu.max", &quota, &period) < 2)
		return 0;
	return processors(quota, period);
}

static int quota_v1(const char *dir)
{
	long long quota, period, rest;

	if (read_numbers(dir, "cpu.cfs_quota_us", &quota, &rest) < 1 ||
	    read_numbers(dir, "cpu.cfs_period_us", &period, &rest) < 1)
		return 0;
	return processors(quota, period);
}

static int smaller(int a, int b)
{
	return !a || (b && b < a) ? b : a;
}

/* The smallest quota from dir up to the mount point, whose name is dir's first
 * `top` characters. */
static int quota_upwards(char *dir, size_t top, int (*quota)(const char *))
{
	int least = 0;

	for (;;) {
		char *slash = strrchr(dir, '/');

		least = smaller(least, quota(dir));
		if (!slash || slash < dir + top)
			return least;
		*slash = 0;
	}
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return false;
}

/* This process's cgroup, from a line "ID:CONTROLLERS:PATH" of /proc/self/cgroup: the
 * one with the cpu controller (v1), or the only one, whose list is empty (v2). */
static bool own_cgroup(const char *root, bool v2, char *path, size_t size)
{
	FILE *f = open_under(root, "/proc/self/cgroup");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &cap, f) > 0) {
		char *list = strchr(line, ':');
		char *at = list ? strchr(list + 1, ':') : NULL;

		if (!at)
			continue;
		*at++ = 0;
		list++;
		at[strcspn(at, "\n")] = 0;
		found = v2 ? !*list : has_word(list, "cpu");
		if (found)
			snprintf(path, size, "%s", at);
	}
	free(line);
	fclose(f);
	return found;
}

/* Blanks and backslashes in mountinfo are "\040": decode in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] & 3) << 6 | (s[2] & 7) << 3 | (s[3] & 7));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* The part of `path` below the cgroup that is mounted. "" if it is not in there: the
 * mount point then is the best known, and in a container the right one. */
static const char *below_mount(const char *path, const char *mounted)
{
	size_t len = strlen(mounted);

	if (!strcmp(mounted, "/"))
		len = 0;
	if (strncmp(path, mounted, len) || (path[len] && path[len] != '/') ||
	    !strncmp(path + len, "/..", 3) || !strcmp(path + len, "/"))
		return "";
	return path + len;
}

/* One line of mountinfo:
 *   36 35 98:0 ROOT MOUNT-POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER-OPTIONS */
static int quota_of_mount(const char *root, const char *line)
{
	char mounted[PATH_MAX], mount[PATH_MAX], type[16], super[256];
	char path[PATH_MAX], dir[PATH_MAX];
	const char *rest = strstr(line, " - ");
	bool v2;
	int n;

	if (!rest || sscanf(rest, " - %15s %*s %255s", type, super) != 2)
		return 0;
	v2 = !strcmp(type, "cgroup2");
	if (!v2 && (strcmp(type, "cgroup") || !has_word(super, "cpu")))
		return 0;
	if (sscanf(line, "%*s %*s %*s %4095s %4095s", mounted, mount) != 2 ||
	    !own_cgroup(root, v2, path, sizeof path))
		return 0;
	unescape(mounted);
	unescape(mount);
	n = snprintf(dir, sizeof dir, "%s%s%s", root, mount, below_mount(path, mounted));
	if (n >= (int)sizeof dir)
		return 0;
	return quota_upwards(dir, strlen(root) + strlen(mount), v2 ? quota_v2 : quota_v1);
}

int mri_linux_proc_quota(const char *root)
{
	FILE *f = open_under(root, "/proc/self/mountinfo");
	char *line = NULL;
	size_t cap = 0;
	int least = 0;

	if (!f)
		return 0;
	while (getline(&line, &cap, f) > 0)
		least = smaller(least, quota_of_mount(root, line));
	free(line);
	fclose(f);
	return least;
}

/* The processors this thread may run on; 0 if the kernel does not say. */
static int affinity(void)
{
	unsigned long mask[1024] = { 0 };       /* 65,536 processors */
	long len = linux_call(SYS_sched_getaffinity, 0, sizeof mask, mask);
	int n = 0;

	for (long i = 0; i < len / (long)sizeof mask[0]; i++)
		n += __builtin_popcountl(mask[i]);
	return n;
}

int mri_os_cpus(void)
{
	int saved = errno;
	int n = smaller(affinity(), mri_linux_proc_quota(""));

	errno = saved;
	return n > 0 ? n : 1;
}
