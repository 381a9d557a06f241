/* ucontext.c - the contract of arch.h for any machine with makecontext and gcc.
 *
 * Slow (each switch is a system call, for the signal mask, which here belongs to the
 * goroutine) but complete: a machine works from the first day, and on x86-64 the rest
 * of the library is tested against it. gcc only: the arguments of an unknown call are
 * saved and replayed by __builtin_apply_args and __builtin_apply.
 *
 * A suspended context: ctx->uc is a ucontext_t on the suspended stack, ctx->sp is
 * at or below everything alive there. */
#include "arch/arch.h"

#ifdef MRI_ARCH_FALLBACK
#ifdef __clang__
#error "no assembly for this machine, and millrace's fallback needs gcc (__builtin_apply)"
#endif
#include <string.h>
#include <ucontext.h>

/* makecontext passes ints only. */
static void first(unsigned fn_hi, unsigned fn_lo, unsigned arg_hi, unsigned arg_lo)
{
	void (*fn)(void *) =
		(void (*)(void *))(uintptr_t)((uint64_t)fn_hi << 32 | fn_lo);

	fn((void *)(uintptr_t)((uint64_t)arg_hi << 32 | arg_lo));
	__builtin_trap();
}

void mri_arch_make(struct mri_arch_ctx *ctx, void *stack_lo, void *stack_hi,
		   void (*entry)(void *), void *arg)
{
	uintptr_t at = ((uintptr_t)stack_hi - sizeof(ucontext_t)) & ~(uintptr_t)63;
	ucontext_t *uc = (ucontext_t *)at;
	uint64_t f = (uintptr_t)entry, a = (uintptr_t)arg;

	memset(uc, 0, sizeof *uc);
	getcontext(uc);
	uc->uc_stack.ss_sp = stack_lo;
	uc->uc_stack.ss_size = (size_t)((char *)uc - (char *)stack_lo);
	makecontext(uc, (void (*)(void))first, 4, (unsigned)(f >> 32), (unsigned)f,
		    (unsigned)(a >> 32), (unsigned)a);
	ctx->uc = uc;
	ctx->sp = (char *)uc - 256;     /* above it: what makecontext has pushed */
}

noinline void mri_arch_switch(struct mri_arch_ctx *from, struct mri_arch_ctx *to)
{
	ucontext_t here;

	here.uc_stack.ss_sp = NULL;     /* ASan's swapcontext looks */
	here.uc_stack.ss_size = 0;
	from->uc = &here;
	from->sp = &here;
	swapcontext(&here, to->uc);
}

/* ---- catch and throw ---- */

/* The CFA of this function is the stack pointer of its caller at the call. */
static noinline void call_under(struct mri_arch_catch *c, void (*fn)(void *), void *arg)
{
	c->frame = (char *)__builtin_dwarf_cfa() - sizeof(void *);
	fn(arg);
	__asm__ volatile("");           /* not a tail call */
}

/* getcontext and not setjmp: it keeps the floating-point control words. */
int mri_arch_catch(struct mri_arch_catch *c, void (*fn)(void *), void *arg)
{
	ucontext_t here;
	volatile int thrown = 0;

	c->uc = &here;
	getcontext(&here);
	if (thrown)
		return 1;
	thrown = 1;
	call_under(c, fn, arg);
	return 0;
}

void mri_arch_throw(struct mri_arch_catch *c)
{
	setcontext(c->uc);
	__builtin_trap();
}

/* The saved registers are somewhere in a ucontext_t: no CFI can say where. */
bool mri_arch_walk(const struct mri_arch_ctx *ctx, void (*fn)(void *), void *arg)
{
	(void)ctx, (void)fn, (void)arg;
	return false;
}

/* ---- capture and call ---- */

/* block[0..47] is what __builtin_apply_args returned: the address of the stack
 * arguments, then the registers (192 to 400 bytes on the machines looked at: the rest
 * is whatever lies behind it). block[48..63] are the stack arguments. */
enum { STACK_WORDS = 16, STACK_AT = 48 };

/* Reads its callers' frames: no sanitizer may check that, and volatile keeps the
 * loops from becoming a memcpy, which one would check. */
#if defined(MRI_ASAN) || defined(MRI_TSAN)
__attribute__((no_sanitize("address", "thread", "undefined")))
#endif
noinline void mri_arch_capture_args(void)
{
	const volatile uint64_t *block = __builtin_apply_args();
	const volatile uint64_t *stack = *(uint64_t *const *)block;
	uint64_t *to = mri_arch_captured.args.block;

	for (int i = 0; i < STACK_AT; i++)
		to[i] = block[i];
	for (int i = 0; i < STACK_WORDS; i++)
		to[STACK_AT + i] = stack[i];
	mri_arch_captured.full = 1;
}

noinline int mri_arch_call(void (*fn)(void), const struct mri_arch_args *args)
{
	struct mri_arch_args a = *args;
	void *stack = &a.block[STACK_AT];

	memcpy(a.block, &stack, sizeof stack);
	/* The first thing in what it returns is the result register. */
	return (int)*(uint64_t *)__builtin_apply(fn, a.block,
						 STACK_WORDS * sizeof(uint64_t));
}
#else
typedef int mri_ucontext_nothing;       /* an empty translation unit is not ISO C */
#endif
