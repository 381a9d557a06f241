/* trace.h - stack traces, like Go's: installed into base/hooks.h.
 *
 * A captured stack is an array of return addresses, innermost first. Of a frame that
 * a signal interrupted it holds the address of the instruction plus one: so the code
 * meant is at one less always. A stack deeper than the array is there with both its
 * ends, and a NULL stands for what is left out between them. */
#ifndef MRI_DIAG_TRACE_H
#define MRI_DIAG_TRACE_H
#include "base/attr.h"

/* Set the hooks trace, capture, capture_signal and symbol, and load what the first
 * unwind loads, so that none of it is left for a signal handler. */
void mri_trace_install(void);
#endif
