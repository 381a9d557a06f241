/* net_dial.c - connecting: one address, or those of a name by turns. */
#define _GNU_SOURCE
#include "millrace/chan.h"
#include "millrace/select.h"
#include "std/net.h"
#include <errno.h>
#include <stdlib.h>

enum { NEXT_AFTER = 250 * 1000 * 1000 }; /* ns */

/* ---------------------------------------------------------- one address -- */

/* In one's turn to write: until it is connected, or why it is not. */
static int connected(struct mri_fd_ref ref, mr_context *ctx)
{
	for (;;) {
		struct sockaddr_storage peer;
		socklen_t size = sizeof(int);
		int err = 0, rc;

		/* Relaxed: as in mri_fd_do(). */
		atomic_set(&ref.s->side[MRI_FD_WRITE].ready, false, relaxed);
		rc = (int)mri_net_call(
			getsockopt(ref.s->fd, SOL_SOCKET, SO_ERROR, &err, &size));
		if (rc < 0 || err)
			return rc < 0 ? rc : -err;
		size = sizeof peer;
		rc = (int)mri_net_call(
			getpeername(ref.s->fd, (struct sockaddr *)(void *)&peer, &size));
		if (rc != -ENOTCONN)
			break;
		rc = mri_fd_wait(ref, 1 << MRI_FD_WRITE, ctx);
		if (rc < 0)
			return rc;
	}
	/* Relaxed: as above. */
	atomic_set(&ref.s->side[MRI_FD_WRITE].ready, true, relaxed);
	return 0;
}

static int dial_at(mr_context *ctx, const mr_net_addr *a, int type, mr_net_conn **out)
{
	int family = (int)a->mr_family, fd = mri_net_socket(family, type), rc, err;
	int64_t pause = MRI_NET_PAUSE;
	struct mri_fd_ref ref;

	if (fd < 0)
		return fd;
	do {
		err = (int)mri_net_call(connect(fd, mri_net_sockaddr(a), a->mr_size));
		/* A unix listener's queue is full, and nothing says when it is not. */
	} while (err == -EAGAIN && (err = mri_net_pause(ctx, &pause)) == 0);
	if (err < 0 && err != -EINPROGRESS && err != -EINTR) {
		mri_os_fd_close(fd);
		return err;
	}
	rc = mri_net_made(fd, mri_net_kind_of(type), out);
	if (rc < 0 || err == 0)
		return rc;
	ref = mri_net_ref(*out);
	rc = mri_fd_begin(ref, MRI_FD_WRITE, ctx);
	if (rc == 0) {
		rc = connected(ref, ctx);
		mri_fd_end(ref, MRI_FD_WRITE);
	}
	if (rc < 0)
		mri_fd_close(ref);
	return rc;
}

/* ------------------------------------------------- dialing several at once -- */

/* All addresses of one name. Each is tried by a goroutine of its own. */
struct race {
	uint32_t refs;   /* atomic: the attempts that run, and who asks */
	mr_context *ctx; /* ends when one has won */
	struct mri_net_list *list;
	void *results; /* a channel with room for all */
};
struct attempt {
	struct race *race;
	int at;
};
struct result {
	int at, rc;
	mr_net_conn *conn;
};

/* The last one sees to those that have connected too late. */
static void release(struct race *r)
{
	struct result late;

	/* R9: acq_rel, pairs with itself: what the others have sent. */
	if (atomic_sub(&r->refs, 1u, acq_rel) != 1)
		return;
	while (mr_chan_tryrecv_into(r->results, &late) == MR_CHAN_OK)
		if (late.rc == 0)
			mr_net_close(late.conn);
	mr_chan_free(r->results);
	mr_ctx_free(r->ctx);
	free(r->list);
	free(r);
}

static void attempt(void *arg)
{
	struct attempt *t = arg;
	struct race *r = t->race;
	struct result result = { .at = t->at };

	free(t);
	result.rc = dial_at(r->ctx, &r->list->at[result.at], r->list->kind.type,
			    &result.conn);
	mr_chan_send_from(r->results, &result);
	release(r);
}

static bool start_attempt(struct race *r, int at, void *pc)
{
	struct attempt *t = malloc(sizeof *t);

	if (!t)
		return false;
	*t = (struct attempt){ r, at };
	/* Relaxed: the start publishes it. */
	atomic_add(&r->refs, 1u, relaxed);
	mri_go_start(attempt, t, "net_dial", 0, pc);
	return true;
}

static int run_race(mr_context *ctx, struct race *r, mr_net_conn **out, void *pc)
{
	int next = 0, running = 0, first = 0;
	bool start = true;

	for (;;) {
		struct result result;
		mr_select_case cases[] = {
			{ .op = MR_SELECT_RECV, .ch = r->results, .val = &result },
			{ .op = MR_SELECT_RECV, .ch = mr_ctx_done(ctx) },
			{ .op = MR_SELECT_TIMEOUT, .time = NEXT_AFTER },
		};

		if (start && next < r->list->n) {
			if (!start_attempt(r, next, pc))
				return first ? first : -ENOMEM;
			next++;
			running++;
		}
		if (!running)
			return first;
		start = true;
		switch (mr_chan_select_n(cases, next < r->list->n ? 3 : 2)) {
		case 0:
			running--;
			if (result.rc == 0) {
				*out = result.conn;
				return 0;
			}
			if (!first || result.at == 0)
				first = result.rc;
			break;
		case 1: return mr_ctx_err(ctx);
		}
	}
}

static int dial_any(mr_context *ctx, struct mri_net_list *list, mr_net_conn **out,
		    void *pc)
{
	struct race *r = calloc(1, sizeof *r);
	int rc;

	if (!r) {
		free(list);
		return -ENOMEM;
	}
	r->refs = 1;
	r->list = list;
	r->ctx = mr_ctx_with_cancel(ctx);
	r->results = mr_chan_new(sizeof(struct result), (size_t)list->n);
	rc = run_race(ctx, r, out, pc);
	mr_ctx_cancel(r->ctx);
	release(r);
	return rc;
}

int mr_net_dial(mr_context *ctx, const char *network, const char *address,
		mr_net_conn **conn)
{
	void *pc = __builtin_return_address(0);
	struct mri_net_list *list;
	int rc = mri_net_lookup(ctx, network, address, false, pc, &list);

	if (rc < 0)
		return rc;
	if (list->n > 1)
		return dial_any(ctx, list, conn, pc);
	rc = dial_at(ctx, &list->at[0], list->kind.type, conn);
	free(list);
	return rc;
}
