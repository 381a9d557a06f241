/* race.c - plain accesses: two of different threads to the same byte, one of them a
 * write (or an atomic access against a plain one), must be ordered by happens-before.
 *
 * The compiler reports them: a model test is compiled with -fsanitize=thread and
 * linked with the functions below in place of the sanitizer's library. Memory that
 * model_free() gave back must not be touched at all. */
#include "engine.h"

struct shadow *mx_shadow(uintptr_t addr)
{
	uintptr_t key = addr & ~(uintptr_t)7;
	unsigned i = (unsigned)(mx_mix(key, 11) % NSHADOW);

	for (unsigned n = 0; n < NSHADOW; n++, i = (i + 1) % NSHADOW) {
		struct shadow *s = &mx->shadow[i];

		if (s->gen != mx->gen) {
			memset(s, 0, sizeof *s);
			s->gen = mx->gen;
			s->key = key;
			return s;
		}
		if (s->key == key)
			return s;
	}
	model_fail("explorer", "too much memory touched in one execution");
}

static bool before(int tid, uint32_t clk)
{
	return mx_me()->cur.clk[tid] >= clk;
}

static __attribute__((noreturn)) void race(const char *what, uintptr_t addr, int tid, void *pc, void *before_pc)
{
	model_fail("race", "%s at %#lx by thread %d (pc %p), and by thread %d (pc %p)", what,
		   (unsigned long)addr, mx->cur, pc, tid, before_pc);
}

static void against_plain(struct shadow *s, unsigned b, bool write, uintptr_t addr, void *pc)
{
	if (s->freed)
		model_fail("race", "freed memory at %#lx used by thread %d (pc %p)",
			   (unsigned long)addr, mx->cur, pc);
	if (!before(s->wtid[b], s->wclk[b]))
		race("access and write", addr, s->wtid[b], pc, s->wpc);
	if (!write)
		return;
	for (int i = 1; i < NT; i++)
		if (i != mx->cur && !before(i, s->rclk[b][i]))
			race("write and read", addr, i, pc, s->rpc[i]);
}

static void against_atomic(struct loc *l, bool write, void *pc)
{
	for (int i = 0; i < l->n; i++) {
		struct msg *m = &mx->msg[l->mo[i]];

		if (m->tid != mx->cur && !before(m->tid, m->clk))
			race("plain access and atomic write", l->addr, m->tid, pc, NULL);
	}
	if (!write)
		return;
	for (int i = 1; i < NT; i++)
		if (i != mx->cur && !before(i, l->rclk[i]))
			race("plain write and atomic read", l->addr, i, pc, NULL);
}

void mx_race_atomic(struct loc *l, bool write, struct mx_site at)
{
	struct shadow *s = mx_shadow(l->addr);

	if (mx->cur == 0)
		return;
	(void)at;
	for (int b = 0; b < l->size; b++)
		against_plain(s, ((unsigned)l->addr & 7) + (unsigned)b, write, l->addr, NULL);
}

void mx_plain(const volatile void *p, size_t size, bool write, void *pc)
{
	uintptr_t a = (uintptr_t)p, end = a + size;
	int last = 0;

	if (!mx || !mx->active || mx_is_local(a))
		return;
	while (a < end) {
		struct shadow *s;

		/* What happens before all threads start is not kept, but a plain write
		 * to an atomic variable is a store like any other. */
		s = mx_shadow(a);
		for (; a < end; a++) {
			unsigned b = a & 7;

			if (s->loc[b] && s->loc[b] != last) {
				last = s->loc[b];
				if (mx->cur)
					against_atomic(&mx->loc[last], write, pc);
				if (write)
					mx_plain_store(&mx->loc[last]);
			}
			if (mx->cur) {
				against_plain(s, b, write, a, pc);
				if (write) {
					s->wtid[b] = (uint8_t)mx->cur;
					s->wclk[b] = mx_me()->cur.clk[mx->cur];
					s->wpc = pc;
				} else {
					s->rclk[b][mx->cur] = mx_me()->cur.clk[mx->cur];
					s->rpc[mx->cur] = pc;
				}
			}
			if (b == 7) {
				a++;
				break;
			}
		}
	}
}

void model_free(void *p)
{
	uintptr_t a = (uintptr_t)p;

	/* The length is not kept: up to the next block's start, 64 bytes at least. */
	for (int i = 0; p && i < 8; i++) {
		mx_plain((void *)(a + 8u * (unsigned)i), 8, true, __builtin_return_address(0));
		mx_shadow(a + 8u * (unsigned)i)->freed = true;
	}
}

#undef memcpy
#undef memmove
#undef memset
void *mx_memcpy(void *to, const void *from, size_t n)
{
	mx_plain(from, n, false, __builtin_return_address(0));
	mx_plain(to, n, true, __builtin_return_address(0));
	return memcpy(to, from, n);
}
void *mx_memmove(void *to, const void *from, size_t n)
{
	mx_plain(from, n, false, __builtin_return_address(0));
	mx_plain(to, n, true, __builtin_return_address(0));
	return memmove(to, from, n);
}
void *mx_memset(void *to, int c, size_t n)
{
	mx_plain(to, n, true, __builtin_return_address(0));
	return memset(to, c, n);
}

/* ---- what -fsanitize=thread calls ---- */

#define HOOK(name, size, write) \
	void __tsan_##name(void *p); \
	void __tsan_##name(void *p) \
	{ \
		mx_plain(p, size, write, __builtin_return_address(0)); \
	}
#define HOOKS(n) \
	HOOK(read##n, n, false) \
	HOOK(write##n, n, true) \
	HOOK(unaligned_read##n, n, false) \
	HOOK(unaligned_write##n, n, true) \
	HOOK(read_write##n, n, true) \
	HOOK(unaligned_read_write##n, n, true)
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t n);
void __tsan_write_range(void *p, size_t n);
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memmove(void *to, const void *from, size_t n);
void *__tsan_memset(void *to, int c, size_t n);

void __tsan_init(void) {}
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void) {}
void __tsan_read_range(void *p, size_t n)
{
	mx_plain(p, n, false, __builtin_return_address(0));
}
void __tsan_write_range(void *p, size_t n)
{
	mx_plain(p, n, true, __builtin_return_address(0));
}
void *__tsan_memcpy(void *to, const void *from, size_t n) { return mx_memcpy(to, from, n); }
void *__tsan_memmove(void *to, const void *from, size_t n) { return mx_memmove(to, from, n); }
void *__tsan_memset(void *to, int c, size_t n) { return mx_memset(to, c, n); }
