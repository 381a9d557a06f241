/* x86_64.S - contexts, argument capture and catch/throw for x86-64 System V.
 *
 * A suspended context, sp being ctx->sp (also what a debugger script needs):
 *     sp +  0  MXCSR (4 bytes)          sp + 32  r12
 *     sp +  4  x87 control word (2)     sp + 40  rbx
 *     sp +  8  r15                      sp + 48  rbp
 *     sp + 16  r14                      sp + 56  rip, the return address
 *     sp + 24  r13                      sp + 64  rsp after the return (the CFA)
 * In a context that never ran rip is mri_arch_entry + 1, rbx the entry function, r12
 * its argument and rbp 0. mri_arch_catch leaves the same layout on its stack.
 *
 * Marked for IBT: every function can be the target of an indirect branch. Never
 * for SHSTK: a shadow stack does not follow a switch, the process would die. */
#if defined(__x86_64__) && !defined(MRI_ARCH_FALLBACK)


#define FRAME_CONTROL 0
#define FRAME_R12     32
#define FRAME_RBX     40
#define FRAME_RBP     48
#define FRAME_RIP     56
#define FRAME_SIZE    64

/* struct mri_arch_args and mri_arch_capture; capture.c asserts them */
#define ARGS_GP    0
#define ARGS_AL    48
#define ARGS_FEW   56
#define ARGS_VEC   64
#define ARGS_STACK 192
#define CAPTURE_FULL 320

/* The bits of MXCSR that belong to a goroutine. The six low ones are sticky status
 * flags, which the ABI lets any call change. */
#define MXCSR_CONTROL 0xffc0

.macro FUNCTION name
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	.cfi_startproc
	endbr64
.endm

.macro END name
	.cfi_endproc
	.size	\name, . - \name
.endm

.macro PUSH reg
	pushq	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\reg, 0
.endm

.macro POP reg
	popq	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\reg
.endm

.macro SAVE_FRAME
	PUSH	rbp
	PUSH	rbx
	PUSH	r12
	PUSH	r13
	PUSH	r14
	PUSH	r15
	leaq	-8(%rsp), %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
.endm

.macro RESTORE_FRAME
	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	POP	r15
	POP	r14
	POP	r13
	POP	r12
	POP	rbx
	POP	rbp
.endm

/* A saved frame at the address in reg. */
.macro CFI_FRAME reg
	.cfi_def_cfa %\reg, FRAME_SIZE
	.cfi_offset %rbp, FRAME_RBP - FRAME_SIZE
	.cfi_offset %rbx, FRAME_RBX - FRAME_SIZE
	.cfi_offset %r12, FRAME_R12 - FRAME_SIZE
	.cfi_offset %r13, 24 - FRAME_SIZE
	.cfi_offset %r14, 16 - FRAME_SIZE
	.cfi_offset %r15, 8 - FRAME_SIZE
	.cfi_offset %rip, FRAME_RIP - FRAME_SIZE
.endm

	.hidden	mri_arch_captured
	.text

/* void mri_arch_switch(struct mri_arch_ctx *from, struct mri_arch_ctx *to)
 *
 * Both stacks hold the same frame, so the CFI is right before and after rsp changes.
 * The control words are loaded only if the other side had different ones: loading
 * is dear, comparing is not.
 *
 * It ends in ret because it is called from one place, the switch wrapper: the return
 * predictor then expects the right address, here and in every caller that both
 * goroutines have in common (park, recv, ...). An indirect jump leaves the predictor
 * one entry off: faster only where the caller never returns, as in a benchmark with
 * two loops; measured 7.3 (ret) against 28 ns (jmp) between two goroutines in the
 * same function, 14 against 20 with the scheduler between. And it needs no landing
 * pad in C code. */
FUNCTION mri_arch_switch
	SAVE_FRAME
	movl	(%rsp), %eax
	movzwl	4(%rsp), %ecx
	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp
	xorl	(%rsp), %eax
	testl	$MXCSR_CONTROL, %eax
	jnz	.Lload_mxcsr
.Lmxcsr_same:
	cmpw	4(%rsp), %cx
	jne	.Lload_x87
.Lx87_same:
	.cfi_remember_state
	RESTORE_FRAME
	ret
	.cfi_restore_state
.Lload_mxcsr:
	ldmxcsr	(%rsp)
	jmp	.Lmxcsr_same
.Lload_x87:
	fldcw	4(%rsp)
	jmp	.Lx87_same
END mri_arch_switch

/* void mri_arch_make(struct mri_arch_ctx *ctx, void *stack_lo, void *stack_hi,
 *                    void (*entry)(void *), void *arg)
 *
 * Two zero words above the frame: where a frame-pointer walk, or an unwinder that
 * ignores CFI, finds its end. */
FUNCTION mri_arch_make
	andq	$-16, %rdx
	xorl	%eax, %eax
	movq	%rax, -8(%rdx)
	movq	%rax, -16(%rdx)
	subq	$(16 + FRAME_SIZE), %rdx
	stmxcsr	FRAME_CONTROL(%rdx)
	movl	%eax, FRAME_CONTROL+4(%rdx)
	fnstcw	FRAME_CONTROL+4(%rdx)
	movq	%rax, 8(%rdx)
	movq	%rax, 16(%rdx)
	movq	%rax, 24(%rdx)
	movq	%r8, FRAME_R12(%rdx)
	movq	%rcx, FRAME_RBX(%rdx)
	movq	%rax, FRAME_RBP(%rdx)
	leaq	1+mri_arch_entry(%rip), %rax
	movq	%rax, FRAME_RIP(%rdx)
	movq	%rdx, (%rdi)
	ret
END mri_arch_make

/* The first frame of every made context. Its return address is undefined, which
 * ends every walk. It starts behind the nop: an unwinder takes the suspended rip for
 * a return address, and looks up rip - 1. */
	.p2align 4
	.globl	mri_arch_entry
	.hidden	mri_arch_entry
	.type	mri_arch_entry, @function
mri_arch_entry:
	.cfi_startproc
	.cfi_def_cfa %rsp, 16
	.cfi_undefined %rip
	nop
	endbr64
	movq	%r12, %rdi
	call	*%rbx
	ud2
END mri_arch_entry

/* What mr_capture_args points at: called through the type of any function, it saves
 * whatever may hold arguments and returns zero in every result register. r11 is the
 * only register that holds no argument and is nobody's. */
.macro CAPTURE few, vectors:vararg
	movq	mri_arch_captured@gottpoff(%rip), %r11
	addq	%fs:0, %r11
	movq	%rdi, ARGS_GP+0(%r11)
	movq	%rsi, ARGS_GP+8(%r11)
	movq	%rdx, ARGS_GP+16(%r11)
	movq	%rcx, ARGS_GP+24(%r11)
	movq	%r8, ARGS_GP+32(%r11)
	movq	%r9, ARGS_GP+40(%r11)
	movzbl	%al, %eax
	movq	%rax, ARGS_AL(%r11)
	movq	$\few, ARGS_FEW(%r11)
	.irp	i, \vectors
	movaps	%xmm\i, ARGS_VEC+16*\i(%r11)
	.endr
	.ifeq	\few
	STACK_WORDS 0, 16, 32, 48, 64, 80, 96, 112
	.else
	STACK_WORDS 0, 16, 32
	.endif
	movq	$1, CAPTURE_FULL(%r11)
	xorl	%eax, %eax
	xorl	%edx, %edx
	pxor	%xmm0, %xmm0
	pxor	%xmm1, %xmm1
	ret
.endm
.macro STACK_WORDS offsets:vararg
	.irp	i, \offsets
	movups	8+\i(%rsp), %xmm0
	movaps	%xmm0, ARGS_STACK+\i(%r11)
	.endr
.endm

FUNCTION mri_arch_capture_args
	CAPTURE	0, 0, 1, 2, 3, 4, 5, 6, 7
END mri_arch_capture_args

/* Up to 3 arguments are no more than 6 words, or 6 vectors. */
FUNCTION mri_arch_capture_few
	CAPTURE	1, 0, 1, 2, 3, 4, 5
END mri_arch_capture_few

/* int mri_arch_call(void (*fn)(void), const struct mri_arch_args *args)
 *
 * fn's result stays in eax. emms: a result of a struct with a long double in it would
 * stay on the x87 stack; eight of those and x87 arithmetic yields NaN. */
FUNCTION mri_arch_call
	PUSH	rbp
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rdi, %r11
	movq	%rsi, %r10
	cmpl	$0, ARGS_FEW(%rsi)
	je	1f
	subq	$48, %rsp
	.irp	i, 0, 16, 32
	movaps	ARGS_STACK+\i(%r10), %xmm0
	movaps	%xmm0, \i(%rsp)
	.endr
	jmp	2f
1:	subq	$128, %rsp
	.irp	i, 0, 16, 32, 48, 64, 80, 96, 112
	movaps	ARGS_STACK+\i(%r10), %xmm0
	movaps	%xmm0, \i(%rsp)
	.endr
	movaps	ARGS_VEC+96(%r10), %xmm6
	movaps	ARGS_VEC+112(%r10), %xmm7
2:	movaps	ARGS_VEC+0(%r10), %xmm0
	movaps	ARGS_VEC+16(%r10), %xmm1
	movaps	ARGS_VEC+32(%r10), %xmm2
	movaps	ARGS_VEC+48(%r10), %xmm3
	movaps	ARGS_VEC+64(%r10), %xmm4
	movaps	ARGS_VEC+80(%r10), %xmm5
	movq	ARGS_GP+0(%r10), %rdi
	movq	ARGS_GP+8(%r10), %rsi
	movq	ARGS_GP+16(%r10), %rdx
	movq	ARGS_GP+24(%r10), %rcx
	movq	ARGS_GP+32(%r10), %r8
	movq	ARGS_GP+40(%r10), %r9
	movq	ARGS_AL(%r10), %rax
	call	*%r11
	emms
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
END mri_arch_call

/* int mri_arch_catch(struct mri_arch_catch *c, void (*fn)(void *), void *arg)
 *
 * c->frame is rsp at the call, less one word: see arch.h. */
FUNCTION mri_arch_catch
	SAVE_FRAME
	leaq	-8(%rsp), %rax
	movq	%rax, (%rdi)
	movq	%rdx, %rdi
	call	*%rsi
	xorl	%eax, %eax
	RESTORE_FRAME
	ret
END mri_arch_catch

/* void mri_arch_throw(struct mri_arch_catch *c)
 *
 * Up to the change of rsp this is a frame like any other, from there on it is
 * mri_arch_catch's. The control words are those of the catcher: to its caller
 * mri_arch_catch is a call, and calls preserve them. */
FUNCTION mri_arch_throw
	movq	(%rdi), %rax
	leaq	8(%rax), %rsp
	CFI_FRAME rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	movl	$1, %eax
	RESTORE_FRAME
	ret
END mri_arch_throw

/* bool mri_arch_walk(const struct mri_arch_ctx *ctx, void (*fn)(void *), void *arg)
 *
 * While fn runs the CFI calls the suspended frame, which rbx points at, the one that
 * has called us. */
FUNCTION mri_arch_walk
	PUSH	rbx
	movq	(%rdi), %rbx
	movq	%rdx, %rdi
	.cfi_remember_state
	CFI_FRAME rbx
	call	*%rsi
	.cfi_restore_state
	movl	$1, %eax
	POP	rbx
	ret
END mri_arch_walk

	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5                /* name size, desc size, NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4           /* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	1, 0                    /* IBT */
#endif
#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits
#endif
