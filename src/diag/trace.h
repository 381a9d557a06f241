/* trace.h - stack traces, like Go's: installed into base/hooks.h.
 *
 * A captured stack is an array of return addresses, innermost first. Of a frame that
 * a signal interrupted it holds the address of the instruction plus one: so the code
 * meant is at one less always. A stack deeper than the array is there with both its
 * ends, and a NULL stands for what is left out between them. */
#ifndef MRI_DIAG_TRACE_H
#define MRI_DIAG_TRACE_H
#include "arch/arch.h"
#include "diag/symbol.h"

/* The frames of another computation, which is suspended in ctx and stays so. If that is
 * inside of a signal handler, ucontext is what the handler was given: the frames begin
 * with the one that was interrupted. Returns how many; 0: this machine's contexts cannot
 * be walked. It may fault where a stack is damaged. */
int mri_trace_suspended(void **pcs, int max, const struct mri_arch_ctx *ctx,
			void *ucontext);
/* The stack pointer of what was interrupted; on a machine that is not known, an address
 * on the handler's stack. */
uintptr_t mri_trace_sp(const void *ucontext);

/* A frame that traces leave out at their top, or, `bottom`, at their end: the library's,
 * and there also how main and threads are called. */
bool mri_trace_is_ours(const struct mri_symbol *sym, bool bottom);

/* Set the hooks trace, capture, capture_signal and symbol, and load what the first
 * unwind loads, so that none of it is left for a signal handler. */
void mri_trace_install(void);
#endif
