/* stack.c - goroutine stacks: slots in arenas, a warm cache per P, guards, give-back.
 *
 *   slot:  | guard | lo ... usable stack ... hi | args | struct g |
 *
 * A slot's size is a power of two. An arena is a mapping of up to 256 slots of one
 * size; it is never unmapped, only replaced by a fresh mapping, so reports may read
 * any G at any time: one that is gone reads as zero, which is G_DEAD.
 *
 * A free slot is warm (its top page is there, linked through g->link: on a P's list
 * or its arena's), cold (pages given back, guard in place; a bit in arena->cold) or
 * uncarved (never used since the arena was last mapped).
 * nwarm + ncold + (nslots - carved) + in use or on a P's list == nslots. */
#include "os/os.h"
#include "rt/rt.h"
#include "rt/stack.h"
#include <stdlib.h>

enum {
	ARENA_BYTES = 64 << 20,
	ARENA_SLOTS = 256,
	MAX_ARENAS = 1 << 16,
	GUARD = 64 << 10,
	BATCH = 32,                      /* slots that move at a time */
	COLORS = 16,                     /* lines by which tops of stacks are staggered */
	AHEAD = MRI_OS_GUARDS,           /* slots that are got ready at a time */
	KEEP = 16 << 10,                 /* of a stack that is trimmed */
	MIN_SHIFT = 14,
	MAX_SHIFT = 36,
	NCLASSES = MAX_SHIFT + 1,
};

struct arena {
	char *base;
	uint32_t shift, nslots, guard;
	uint32_t carved; /* atomic: reports read it */
	uint32_t ready;  /* so many have a guard: at least those that are carved */
	uint32_t nwarm, ncold;
	bool detached; /* being given back, without the lock */
	struct g *warm;
	uint64_t cold[ARENA_SLOTS / 64];
	uint32_t index;
	struct arena *next; /* of its class */
};

static struct mri_lock lock = MRI_LOCK_INIT(MRI_RANK_STACK);
static struct arena *arenas[MAX_ARENAS];
static uint32_t narenas;                /* atomic */
static struct arena *classes[NCLASSES]; /* arenas by shift, the one with room first */
static uint32_t default_shift = 18;
static bool guards_by_mprotect;
static bool locked;                   /* mlockall: slots are resident from the start */
static uint64_t warm_total, warm_low; /* warm slots in arenas; least since scavenge */

/* Slots whose usable part is at least `stack` bytes; more than MAX_SHIFT: none are. */
static uint32_t shift_for(size_t stack)
{
	size_t extra = sizeof(struct g) + sizeof(struct mri_arch_args) + COLORS * 64;
	uint32_t shift;

	for (shift = MIN_SHIFT; shift <= MAX_SHIFT; shift++) {
		size_t slot = (size_t)1 << shift;
		size_t guard = slot / 4 < GUARD ? slot / 4 : GUARD;

		if (stack < slot - guard && slot - guard - stack >= extra)
			break;
	}
	return shift;
}

void mri_stack_init(size_t stack)
{
	guards_by_mprotect = mri_config.mprotect_guards;
	locked = mri_os_memory_is_locked();
	if (stack)
		default_shift = shift_for(stack);
	else if (locked)
		default_shift = 16;
	if (locked) {
		struct mri_out o;

		mri_out_init(&o, 2);
		mri_out_str(&o,
			    "millrace: memory is locked (mlockall): stacks are resident, "
			    "of 64 KiB unless told otherwise\n");
		mri_out_flush(&o);
	}
}

static char *slot_base(const struct arena *a, uint32_t i)
{
	return a->base + ((size_t)i << a->shift);
}
static struct g *slot_g(const struct arena *a, uint32_t i)
{
	size_t top = ((size_t)1 << a->shift) - ((sizeof(struct g) + 63) & ~(size_t)63);

	/* Slots are a power of two apart: without this all Gs, and all stacks' busy ends,
	 * would compete for the same few lines of every cache. */
	top -= i * 5 % COLORS * 64;

	return (struct g *)(void *)(slot_base(a, i) + top);
}

/* ------------------------------------------------------------- arenas -- */

static struct arena *arena_new(uint32_t shift, const char **why)
{
	size_t max = locked ? 1 << 20 : ARENA_BYTES, slot = (size_t)1 << shift;
	struct arena *a;
	/* Relaxed: written under the lock. */
	uint32_t index = atomic_get(&narenas, relaxed);

	*why = "too many stacks";
	if (index == MAX_ARENAS)
		return NULL;
	*why = "no address space for another stack";
	a = mri_try_alloc(sizeof *a);
	if (!a)
		return NULL;
	a->shift = shift;
	a->nslots = slot >= max ? 1 : (uint32_t)(max / slot);
	if (a->nslots > ARENA_SLOTS)
		a->nslots = ARENA_SLOTS;
	a->guard = (uint32_t)(slot / 4 < GUARD ? slot / 4 : GUARD);
	a->base = mri_os_map(slot * a->nslots, slot < (2u << 20) ? 2u << 20 : 4096);
	if (!a->base)
		return NULL; /* a itself is lost: memory is out anyway */
	mri_os_in_core(a->base, slot * a->nslots, false);
	a->index = index;
	a->next = classes[shift];
	classes[shift] = a;
	/* Relaxed: S2 publishes it. */
	atomic_set(&arenas[index], a, relaxed);
	/* S2: release, pairs with S3 (reports). */
	atomic_set(&narenas, index + 1, release);
	return a;
}

/* The kernel's lightweight guards if it has them, else mprotect, which splits the
 * mapping and meets vm.max_map_count. */
static bool guard_slot(struct arena *a, uint32_t i, const char **why)
{
	char *at = slot_base(a, i);

	if (!guards_by_mprotect && mri_os_guard(at, a->guard) == 0)
		return true;
	guards_by_mprotect = true;
	if (mri_os_protect(at, a->guard) == 0)
		return true;
	*why = "no room for another guard page (vm.max_map_count)";
	return false;
}

/* Before slot i is carved, the first beyond `ready`. Some at a time: guards are cheaper
 * that way, and so is moving the border up to which an arena is in a core file, lest a
 * small program's be 64 MiB of zeroes. */
static bool get_ready(struct arena *a, uint32_t i, const char **why)
{
	uint32_t n = a->nslots - i < AHEAD ? a->nslots - i : AHEAD;

	if (i % AHEAD == 0)
		mri_os_in_core(slot_base(a, i), (size_t)n << a->shift, true);
	if (!guard_slot(a, i, why))
		return false;
	a->ready = i + 1;
	if (!guards_by_mprotect && i % AHEAD == 0 && n > 1 &&
	    mri_os_guard_each(slot_base(a, i + 1), a->guard, (size_t)1 << a->shift,
			      (int)n - 1) == 0)
		a->ready = i + n;
	return true;
}

static struct g *init_slot(struct arena *a, uint32_t i)
{
	struct g *g = slot_g(a, i);
	size_t args = (sizeof(struct mri_arch_args) + 15) & ~(size_t)15;

	g->arena = a->index;
	g->odd_size = a->shift != default_shift;
	g->lo = slot_base(a, i) + a->guard;
	g->hi = (char *)g - args;
	return g;
}

static struct g *arena_take(struct arena *a, const char **why)
{
	struct g *g = a->warm;
	uint32_t i;

	if (g) {
		a->warm = g->link;
		a->nwarm--;
		if (--warm_total < warm_low)
			warm_low = warm_total;
		return g;
	}
	for (uint32_t w = 0; a->ncold && w < ARENA_SLOTS / 64; w++) {
		if (!a->cold[w])
			continue;
		i = w * 64 + (uint32_t)__builtin_ctzll(a->cold[w]);
		a->cold[w] &= a->cold[w] - 1;
		a->ncold--;
		return init_slot(a, i);
	}
	i = a->carved;
	if (i == a->nslots || (i == a->ready && !get_ready(a, i, why)))
		return NULL;
	/* S4: release, pairs with S3: a report may read the slot from now on. */
	atomic_set(&a->carved, i + 1, release);
	return init_slot(a, i);
}

static bool has_room(const struct arena *a)
{
	return !a->detached && (a->nwarm || a->ncold || a->carved < a->nslots);
}

/* Lock held. */
static struct g *take(uint32_t shift, const char **why)
{
	struct arena *a = classes[shift], **link = &classes[shift];

	while (a && !has_room(a)) {
		link = &a->next;
		a = a->next;
	}
	if (!a) {
		a = arena_new(shift, why);
		if (!a)
			return NULL;
	} else if (a != classes[shift]) {
		/* To the front, where the next search begins. */
		*link = a->next;
		a->next = classes[shift];
		classes[shift] = a;
	}
	return arena_take(a, why);
}

static void give_back(struct g *g)
{
	struct arena *a = arenas[g->arena];

	g->link = a->warm;
	a->warm = g;
	a->nwarm++;
	warm_total++;
}

/* ------------------------------------------------------ alloc and free -- */

struct g *mri_stack_alloc_slow(struct p *p, size_t stack, const char **why)
{
	uint32_t shift = stack ? shift_for(stack) : default_shift;
	struct g *g;
	bool batch;

	if (shift > MAX_SHIFT) {
		*why = "no stack can be that large";
		return NULL;
	}
	if (p && shift == default_shift && p->free_gs) {
		g = p->free_gs;
		p->free_gs = g->link;
		p->nfree--;
		return g;
	}
	batch = MRI_STACK_CACHE != 0 && p && shift == default_shift;
	mri_lock_take(&lock);
	g = take(shift, why);
	/* Warm ones come in a batch; a fresh one would cost its page now. */
	for (int i = 1; i < BATCH && batch && g; i++) {
		struct arena *a = classes[shift];
		struct g *more;

		if (!a->warm)
			break;
		more = arena_take(a, why);
		more->link = p->free_gs;
		p->free_gs = more;
		p->nfree++;
	}
	mri_lock_drop(&lock);
	return g;
}

/* Drop what lies deeper than most goroutines go. */
static void trim(struct g *g)
{
	uintptr_t end = ((uintptr_t)g->hi - KEEP) & ~(uintptr_t)4095;

	if (!locked && end > (uintptr_t)g->lo)
		mri_os_release(g->lo, end - (uintptr_t)g->lo);
}

/* One that was deep once, and whose slot is reused by shallow ones for ever, must not
 * keep it all. Asking the kernel how deep it was costs more than to trim (1.3 us, 0.6);
 * so each P trims whichever slot it frees, but not often. */
static void trim_now_and_then(struct p *p, struct g *g)
{
	/* Relaxed: a coarse clock. */
	int64_t now = atomic_get(&mri_sched.now, relaxed);

	if (likely(now - p->trimmed < MRI_STACK_TRIM))
		return;
	p->trimmed = now;
	trim(g);
}

void mri_stack_free_slow(struct p *p, struct g *g)
{
	if (p)
		trim_now_and_then(p, g);
	if (p && !g->odd_size) {
		g->link = p->free_gs;
		p->free_gs = g;
		if (++p->nfree <= MRI_STACK_CACHE)
			return;
		mri_lock_take(&lock);
		while (p->nfree > MRI_STACK_CACHE / 2) {
			g = p->free_gs;
			p->free_gs = g->link;
			p->nfree--;
			give_back(g);
		}
		mri_lock_drop(&lock);
		return;
	}
	mri_lock_take(&lock);
	give_back(g);
	mri_lock_drop(&lock);
}

/* ------------------------------------------------------------ canaries -- */

#ifdef MRI_DEV
/* Around the G at the top of the slot. What writes past the top of a stack comes by the
 * first; a frame that jumps over the guard, which only code built without
 * -fstack-clash-protection can do, may come by the last, which is the neighbour's. */
static const uint64_t canary = 0xc0a1317e5afe57ac;

void mri_stack_arm(struct g *g)
{
	g->canary = canary;
	/* Relaxed: a value or none. */
	atomic_set(&g->canary_above, canary, relaxed);
}

/* Not traced: its frames may be what is damaged. */
noreturn_fn static void damaged(const struct g *g, const char *what)
{
	struct mri_out o;

	mri_panic_report_begin(&o);
	mri_out_fmt(&o, "fatal error: %s\n\n", what);
	mri_panic_describe(&o, (struct g *)(uintptr_t)g, NULL, 0);
	if (mri_config.crash) {
		mri_out_flush(&o);
		abort();
	}
	mri_panic_report_end(&o);
}

void mri_stack_check(const struct g *g)
{
	const struct arena *a = arenas[g->arena];
	uint64_t above, below = 0;
	uint32_t i;

	if (g == &mri_main_g)
		return;
	if ((char *)__builtin_frame_address(0) < g->lo)
		damaged(g, "a stack frame has jumped over the guard");
	if (g->canary != canary)
		damaged(g, "something was written past the top of a stack");
	i = (uint32_t)(((const char *)g - a->base) >> a->shift);
	/* Relaxed: as above. A slot that was given back or never used reads as zero. */
	if (i > 0)
		below = atomic_get(&slot_g(a, i - 1)->canary_above, relaxed);
	if (below && below != canary)
		damaged(g, "a stack has run into its neighbour, over the guard");
	above = atomic_get(&g->canary_above, relaxed);
	if (above != canary)
		damaged(g, "a neighbour's stack has run into this one");
}
#endif

/* ----------------------------------------------------------- give back -- */

/* The whole arena is free: a fresh mapping drops pages, page tables and guards in
 * one call. */
static void renew(struct arena *a)
{
	a->detached = true;
	warm_total -= a->nwarm;
	mri_lock_drop(&lock);
	if (mri_os_remap(a->base, (size_t)a->nslots << a->shift) != 0)
		mri_throw("cannot renew a stack arena");
	mri_os_in_core(a->base, (size_t)a->nslots << a->shift, false);
	mri_lock_take(&lock);
	for (uint32_t w = 0; w < ARENA_SLOTS / 64; w++)
		a->cold[w] = 0;
	a->warm = NULL;
	a->nwarm = a->ncold = a->ready = 0;
	/* Relaxed: reports see zeroes either way. */
	atomic_set(&a->carved, 0u, relaxed);
	a->detached = false;
}

static void chill(struct arena *a, struct g *g)
{
	uint32_t i = (uint32_t)(((char *)g - a->base) >> a->shift);
	char *end = slot_base(a, i) + ((size_t)1 << a->shift);

	mri_os_release(g->lo, (size_t)(end - g->lo));
	a->cold[i / 64] |= (uint64_t)1 << (i % 64);
	a->ncold++;
}

struct g *mri_stack_uncache(struct p *p)
{
	struct g *list = p->free_gs;

	p->free_gs = NULL;
	p->nfree = 0;
	return list;
}

void mri_stack_put_back(struct g *list)
{
	struct g *rest;

	for (struct g *g = list; g; g = g->link)
		trim(g);
	mri_lock_take(&lock);
	for (; list; list = rest) {
		rest = list->link;
		give_back(list);
	}
	mri_lock_drop(&lock);
}

/* Called by sysmon now and then. Half of the warm slots that were not needed since
 * the last time are given back, whole arenas first. */
void mri_stack_scavenge(void)
{
	uint32_t n;
	uint64_t surplus;

	mri_lock_take(&lock);
	surplus = warm_low / 2;
	if (surplus == 0 && warm_low == 1)
		surplus = 1;
	/* Relaxed: written under the lock. */
	n = locked ? 0 : atomic_get(&narenas, relaxed);
	for (uint32_t i = 0; i < n && surplus; i++) {
		struct arena *a = arenas[i];
		uint32_t had = a->nwarm;

		if (had && had + a->ncold == a->carved && had <= surplus) {
			renew(a);
			surplus -= had;
		}
	}
	for (uint32_t i = 0, left = ARENA_SLOTS; i < n && surplus && left; i++)
		for (struct arena *a = arenas[i]; a->warm && surplus && left;
		     surplus--, left--) {
			struct g *g = a->warm;

			a->warm = g->link;
			a->nwarm--;
			warm_total--;
			chill(a, g);
		}
	warm_low = warm_total;
	mri_lock_drop(&lock);
}

/* -------------------------------------------------------- for reports -- */

void mri_stack_each(bool (*fn)(struct g *g, void *arg), void *arg)
{
	/* S3: acquire, pairs with S2. */
	uint32_t n = atomic_get(&narenas, acquire);

	/* G2: acquire, pairs with G1. */
	if (atomic_get(&mri_main_g.state, acquire) != G_DEAD && !fn(&mri_main_g, arg))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct arena *a = atomic_get(&arenas[i], relaxed); /* relaxed: S3 */
		/* S3: acquire, pairs with S4. */
		uint32_t carved = atomic_get(&a->carved, acquire);

		for (uint32_t s = 0; s < carved; s++) {
			struct g *g = slot_g(a, s);

			/* G2: acquire, pairs with G1. */
			if (atomic_get(&g->state, acquire) != G_DEAD && !fn(g, arg))
				return;
		}
	}
}

size_t mri_stack_used(const struct g *g)
{
	return locked ? 0 : mri_os_resident(g->lo, g->hi);
}

struct g *mri_stack_find(const void *addr, bool *overflow)
{
	/* S3: acquire, pairs with S2. */
	uint32_t n = atomic_get(&narenas, acquire);

	for (uint32_t i = 0; i < n; i++) {
		struct arena *a = atomic_get(&arenas[i], relaxed); /* relaxed: S3 */
		size_t at = (size_t)((const char *)addr - a->base);

		if ((const char *)addr < a->base || at >= (size_t)a->nslots << a->shift)
			continue;
		*overflow = (at & (((size_t)1 << a->shift) - 1)) < a->guard;
		return slot_g(a, (uint32_t)(at >> a->shift));
	}
	return NULL;
}
