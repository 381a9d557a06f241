/* lsan.c - tells LeakSanitizer, just before its check at exit, of the stacks it cannot
 * know: the used part of each goroutine's that does not run, all of one's that does (on
 * another thread, whose own stack is what LeakSanitizer looks at), never the guard. */
#include "diag/diag.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include <stdlib.h>

#ifdef MRI_ASAN
#include <sanitizer/lsan_interface.h>

static bool add_root(struct g *g, void *arg)
{
	/* Relaxed: the process is ending. */
	bool runs = atomic_get(&g->state, relaxed) == G_RUNNING;
	char *end = (char *)g + sizeof *g, *sp = runs ? g->lo : g->ctx.sp;

	(void)arg;
	if (g != &mri_main_g)
		__lsan_register_root_region(sp, (size_t)(end - sp));
	return true;
}

static void add_roots(void)
{
	mri_stack_each(add_root, NULL);
}

void mri_lsan_install(void)
{
	atexit(add_roots);
}
#else
void mri_lsan_install(void)
{
}
#endif
