/* world.c - what the shipped scheduler needs from files that are not under test:
 * memory, the clock, sysmon, timers, random choices. As dull as they can be. */
#include "world.h"
#include "os/os.h"
#include "rt/sched.h"
#include "rt/stack.h"

struct mri_config mri_config;
int mri_forked;
struct g mri_main_g;
#pragma weak mri_sched

/* ---- init.c ---- */
static __thread struct g *self;
/* The assembly's; nothing here captures arguments. */
__thread struct mri_arch_capture mri_arch_captured;

struct g *mri_self(void)
{
	if (!self)
		model_fail("check", "mri_self: nobody");
	return self;
}
struct g *mri_self_or_null(void) { return self; }
void mri_init_set_self(struct g *g) { self = g; }
int *mri_errno_addr(void)
{
	static __thread int err;

	return &err;
}
void mri_init_forked(void) { model_fail("throw", "forked"); }
void *mri_alloc(size_t n) { return model_malloc(n); }

/* ---- choice.c ---- */
int64_t mri_choice_now(void) { return 1; }
uint32_t mri_choice_below(struct m *m, uint32_t n) { (void)m, (void)n; return 0; }
bool mri_choice_hostile(struct m *m, uint32_t one_in) { (void)m, (void)one_in; return false; }
int64_t mri_os_now(void) { return 1; }
