/* trace.c - capturing and printing stacks.
 *
 * Capturing is the compiler's unwinder: it needs no frame pointers, sees through
 * signal frames, and works on any stack, so also from a handler on the alternate one
 * when the goroutine's is used up. It reads memory that the stack points to: where
 * that is overwritten it may fault, and the crash handler must expect it. */
#define _GNU_SOURCE
#include "diag/trace.h"
#include "base/fault.h"
#include "base/hooks.h"
#include "diag/symbol.h"
#include "os/os.h"
#include <errno.h>
#include <string.h>
#include <ucontext.h>
#include <unwind.h>

/* An endless recursion on 8 MiB is 170,000 frames deep, 0.1 s. More is an unwinder
 * that goes in circles. */
enum { DEEPEST = 1000000 };

/* ---- capture ---- */

struct walk {
	void **pcs;
	int max, n;
	int skip;               /* frames still to be left out on top */
	bool waiting;           /* for the frame at `from`, to begin with */
	uintptr_t from;
	long seen;              /* frames, of those that count */
};

/* The first of the entries that are reused, as a ring, once the array is full. */
static int ring_start(const struct walk *w)
{
	return w->max / 2 + 1;
}

static void add(struct walk *w, uintptr_t pc)
{
	int start = ring_start(w);

	w->seen++;
	if (w->n < w->max)
		w->pcs[w->n++] = (void *)pc;
	else if (start < w->max)
		w->pcs[start + (w->seen - w->max - 1) % (w->max - start)] = (void *)pc;
}

static void reverse(void **pcs, long n)
{
	for (long i = 0; i < n / 2; i++) {
		void *pc = pcs[i];

		pcs[i] = pcs[n - 1 - i];
		pcs[n - 1 - i] = pc;
	}
}

/* The ring in order, and the mark of the gap before it. */
static void finish(struct walk *w)
{
	int start = ring_start(w);
	long oldest;

	if (w->seen <= w->max || start >= w->max)
		return;
	oldest = (w->seen - w->max) % (w->max - start);
	reverse(w->pcs + start, oldest);
	reverse(w->pcs + start + oldest, w->max - start - oldest);
	reverse(w->pcs + start, w->max - start);
	w->pcs[start - 1] = NULL;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *w = arg;
	int exact = 0;
	uintptr_t pc = _Unwind_GetIPInfo(context, &exact);

	if (w->waiting && pc != w->from)
		return _URC_NO_REASON;
	w->waiting = false;
	if (w->skip > 0) {
		w->skip--;
		return _URC_NO_REASON;
	}
	if (!pc && !exact)
		return _URC_END_OF_STACK;
	add(w, pc + (exact != 0));
	return w->seen < DEEPEST ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static noinline int capture(void **pcs, int max)
{
	struct walk w = { .pcs = pcs, .max = max, .skip = 1 };

	_Unwind_Backtrace(on_frame, &w);
	finish(&w);
	return w.n;
}

/* Where a context is, its stack pointer, and where its function returns to if it was
 * just called. */
#if defined(__x86_64__)
uintptr_t mri_trace_sp(const void *ucontext)
{
	const ucontext_t *uc = ucontext;

	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

static uintptr_t context_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

__attribute__((no_sanitize("address", "thread")))
static uintptr_t context_return(const ucontext_t *uc)
{
	uintptr_t sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];

	/* A wait that is over at once asks the kernel whether there is memory. */
	if (sp % sizeof(uintptr_t) || mri_os_futex_wait((uint32_t *)sp, 0, 1) == -EFAULT)
		return 0;
	return *(volatile uintptr_t *)sp;
}
#elif defined(__aarch64__)
uintptr_t mri_trace_sp(const void *ucontext)
{
	const ucontext_t *uc = ucontext;

	return uc->uc_mcontext.sp;
}

static uintptr_t context_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.pc;
}

static uintptr_t context_return(const ucontext_t *uc)
{
	return uc->uc_mcontext.regs[30];
}
#elif defined(__riscv)
uintptr_t mri_trace_sp(const void *ucontext)
{
	const ucontext_t *uc = ucontext;

	return uc->uc_mcontext.__gregs[REG_SP];
}

static uintptr_t context_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.__gregs[REG_PC];
}

static uintptr_t context_return(const ucontext_t *uc)
{
	return uc->uc_mcontext.__gregs[REG_RA];
}
#else
uintptr_t mri_trace_sp(const void *ucontext)
{
	return (uintptr_t)ucontext;     /* on the signal stack, if there is one */
}

static uintptr_t context_pc(const ucontext_t *uc)
{
	(void)uc;
	return 0;
}

static uintptr_t context_return(const ucontext_t *uc)
{
	(void)uc;
	return 0;
}
#endif

static bool is_code(uintptr_t pc)
{
	struct mri_symbol sym;

	mri_symbol_find((void *)pc, &sym);
	return sym.module[0];
}

/* The frames under the one at the pc of ucontext, wherever the walk begins. */
static int capture_signal(void **pcs, int max, void *ucontext)
{
	uintptr_t pc = context_pc(ucontext);
	struct walk w = { .pcs = pcs, .max = max, .waiting = true, .from = pc };

	if (max < 1)
		return 0;
	_Unwind_Backtrace(on_frame, &w);
	finish(&w);
	if (!w.n)
		pcs[w.n++] = (void *)(pc + 1);
	/* A call of what is no function, NULL most of all: nobody knows how to unwind
	 * from there, but the caller's address is where the call put it. */
	if (w.n == 1 && max > 1 && !is_code(pc) && is_code(context_return(ucontext)))
		pcs[w.n++] = (void *)context_return(ucontext);
	return w.n;
}

struct suspended {
	void **pcs;
	int max, n;
	void *ucontext;
};

static noinline void capture_suspended(void *arg)
{
	struct suspended *s = arg;
	/* This function and mri_arch_walk. */
	struct walk w = { .pcs = s->pcs, .max = s->max, .skip = 2 };

	if (s->ucontext) {
		s->n = capture_signal(s->pcs, s->max, s->ucontext);
		return;
	}
	_Unwind_Backtrace(on_frame, &w);
	finish(&w);
	s->n = w.n;
}

int mri_trace_suspended(void **pcs, int max, const struct mri_arch_ctx *ctx,
			void *ucontext)
{
	struct suspended s = { .pcs = pcs, .max = max, .ucontext = ucontext };

	return mri_arch_walk(ctx, capture_suspended, &s) ? s.n : 0;
}

/* ---- print ---- */

static void print_frame(struct mri_out *o, void *pc, const struct mri_symbol *sym)
{
	if (sym->name[0])
		mri_out_str(o, sym->name);
	else
		mri_out_hex(o, (uintptr_t)pc);
	mri_out_str(o, "(...)\n\t");
	if (sym->module[0])
		mri_out_fmt(o, "%s+", sym->module);
	mri_out_hex(o, sym->module_offset);
	mri_out_str(o, "\n");
}

static void *code_of(void *return_address)
{
	return (void *)((uintptr_t)return_address - 1);
}

/* How main and a thread are called: nothing that the program's author wrote. */
static bool is_start_code(const struct mri_symbol *sym)
{
	static const char *const names[] = {
		"_start", "__libc_start_main", "__libc_start_call_main",
		"__libc_start_main_impl", "start_thread", "clone", "__clone", "clone3",
		"__clone3", "thread_start",
	};
	const char *slash = strrchr(sym->module, '/');

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(sym->name, names[i]))
			return true;
	/* Most are static functions, and libc is stripped. */
	return !sym->name[0] && slash && !strncmp(slash, "/libc.so", 8);
}

bool mri_trace_is_ours(const struct mri_symbol *sym, bool bottom)
{
	return sym->in_library || (bottom && is_start_code(sym));
}

static bool is_ours(void *pc, bool bottom)
{
	struct mri_symbol sym;

	if (!pc)
		return false;
	mri_symbol_find(code_of(pc), &sym);
	return mri_trace_is_ours(&sym, bottom);
}

static void trace(struct mri_out *o, void *const *pcs, int n)
{
	int first = 0, end = n;
	struct mri_symbol sym;

	while (first < end && is_ours(pcs[first], false))
		first++;
	while (end > first && is_ours(pcs[end - 1], true))
		end--;
	/* The library called itself: then that is what there is to see. */
	if (first == end) {
		first = 0;
		end = n;
	}
	for (int i = first; i < end; i++) {
		if (!pcs[i]) {
			mri_out_str(o, "...additional frames elided...\n");
			continue;
		}
		mri_symbol_find(code_of(pcs[i]), &sym);
		print_frame(o, code_of(pcs[i]), &sym);
	}
}

static void print_symbol(struct mri_out *o, void *pc)
{
	struct mri_symbol sym;

	if (mri_symbol_find(pc, &sym))
		mri_out_str(o, sym.name);
	else
		mri_out_hex(o, (uintptr_t)pc);
}

void mri_trace_install(void)
{
	void *pc;

	mri_hooks.trace = trace;
	mri_hooks.capture = capture;
	mri_hooks.capture_signal = capture_signal;
	mri_hooks.symbol = print_symbol;
	capture(&pc, 1);
}
