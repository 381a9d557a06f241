/* install.c - fills base/hooks.h; see there. */
#include "base/hooks.h"
#include "diag/diag.h"
#include "std/std.h"

void mri_hooks_install(void)
{
	mri_trace_install();
	mri_report_install();
	mri_crash_install();
	mri_lsan_install();
	mri_signal_install();
	mri_ctxblock_install();
	mri_quit_install();     /* its fork handler comes after that one's */
	mri_leak_install();     /* its handler at exit comes before all others */
}
