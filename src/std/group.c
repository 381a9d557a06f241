/* group.c - goroutines that are waited for together.
 *
 * Everything is by one mutex of the user's kind, since who waits for room or for the end
 * parks. Its unlock is the last that a leaving goroutine does to the group, which whoever
 * joins may then free. The first failure cancels the context, with the mutex held, so
 * that the cause is that of the error which is kept. */
#include "std/group.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mri_group_new(size_t size, mr_context *parent)
{
	mr_context *ctx = mr_ctx_with_cancel(parent);
	struct mri_group *gr = mri_try_alloc(size);

	if (!gr) {
		mr_ctx_free(ctx);
		mri_panic("out of memory for a group of goroutines");
	}
	gr->ctx = ctx;
	gr->limit = -1;
	return gr;
}

void mri_group_free(struct mri_group *gr)
{
	mr_ctx_free(gr->ctx);
	free(gr->panic);
	free(gr);
}

static bool is_full(const struct mri_group *gr)
{
	return gr->limit >= 0 && gr->active >= gr->limit;
}

void mri_group_enter(struct mri_group *gr)
{
	mr_mutex_lock(&gr->lock);
	while (is_full(gr))
		mr_cond_wait(&gr->room, &gr->lock);
	gr->active++;
	mr_mutex_unlock(&gr->lock);
}

bool mri_group_try_enter(struct mri_group *gr)
{
	bool entered;

	mr_mutex_lock(&gr->lock);
	entered = !is_full(gr);
	gr->active += entered;
	mr_mutex_unlock(&gr->lock);
	return entered;
}

static void cancel_for(mr_context *ctx, int err, const struct mri_unwind *panic)
{
	char cause[256], words[128];

	if (panic)
		snprintf(cause, sizeof cause, "panic: %s", mri_panic_message(panic));
	else if (err < 0 && strerror_r(-err, words, sizeof words) == 0)
		snprintf(cause, sizeof cause, "error %d: %s", err, words);
	else
		snprintf(cause, sizeof cause, "error %d", err);
	mr_ctx_cancel_cause(ctx, cause);
}

/* lock held. A panic counts even if an error came first: it is a mistake that must not
 * go unseen. */
static void record(struct mri_group *gr, int err, struct mri_unwind *panic)
{
	if (!gr->err && !gr->panicked)
		cancel_for(gr->ctx, err, panic);
	if (!gr->err)
		gr->err = err;
	if (panic && !gr->panicked) {
		gr->panicked = true;
		gr->panic = panic;
	} else {
		free(panic);
	}
}

void mri_group_leave(struct mri_group *gr, int err, struct mri_unwind *panic)
{
	mr_mutex_lock(&gr->lock);
	if (err || panic)
		record(gr, err, panic);
	gr->active--;
	mr_cond_signal(&gr->room);
	if (gr->active == 0)
		mr_cond_broadcast(&gr->idle);
	mr_mutex_unlock(&gr->lock);
}

void mri_group_call(void *arg)
{
	struct mri_group_call *c = arg;

	c->result = mri_arch_call(c->g->fn, mri_g_args(c->g));
}

void mri_group_join(struct mri_group *gr)
{
	mr_mutex_lock(&gr->lock);
	while (gr->active)
		mr_cond_wait(&gr->idle, &gr->lock);
	mr_mutex_unlock(&gr->lock);
}
