/* scope.c - a group that its block cannot be left before it is empty; panics of its
 * goroutines go on in the one that owns the block.
 *
 * Whether a panic is leaving the block is asked of panic.c, by what was there to catch it
 * when the scope began: a scope may also begin and end within a deferred call. */
#include "millrace/scope.h"
#include "std/group.h"
#include <stdlib.h>

struct mr_scope {
	struct mri_group gr;
	const void *tries;              /* mri_panic_tries() when it began */
};

mr_scope *mr_scope_begin(mr_context *parent)
{
	mr_scope *s = mri_group_new(sizeof *s, parent);

	s->tries = mri_panic_tries();
	return s;
}

mr_context *mr_scope_ctx(mr_scope *s)
{
	return s->gr.ctx;
}

static void run(struct g *g, bool returns_int)
{
	struct mri_group_call c = { .g = g };
	struct mri_unwind *u = mri_panic_catch(mri_group_call, &c);
	int err = !u && returns_int ? c.result : 0;

	if (u && !mri_panic_message(u)) {
		free(u);                /* go_exit: it ends here */
		u = NULL;
	}
	mri_group_leave(g->start_arg, err, u);
}
static void run_int(struct g *g)
{
	run(g, true);
}
static void run_void(struct g *g)
{
	run(g, false);
}

void mr_scope_go_captured(mr_scope *s, bool returns_int, void (*fn)(void),
			  const char *name, const char *file, int line)
{
	struct g *g = mri_go_make(&(struct mri_go){
		.fn = fn, .name = name, .file = file, .line = line,
		.pc = __builtin_return_address(0),
		.start = returns_int ? run_int : run_void, .start_arg = &s->gr,
	});

	mri_group_enter(&s->gr);
	mri_sched_start(g);
}

/* The panic that is to go on, if there is one. Nobody else is in the group. */
static struct mri_unwind *take_panic(struct mri_group *gr)
{
	struct mri_unwind *u = gr->panic;

	gr->panic = NULL;
	return u;
}

int mr_scope_wait(mr_scope *s)
{
	struct mri_unwind *u;

	mri_group_join(&s->gr);
	u = take_panic(&s->gr);
	if (u)
		mri_panic_hand_on(u);
	return s->gr.err;
}

void mr_scope_end(mr_scope *s)
{
	enum mri_passing passing;
	struct mri_unwind *u;
	bool was_first;

	/* The child of a fork may return from main, through deferred calls of this. */
	if (unlikely(mri_forked))
		return;
	passing = mri_panic_passing(s->tries);
	mr_mutex_lock(&s->gr.lock);
	was_first = !s->gr.panicked;
	mr_mutex_unlock(&s->gr.lock);
	if (passing != MRI_PASSING_NOTHING)
		mr_ctx_cancel_cause(s->gr.ctx, "the scope is left by a panic or go_exit");
	mri_group_join(&s->gr);
	u = take_panic(&s->gr);
	if (u && was_first && passing == MRI_PASSING_PANIC) {
		free(u);
		u = NULL;
	}
	mri_group_free(&s->gr);
	if (u)
		mri_panic_hand_on(u);
}
