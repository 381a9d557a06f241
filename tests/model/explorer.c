/* explorer.c - model threads, the scheduler that may pick any of them, the search.
 *
 * An execution is a list of choices: who goes next, which store a load reads, where
 * a store falls in modification order. The search is depth first over these lists:
 * every execution begins anew, repeats a prefix, and takes the next alternative. Two
 * things keep it small, neither of which loses a behaviour:
 *   - a state that was seen before is not entered again. What a thread has read
 *     determines what it is, so a hash of all histories names the state;
 *   - sleep sets: of two independent steps only one order is tried.
 * Accesses to variables that one thread uses, or nobody writes, are no scheduling
 * points; that a variable is shared is learnt, and the search begins again. */
#define _GNU_SOURCE
#include "engine.h"
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct engine *mx;

/* ---- the program's static and thread-local data ---- */

extern char __data_start[], _end[];
static struct { char *tls; size_t tls_size; char *data0, *tls0; } image;

static int find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size, (void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS) {
			image.tls = info->dlpi_tls_data;
			image.tls_size = info->dlpi_phdr[i].p_memsz;
		}
	}
	return 1;               /* the program itself is the first */
}

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

enum { HEAP = 1 << 20, NSTACK = 8 };

static void engine_init(void)
{
	dl_iterate_phdr(find_tls, NULL);
	mx = map(sizeof *mx);
	mx->heap = map(HEAP);
	mx->stacks = map(NSTACK * STACK);
	mx_future_init(map(mx_future_size()));
	for (int i = 0; i < NT; i++) {
		mx->t[i].stack = map(STACK);
		mx->t[i].tls = map(image.tls_size + 1);
	}
	image.data0 = map((size_t)(_end - __data_start));
	image.tls0 = map(image.tls_size + 1);
	memcpy(image.data0, __data_start, (size_t)(_end - __data_start));
	if (image.tls_size)
		memcpy(image.tls0, image.tls, image.tls_size);
}

bool mx_is_local(uintptr_t a)
{
	return a - (uintptr_t)image.tls < image.tls_size;
}

/* ---- threads ---- */

static void switch_to(int to)
{
	struct thread *a = mx_me(), *b = &mx->t[to];

	if (a == b)
		return;
	if (image.tls_size) {
		memcpy(a->tls, image.tls, image.tls_size);
		memcpy(image.tls, b->tls, image.tls_size);
	}
	mx->cur = to;
	mri_arch_switch(&a->ctx, &b->ctx);
}

void mx_end(enum outcome o)
{
	mx->outcome = o;
	mri_arch_switch(&mx_me()->ctx, &mx->host);
	__builtin_unreachable();
}

void model_fail(const char *kind, const char *fmt, ...)
{
	va_list ap;

	snprintf(mx->kind, sizeof mx->kind, "%s", kind);
	va_start(ap, fmt);
	vsnprintf(mx->why, sizeof mx->why, fmt, ap);
	va_end(ap);
	mx_future_fail(mx->kind, mx->why);
	mx_end(O_FAILED);
}

int model_self(void)
{
	return mx->cur;
}

void model_outcome(unsigned i)
{
	mx->outcomes |= 1ull << i;
}

struct event *mx_event(void)
{
	struct event *e = &mx->ev[mx->nev < NSTEP ? mx->nev++ : NSTEP - 1];

	*e = (struct event){ .op = mx_me()->pend, .tid = (uint8_t)mx->cur, .from = 255 };
	return e;
}

/* ---- choices ---- */

static uint64_t rnd(void)
{
	mx->rnd ^= mx->rnd << 13;
	mx->rnd ^= mx->rnd >> 7;
	mx->rnd ^= mx->rnd << 17;
	return mx->rnd;
}

static struct node *new_node(unsigned n, bool thread, uint8_t mask)
{
	struct node *d;

	if (mx->depth == NNODE)
		model_fail("livelock", "more than %d choices", NNODE);
	d = &mx->node[mx->depth];
	if (mx->depth++ >= mx->replay) {
		*d = (struct node){ .n = (uint8_t)n, .thread = thread, .mask = mask };
	} else if (d->n != n || d->thread != thread || d->mask != mask) {
		if (d->n != 0)
			model_fail("explorer", "the test does not repeat: not deterministic");
		*d = (struct node){ .n = (uint8_t)n, .cur = d->cur, .thread = thread,
				    .mask = mask };
	}
	return d;
}

unsigned mx_choose(unsigned n)
{
	if (n <= 1)
		return 0;
	if (mx->random) {
		/* Newest first: the other half of the time anything. */
		unsigned c = rnd() & 1 ? 0 : (unsigned)(rnd() % n);

		return new_node(n, false, 0)->cur = (uint8_t)c;
	}
	return new_node(n, false, 0)->cur;
}

unsigned model_choose(unsigned n)
{
	unsigned c = n > 1 && mx->random ? new_node(n, false, 0)->cur = (uint8_t)(rnd() % n)
					 : mx_choose(n);
	struct event *e = mx_event();

	e->op = (struct op){ .kind = K_CHOOSE };
	e->out = c;
	mx_remember(c + 77);
	return c;
}

int64_t model_time(void)
{
	mx_remember((uint64_t)mx->clock);
	return mx->clock;
}

/* ---- who can go ---- */

static bool word_is(struct thread *t)
{
	return *t->word == t->want;
}

static bool spin_can_end(struct thread *t)
{
	if (t->burst)
		return true;
	for (int i = 0; i < t->nspin; i++) {
		struct loc *l = &mx->loc[t->spin_locs[i]];

		if (mx_ord(t->last[t->spin_locs[i]]) < l->n - 1)
			return true;
	}
	return false;
}

static bool enabled(struct thread *t)
{
	switch (t->state) {
	case T_READY:
		return true;
	case T_FUTEX:
		return t->timed ? t->timeouts > 0 : t->spurious > 0;
	case T_SPIN:
		return spin_can_end(t);
	case T_AWAIT:
		return word_is(t);
	case T_JOIN:
		for (int i = 1; i < mx->nt; i++)
			if (mx->t[i].state != T_DONE)
				return false;
		return true;
	default:
		return false;
	}
}

static bool is_access(enum kind k)
{
	return k == K_LOAD || k == K_STORE || k == K_RMW || k == K_CAS;
}

/* Do these two steps of different threads commute, whatever each of them reads? */
static bool independent(const struct op *a, const struct op *b)
{
	bool asc = a->order == MX_seq_cst, bsc = b->order == MX_seq_cst;

	if (a->kind == K_START || b->kind == K_START)
		return true;
	if (a->kind == K_FENCE && is_access(b->kind))
		return !bsc;
	if (b->kind == K_FENCE && is_access(a->kind))
		return !asc;
	if (!is_access(a->kind) || !is_access(b->kind))
		return false;
	if (a->addr != b->addr)
		return true;
	return a->kind == K_LOAD && b->kind == K_LOAD && !(asc && bsc);
}

static const char *waits_for(struct thread *t)
{
	switch (t->state) {
	case T_FUTEX: return "futex";
	case T_SPIN: return "spin loop";
	case T_AWAIT: return "await";
	default: return "?";
	}
}

static void describe_stuck(const char *kind)
{
	size_t n = 0;
	char text[400] = "";

	for (int i = 1; i < mx->nt && n < sizeof text - 100; i++) {
		struct thread *t = &mx->t[i];

		if (t->state != T_DONE)
			n += (size_t)snprintf(text + n, sizeof text - n,
					      "\n    thread %d waits for ever: %s at %s:%d", i,
					      waits_for(t), t->pend.at.file, t->pend.at.line);
	}
	model_fail(kind, "nobody can go on:%s", text);
}

/* Nobody can move: spinners whose bound may end go on alone, timed waits end, and then
 * daemons may be left waiting. Returns the thread that goes on. */
static int unstick(void)
{
	uint8_t timed[NT], spins[NT];
	unsigned nt = 0, ns = 0;
	bool only_daemons = true;

	if (mx->debt.state == D_OWED || mx->debt.failed)
		mx_end(O_PRUNED);

	for (int i = 1; i < mx->nt; i++) {
		struct thread *t = &mx->t[i];

		if (t->state == T_FUTEX && t->timed)
			timed[nt++] = (uint8_t)i;
		if (t->state == T_SPIN && t->spins < SPIN_MAX)
			spins[ns++] = (uint8_t)i;
		if (t->state != T_DONE && !(mx->test->daemons & 1u << (i - 1)))
			only_daemons = false;
	}
	if (ns) {
		int i = spins[mx_choose(ns)];

		mx->t[i].burst = true;
		mx->t[i].chosen_burst = false;
		mx->t[i].hist = mx_mix(mx->t[i].hist, 97);
		return i;
	}
	if (nt)
		return timed[mx_choose(nt)];
	if (only_daemons && mx->t[0].state == T_JOIN)
		return 0;
	for (int i = 1; i < mx->nt; i++)
		if (mx->t[i].state == T_SPIN)
			describe_stuck("livelock");
	describe_stuck("deadlock");
	return 0;
}

/* ---- states seen ---- */

static uint64_t state_hash(void)
{
	uint64_t h = mx_mix(mx->mo_hash, mx->sc_hash + (uint64_t)mx->debt.state);

	h = mx_mix(h, (uint64_t)mx->clock);
	for (int i = 0; i < mx->nt; i++)
		h += mx_mix(mx->t[i].hist + (uint64_t)mx->t[i].state * 7919, (uint64_t)i + 1);
	if (mx->test->preemptions)
		h = mx_mix(h, (uint64_t)mx->cur * 16 + mx->preempted);
	return mx_mix(h, 1) | 1;
}

static void visited_grow(void)
{
	size_t old = mx->visited_cap, cap = old ? old * 4 : 1 << 16;
	uint64_t *v = mx->visited, *nv = map(cap * sizeof *nv);
	uint8_t *s = mx->visited_sleep, *ns = map(cap);

	for (size_t i = 0; i < old; i++) {
		size_t j = v[i] & (cap - 1);

		if (!v[i])
			continue;
		while (nv[j])
			j = (j + 1) & (cap - 1);
		nv[j] = v[i];
		ns[j] = s[i];
	}
	if (old) {
		munmap(v, old * sizeof *v);
		munmap(s, old);
	}
	mx->visited = nv;
	mx->visited_sleep = ns;
	mx->visited_cap = cap;
}

/* Was all that can follow from here explored before? Yes if the state was entered
 * with no more threads asleep than now. */
static bool visited(void)
{
	uint64_t h = state_hash();
	size_t i;

	if (mx->nvisited * 2 >= mx->visited_cap)
		visited_grow();
	for (i = h & (mx->visited_cap - 1); mx->visited[i]; i = (i + 1) & (mx->visited_cap - 1)) {
		if (mx->visited[i] != h)
			continue;
		if (!(mx->visited_sleep[i] & ~mx->sleep))
			return true;
		mx->visited_sleep[i] &= mx->sleep;
		return false;
	}
	mx->visited[i] = h;
	mx->visited_sleep[i] = mx->sleep;
	mx->nvisited++;
	return false;
}

/* ---- the scheduler ---- */

static int pick_random(uint8_t mask)
{
	struct node *d;
	int best = -1;

	for (unsigned i = 0; i < ARRAY_LEN(mx->change); i++)
		if (mx->change[i] == mx->nsteps)
			mx_me()->prio = -(int)i;
	for (int i = 0; i < mx->nt; i++)
		if (mask & BIT(i) && (best < 0 || mx->t[i].prio > mx->t[best].prio))
			best = i;
	/* Half of the runs go by priorities, the other half anywhere. */
	if (mx->seed & 1) {
		do
			best = (int)(rnd() % (unsigned)mx->nt);
		while (!(mask & BIT(best)));
	}
	if (mask & (mask - 1)) {
		d = new_node(1, true, mask);
		d->cand[0] = (uint8_t)best;
	}
	return best;
}

/* Whoever runs `t` now wakes those whose next step does not commute with it. */
static void filter_sleep(int t)
{
	for (int i = 0; i < mx->nt; i++)
		if (mx->sleep & BIT(i) && !independent(&mx->t[i].pend, &mx->t[t].pend))
			mx->sleep &= (uint8_t)~BIT(i);
}

/* Ends the execution where an earlier one has been. The states on the way to the last
 * choice that is dictated were entered by this very path. Without a choice between two
 * threads, or one since the last look, there is nothing to gain. */
static void prune_visited(uint8_t cand)
{
	if (mx->depth < mx->replay || mx_settings.naive)
		return;
	if (!(cand & (cand - 1)) && mx->looked == mx->depth)
		return;
	if (visited())
		mx_end(O_PRUNED);
	mx->looked = mx->depth;
}

/* The running thread first: failures then need few switches. */
static void candidates(struct node *d, uint8_t mask)
{
	unsigned n = 0;

	if (mask & BIT(mx->cur))
		d->cand[n++] = (uint8_t)mx->cur;
	for (int i = 0; i < mx->nt; i++)
		if (mask & BIT(i) && i != mx->cur)
			d->cand[n++] = (uint8_t)i;
}

/* With a bound on preemptions: no sleep sets, since which of two orders is tried
 * first now makes a difference. */
static int pick_bounded(uint8_t on)
{
	struct node *d;
	int t;

	if (on & BIT(mx->cur) && mx->preempted == mx->test->preemptions)
		on = (uint8_t)BIT(mx->cur);
	prune_visited(on);
	if (!(on & (on - 1)))
		return __builtin_ctz(on);
	d = new_node((unsigned)__builtin_popcount(on), true, on);
	candidates(d, on);
	t = d->cand[d->cur];
	mx->preempted += t != mx->cur && on & BIT(mx->cur);
	return t;
}

static int pick(void)
{
	struct node *d;
	uint8_t on = 0, cand;
	int t;

	for (int i = 0; i < mx->nt; i++)
		if (enabled(&mx->t[i]))
			on |= (uint8_t)BIT(i);
	if (!on) {
		mx->sleep = 0;
		return unstick();
	}
	if (mx->random)
		return pick_random(on);
	if (mx->test->preemptions)
		return pick_bounded(on);
	cand = on & (uint8_t)~mx->sleep;
	if (!cand)
		mx_end(O_PRUNED);
	prune_visited(cand);
	if (!(cand & (cand - 1))) {
		t = __builtin_ctz(cand);
		filter_sleep(t);
		return t;
	}
	d = new_node((unsigned)__builtin_popcount(cand), true, cand);
	candidates(d, cand);
	for (int i = 0; i < d->cur && !mx_settings.naive; i++)
		mx->sleep |= (uint8_t)BIT(d->cand[i]);
	t = d->cand[d->cur];
	filter_sleep(t);
	return t;
}

static bool is_shared(const volatile void *p, bool write)
{
	uintptr_t a = (uintptr_t)p;
	unsigned i = (unsigned)(mx_mix(a, 3) % NSEEN);
	struct seen *s;
	bool before, after;

	while (mx->seen[i].addr && mx->seen[i].addr != a)
		i = (i + 1) % NSEEN;
	s = &mx->seen[i];
	s->addr = a;
	before = s->writers && ((s->readers | s->writers) & ((s->readers | s->writers) - 1));
	if (mx->cur == 0)
		return before;
	*(write ? &s->writers : &s->readers) |= (uint8_t)BIT(mx->cur);
	after = s->writers && ((s->readers | s->writers) & ((s->readers | s->writers) - 1));
	if (after && !before)
		mx->restart = true;
	return before;
}

void mx_point(enum kind kind, const volatile void *p, enum mx_order o, struct mx_site at,
	      bool write)
{
	struct thread *t = mx_me();

	t->pend = (struct op){ kind, (uintptr_t)p, o, at };
	mx_remember((uint64_t)kind * 31 + (uint64_t)at.line);
	if (++mx->nsteps > NSTEP)
		model_fail("livelock", "more than %d steps", NSTEP);
	if (kind != K_RELAX && kind != K_LOAD) {
		t->burst = t->in_spin = false;
		t->spins = t->nspin = 0;
		t->spin_hist = t->hist;
	}
	/* A variable that is not shared needs no choice; a spinner that nobody disturbs
	 * spins to its end. */
	if (!(p && !is_shared(p, write) && is_access(kind) && !mx->random) && !t->burst)
		switch_to(pick());
	t->seg_ops++;
}

void mx_block(void)
{
	switch_to(pick());
}

static uint64_t view_hash(const struct view *v, int self)
{
	uint64_t h = 0;

	for (int i = 1; i < mx->nloc; i++)
		if (v->at[i])
			h += mx_mix(mx->loc[i].addr, mx->msg[v->at[i]].id);
	for (int i = 0; i < NT; i++)
		if (i != self)
			h = mx_mix(h, v->clk[i]);
	return h;
}

/* Between two turns of a spin loop a thread is what it was before the loop, but for
 * what it has learnt, whatever the number of turns. */
static void forget_turns(struct thread *t)
{
	uint64_t h = t->spin_hist;

	h = mx_mix(h, view_hash(&t->cur, (int)(t - mx->t)));
	h = mx_mix(h, view_hash(&t->acq, (int)(t - mx->t)));
	for (int i = 0; i < t->nspin; i++) {
		int l = t->spin_locs[i], times = t->times[l];

		h = mx_mix(h, mx->msg[t->last[l]].id + mx->loc[l].addr);
		h = mx_mix(h, (uint64_t)(times < STALE_MAX ? times : STALE_MAX));
	}
	t->hist = h;
}

/* A turn of a spin loop changes nothing as long as it reads the same stores, so the
 * thread may as well sleep until one of them is overwritten. Its loop may be bounded:
 * so it may also go through all of it at once. */
void mx_relax(struct mx_site at)
{
	struct thread *t = mx_me();

	/* Without a look at anything it only passes time. */
	if (t->nspin == 0)
		return;
	mx_event()->op = (struct op){ .kind = K_RELAX, .at = at };
	if (t->spins++ >= SPIN_MAX) {
		/* A loop without a bound is not gone through at once. */
		if (t->burst && t->chosen_burst)
			mx_end(O_PRUNED);
		t->pend.at = at;
		t->state = T_SPIN;
		t->burst = false;
		t->nspin = 0;
		describe_stuck("livelock");
	}
	if (t->burst) {
		t->nspin = 0;
		return;
	}
	forget_turns(t);
	mx_remember(99);
	if (!t->in_spin) {
		t->in_spin = true;
		if (mx_choose(2)) {
			mx_remember(98);
			t->burst = t->chosen_burst = true;
			return;
		}
	}
	t->pend = (struct op){ .kind = K_RELAX, .at = at };
	t->state = T_SPIN;
	mx_block();
	t->state = T_READY;
	t->nspin = 0;
}

/* Not a step of the code under test: the newest value is looked at in passing. */
void model_await(uint32_t *word, uint32_t v)
{
	struct thread *t = mx_me();
	struct loc *l = mx_locate(word, 4, "await");

	t->word = word;
	t->want = v;
	t->pend = (struct op){ K_AWAIT, (uintptr_t)word, MX_acquire, { "await", "await", 0 } };
	is_shared(word, false);
	t->state = T_AWAIT;
	mx_block();
	t->state = T_READY;
	mx_join(&t->cur, &mx->msg[l->mo[l->n - 1]].view, true);
	t->cur.at[l - mx->loc] = l->mo[l->n - 1];
	mx_event()->out = v;
	mx_remember(mx->msg[l->mo[l->n - 1]].id);
}

/* ---- one execution ---- */

static void thread_main(void *arg)
{
	struct thread *t = arg;

	mx->test->threads[t - mx->t - 1]();
	t->state = T_DONE;
	mx_segment(t);
	mx_block();
	__builtin_unreachable();
}

static void first_main(void *arg)
{
	struct thread *me = &mx->t[0];

	(void)arg;
	if (mx->test->setup)
		mx->test->setup();
	for (int i = 1; i < mx->nt; i++) {
		struct thread *t = &mx->t[i];

		t->cur = t->rel = t->seg = me->cur;
		t->cur.clk[i] = 1;
		t->state = T_READY;
	}
	me->pend = (struct op){ .kind = K_JOIN };
	me->state = T_JOIN;
	mx_block();
	me->state = T_READY;
	if (mx->debt.state == D_OWED)
		mx_end(O_PRUNED);
	for (int i = 1; i < mx->nt; i++) {
		mx_join(&me->cur, &mx->t[i].cur, true);
		mx->t[i].state = T_DONE;
	}
	if (mx->test->check)
		mx->test->check();
	mx_end(O_DONE);
}

static void thread_reset(int i)
{
	struct thread *t = &mx->t[i];
	char *stack = t->stack;
	void *tls = t->tls;

	memset(t, 0, sizeof *t);
	t->stack = stack;
	t->tls = tls;
	if (image.tls_size)
		memcpy(tls, image.tls0, image.tls_size);
	t->hist = (uint64_t)i + 1;
	t->cur.clk[i] = 1;
	t->timeouts = mx->test->timeouts;
	t->spurious = mx->test->spurious;
	t->prio = 1 + (int)(rnd() % 1000);
	t->pend.kind = K_START;
	mri_arch_make(&t->ctx, stack, stack + STACK, i ? thread_main : first_main, t);
}

static void execute(void)
{
	memcpy(__data_start, image.data0, (size_t)(_end - __data_start));
	for (mx->nt = 1; mx->nt <= MODEL_THREADS && mx->test->threads[mx->nt - 1]; mx->nt++)
		;
	for (int i = 0; i < mx->nt; i++)
		thread_reset(i);
	mx->cur = 0;
	memset(&mx->sc, 0, sizeof mx->sc);
	mx->sc_hash = mx->mo_hash = 0;
	mx->clock = 1;
	mx->nloc = 1;
	mx->nmsg = 1;
	mx->gen++;
	mx->nev = mx->nsteps = mx->npast = 0;
	mx->debt.state = D_NONE;
	mx->debt.failed = false;
	mx->sleep = mx->preempted = 0;
	mx->depth = 0;
	mx->looked = -1;
	memset(mx->heap, 0, mx->heap_used);
	mx->heap_used = 0;
	mx->outcome = O_RUNNING;
	mx->t[0].state = T_READY;
	if (image.tls_size)
		memcpy(image.tls, image.tls0, image.tls_size);
	mx->active = true;
	mri_arch_switch(&mx->host, &mx->t[0].ctx);
	mx->active = false;
	mx->executions++;
	mx->total_steps += (uint64_t)mx->nsteps;
	if (mx->outcome == O_PRUNED)
		mx->pruned++;
}

void *model_malloc(size_t n)
{
	void *p = mx->heap + mx->heap_used;

	mx->heap_used += (n + 79) / 64 * 64;
	if (mx->heap_used > HEAP)
		model_fail("explorer", "model_malloc: out of memory");
	return p;
}

void *model_stack(int i, size_t *size)
{
	*size = STACK;
	return i < NSTACK ? mx->stacks + i * STACK : NULL;
}

/* ---- the search ---- */

static double now(void)
{
	struct timespec ts;

	/* Of this process: a loaded machine explores as much as an idle one. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void forget(void)
{
	if (mx->visited_cap)
		memset(mx->visited, 0, mx->visited_cap * sizeof *mx->visited);
	mx->nvisited = 0;
	mx->replay = 0;
	mx->restart = false;
}

/* The next alternative of the last choice that has one. False: there is none. */
static bool backtrack(void)
{
	int d = mx->depth;

	while (d > 0 && mx->node[d - 1].cur + 1 >= mx->node[d - 1].n)
		d--;
	if (d == 0)
		return false;
	mx->node[d - 1].cur++;
	mx->replay = d;
	return true;
}

static bool failed(void)
{
	return mx->outcome == O_FAILED;
}

/* True when the whole space was seen, or a failure. */
static bool search_all(uint64_t budget, double until)
{
	mx->random = false;
	forget();
	while (mx->executions < budget && ((mx->executions & 255) || now() < until)) {
		execute();
		if (failed())
			return true;
		if (mx->restart) {
			forget();
			continue;
		}
		if (!backtrack())
			return true;
	}
	return false;
}

static bool search(uint64_t budget, double until)
{
	bool whole;

	mx->guessing = false;
	mx_future_forget();
	whole = search_all(budget, until);
	if (!whole || failed() || !mx->test->load_buffering || !mx_future_count())
		return whole;
	mx->guessing = true;
	return search_all(budget, until);
}

static void search_random(uint64_t runs, double until)
{
	mx->random = true;
	mx->guessing = false;
	mx->replay = 0;
	for (uint64_t i = 0; i < runs && (i == 0 || (i & 255) || now() < until); i++) {
		mx->seed = mx_settings.seed + i;
		mx->rnd = mx_mix(mx->seed, 0x5eed) | 1;
		for (unsigned c = 0; c < ARRAY_LEN(mx->change); c++)
			mx->change[c] = c < 4 ? (int)(rnd() % (64u << mx->seed / 2 % 4)) : -1;
		execute();
		if (failed())
			return;
	}
}

enum { WARM_UP = 500 };

static int verdict(bool whole)
{
	struct model *m = mx->test;
	char how[80];

	if (mx->random)
		snprintf(how, sizeof how, "%srandom from seed %llu",
			 m->random ? "" : "depth first until the limit, then ",
			 (unsigned long long)mx_settings.seed);
	else
		snprintf(how, sizeof how, m->preemptions ? "exhaustive up to %d preemptions"
							 : "exhaustive", m->preemptions);
	if (failed() && !(m->expect && strcmp(m->expect, mx->kind) == 0)) {
		printf("FAIL model %s: %s: %s\n", m->name, mx->kind, mx->why);
		mx_report();
		return 1;
	}
	if (failed()) {
		printf("ok model %s (%llu executions, %s found as expected)\n", m->name,
		       (unsigned long long)mx->executions, mx->kind);
		if (mx_settings.trace)
			mx_report();
		return 0;
	}
	if (m->expect) {
		printf("FAIL model %s: a %s was planted, none found in %llu executions\n", m->name,
		       m->expect, (unsigned long long)mx->executions);
		return 1;
	}
	if (m->outcomes && whole && mx->outcomes != m->outcomes) {
		printf("FAIL model %s: outcomes %#llx seen, not %#llx\n", m->name,
		       (unsigned long long)mx->outcomes, (unsigned long long)m->outcomes);
		return 1;
	}
	printf("ok model %s (%llu executions, %s)\n", m->name,
	       (unsigned long long)mx->executions, how);
	return 0;
}

int mx_run(struct model *m)
{
	double start = now();
	uint64_t budget = mx_settings.budget ? mx_settings.budget : m->budget;
	bool whole = false;
	int rc;

	if (!mx)
		engine_init();
	memset(mx->seen, 0, sizeof mx->seen);
	mx->test = m;
	mx->executions = mx->pruned = mx->outcomes = mx->total_steps = 0;
	mx->rnd = 88172645463325252u;
	/* First a few at random: they learn which variables are shared, or the search would
	 * begin again and again, and find most of what is badly wrong. */
	search_random(m->random || mx_settings.seconds <= 0 ? 0 : WARM_UP, start + mx_settings.seconds / 4);
	if (!m->random && !failed())
		whole = search(budget ? budget : UINT64_MAX, start + mx_settings.seconds);
	if (!whole && !failed())
		search_random(mx_settings.random_runs, start + 2 * mx_settings.seconds);
	rc = verdict(whole);
	if (mx_settings.verbose)
		printf("    %.2f s, %llu pruned, %zu states, %llu steps\n", now() - start,
		       (unsigned long long)mx->pruned, mx->nvisited,
		       (unsigned long long)mx->total_steps);
	fflush(stdout);
	return rc;
}
