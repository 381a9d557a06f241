/* hooks.h - where lower layers call higher ones: each hook is NULL until the layer
 * that owns it installs it, at initialisation and never later. */
#ifndef MRI_BASE_HOOKS_H
#define MRI_BASE_HOOKS_H
#include "base/attr.h"
struct g;
struct mri_out;
struct mri_hooks {
	/* diag/trace.c: print a stack, one frame as "name(...)\n\tfile+0xoff\n",
	 * leaving out the library's own frames on top. Async-signal-safe. */
	void (*trace)(struct mri_out *o, void *const *pcs, int n);
	int (*capture)(void **pcs, int max);    /* the caller's return addresses */
	/* the frames of the code a signal interrupted, given its ucontext */
	int (*capture_signal)(void **pcs, int max, void *ucontext);
	/* print the name of the function that contains pc ("main", or "0x1234") */
	void (*symbol)(struct mri_out *o, void *pc);
	/* diag/report.c: every goroutine, its wait and origin. Async-signal-safe. */
	void (*dump_all)(struct mri_out *o);
	/* diag/report.c: nothing can ever run again; says so and does not return */
	void (*deadlock)(void);
	/* diag/quit.c: SIGQUIT may have come; called by sysmon */
	void (*quit)(void);
	/* std/signal.c: signals have arrived; called by sysmon */
	void (*signals)(void);
	/* std/signal.c: somebody is notified of signals, so a signal could wake him */
	bool (*signals_wanted)(void);
};
extern struct mri_hooks mri_hooks;
/* Fills mri_hooks; called once, at the start. The one function that a lower layer
 * calls by name in a higher one (diag/install.c): a static library links only what
 * is referred to. */
void mri_hooks_install(void);
#endif
