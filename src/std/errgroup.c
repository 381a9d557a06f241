/* errgroup.c - a group whose goroutines return errors; panics are not its business. */
#include "millrace/errgroup.h"
#include "std/group.h"

struct mr_errgroup {
	struct mri_group gr;
};

mr_errgroup *mr_eg_make(mr_context *parent, mr_context **ctx_out)
{
	mr_errgroup *g = mri_group_new(sizeof *g, parent);

	if (ctx_out)
		*ctx_out = g->gr.ctx;
	return g;
}

void mr_eg_set_limit(mr_errgroup *g, int n)
{
	int active;

	mr_mutex_lock(&g->gr.lock);
	active = g->gr.active;
	if (!active)
		g->gr.limit = n;
	mr_mutex_unlock(&g->gr.lock);
	if (active)
		mri_panic("errgroup: modify limit while %d goroutines in the group are "
			  "still active",
			  active);
}

static void run(struct g *g)
{
	struct mri_group_call c = { .g = g };

	mri_panic_root(g, mri_group_call, &c);
	mri_group_leave(g->start_arg, c.result, NULL);
}

/* What was captured is taken at once: waiting for room may change the thread. */
void mr_eg_go_captured(mr_errgroup *g, void (*fn)(void), const char *name,
		       const char *file, int line)
{
	struct g *new = mri_go_make(&(struct mri_go){
		.fn = fn, .name = name, .file = file, .line = line,
		.pc = __builtin_return_address(0),
		.start = run, .start_arg = &g->gr,
	});

	mri_group_enter(&g->gr);
	mri_sched_start(new);
}

/* Room that was entered for a goroutine not yet started. */
struct entry {
	struct mri_group *gr;
	bool entered;
};
static void give_back(struct entry *e)
{
	if (e->entered)
		mri_group_leave(e->gr, 0, NULL);
}

bool mr_eg_trygo_captured(mr_errgroup *g, void (*fn)(void), const char *name,
			  const char *file, int line)
{
	/* If there is no memory for a goroutine, the panic gives the room back. */
	__attribute__((cleanup(give_back))) struct entry e = { .gr = &g->gr };
	struct mri_arch_args args;
	struct g *new;

	mri_go_take_capture(&args, fn, "eg_trygo");
	e.entered = mri_group_try_enter(&g->gr);
	if (!e.entered)
		return false;
	new = mri_go_make_with(&(struct mri_go){
		.fn = fn, .name = name, .file = file, .line = line,
		.pc = __builtin_return_address(0),
		.start = run, .start_arg = &g->gr,
	}, &args);
	e.entered = false;
	mri_sched_start(new);
	return true;
}

int mr_eg_wait(mr_errgroup *g)
{
	int err;

	mri_group_join(&g->gr);
	err = g->gr.err;
	mri_group_free(&g->gr);
	return err;
}
