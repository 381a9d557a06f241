/* lsan.c - tells LeakSanitizer, just before its check at exit, of the stacks it cannot
 * know: the used part of each parked goroutine's, never the guard. */
#include "diag/diag.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include <stdlib.h>

#ifdef MRI_ASAN
#include <sanitizer/lsan_interface.h>

static bool add_root(struct g *g, void *arg)
{
	char *end = (char *)g + sizeof *g;

	(void)arg;
	/* Relaxed: the process is ending; a running one's stack is its thread's. */
	if (atomic_get(&g->state, relaxed) != G_RUNNING && g != &mri_main_g)
		__lsan_register_root_region(g->ctx.sp, (size_t)(end - (char *)g->ctx.sp));
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
