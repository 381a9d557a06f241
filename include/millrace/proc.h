/* proc.h - other programs: started, talked to through pipes, and waited for.
 *
 *	char *argv[] = { "sort", "-n", NULL };
 *
 *	if (mr_proc_run(ctx, argv, &(mr_proc_opts){ .in = MR_PROC_PIPE }, &p) < 0) ...
 *	mr_io_writeall(ctx, mr_proc_in(p), text, n);
 *	mr_proc_close_in(p);
 *	status = mr_chan_recv(mr_proc_exited(p));
 *	mr_proc_free(p);
 *
 * A program is waited for by the library as soon as it has ended, so none stays behind as
 * a zombie, and wait(2) of the program's own must not take it: wait for pids that are
 * yours. Needs Linux 5.3. */
#ifndef MILLRACE_PROC_H
#define MILLRACE_PROC_H

#include <millrace/base.h>
#include <millrace/chan.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <sys/types.h>

MR_C_BEGIN
typedef struct mr_proc mr_proc;

/* What a program has for its stdin, stdout or stderr: that of this process; a pipe from
 * or to it; nothing, /dev/null; the same as its stdout (stderr only); or a descriptor of
 * this process, 3 or more, as MR_PROC_FD(fd), which stays the caller's. */
enum { MR_PROC_SAME, MR_PROC_PIPE, MR_PROC_NULL, MR_PROC_STDOUT };
#define MR_PROC_FD(fd) (MR_PROC_STDOUT + 1 + (fd))

typedef struct mr_proc_opts {
	int in, out, err;
	const char *dir;  /* where it runs; NULL: where this process does */
	char *const *env; /* NULL: as this process */
} mr_proc_opts;

/* Start a program.
 *
 * argv: its arguments with a NULL at the end; the first one is looked for in PATH if it
 * has no '/'. opts: NULL, all as this process has it. Nothing of it is kept. Other
 * descriptors it gets only if they are not O_CLOEXEC; those of the library are. When ctx
 * ends it is killed (SIGKILL); ctx may be freed before that.
 * Sets *proc, which the caller frees. Returns 0, mr_ctx_err(ctx), or what fork(2) and
 * execve(2) say: -ENOENT, there is no such program. */
MR_API MR_MUST_USE int mr_proc_run(mr_context *ctx, char *const argv[],
				   const mr_proc_opts *opts, mr_proc **proc);

/* A channel on which its exit status is sent once, and which is then closed: 0 to 255, or
 * 256 + the number of the signal that has killed it. It is proc's. */
MR_API MR_RECV_CHAN(int) mr_proc_exited(mr_proc *proc);

/* This side of a pipe, for io.h; -EBADF, if it has none, or it is closed. Never
 * blocks. */
MR_API int mr_proc_in(mr_proc *proc);
MR_API int mr_proc_out(mr_proc *proc);
MR_API int mr_proc_err(mr_proc *proc);

/* Close this side of its stdin, so that it reads to the end. Returns 0 or -EBADF. */
MR_API int mr_proc_close_in(mr_proc *proc);

/* Never 0. It may have ended, and then the number may be another's. */
MR_API pid_t mr_proc_pid(const mr_proc *proc);

/* Send it a signal. Returns 0; -ESRCH: it has ended; -EINVAL. Never one that has got its
 * number since. Never blocks. */
MR_API int mr_proc_kill(mr_proc *proc, int sig);

/* Free proc and close its pipes. The program goes on, and is waited for. Call it after
 * all else with proc has returned. NULL is ignored. */
MR_API void mr_proc_free(mr_proc *proc);
MR_C_END

#endif
