/* diag.h - each file's part of mri_hooks_install(). */
#ifndef MRI_DIAG_DIAG_H
#define MRI_DIAG_DIAG_H
void mri_trace_install(void);           /* trace.c */
void mri_report_install(void);          /* report.c */
void mri_crash_install(void);           /* crash.c */
void mri_lsan_install(void);            /* lsan.c */
#endif
