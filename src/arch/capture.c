/* capture.c - the buffer of the last capture, its public entry, the library's mark. */
#include "arch/arch.h"

#ifndef MRI_ARCH_FALLBACK
/* What the assembly knows. */
#if defined(__x86_64__)
_Static_assert(offsetof(struct mri_arch_args, al) == 48, "ARGS_AL");
_Static_assert(offsetof(struct mri_arch_args, few) == 56, "ARGS_FEW");
#endif
_Static_assert(offsetof(struct mri_arch_args, vec) == 64, "ARGS_VEC");
_Static_assert(offsetof(struct mri_arch_args, stack) == 192, "ARGS_STACK");
_Static_assert(offsetof(struct mri_arch_capture, full) == 320, "CAPTURE_FULL");
_Static_assert(offsetof(struct mri_arch_ctx, sp) == 0, "(ctx)");
_Static_assert(offsetof(struct mri_arch_catch, frame) == 0, "(catch)");
#endif

__thread struct mri_arch_capture mri_arch_captured;

/* A constant object and not a function: called through a cast function pointer
 * object, no compiler warns about the type. */
extern void (*const mr_capture_args)(void) __attribute__((visibility("default")));
void (*const mr_capture_args)(void) = mri_arch_capture_args;
extern void (*const mr_capture_few)(void) __attribute__((visibility("default")));
#if defined(__x86_64__) && !defined(MRI_ARCH_FALLBACK)
void (*const mr_capture_few)(void) = mri_arch_capture_few;
#else
void (*const mr_capture_few)(void) = mri_arch_capture_args;
#endif

/* An ELF note that the linker keeps in every program or library with millrace in it:
 * name "millrace", type 1, one 32-bit word: MRI_ARCH_NOTE_VERSION. A process with
 * two of them has two schedulers. Hidden, so the copies do not merge. */
#define STR_(x) #x
#define STR(x) STR_(x)
__asm__(".pushsection .note.millrace, \"a\", %note\n"
	"	.p2align 2\n"
	"	.long 9, 4, 1\n"
	"	.asciz \"millrace\"\n"
	"	.p2align 2\n"
	"	.long " STR(MRI_ARCH_NOTE_VERSION) "\n"
	"	.popsection\n");
