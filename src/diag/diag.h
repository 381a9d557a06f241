/* diag.h - each file's part of mri_hooks_install(). */
#ifndef MRI_DIAG_DIAG_H
#define MRI_DIAG_DIAG_H
#include "base/attr.h"

void mri_trace_install(void);           /* trace.c */
void mri_report_install(void);          /* report.c */
void mri_crash_install(void);           /* crash.c */
void mri_lsan_install(void);            /* lsan.c */
void mri_quit_install(void);            /* quit.c */
void mri_leak_install(void);            /* leak.c */

/* crash.c: call fn(arg), which may read what cannot be read. False: it did. Only while
 * the library's own handler of SIGSEGV and SIGBUS is in place. */
bool mri_crash_guard(void (*fn)(void *), void *arg);
#endif
