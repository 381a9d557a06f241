/* faults.c - panic, fatal and throw of the code under test end the execution: a failed
 * assertion is a finding. */
#include "engine.h"
#include "base/fault.h"
#include <stdarg.h>
#include <stdio.h>

#define FAULT(name, kind) \
	void name(const char *fmt, ...) \
	{ \
		char text[400]; \
		va_list ap; \
		va_start(ap, fmt); \
		vsnprintf(text, sizeof text, fmt, ap); \
		va_end(ap); \
		model_fail(kind, "%s", text); \
	}
FAULT(mri_throw, "throw")
FAULT(mri_fatal, "throw")
FAULT(mri_panic, "throw")
