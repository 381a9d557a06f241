/* std.h - what diag/install.c installs of this folder. */
#ifndef MRI_STD_STD_H
#define MRI_STD_STD_H
void mri_signal_install(void);
void mri_ctxblock_install(void);
#endif
