/* proc.c - other programs. A goroutine waits for the end of each by its pidfd, which
 * names it for sure: a number could be another's by then. */
#define _GNU_SOURCE
#include "millrace/proc.h"
#include "base/atomic.h"
#include "millrace/io.h"
#include "os/os.h"
#include "rt/rt.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct mr_proc {
	uint32_t refs; /* atomic: the caller's, and who waits for it */
	pid_t pid;
	int pidfd;
	int ours[3];     /* our sides of its pipes, or -1 */
	mr_context *ctx; /* a reference */
	void *exited;    /* a channel */
};

extern char **environ;

/* ------------------------------------------------------------- its end -- */

static void release(struct mr_proc *p)
{
	/* R9: acq_rel, pairs with itself. */
	if (atomic_sub(&p->refs, 1u, acq_rel) != 1)
		return;
	mr_io_close(p->pidfd);
	mr_ctx_unref(p->ctx);
	mr_chan_free(p->exited);
	free(p);
}

static int kill_it(int pidfd, int sig)
{
	int saved = errno;
	int rc =
		(int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;

	errno = saved;
	return rc;
}

static void wait_for(void *arg)
{
	struct mr_proc *p = arg;
	int status = 0, saved = errno, code;

	if (mr_io_wait(p->ctx, p->pidfd, MR_IO_IN) < 0 && mr_ctx_err(p->ctx))
		kill_it(p->pidfd, SIGKILL);
	/* It has ended, or is about to; or there was nothing to wait with. */
	mri_sched_block_begin();
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	mri_sched_block_end();
	errno = saved;
	code = WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
	mr_chan_send_from(p->exited, &code);
	mr_chan_close_it(p->exited);
	release(p);
}

/* ----------------------------------------------------------- its start -- */

struct start {
	posix_spawn_file_actions_t actions;
	int theirs[3]; /* of pipes, to be closed after the start */
};

/* Neither end below 3, where a program without a stdin would find its own overwritten. */
static int pipe_above(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) < 0)
		return errno;
	for (int i = 0; i < 2; i++) {
		int low = fd[i];

		if (low > 2)
			continue;
		fd[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		close(low);
	}
	if (fd[0] >= 0 && fd[1] >= 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return EMFILE;
}

/* What becomes its descriptor `at`; 0 or an errno code. */
static int give(struct start *s, struct mr_proc *p, int at, int what)
{
	int fd[2], rc;

	switch (what) {
	case MR_PROC_SAME: return 0;
	case MR_PROC_NULL:
		return posix_spawn_file_actions_addopen(&s->actions, at, "/dev/null",
							at ? O_WRONLY : O_RDONLY, 0);
	case MR_PROC_STDOUT:
		return at == 2 ? posix_spawn_file_actions_adddup2(&s->actions, 1, 2)
			       : EINVAL;
	case MR_PROC_PIPE:
		rc = pipe_above(fd);
		if (rc)
			return rc;
		p->ours[at] = fd[at == 0];
		s->theirs[at] = fd[at != 0];
		return posix_spawn_file_actions_adddup2(&s->actions, s->theirs[at], at);
	default:
		return posix_spawn_file_actions_adddup2(&s->actions, what - MR_PROC_FD(0),
							at);
	}
}

static int spawn(struct mr_proc *p, char *const argv[], const mr_proc_opts *o)
{
	struct start s = { .theirs = { -1, -1, -1 } };
	int rc = posix_spawn_file_actions_init(&s.actions), saved = errno;

	if (rc)
		return -rc;
	rc = give(&s, p, 0, o->in);
	rc = rc ? rc : give(&s, p, 1, o->out);
	rc = rc ? rc : give(&s, p, 2, o->err);
	if (!rc && o->dir)
		rc = posix_spawn_file_actions_addchdir_np(&s.actions, o->dir);
	if (!rc) {
		mri_sched_block_begin();
		rc = posix_spawnp(&p->pid, argv[0], &s.actions, NULL, argv,
				  o->env ? o->env : environ);
		mri_sched_block_end();
	}
	for (int i = 0; i < 3; i++)
		if (s.theirs[i] >= 0)
			close(s.theirs[i]);
	posix_spawn_file_actions_destroy(&s.actions);
	if (!rc) {
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
		if (p->pidfd < 0) {
			rc = errno;
			kill(p->pid, SIGKILL);
			while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
	errno = saved;
	return -rc;
}

static void close_ours(struct mr_proc *p)
{
	for (int i = 0; i < 3; i++)
		if (p->ours[i] >= 0)
			mr_io_close(p->ours[i]);
}

int mr_proc_run(mr_context *ctx, char *const argv[], const mr_proc_opts *opts,
		mr_proc **proc)
{
	static const mr_proc_opts same;
	struct mr_proc *p;
	int rc = mr_ctx_err(ctx);

	mri_init_check_fork();
	if (rc)
		return rc;
	p = mri_try_alloc(sizeof *p);
	if (!p)
		return -ENOMEM;
	p->ours[0] = p->ours[1] = p->ours[2] = -1;
	rc = spawn(p, argv, opts ? opts : &same);
	if (rc < 0) {
		close_ours(p);
		free(p);
		return rc;
	}
	p->refs = 2;
	p->ctx = mr_ctx_ref(ctx);
	p->exited = mr_chan_new(sizeof(int), 1);
	mri_go_start(wait_for, p, "proc_run", 0, __builtin_return_address(0));
	*proc = p;
	return 0;
}

/* ------------------------------------------------------------ the rest -- */

mr_recv_chan(int) mr_proc_exited(mr_proc *p)
{
	return p->exited;
}
pid_t mr_proc_pid(const mr_proc *p)
{
	return p->pid;
}
static int side(const struct mr_proc *p, int at)
{
	return p->ours[at] >= 0 ? p->ours[at] : -EBADF;
}
int mr_proc_in(mr_proc *p)
{
	return side(p, 0);
}
int mr_proc_out(mr_proc *p)
{
	return side(p, 1);
}
int mr_proc_err(mr_proc *p)
{
	return side(p, 2);
}

int mr_proc_close_in(mr_proc *p)
{
	int fd = p->ours[0];

	if (fd < 0)
		return -EBADF;
	p->ours[0] = -1;
	return mr_io_close(fd);
}

int mr_proc_kill(mr_proc *p, int sig)
{
	return kill_it(p->pidfd, sig);
}

void mr_proc_free(mr_proc *p)
{
	if (!p)
		return;
	close_ours(p);
	release(p);
}
