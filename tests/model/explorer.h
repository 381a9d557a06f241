/* explorer.h - atomic.h as the model tests see it, and how a model test is written.
 *
 * A model test runs two to five model threads over shipped code, which it compiles
 * unchanged by including the .c file, and explores every interleaving of their atomic
 * accesses together with every result that the C11 memory model lets a load have.
 * docs/design/model-checking.md says what is explored and what cannot be shown.
 *
 *	static uint32_t x;
 *	static void a(void) { atomic_set(&x, 1u, release); }
 *	static void b(void) { ... }
 *	static void done(void) { model_check(...); }
 *	MODEL(name, .threads = { a, b }, .check = done)
 *
 * Every execution starts from the same content of all static and thread-local
 * variables. Code under test must be deterministic but for model_choose(). Memory
 * that is not atomic is watched for races: every plain access of a file compiled with
 * -fsanitize=thread calls the explorer (race.c), not the sanitizer's library. */
#ifndef MODEL_EXPLORER_H
#define MODEL_EXPLORER_H
#include "base/attr.h"
#include <string.h>

/* ---- a test ---- */
enum { MODEL_THREADS = 5 };

struct model {
	const char *name;
	void (*setup)(void);                    /* runs alone, before the threads */
	void (*threads[MODEL_THREADS])(void);
	void (*check)(void);                    /* runs alone, after them */
	/* Negative controls: "race", "deadlock", "livelock", "check", "throw" or "crash"
	 * must be found. */
	const char *expect;
	uint64_t outcomes;      /* litmus: exactly these model_outcome()s must be seen */
	uint8_t daemons;        /* bit i: thread i may still wait at the end */
	uint8_t timeouts;       /* timed waits may time out so often per thread ... */
	uint8_t spurious;       /* and untimed ones return so often without a wake */
	uint8_t preemptions;    /* at most so many switches away from a thread that could
				 * go on; 0: no bound. For spaces that are too large */
	bool load_buffering;    /* relaxed loads may be delayed past later stores */
	bool random;            /* too large: seeded random schedules only */
	bool slow;              /* left out of model-quick */
	uint32_t budget;        /* executions; 0: the runner's default */
	struct model *next;
	const char *file;
};
void model_register(struct model *m);
#define MODEL(id, ...) \
	static struct model model_case_##id = { .name = #id, .file = __FILE__, __VA_ARGS__ }; \
	__attribute__((constructor)) static void model_register_##id(void) \
	{ \
		model_register(&model_case_##id); \
	}

/* ---- what test code may call ---- */
int model_self(void);                   /* 1, 2, ... in thread functions; 0 in setup, check */
void model_outcome(unsigned i);         /* this execution ended in outcome i < 64 */
unsigned model_choose(unsigned n);      /* any of 0 .. n-1: all are explored */
/* The clock: 1, and then the latest deadline of a wait that has timed out. */
int64_t model_time(void);
/* Wait until the newest value of the 32-bit word is v, then acquire it. Stands for
 * a part of the program that is not modelled. */
void model_await(uint32_t *word, uint32_t v);
/* Zeroed memory that lives until the execution ends; free: any later access fails. */
void *model_malloc(size_t n);
void model_free(void *p);
void *model_stack(int i, size_t *size);         /* the i-th of 8 stacks, never cleared */
__attribute__((noreturn)) void model_fail(const char *kind, const char *fmt, ...) printf_fn(2, 3);
#define model_check(cond) \
	((cond) ? (void)0 : model_fail("check", "%s:%d: %s", __FILE__, __LINE__, #cond))
/* Plain accesses, where the compiler does not report them (clang, or by hand). */
#define model_write(p) mx_plain((p), sizeof *(p), true, NULL)
#define model_read(p)  mx_plain((p), sizeof *(p), false, NULL)

/* ---- the macros of base/atomic.h ---- */
enum mx_order { MX_relaxed, MX_acquire, MX_release, MX_acq_rel, MX_seq_cst };
enum mx_rmw { MX_SWAP, MX_ADD, MX_SUB, MX_OR, MX_AND };
struct mx_site { const char *file, *expr; int line; };

uint64_t mx_load(const volatile void *p, int size, enum mx_order o, struct mx_site at);
void mx_store(volatile void *p, int size, uint64_t v, enum mx_order o, struct mx_site at);
uint64_t mx_rmw(enum mx_rmw op, volatile void *p, int size, uint64_t v, enum mx_order o,
		struct mx_site at);
bool mx_cas(volatile void *p, int size, void *expected, uint64_t v, enum mx_order o,
	    struct mx_site at);
bool mx_store_if(uint32_t *p, uint32_t seen, uint32_t v, struct mx_site at);
void mx_fence(enum mx_order o, struct mx_site at);
void mx_compiler_barrier(void);
void mx_relax(struct mx_site at);
void mx_plain(const volatile void *p, size_t size, bool write, void *pc);

#define MX_AT(e) ((struct mx_site){ __FILE__, e, __LINE__ })
/* A value of *p's type, as 64 bits: integers and pointers alike. */
#define MX_BITS(p, v) ((uint64_t)(uintptr_t)(__typeof__(*(p)))(v))
#define MX_RMW(op, p, v, o) \
	((__typeof__(*(p)))mx_rmw(op, (p), sizeof *(p), MX_BITS(p, v), MX_##o, MX_AT(#p)))

#define atomic_get(p, o) ((__typeof__(*(p)))mx_load((p), sizeof *(p), MX_##o, MX_AT(#p)))
#define atomic_set(p, v, o)  mx_store((p), sizeof *(p), MX_BITS(p, v), MX_##o, MX_AT(#p))
#define atomic_swap(p, v, o) MX_RMW(MX_SWAP, p, v, o)
#define atomic_add(p, v, o)  MX_RMW(MX_ADD, p, v, o)
#define atomic_sub(p, v, o)  MX_RMW(MX_SUB, p, v, o)
#define atomic_or(p, v, o)   MX_RMW(MX_OR, p, v, o)
#define atomic_and(p, v, o)  MX_RMW(MX_AND, p, v, o)
#define atomic_cas(p, expected, v, o) \
	mx_cas((p), sizeof *(p), (1 ? (expected) : (__typeof__(*(p)) *)0), MX_BITS(p, v), \
	       MX_##o, MX_AT(#p))
#define atomic_fence(o)      mx_fence(MX_##o, MX_AT("fence"))
#define compiler_barrier()   mx_compiler_barrier()
/* arch/restart.h's; where the area is does not matter. */
#define mri_restart_sequence(p, seen, v, area) \
	((void)(area), mx_store_if((p), (seen), (v), MX_AT(#p)))
#define cpu_relax()          mx_relax(MX_AT("cpu_relax"))

/* Copies are accesses too. */
void *mx_memcpy(void *to, const void *from, size_t n);
void *mx_memmove(void *to, const void *from, size_t n);
void *mx_memset(void *to, int c, size_t n);
#define memcpy  mx_memcpy
#define memmove mx_memmove
#define memset  mx_memset
#endif
