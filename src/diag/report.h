/* report.h - one goroutine, as every report begins it. Async-signal-safe. */
#ifndef MRI_DIAG_REPORT_H
#define MRI_DIAG_REPORT_H
#include "rt/rt.h"

const char *mri_report_state(struct g *g);      /* what it waits for, or "running", ... */
/* "goroutine 7 [chan receive, 1.234s, with a timer]: worker\n"; now: mri_os_now() */
void mri_report_head(struct mri_out *o, struct g *g, int64_t now);
/* "\twaits on 0x1234", or a descriptor. */
void mri_report_object(struct mri_out *o, const void *obj);
#endif
