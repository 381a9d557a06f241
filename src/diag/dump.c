/* dump.c - collects what SIGQUIT shows: all goroutines, their traces, grouped by them.
 *
 * A program may have 100,000 goroutines in a handful of places: traces are walked one by
 * one, but looked up in tables, of places in the code and of groups, so that each place
 * is looked up in the symbol table only once. */
#include "diag/dump.h"
#include "diag/diag.h"
#include "diag/report.h"
#include "diag/trace.h"
#include "os/os.h"
#include "rt/stack.h"
#include <string.h>

enum { DEPTH = 100, CHUNK = 1 << 20, BUCKETS = 1 << 14 };

/* ---- memory ---- */

void *mri_dump_alloc(size_t n)
{
	static char *at, *end;
	char *p;

	n = (n + 15) & ~(size_t)15;
	if ((size_t)(end - at) < n) {
		size_t size = n > CHUNK ? n : CHUNK;

		p = mri_os_map(size, 1);
		if (!p)
			return NULL;
		at = p;
		end = p + size;
	}
	p = at;
	at += n;
	return p;
}

char *mri_dump_string(const char *s, size_t n)
{
	static char none[1];
	char *copy = mri_dump_alloc(n + 1);

	if (!copy)
		return none;
	memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

/* ---- places in the code ---- */

static struct mri_module *module_of(struct mri_dump *d, const struct mri_symbol *sym)
{
	struct mri_module *m = d->modules;

	while (m && strcmp(m->path, sym->module) != 0)
		m = m->next;
	if (m || !sym->module[0] || !(m = mri_dump_alloc(sizeof *m)))
		return m;
	m->path = mri_dump_string(sym->module, strlen(sym->module));
	m->in_file = sym->in_file;
	m->next = d->modules;
	d->modules = m;
	return m;
}

static void describe(struct mri_dump *d, struct mri_frame *f, uintptr_t code)
{
	struct mri_symbol sym;

	f->code = code;
	f->name = "";
	if (!code)
		return;
	mri_symbol_find((void *)code, &sym);
	f->name = mri_dump_string(sym.name, strlen(sym.name));
	f->module = module_of(d, &sym);
	f->offset = sym.module_offset;
	f->top_is_ours = mri_trace_is_ours(&sym, false);
	f->bottom_is_ours = mri_trace_is_ours(&sym, true);
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
	return (hash ^ v) * 0x9e3779b97f4a7c15 ^ (hash >> 29);
}

/* The place where a call returns to pc; NULL: out of memory. */
static struct mri_frame *frame_at(struct mri_dump *d, const void *pc)
{
	static struct mri_frame *table[BUCKETS];
	uintptr_t code = pc ? (uintptr_t)pc - 1 : 0;
	struct mri_frame **bucket = &table[mix(0, code) >> 32 & (BUCKETS - 1)], *f;

	for (f = *bucket; f; f = f->chain)
		if (f->code == code)
			return f;
	f = mri_dump_alloc(sizeof *f);
	if (!f)
		return NULL;
	describe(d, f, code);
	f->chain = *bucket;
	*bucket = f;
	f->next = d->frames;
	d->frames = f;
	return f;
}

/* ---- one goroutine's trace ---- */

struct trace {
	const struct mri_arch_ctx *ctx;
	struct mri_arch_ctx in_handler; /* of a thread that was stopped */
	void *ucontext;
	void *pcs[DEPTH];
	int n;
	struct mri_frame *frames[DEPTH];
};

static void walk(void *arg)
{
	struct trace *t = arg;

	t->n = mri_trace_suspended(t->pcs, DEPTH, t->ctx, t->ucontext);
}

/* Is there a thread that runs g, and where has it stopped? */
static bool is_run(struct g *g, struct mri_stopped **at)
{
	/* A2: acquire, pairs with A1. Relaxed: quit.c has waited for what comes. */
	for (struct m *m = atomic_get(&mri_sched.all_ms, acquire); m; m = m->all_next) {
		struct mri_stopped *s = atomic_get(&m->stopped, relaxed);

		if (s ? s->on == g : atomic_get(&m->curg, relaxed) == g) {
			*at = s;
			return true;
		}
	}
	return false;
}

static enum mri_traced capture(struct g *g, struct trace *t)
{
	uint32_t state = atomic_get(&g->state, relaxed); /* relaxed: nothing moves */
	struct mri_stopped *at = NULL;

	t->n = 0;
	t->ctx = &g->ctx;
	t->ucontext = NULL;
	if (state == G_RUNNING || state == G_BLOCKING) {
		/* If not, it was about to be switched to, or has just been left. */
		if (is_run(g, &at)) {
			if (!at)
				return MRI_TRACE_RUNS;
			t->in_handler = mri_arch_catch_ctx(&at->at);
			t->ctx = &t->in_handler;
			t->ucontext = at->ucontext;
		}
	}
	if (!mri_crash_guard(walk, t)) {
		t->n = 0;
		return MRI_TRACE_DAMAGED;
	}
	return t->n ? MRI_TRACED : MRI_TRACE_UNABLE;
}

/* Without the library's frames at both ends. */
static int find_frames(struct mri_dump *d, struct g *g, struct trace *t)
{
	int first = 0, end = t->n;

	for (int i = 0; i < t->n; i++) {
		t->frames[i] = frame_at(d, t->pcs[i]);
		if (!t->frames[i])
			return 0;
	}
	while (first < end && t->frames[first]->top_is_ours)
		first++;
	while (end > first && t->frames[end - 1]->bottom_is_ours)
		end--;
	/* It has not begun yet: this is where it will. */
	if (first == end && g->fn) {
		t->frames[0] = frame_at(d, (char *)(uintptr_t)g->fn + 1);
		return t->n && t->frames[0];
	}
	if (first == end)
		return t->n;
	memmove(t->frames, t->frames + first, (size_t)(end - first) * sizeof(void *));
	return end - first;
}

/* ---- groups ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Started by the same line: a loop that was unrolled calls from several places. */
static bool same_origin(const struct mri_group *a, const struct mri_group *b)
{
	if (!a->creator || !b->creator)
		return a->creator == b->creator;
	return a->g->line == b->g->line && same_text(a->g->file, b->g->file) &&
	       same_text(a->creator->name, b->creator->name);
}

static bool is_same(const struct mri_group *a, const struct mri_group *b)
{
	return a->hash == b->hash && a->state == b->state && a->timed == b->timed &&
	       a->traced == b->traced && a->nframes == b->nframes &&
	       a->g->locked == b->g->locked && same_origin(a, b) &&
	       same_text(a->g->name, b->g->name) &&
	       !memcmp(a->frames, b->frames, (size_t)a->nframes * sizeof(void *));
}

static struct mri_group *group_new(struct mri_dump *d, const struct mri_group *like)
{
	static struct mri_group *last;
	struct mri_group *group = mri_dump_alloc(sizeof *group);
	size_t size = (size_t)like->nframes * sizeof(void *);

	if (!group)
		return NULL;
	*group = *like;
	group->frames = mri_dump_alloc(size);
	if (!group->frames)
		return NULL;
	memcpy(group->frames, like->frames, size);
	for (int i = 0; i < group->nframes; i++)
		group->frames[i]->shown = true;
	if (last)
		last->next = group;
	else
		d->groups = group;
	last = group;
	return group;
}

/* The group that is like this one, whose frames are a buffer. */
static struct mri_group *group_of(struct mri_dump *d, struct mri_group *like)
{
	static struct mri_group *table[BUCKETS];
	struct mri_group **bucket, *group;

	like->hash = mix((uintptr_t)like->state, (uint64_t)like->g->line);
	for (int i = 0; i < like->nframes; i++)
		like->hash = mix(like->hash, (uintptr_t)like->frames[i]);
	bucket = &table[like->hash >> 32 & (BUCKETS - 1)];
	for (group = *bucket; group; group = group->chain)
		if (is_same(group, like))
			return group;
	group = group_new(d, like);
	if (group) {
		group->chain = *bucket;
		*bucket = group;
	}
	return group;
}

static void add_record(struct mri_group *group, struct mri_record *r)
{
	if (group->last)
		group->last->next = r;
	else
		group->first = r;
	group->last = r;
	group->n++;
}

static bool collect(struct g *g, void *arg)
{
	static struct trace t;
	struct mri_dump *d = arg;
	struct mri_group like = { .g = g, .frames = t.frames }, *group;
	struct mri_record *r = mri_dump_alloc(sizeof *r);

	like.traced = capture(g, &t);
	like.nframes = find_frames(d, g, &t);
	like.state = mri_report_state(g);
	/* Relaxed, all: nothing moves. */
	like.gstate = atomic_get(&g->state, relaxed);
	like.timed = like.gstate == G_WAITING && atomic_get(&g->wait.timed, relaxed);
	if (g->creator_pc)
		like.creator = frame_at(d, g->creator_pc);
	group = group_of(d, &like);
	if (!r || !group) {
		d->cut = true;
		return false;
	}
	r->id = g->id;
	r->used = mri_stack_used(g);
	if (like.gstate == G_WAITING) {
		r->obj = atomic_get(&g->wait.obj, relaxed);
		r->waited = d->now - atomic_get(&g->wait.since, relaxed);
	}
	add_record(group, r);
	d->goroutines++;
	return true;
}

void mri_dump_collect(struct mri_dump *d)
{
	mri_stack_each(collect, d);
}
