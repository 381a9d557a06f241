/* aarch64.S - contexts, argument capture and catch/throw for the AArch64 ELF ABI.
 *
 * A suspended context, sp being ctx->sp (also what a debugger script needs):
 *     sp +   0  x29  x30, the return address
 *     sp +  16  x19  x20       sp +  96  d8   d9
 *     sp +  32  x21  x22       sp + 112  d10  d11
 *     sp +  48  x23  x24       sp + 128  d12  d13
 *     sp +  64  x25  x26       sp + 144  d14  d15
 *     sp +  80  x27  x28       sp + 160  FPCR
 *     sp + 176  sp after the return (the CFA)
 * In a context that never ran x30 is mri_arch_entry + 4, x19 the entry function, x20
 * its argument and x29 0. mri_arch_catch leaves the same layout on its stack.
 *
 * Return addresses are not signed (no PAC): these functions change sp between entry
 * and return. BTI: every function can be the target of an indirect call. */
#if defined(__aarch64__) && !defined(MRI_ARCH_FALLBACK)

#define FRAME_FPCR 160
#define FRAME_SIZE 176

/* struct mri_arch_args and mri_arch_capture; capture.c asserts them */
#define ARGS_GP    0
#define ARGS_VEC   64
#define ARGS_STACK 192
#define CAPTURE_FULL 320

#define BTI_C hint #34
#define BTI_JC hint #38

.macro FUNCTION name
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, %function
\name:
	.cfi_startproc
	BTI_C
.endm

.macro END name
	.cfi_endproc
	.size	\name, . - \name
.endm

/* A saved frame at the address in reg. d8 has the DWARF number 72. */
.macro CFI_FRAME reg
	.cfi_def_cfa \reg, FRAME_SIZE
	.cfi_offset 29, 0 - FRAME_SIZE
	.cfi_offset 30, 8 - FRAME_SIZE
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	.cfi_offset 19 + \i, 16 + 8 * \i - FRAME_SIZE
	.endr
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7
	.cfi_offset 72 + \i, 96 + 8 * \i - FRAME_SIZE
	.endr
.endm

/* leaves FPCR in x9 */
.macro SAVE_FRAME
	sub	sp, sp, #FRAME_SIZE
	.cfi_adjust_cfa_offset FRAME_SIZE
	stp	x29, x30, [sp]
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x9, fpcr
	str	x9, [sp, #FRAME_FPCR]
	CFI_FRAME sp
.endm

.macro RESTORE_FRAME
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp]
	add	sp, sp, #FRAME_SIZE
	.cfi_def_cfa_offset 0
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	.cfi_restore 19 + \i
	.endr
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7
	.cfi_restore 72 + \i
	.endr
.endm

	.hidden	mri_arch_captured
	.text

/* void mri_arch_switch(struct mri_arch_ctx *from, struct mri_arch_ctx *to)
 *
 * Both stacks hold the same frame, so the CFI is right before and after sp changes.
 * FPCR is loaded only if the other side had a different one. It ends in ret because
 * it is called from one place, the switch wrapper: the return predictor stays in step
 * with the callers (see x86_64.S), and C code needs no landing pad. */
FUNCTION mri_arch_switch
	SAVE_FRAME
	mov	x10, sp
	str	x10, [x0]
	ldr	x10, [x1]
	mov	sp, x10
	ldr	x11, [sp, #FRAME_FPCR]
	cmp	x9, x11
	b.ne	.Lload_fpcr
.Lfpcr_same:
	.cfi_remember_state
	RESTORE_FRAME
	ret
	.cfi_restore_state
.Lload_fpcr:
	msr	fpcr, x11
	b	.Lfpcr_same
END mri_arch_switch

/* void mri_arch_make(struct mri_arch_ctx *ctx, void *stack_lo, void *stack_hi,
 *                    void (*entry)(void *), void *arg)
 *
 * Two zero words above the frame: a frame record that ends a frame-pointer walk. */
FUNCTION mri_arch_make
	and	x2, x2, #-16
	stp	xzr, xzr, [x2, #-16]!
	sub	x2, x2, #FRAME_SIZE
	adr	x9, mri_arch_entry + 4
	stp	xzr, x9, [x2]
	stp	x3, x4, [x2, #16]
	.irp	i, 32, 48, 64, 80, 96, 112, 128, 144
	stp	xzr, xzr, [x2, #\i]
	.endr
	mrs	x9, fpcr
	stp	x9, xzr, [x2, #FRAME_FPCR]
	str	x2, [x0]
	ret
END mri_arch_make

/* The first frame of every made context. Its return address is undefined, which
 * ends every walk. It starts behind the nop: an unwinder takes the suspended pc for
 * a return address, and looks up pc - 1. */
	.p2align 4
	.globl	mri_arch_entry
	.hidden	mri_arch_entry
	.type	mri_arch_entry, %function
mri_arch_entry:
	.cfi_startproc
	.cfi_def_cfa sp, 16
	.cfi_undefined x30
	nop
	BTI_JC
	mov	x0, x20
	blr	x19
	brk	#1
END mri_arch_entry

/* What mr_capture_args points at: called through the type of any function, it saves
 * whatever may hold arguments and returns zero in the first result registers. */
FUNCTION mri_arch_capture_args
	adrp	x16, :gottprel:mri_arch_captured
	ldr	x16, [x16, #:gottprel_lo12:mri_arch_captured]
	mrs	x17, tpidr_el0
	add	x16, x16, x17
	stp	x0, x1, [x16, #ARGS_GP]
	stp	x2, x3, [x16, #ARGS_GP + 16]
	stp	x4, x5, [x16, #ARGS_GP + 32]
	stp	x6, x7, [x16, #ARGS_GP + 48]
	stp	q0, q1, [x16, #ARGS_VEC]
	stp	q2, q3, [x16, #ARGS_VEC + 32]
	stp	q4, q5, [x16, #ARGS_VEC + 64]
	stp	q6, q7, [x16, #ARGS_VEC + 96]
	.irp	i, 0, 32, 64, 96
	ldp	q0, q1, [sp, #\i]
	stp	q0, q1, [x16, #ARGS_STACK + \i]
	.endr
	mov	x17, #1
	str	x17, [x16, #CAPTURE_FULL]
	mov	x0, #0
	mov	x1, #0
	movi	v0.2d, #0
	movi	v1.2d, #0
	ret
END mri_arch_capture_args

/* int mri_arch_call(void (*fn)(void), const struct mri_arch_args *args)
 *
 * fn's result stays in w0. */
FUNCTION mri_arch_call
	sub	sp, sp, #144
	.cfi_adjust_cfa_offset 144
	stp	x29, x30, [sp, #128]
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	add	x29, sp, #128
	mov	x16, x0
	mov	x17, x1
	.irp	i, 0, 32, 64, 96
	ldp	q0, q1, [x17, #ARGS_STACK + \i]
	stp	q0, q1, [sp, #\i]
	.endr
	ldp	q0, q1, [x17, #ARGS_VEC]
	ldp	q2, q3, [x17, #ARGS_VEC + 32]
	ldp	q4, q5, [x17, #ARGS_VEC + 64]
	ldp	q6, q7, [x17, #ARGS_VEC + 96]
	ldp	x0, x1, [x17, #ARGS_GP]
	ldp	x2, x3, [x17, #ARGS_GP + 16]
	ldp	x4, x5, [x17, #ARGS_GP + 32]
	ldp	x6, x7, [x17, #ARGS_GP + 48]
	blr	x16
	ldp	x29, x30, [sp, #128]
	add	sp, sp, #144
	.cfi_def_cfa_offset 0
	.cfi_restore 29
	.cfi_restore 30
	ret
END mri_arch_call

/* int mri_arch_catch(struct mri_arch_catch *c, void (*fn)(void *), void *arg)
 *
 * c->frame is sp at the call, less one word: see arch.h. */
FUNCTION mri_arch_catch
	SAVE_FRAME
	mov	x29, sp
	sub	x9, sp, #8
	str	x9, [x0]
	mov	x0, x2
	blr	x1
	mov	w0, #0
	RESTORE_FRAME
	ret
END mri_arch_catch

/* void mri_arch_throw(struct mri_arch_catch *c)
 *
 * Up to the change of sp this is a frame like any other, from there on it is
 * mri_arch_catch's. FPCR is the catcher's: to its caller mri_arch_catch is a call,
 * and calls preserve it. */
FUNCTION mri_arch_throw
	ldr	x9, [x0]
	add	x9, x9, #8
	mov	sp, x9
	CFI_FRAME sp
	ldr	x9, [sp, #FRAME_FPCR]
	msr	fpcr, x9
	mov	w0, #1
	RESTORE_FRAME
	ret
END mri_arch_throw

/* bool mri_arch_walk(const struct mri_arch_ctx *ctx, void (*fn)(void *), void *arg)
 *
 * While fn runs the CFI calls the suspended frame, which x19 points at, the one that
 * has called us. */
FUNCTION mri_arch_walk
	stp	x29, x30, [sp, #-32]!
	.cfi_adjust_cfa_offset 32
	.cfi_offset 29, -32
	.cfi_offset 30, -24
	str	x19, [sp, #16]
	.cfi_offset 19, -16
	mov	x29, sp
	ldr	x19, [x0]
	mov	x0, x2
	.cfi_remember_state
	CFI_FRAME x19
	blr	x1
	.cfi_restore_state
	mov	w0, #1
	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	.cfi_def_cfa_offset 0
	.cfi_restore 19
	.cfi_restore 29
	.cfi_restore 30
	ret
END mri_arch_walk

	.section .note.gnu.property, "a", %note
	.p2align 3
	.long	4, 16, 5                /* name size, desc size, NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000, 4           /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.long	1, 0                    /* BTI */
#endif
#ifdef __ELF__
	.section .note.GNU-stack, "", %progbits
#endif
