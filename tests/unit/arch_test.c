/* arch_test.c - the contract of arch/arch.h and arch/san.h. Nothing of the runtime is
 * used: contexts are switched by hand, on one thread. */
#define _GNU_SOURCE
#include "arch/arch.h"
#include "arch/san.h"
#include "harness.h"
#include <complex.h>
#include <execinfo.h>
#include <fenv.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef ARCH_SIGNATURES
#define ARCH_SIGNATURES "arch_signatures.h"
#endif

extern void (*const mr_capture_args)(void);
extern void (*const mr_capture_few)(void);

/* ---- coroutines, the least that is needed ---- */

enum { STACK_SIZE = 256 << 10 };

struct co {
	struct mri_arch_ctx ctx;
	struct mri_san san;
	char *stack;
	void (*fn)(void *);
	void *arg;
	struct co *back;                /* who continues when this one is over */
	bool done;
};

static __thread struct co thread_co, *running;

static no_tsan noinline void hop(struct co *to, bool dying)
{
	struct co *from = running;

	running = to;
	mri_san_switch_out(&from->san, &to->san, dying);
	mri_arch_switch(&from->ctx, &to->ctx);
	mri_san_switch_in(&from->san);
}

static no_tsan void co_main(void *p)
{
	struct co *c = p;

	mri_san_switch_in(&c->san);
	c->fn(c->arg);
	c->done = true;
	hop(c->back, true);
	FAIL("a dead context ran");
}

/* The calling thread's own stack becomes a co; its bounds are for ASan. */
static struct co *co_self(void)
{
	pthread_attr_t a;
	void *lo;
	size_t size;

	if (!running) {
		pthread_getattr_np(pthread_self(), &a);
		pthread_attr_getstack(&a, &lo, &size);
		pthread_attr_destroy(&a);
		mri_san_adopt(&thread_co.san, lo, (char *)lo + size);
		running = &thread_co;
	}
	return running;
}

static struct co *co_new(void (*fn)(void *), void *arg)
{
	struct co *c = calloc(1, sizeof *c);

	c->back = co_self();
	c->fn = fn;
	c->arg = arg;
	c->stack = malloc(STACK_SIZE);
	mri_san_create(&c->san, c->stack, c->stack + STACK_SIZE, NULL);
	/* an odd end: the callee aligns it */
	mri_arch_make(&c->ctx, c->stack, c->stack + STACK_SIZE - 3, co_main, c);
	return c;
}

static void co_free(struct co *c)
{
	mri_san_destroy(&c->san);
	free(c->stack);
	free(c);
}

static void co_run(void (*fn)(void *), void *arg)
{
	struct co *c = co_new(fn, arg);

	while (!c->done)
		hop(c, false);
	co_free(c);
}

/* ---- registers ---- */

/* Fills every callee-saved register with values made from seed, calls fn(a, b, c) and
 * returns the number of registers that changed, or -1 - n if fn returned other than
 * want. */
int regs_kept(void *fn, void *a, void *b, void *c, uint64_t seed);
#if defined(__x86_64__)
__asm__(".text\n"
	".p2align 4\n"
	".globl regs_kept\n"
	".hidden regs_kept\n"
	"regs_kept:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n"
	"	push %r13\n	push %r14\n	push %r15\n"
	"	push %r8\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n	mov %rdx, %rsi\n	mov %rcx, %rdx\n"
	"	lea 1(%r8), %rbp\n	lea 2(%r8), %rbx\n	lea 3(%r8), %r12\n"
	"	lea 4(%r8), %r13\n	lea 5(%r8), %r14\n	lea 6(%r8), %r15\n"
	"	call *%rax\n"
	"	xor %eax, %eax\n	xor %edx, %edx\n	pop %r8\n"
	"	sub $1, %rbp\n	cmp %r8, %rbp\n	setne %dl\n	add %edx, %eax\n"
	"	sub $2, %rbx\n	cmp %r8, %rbx\n	setne %dl\n	add %edx, %eax\n"
	"	sub $3, %r12\n	cmp %r8, %r12\n	setne %dl\n	add %edx, %eax\n"
	"	sub $4, %r13\n	cmp %r8, %r13\n	setne %dl\n	add %edx, %eax\n"
	"	sub $5, %r14\n	cmp %r8, %r14\n	setne %dl\n	add %edx, %eax\n"
	"	sub $6, %r15\n	cmp %r8, %r15\n	setne %dl\n	add %edx, %eax\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n"
	"	pop %r12\n	pop %rbx\n	pop %rbp\n"
	"	ret\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".p2align 4\n"
	".globl regs_kept\n"
	".hidden regs_kept\n"
	"regs_kept:\n"
	"	sub sp, sp, #192\n"
	"	stp x29, x30, [sp]\n	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n	stp x27, x28, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n	stp d14, d15, [sp, #144]\n"
	"	str x4, [sp, #160]\n"
	"	mov x9, x0\n	mov x0, x1\n	mov x1, x2\n	mov x2, x3\n"
	"	.irp i, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
	"	add x\\i, x4, #\\i\n"
	"	.endr\n"
	"	.irp i, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	add x10, x4, #\\i\n	fmov d\\i, x10\n"
	"	.endr\n"
	"	blr x9\n"
	"	mov w0, #0\n	ldr x4, [sp, #160]\n"
	"	.irp i, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
	"	sub x\\i, x\\i, #\\i\n	cmp x\\i, x4\n	cinc w0, w0, ne\n"
	"	.endr\n"
	"	.irp i, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	fmov x10, d\\i\n	sub x10, x10, #\\i\n	cmp x10, x4\n	cinc w0, w0, ne\n"
	"	.endr\n"
	"	ldp x29, x30, [sp]\n	ldp x19, x20, [sp, #16]\n"
	"	ldp x21, x22, [sp, #32]\n	ldp x23, x24, [sp, #48]\n"
	"	ldp x25, x26, [sp, #64]\n	ldp x27, x28, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #192\n"
	"	ret\n");
#else
int regs_kept(void *fn, void *a, void *b, void *c, uint64_t seed)
{
	(void)seed;
	((void (*)(void *, void *, void *))(uintptr_t)fn)(a, b, c);
	return 0;
}
#endif

static void hop_and_come_back(void *p)
{
	(void)p;
	hop(running->back, false);
}

static void keep_registers(void *seed)
{
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(regs_kept((void *)hop_and_come_back, NULL, NULL, NULL,
				   (uint64_t)(uintptr_t)seed + (uint64_t)i), 0);
}

/* Two contexts with different values in all callee-saved registers, in turns. */
TEST(arch_switch, keeps_callee_saved_registers)
{
	struct co *a = co_new(keep_registers, (void *)0x1111111111110000);
	struct co *b = co_new(keep_registers, (void *)0x2222222222220000);

	for (int i = 0; i < 1000; i++) {
		hop(a, false);
		hop(b, false);
	}
	hop(a, false);
	hop(b, false);
	CHECK(a->done && b->done);
	co_free(a);
	co_free(b);
}

static void count_to(void *p)
{
	long *n = p;

	while (*n > 0) {
		--*n;
		hop(running->back, false);
	}
}

TEST(arch_switch, a_million_times)
{
	long n = test_rounds(1000000);

	co_run(count_to, &n);
	CHECK_EQ(n, 0);
}

static void pass_the_stack_by(void *p)
{
	char *at = __builtin_frame_address(0);

	CHECK(at > running->stack && at < running->stack + STACK_SIZE);
	CHECK(__builtin_frame_address(0) != NULL);
#if defined(__x86_64__)
	uintptr_t sp;
	__asm__("mov %%rsp, %0" : "=r"(sp));
	CHECK_EQ(sp % 16, 0);
#endif
	++*(int *)p;
}

/* Many short lives on fresh stacks: what the tools are told at birth and death. */
TEST(arch_switch, born_and_dead)
{
	int n = 0;

	for (int i = 0; i < 500; i++)
		co_run(pass_the_stack_by, &n);
	CHECK_EQ(n, 500);
}

struct carried {
	struct co *c;
	int seen;
};

static void across_threads(void *p)
{
	struct carried *k = p;

	for (int i = 0; i < 10; i++) {
		k->seen++;
		hop(k->c->back, false);
	}
}

static void *carry(void *p)
{
	struct carried *k = p;

	k->c->back = co_self();
	hop(k->c, false);
	return NULL;
}

/* A context suspended on one thread continues on another. */
TEST(arch_switch, to_another_thread)
{
	struct carried k = { 0 };
	pthread_t t;

	k.c = co_new(across_threads, &k);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(pthread_create(&t, NULL, carry, &k), 0);
		CHECK_EQ(pthread_join(t, NULL), 0);
		CHECK_EQ(k.seen, i + 1);
	}
	k.c->back = co_self();
	hop(k.c, false);
	CHECK(k.c->done);
	co_free(k.c);
}

/* ---- control words ---- */

static void set_control(int i)
{
	static const int mode[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };

	fesetround(mode[i % 4]);
#if defined(__x86_64__)
	unsigned short cw;
	__asm__("fnstcw %0" : "=m"(cw));
	cw = (unsigned short)((cw & ~0x300u) | (i & 4 ? 0x200u : 0x300u));
	__asm__ volatile("fldcw %0" : : "m"(cw));
	_mm_setcsr((_mm_getcsr() & ~0x8040u) | (i & 8 ? 0x8040u : 0));
#endif
}

/* Rounding, x87 precision, flush-to-zero; not the sticky flags. */
static uint64_t get_control(void)
{
	uint64_t w = (uint64_t)fegetround();
#if defined(__x86_64__)
	unsigned short cw;
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	w |= (uint64_t)cw << 16 | (uint64_t)(_mm_getcsr() & 0xffc0) << 32;
#endif
	return w;
}

static void own_control(void *p)
{
	int me = (int)(intptr_t)p;
	uint64_t w;

	CHECK_EQ(get_control(), (running->back->arg ? 0 : get_control()));
	set_control(me);
	w = get_control();
	for (int i = 0; i < 20; i++) {
		hop(running->back, false);
		CHECK_EQ(get_control(), w);
	}
}

TEST(arch_switch, keeps_control_words)
{
	struct co *c[16];
	uint64_t w;

	set_control(6);
	w = get_control();
	for (int i = 0; i < 16; i++)
		c[i] = co_new(own_control, (void *)(intptr_t)i);
	for (int round = 0; round < 21; round++)
		for (int i = 0; i < 16; i++) {
			hop(c[i], false);
			CHECK_EQ(get_control(), w);
		}
	for (int i = 0; i < 16; i++) {
		CHECK(c[i]->done);
		co_free(c[i]);
	}
}

static void note_control(void *p)
{
	*(uint64_t *)p = get_control();
}

TEST(arch_make, inherits_control_words)
{
	uint64_t w = 0;

	set_control(3);
	co_run(note_control, &w);
	CHECK_EQ(w, get_control());
}

/* ---- capture and call ---- */

typedef signed char i8;
typedef unsigned short u16;
typedef int i32;
typedef long i64;
typedef void *ptr;
typedef bool b1;
typedef float f32;
typedef double f64;
typedef long double f80;
typedef __int128 i128;
typedef struct { char c[3]; } s3;
typedef struct { int a; char b; } s5;
typedef struct { char a; long b; } __attribute__((packed)) s9p;
typedef struct { int a[3]; } s12;
typedef struct { long a, b; } sii;
typedef struct { long a; double b; } sid;
typedef struct { double a; int b[2]; } sdi;
typedef struct { double a, b; } sdd;
typedef struct { float a, b, c; } sfff;
typedef struct { long double a; } sldbl;
typedef union { double d; long l; } un;
typedef float v8 __attribute__((vector_size(8)));
typedef int v16 __attribute__((vector_size(16)));
typedef double _Complex cdbl;

#if defined(__x86_64__)
enum { LDBL_BYTES = 10 };               /* the rest is padding */
#else
enum { LDBL_BYTES = sizeof(long double) };
#endif

static int ran;                         /* how often a signature's function ran */

static void fill(unsigned char *b, size_t n, unsigned seed)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		b[i] = (unsigned char)(x >> 32);
	}
}

/* make_T(seed) and check_T(value, seed); `bytes` of a T count, the rest is padding */
#define TYPE(T, bytes, fix) \
	static unused_fn T make_##T(unsigned seed) \
	{ \
		T v; \
		unsigned char b[sizeof v] = { 0 }; \
		fill(b, bytes, seed); \
		fix; \
		memcpy(&v, b, sizeof v); \
		return v; \
	} \
	static unused_fn void check_##T(T v, unsigned seed) \
	{ \
		T w = make_##T(seed); \
		if (memcmp(&v, &w, bytes) != 0) \
			FAIL("signature %u, argument %u: a wrong " #T, seed / 16, seed % 16); \
	}
#define LDBL_FIX long double l = (long double)seed * 1.1L; memcpy(b, &l, LDBL_BYTES)
TYPE(i8, 1, )
TYPE(u16, 2, )
TYPE(i32, 4, )
TYPE(i64, 8, )
TYPE(ptr, sizeof(void *), )
TYPE(b1, 1, b[0] &= 1)
TYPE(f32, 4, b[3] = 0x40)               /* no NaN */
TYPE(f64, 8, b[7] = 0x40)
TYPE(f80, LDBL_BYTES, LDBL_FIX)
TYPE(i128, 16, )
TYPE(s3, 3, )
TYPE(s5, 5, )
TYPE(s9p, 9, )
TYPE(s12, 12, )
TYPE(sii, 16, )
TYPE(sid, 16, )
TYPE(sdi, 16, )
TYPE(sdd, 16, )
TYPE(sfff, 12, )
TYPE(sldbl, LDBL_BYTES, LDBL_FIX)
TYPE(un, 8, )
TYPE(v8, 8, )
TYPE(v16, 16, )
TYPE(cdbl, 16, )

/* Overwrite every argument register, and the stack where the capture's caller had
 * arguments. */
static noinline void scribble(void)
{
	volatile char junk[4096];

	memset((char *)junk, 0xa5, sizeof junk);
	char text[200];
	snprintf(text, sizeof text, "%d %d %d %d %d %d %f %f %f %f %f %f %f %f %f", 1, 2, 3, 4,
		 5, 6, 1., 2., 3., 4., 5., 6., 7., 8., 9.);
}

#define TENTH(a, b, c, d, e, f, g, h, i, j, ...) j
#define FEW(...) TENTH(0, ##__VA_ARGS__, 0, 0, 0, 0, 0, 1, 1, 1, 1, ~)
#define CAPTURE(fn, ...) \
	((void)((__typeof__(fn) *)(FEW(__VA_ARGS__) ? mr_capture_few : \
						      mr_capture_args))(__VA_ARGS__))

static void take(struct mri_arch_args *args)
{
	CHECK_EQ(mri_arch_captured.full, 1);
	mri_arch_captured.full = 0;
	mri_arch_copy_args(args, &mri_arch_captured.args);
	memset(&mri_arch_captured.args, 0x5a, sizeof mri_arch_captured.args);
	scribble();
}

struct call {
	void (*fn)(void);
	struct mri_arch_args args;
};

static void call_it(void *p)
{
	struct call *c = p;

	CHECK_EQ(regs_kept((void *)mri_arch_call, (void *)c->fn, &c->args, NULL, 77), 0);
}

/* Here, and on a stack of its own. */
static void run_captured(void (*fn)(void))
{
	struct call *c = aligned_alloc(16, sizeof *c);
	int before = ran;

	take(&c->args);
	c->fn = fn;
	call_it(c);
	co_run(call_it, c);
	CHECK_EQ(ran, before + 2);
	free(c);
}
#define RUN(fn) run_captured((void (*)(void))(fn))

#define M(T, id, i) make_##T((id) * 16u + i)
#define C(T, v, id, i) check_##T(v, (id) * 16u + i)
#define FN(id, R, params, checks, ...) \
	static noinline R sig_##id params \
	{ \
		checks; \
		ran++; \
		return make_##R(id); \
	} \
	static noinline void try_##id(void) \
	{ \
		CAPTURE(sig_##id, __VA_ARGS__); \
		RUN(sig_##id); \
	}
#define FN1(id, R, A) FN(id, R, (A a), C(A, a, id, 1), M(A, id, 1))
#define FN2(id, R, A, B) FN(id, R, (A a, B b), (C(A, a, id, 1), C(B, b, id, 2)), \
	M(A, id, 1), M(B, id, 2))
#define FN3(id, R, A, B, C_) FN(id, R, (A a, B b, C_ c), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3))
#define FN4(id, R, A, B, C_, D) FN(id, R, (A a, B b, C_ c, D d), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3), C(D, d, id, 4)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4))
#define FN5(id, R, A, B, C_, D, E) FN(id, R, (A a, B b, C_ c, D d, E e), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3), C(D, d, id, 4), C(E, e, id, 5)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4), M(E, id, 5))
#define FN6(id, R, A, B, C_, D, E, F) FN(id, R, (A a, B b, C_ c, D d, E e, F f), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3), C(D, d, id, 4), C(E, e, id, 5), \
	 C(F, f, id, 6)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4), M(E, id, 5), M(F, id, 6))
#define FN7(id, R, A, B, C_, D, E, F, G) FN(id, R, (A a, B b, C_ c, D d, E e, F f, G g), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3), C(D, d, id, 4), C(E, e, id, 5), \
	 C(F, f, id, 6), C(G, g, id, 7)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4), M(E, id, 5), M(F, id, 6), \
	M(G, id, 7))
#define FN8(id, R, A, B, C_, D, E, F, G, H) \
	FN(id, R, (A a, B b, C_ c, D d, E e, F f, G g, H h), \
	(C(A, a, id, 1), C(B, b, id, 2), C(C_, c, id, 3), C(D, d, id, 4), C(E, e, id, 5), \
	 C(F, f, id, 6), C(G, g, id, 7), C(H, h, id, 8)), \
	M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4), M(E, id, 5), M(F, id, 6), \
	M(G, id, 7), M(H, id, 8))
#define FNVAR(id, A, B, C_, D, E, F, G) \
	static noinline void sig_##id(int n, ...) \
	{ \
		va_list ap; \
		va_start(ap, n); \
		CHECK_EQ(n, id); \
		C(A, va_arg(ap, A), id, 1); \
		C(B, va_arg(ap, B), id, 2); \
		C(C_, va_arg(ap, C_), id, 3); \
		C(D, va_arg(ap, D), id, 4); \
		C(E, va_arg(ap, E), id, 5); \
		C(F, va_arg(ap, F), id, 6); \
		C(G, va_arg(ap, G), id, 7); \
		va_end(ap); \
		ran++; \
	} \
	static noinline void try_##id(void) \
	{ \
		CAPTURE(sig_##id, id, M(A, id, 1), M(B, id, 2), M(C_, id, 3), M(D, id, 4), \
			M(E, id, 5), M(F, id, 6), M(G, id, 7)); \
		RUN(sig_##id); \
	}
#include ARCH_SIGNATURES

/* The same type eight times: each argument in registers until they run out. */
#define EIGHT(id, T) FN8(id, i32, T, T, T, T, T, T, T, T)
EIGHT(9001, i8) EIGHT(9002, u16) EIGHT(9003, i32) EIGHT(9004, i64) EIGHT(9005, ptr)
EIGHT(9006, b1) EIGHT(9007, f32) EIGHT(9008, f64) EIGHT(9009, f80) EIGHT(9010, i128)
EIGHT(9011, s3) EIGHT(9012, s5) EIGHT(9013, s9p) EIGHT(9014, s12) EIGHT(9015, sii)
EIGHT(9016, sid) EIGHT(9017, sdi) EIGHT(9018, sdd) EIGHT(9019, sfff) EIGHT(9020, sldbl)
EIGHT(9021, un) EIGHT(9022, v8) EIGHT(9023, v16) EIGHT(9024, cdbl)

TEST(arch_capture, same_type_eight_times)
{
	try_9001(); try_9002(); try_9003(); try_9004(); try_9005(); try_9006();
	try_9007(); try_9008(); try_9009(); try_9010(); try_9011(); try_9012();
	try_9013(); try_9014(); try_9015(); try_9016(); try_9017(); try_9018();
	try_9019(); try_9020(); try_9021(); try_9022(); try_9023(); try_9024();
	CHECK_EQ(ran, 48);
}

/* And as many as are captured by fewer moves. */
#define THREE(id, T) FN3(id, i32, T, T, T)
THREE(9101, i8) THREE(9102, f32) THREE(9103, f80) THREE(9104, i128) THREE(9105, s9p)
THREE(9106, sii) THREE(9107, sid) THREE(9108, sdi) THREE(9109, sdd) THREE(9110, sldbl)
THREE(9111, v16) THREE(9112, cdbl)
FN3(9113, i32, s9p, f80, s9p)
FN3(9114, i32, i128, sdd, f80)
FN3(9115, i32, f80, v16, sii)

TEST(arch_capture, three)
{
	try_9101(); try_9102(); try_9103(); try_9104(); try_9105(); try_9106();
	try_9107(); try_9108(); try_9109(); try_9110(); try_9111(); try_9112();
	try_9113(); try_9114(); try_9115();
	CHECK_EQ(ran, 30);
	CHECK(FEW() && FEW(1) && FEW(1, 2, 3) && !FEW(1, 2, 3, 4));
}

/* Mixed types in all positions, results of all kinds, varargs. */
TEST(arch_capture, random_signatures)
{
#undef FN1
#undef FN2
#undef FN3
#undef FN4
#undef FN5
#undef FN6
#undef FN7
#undef FN8
#undef FNVAR
#define FN1(id, ...) try_##id();
#define FN2(id, ...) try_##id();
#define FN3(id, ...) try_##id();
#define FN4(id, ...) try_##id();
#define FN5(id, ...) try_##id();
#define FN6(id, ...) try_##id();
#define FN7(id, ...) try_##id();
#define FN8(id, ...) try_##id();
#define FNVAR(id, ...) try_##id();
#include ARCH_SIGNATURES
	CHECK(ran >= 300);
}

static void no_arguments(void)
{
	ran++;
}

TEST(arch_capture, no_arguments)
{
	CAPTURE(no_arguments);
	RUN(no_arguments);
}

static char printed[200];

static noinline __attribute__((format(printf, 1, 2))) int print(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(printed, sizeof printed, fmt, ap);
	va_end(ap);
	ran++;
	return n;
}

TEST(arch_capture, like_printf)
{
	CAPTURE(print, "%d %g %s %g %Lg %ld %c", 1, 2.5, "three", 4.25, 5.125L, 6L, '7');
	RUN(print);
	CHECK_STR(printed, "1 2.5 three 4.25 5.125 6 7");
	CAPTURE(print, "%g %g %g %g %g %g %g", 1., 2., 3., 4., 5., 6., 7.);
	RUN(print);
	CHECK_STR(printed, "1 2 3 4 5 6 7");
	CAPTURE(print, "nothing");
	RUN(print);
	CHECK_STR(printed, "nothing");
}

static sldbl on_the_x87_stack(int i)
{
	ran++;
	return (sldbl){ i };
}

static noinline int difference(int a, f64 b, int c)
{
	return a - (int)b - c;
}
TEST(arch_call, returns_an_int)
{
	struct mri_arch_args args;

	CAPTURE(difference, 3, 2.0, 100);
	take(&args);
	CHECK_EQ(mri_arch_call((void (*)(void))difference, &args), -99);
}

/* A result on the x87 stack must not stay there, or later arithmetic yields NaN. */
TEST(arch_call, drops_a_long_double_result)
{
	volatile long double two = 2, three = 3;

	for (int i = 0; i < 20; i++) {
		CAPTURE(on_the_x87_stack, i);
		RUN(on_the_x87_stack);
	}
	CHECK(two * three == 6);
}

static noinline void on_thread(int a, double b, void *out)
{
	*(double *)out = a + b;
	ran++;
}

static void *capture_on_thread(void *p)
{
	double sum = 0;

	(void)p;
	CAPTURE(on_thread, 1, 2.5, &sum);
	RUN(on_thread);
	CHECK(sum == 3.5);
	return NULL;
}

TEST(arch_capture, buffer_per_thread)
{
	pthread_t t;

	CAPTURE(on_thread, 3, 4.5, NULL);
	CHECK_EQ(pthread_create(&t, NULL, capture_on_thread, NULL), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(mri_arch_captured.full, 1);
}

/* ---- backtraces ---- */

enum { MAX_FRAMES = 64 };
static void *frames[MAX_FRAMES];
static int nframes;

static noinline void look_up(int a, void (*fn)(void))
{
	CHECK_EQ(a, 42);
	nframes = backtrace(frames, MAX_FRAMES);
	fn();
}

#ifndef MRI_ARCH_FALLBACK
extern char mri_arch_entry[] __attribute__((visibility("hidden")));

static bool seen(void *fn)
{
	for (int i = 0; i < nframes; i++)
		if ((char *)frames[i] > (char *)fn && (char *)frames[i] < (char *)fn + 400)
			return true;
	return false;
}
#endif

static void call_only(void *p)
{
	struct call *c = p;

	mri_arch_call(c->fn, &c->args);
}

/* The walk goes through mri_arch_call, reaches the first frame and stops there. */
TEST(arch_make, ends_backtraces)
{
	struct call c;

	CAPTURE(look_up, 42, no_arguments);
	take(&c.args);
	c.fn = (void (*)(void))look_up;
	co_run(call_only, &c);
	CHECK(nframes >= 4 && nframes < 20);
#ifndef MRI_ARCH_FALLBACK
	CHECK(seen((void *)look_up));
	CHECK(seen((void *)mri_arch_call));
	CHECK(seen((void *)co_main));
	CHECK((char *)frames[nframes - 1] > mri_arch_entry &&
	      (char *)frames[nframes - 1] < mri_arch_entry + 24);
#endif
}

static void never_runs(void *p)
{
	(void)p;
}

/* What a debugger script relies on: the place of the registers at sp. */
TEST(arch_make, layout_as_documented)
{
	struct co *c = co_new(never_runs, NULL);
	uint64_t *sp = c->ctx.sp;

	CHECK((char *)sp > c->stack && (char *)sp < c->stack + STACK_SIZE);
#if defined(MRI_ARCH_FALLBACK)
#elif defined(__x86_64__)
	CHECK_EQ(sp[7], (uint64_t)mri_arch_entry + 1);
	CHECK_EQ(sp[6], 0);
	CHECK_EQ(sp[5], (uint64_t)co_main);
	CHECK_EQ(sp[4], (uint64_t)c);
#elif defined(__aarch64__)
	CHECK_EQ(sp[0], 0);
	CHECK_EQ(sp[1], (uint64_t)mri_arch_entry + 4);
	CHECK_EQ(sp[2], (uint64_t)co_main);
	CHECK_EQ(sp[3], (uint64_t)c);
#endif
	co_free(c);
}

/* ---- catch and throw ---- */

struct unwound {
	struct mri_arch_catch catch;
	struct _Unwind_Exception exc;
	int cleaned, stopped_at, wrong;
	bool plain;                     /* throw at once: no cleanups */
};
static struct unwound *current;

static _Unwind_Reason_Code stop(int version, _Unwind_Action actions,
				_Unwind_Exception_Class class, struct _Unwind_Exception *exc,
				struct _Unwind_Context *context, void *arg)
{
	struct unwound *u = arg;

	(void)version, (void)class, (void)exc;
	if (actions & _UA_END_OF_STACK)
		FAIL("unwound to the end of the stack");
	if ((char *)_Unwind_GetCFA(context) > (char *)u->catch.frame) {
#ifndef MRI_ARCH_FALLBACK
		/* exactly at mri_arch_catch, not before and not after */
		char *ip = (char *)_Unwind_GetIP(context);
		if (ip <= (char *)mri_arch_catch || ip > (char *)mri_arch_catch + 256)
			u->wrong++;
#endif
		mri_san_unwound(__builtin_frame_address(0), u->catch.frame);
		mri_arch_throw(&u->catch);
	}
	return _URC_NO_REASON;
}

static void cleaned(int *p)
{
	CHECK_EQ(*p, 1234);
	current->cleaned++;
}

static noinline void unwind(struct unwound *u)
{
	volatile char poisoned[100];

	memset((char *)poisoned, 1, sizeof poisoned);
	mri_san_unwound(__builtin_frame_address(0), u->catch.frame);
	if (u->plain)
		mri_arch_throw(&u->catch);
	memset(&u->exc, 0, sizeof u->exc);
	_Unwind_ForcedUnwind(&u->exc, stop, u);
}

static noinline void deep(int n, struct unwound *u)
{
	int x __attribute__((cleanup(cleaned), unused)) = 1234;
	volatile char fenced[64];

	fenced[n] = (char)n;
	fesetround(FE_UPWARD);
	if (n == 0)
		unwind(u);
	else
		deep(n - 1, u);
	(void)fenced[n];                /* not a tail call */
}

static noinline void through_captured_call(int n, f64 d, struct unwound *u)
{
	CHECK(d == 1.5);
	deep(n, u);
	ran++;
}

static void deep_10(void *u)
{
	deep(9, u);
}

static void deep_10_through_call(void *u)
{
	struct mri_arch_args args;

	CAPTURE(through_captured_call, 9, 1.5, u);
	take(&args);
	mri_arch_call((void (*)(void))through_captured_call, &args);
	FAIL("not reached");
}

/* Frames full of red zones where dropped ones were. */
static noinline int use_stack(int n)
{
	volatile char a[33];

	memset((char *)a, n, sizeof a);
	return n == 0 ? a[7] : use_stack(n - 1) + a[8];
}

static int plain_return;

static void catch_all(void *fn)
{
	struct unwound u = { 0 };

	current = &u;
	for (int plain = 0; plain < 2; plain++) {
		u.plain = plain;
		u.cleaned = 0;
		fesetround(FE_DOWNWARD);
		CHECK_EQ(regs_kept((void *)mri_arch_catch, &u.catch, fn, &u, 99), 0);
		CHECK_EQ(fegetround(), FE_DOWNWARD);
		CHECK_EQ(mri_arch_catch(&u.catch, (void (*)(void *))fn, &u), 1);
		CHECK_EQ(u.cleaned, plain ? 0 : 20);
		CHECK_EQ(u.wrong, 0);
		use_stack(20);
	}
	plain_return++;
}

TEST(arch_catch, forced_unwind)
{
	catch_all((void *)deep_10);
	co_run(catch_all, (void *)deep_10);
	CHECK_EQ(plain_return, 2);
}

TEST(arch_catch, forced_unwind_through_call)
{
	catch_all((void *)deep_10_through_call);
	co_run(catch_all, (void *)deep_10_through_call);
	CHECK_EQ(plain_return, 2);
	CHECK_EQ(ran, 0);
}

static void returns(void *p)
{
	++*(int *)p;
}

TEST(arch_catch, returns_0)
{
	struct mri_arch_catch c;
	int n = 0;

	CHECK_EQ(mri_arch_catch(&c, returns, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(regs_kept((void *)mri_arch_catch, &c, (void *)returns, &n, 5), 0);
	CHECK_EQ(n, 2);
}

static void throw_to(void *c)
{
	mri_arch_throw(c);
}

static void catch_inside(void *outer)
{
	struct mri_arch_catch inner;

	CHECK_EQ(mri_arch_catch(&inner, throw_to, &inner), 1);
	CHECK((char *)inner.frame < (char *)((struct mri_arch_catch *)outer)->frame);
	mri_arch_catch(&inner, throw_to, outer);
	FAIL("not reached");
}

TEST(arch_catch, nested)
{
	struct mri_arch_catch outer;

	CHECK_EQ(mri_arch_catch(&outer, catch_inside, &outer), 1);
}

/* A context may be suspended in a catch, and others throw meanwhile. */
static void suspended_in_catch(void *p)
{
	struct mri_arch_catch *c = p;

	hop(running->back, false);
	mri_arch_throw(c);
}

static void catch_and_hop(void *p)
{
	struct mri_arch_catch c;

	CHECK_EQ(mri_arch_catch(&c, suspended_in_catch, &c), 1);
	++*(int *)p;
}

TEST(arch_catch, on_two_stacks)
{
	int n = 0;
	struct co *a = co_new(catch_and_hop, &n), *b = co_new(catch_and_hop, &n);

	hop(a, false);
	hop(b, false);
	hop(a, false);
	hop(b, false);
	CHECK(a->done && b->done);
	CHECK_EQ(n, 2);
	co_free(a);
	co_free(b);
}

/* ---- walking a suspended context ---- */

static void take_frames(void *p)
{
	nframes = backtrace(frames, MAX_FRAMES);
	++*(int *)p;
}

static noinline void suspended_inside(volatile int *n)
{
	hop(running->back, false);
	++*n;
}

static noinline void suspended_outside(void *p)
{
	suspended_inside(p);
	++*(int *)p;
}

#ifdef MRI_ARCH_FALLBACK
TEST(arch_walk, is_not_there)
{
	int n = 0;
	struct co *c = co_new(suspended_outside, &n);

	CHECK(!mri_arch_walk(&c->ctx, take_frames, &n));
	CHECK_EQ(n, 0);
	co_free(c);
}
#else
static bool ends_at_entry(void)
{
	char *last = frames[nframes - 1];

	return nframes < 20 && last > mri_arch_entry && last < mri_arch_entry + 24;
}

/* Its frames instead of ours, and it goes on afterwards as if nothing had been. */
TEST(arch_walk, sees_the_suspended_frames)
{
	int n = 0, walks = 0;
	struct co *c = co_new(suspended_outside, &n);

	hop(c, false);
	for (int i = 1; i <= 3; i++) {
		CHECK(mri_arch_walk(&c->ctx, take_frames, &walks));
		CHECK_EQ(walks, i);
		CHECK(seen((void *)mri_arch_walk) && seen((void *)suspended_inside));
		CHECK(seen((void *)suspended_outside) && seen((void *)co_main));
		CHECK(!seen((void *)test_arch_walk__sees_the_suspended_frames));
		CHECK(ends_at_entry());
	}
	hop(c, false);
	CHECK(c->done);
	CHECK_EQ(n, 2);
	co_free(c);
}

TEST(arch_walk, of_one_that_never_ran)
{
	int walks = 0;
	struct co *c = co_new(never_runs, NULL);

	CHECK(mri_arch_walk(&c->ctx, take_frames, &walks));
	CHECK(seen((void *)mri_arch_walk) && !seen((void *)co_main));
	CHECK(ends_at_entry());
	co_free(c);
}

struct caught {
	struct mri_arch_catch c;
	int n;
};
static void stay_in_catch(void *p)
{
	hop(running->back, false);
	++*(int *)p;
}
static noinline void catches_and_stays(void *p)
{
	struct caught *c = p;

	CHECK_EQ(mri_arch_catch(&c->c, stay_in_catch, &c->n), 0);
	c->n++;
}

/* The catcher's frames, below those of what it has called. */
TEST(arch_walk, of_a_catch)
{
	struct caught u = { .n = 0 };
	struct co *c = co_new(catches_and_stays, &u);
	struct mri_arch_ctx ctx;
	int walks = 0;

	hop(c, false);
	ctx = mri_arch_catch_ctx(&u.c);
	CHECK(mri_arch_walk(&ctx, take_frames, &walks));
	CHECK(seen((void *)catches_and_stays) && seen((void *)co_main));
	CHECK(ends_at_entry());
	hop(c, false);
	CHECK_EQ(u.n, 2);
	co_free(c);
}

TEST(arch_walk, keeps_callee_saved_registers)
{
	struct co *c = co_new(never_runs, NULL);
	int n = 0;

	CHECK_EQ(regs_kept((void *)mri_arch_walk, &c->ctx, (void *)returns, &n, 7), 0);
	CHECK_EQ(n, 1);
	co_free(c);
}
#endif
