/* symbol.h - from an address to the function that contains it. */
#ifndef MRI_DIAG_SYMBOL_H
#define MRI_DIAG_SYMBOL_H
#include "base/attr.h"

struct mri_symbol {
	char name[256];                 /* as linked, cut to size; "": unknown */
	char module[256];               /* file name, cut to size; "" in no module */
	uintptr_t module_offset;        /* what addr2line -e module wants */
	uintptr_t symbol_offset;        /* from the function's start; 0 if unknown */
	bool in_library;                /* millrace's own code, as far as can be told */
	bool in_file;                   /* the file `module` is what was loaded */
};

/* Describe pc. True if the function's name is known; all of *out is set anyhow.
 *
 * Compilers' suffixes (".part.0", ".isra.3") are left out. Static functions are found
 * unless the file is stripped, exported ones always.
 *
 * Never allocates; for reports and crash handlers. It opens and maps the module's
 * file, and calls dl_iterate_phdr, whose lock a thread may take again that holds it.
 * Keeps errno. Slow (10 us and up): it looks at every symbol of the module. */
bool mri_symbol_find(void *pc, struct mri_symbol *out);
#endif
