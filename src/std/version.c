/* version.c - which library this is, as against which headers. */
#include "millrace/base.h"

#define STR_(x) #x
#define STR(x)  STR_(x)

const char *mr_version(void)
{
	return STR(MR_VERSION_MAJOR) "." STR(MR_VERSION_MINOR) "." STR(MR_VERSION_PATCH);
}
