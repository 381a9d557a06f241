/* arch.h - what an instruction set must provide: x86_64.S, aarch64.S, or
 * ucontext.c for every other.
 *
 * A context is a suspended computation. Everything that the ABI says a callee keeps
 * (and the floating-point control words, which belong to the goroutine) is saved on
 * its own stack; the context itself is the stack pointer. The .S files document the
 * layout at sp, for debugger scripts. */
#ifndef MRI_ARCH_ARCH_H
#define MRI_ARCH_ARCH_H
#include "base/attr.h"

#if !defined(MRI_ARCH_FALLBACK) && !defined(__x86_64__) && !defined(__aarch64__)
#define MRI_ARCH_FALLBACK 1
#endif

struct mri_arch_ctx {
	void *sp;                       /* where the registers were saved */
#ifdef MRI_ARCH_FALLBACK
	void *uc;                       /* a ucontext_t on the suspended stack */
#endif
};

/* The arguments of one call: all argument registers and 16 stack words. Copied
 * freely; means nothing on another architecture. The assembly knows the offsets. */
struct mri_arch_args {
#ifdef MRI_ARCH_FALLBACK
	uint64_t block[64];             /* __builtin_apply_args()'s, self-contained */
#elif defined(__x86_64__)
	uint64_t gp[6];                 /* rdi rsi rdx rcx r8 r9 */
	uint64_t al;                    /* number of vector registers, for varargs */
	uint64_t few;                   /* no more than 6 words, or vectors: the first */
	unsigned char vec[8][16];       /* xmm0-7 */
	uint64_t stack[16];
#elif defined(__aarch64__)
	uint64_t gp[8];                 /* x0-x7 */
	unsigned char vec[8][16];       /* v0-v7 */
	uint64_t stack[16];
#endif
} __attribute__((aligned(16)));

/* What the last capture on this thread saw; full until somebody took it. */
struct mri_arch_capture {
	struct mri_arch_args args;
	uint64_t full;
};
extern __thread struct mri_arch_capture mri_arch_captured
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* What the public mr_capture_args points at. Called through the type of any function
 * with at most 8 arguments of at most 16 bytes each: fills mri_arch_captured. The
 * result means nothing and costs nothing to drop. */
void mri_arch_capture_args(void);
/* The same for up to 3 arguments, if that can be done with less. */
void mri_arch_capture_few(void);

/* *to = *from. */
static inline void mri_arch_copy_args(struct mri_arch_args *to,
				      const struct mri_arch_args *from)
{
#if defined(__x86_64__) && !defined(MRI_ARCH_FALLBACK)
	if (likely(from->few)) {
		__builtin_memcpy(to->gp, from->gp, offsetof(struct mri_arch_args, vec));
		__builtin_memcpy(to->vec, from->vec, 6 * sizeof from->vec[0]);
		__builtin_memcpy(to->stack, from->stack, 6 * sizeof from->stack[0]);
		return;
	}
#endif
	*to = *from;
}

/* Call fn with captured arguments. Returns what fn does if that is an int, else
 * something that means nothing. */
int mri_arch_call(void (*fn)(void), const struct mri_arch_args *args);

/* Make *ctx a computation that starts with entry(arg) on the stack that ends at
 * stack_hi (16-byte aligned by the callee). entry never returns. Unwinders find
 * the end of the stack above entry. Floating-point control words are those of the
 * caller. stack_lo..stack_hi are the usable bounds. */
void mri_arch_make(struct mri_arch_ctx *ctx, void *stack_lo, void *stack_hi,
		   void (*entry)(void *), void *arg);

/* Suspend the caller into *from and continue *to. Returns when somebody switches
 * to *from, maybe on another thread. Only the switch wrapper in sched.c calls it. */
void mri_arch_switch(struct mri_arch_ctx *from, struct mri_arch_ctx *to);

/* mri_arch_catch calls fn(arg) and returns 0; or 1 if somebody under it called
 * mri_arch_throw(c), which drops all frames between: no cleanup runs, no tool is
 * told (mri_san_unwound does that). Callee-saved registers and the floating-point
 * control words are then those of the call of mri_arch_catch.
 *
 * c->frame tells a stop function of _Unwind_ForcedUnwind where to throw. With
 * cfa = _Unwind_GetCFA(context), which despite its name is the stack pointer inside
 * the frame that context stands in (libgcc and LLVM's libunwind alike):
 *   cfa <= c->frame   fn's frame and every frame under it: still to be unwound;
 *   cfa >  c->frame   mri_arch_catch's own frame and all its callers: throw now.
 * c->frame is the stack pointer of mri_arch_catch as it calls fn, less one word. */
struct mri_arch_catch {
	void *frame;
#ifdef MRI_ARCH_FALLBACK
	void *uc;                       /* a ucontext_t in mri_arch_catch's frame */
#endif
};
int mri_arch_catch(struct mri_arch_catch *c, void (*fn)(void *), void *arg);
void mri_arch_throw(struct mri_arch_catch *c) __attribute__((noreturn));

/* The context of whoever called mri_arch_catch(c), which has not returned: as good as
 * suspended for mri_arch_walk, and for that only. */
static inline struct mri_arch_ctx mri_arch_catch_ctx(const struct mri_arch_catch *c)
{
#ifdef MRI_ARCH_FALLBACK
	return (struct mri_arch_ctx){ .sp = c->frame, .uc = c->uc };
#else
	return (struct mri_arch_ctx){ .sp = (char *)c->frame + sizeof(void *) };
#endif
}

/* Call fn(arg), for which ctx, suspended, is the caller's caller: an unwinder that
 * starts in fn goes on from here to the frames of ctx. The frame above fn's is
 * mri_arch_walk's. False where that cannot be done: fn is not called. */
bool mri_arch_walk(const struct mri_arch_ctx *ctx, void (*fn)(void *), void *arg);

/* The word in the ELF note ".note.millrace" (capture.c): the library's version. */
#ifndef MRI_ARCH_NOTE_VERSION
#define MRI_ARCH_NOTE_VERSION 1
#endif
#endif
