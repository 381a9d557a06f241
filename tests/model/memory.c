/* memory.c - the memory model: what a load may read, where a store may fall.
 *
 * Each variable has a list of stores in modification order. Each thread has a view:
 * for every variable the oldest store it may still read. A load picks any store not
 * older than the view allows and moves the view up to it; an acquire load also takes
 * over what the store's view says, which for a release store is all its thread knew.
 * A store falls anywhere in the order after what its thread knows; nothing falls
 * between a read-modify-write and the store it read. seq_cst: one more view, shared.
 * This is C11 (C17, C20) without executions in which a load reads from a store that
 * depends on that load. */
#include "engine.h"

static int index_of(const struct loc *l)
{
	return (int)(l - mx->loc);
}

/* ---- views ---- */

void mx_join(struct view *a, const struct view *b, bool clocks)
{
	for (int i = 1; i < mx->nloc; i++)
		if (b->at[i] && mx_ord(b->at[i]) > mx_ord(a->at[i]))
			a->at[i] = b->at[i];
	if (!clocks)
		return;
	for (int i = 0; i < NT; i++)
		if (b->clk[i] > a->clk[i])
			a->clk[i] = b->clk[i];
}

static void sc_changed(void)
{
	mx->sc_hash = 0;
	for (int i = 1; i < mx->nloc; i++)
		if (mx->sc.at[i])
			mx->sc_hash += mx_mix(mx->loc[i].addr, mx->msg[mx->sc.at[i]].id);
}

/* A new segment of program order begins: nothing moves across a compiler barrier, so
 * what a membarrier taught this thread counts from here on. */
void mx_segment(struct thread *t)
{
	if (t->has_later) {
		mx_join(&t->cur, &t->later, true);
		t->has_later = false;
	}
	t->seg = t->cur;
	t->seg_ops = 0;
	/* Plain writes from here on are not part of what was remembered. */
	t->cur.clk[t - mx->t]++;
}

void mx_compiler_barrier(void)
{
	mx_segment(mx_me());
}

void mx_fence_sc(struct thread *t)
{
	if (mx->debt.state == D_OWED && t == &mx->t[mx->debt.tid])
		mx_end(O_PRUNED);
	mx_join(&t->cur, &t->acq, true);
	mx_join(&t->cur, &mx->sc, false);
	mx_join(&mx->sc, &t->cur, false);
	sc_changed();
	t->hist = mx_mix(t->hist, mx->sc_hash);
	t->rel = t->cur;
	mx_segment(t);
}

void mx_fence(enum mx_order o, struct mx_site at)
{
	struct thread *t = mx_me();

	if (o == MX_seq_cst) {
		mx_point(K_FENCE, NULL, o, at, false);
		mx_event();
		mx_fence_sc(t);
		return;
	}
	t->pend = (struct op){ K_FENCE, 0, o, at };
	mx_event();
	mx_future_access(NULL);
	if (o == MX_acquire || o == MX_acq_rel)
		mx_join(&t->cur, &t->acq, true);
	mx_segment(t);
	if (o == MX_release || o == MX_acq_rel)
		t->rel = t->cur;
	t->cur.clk[mx->cur]++;
}

/* ---- variables ---- */

static uint64_t fetch(uintptr_t addr, int size)
{
	uint64_t v = 0;

	memcpy(&v, (void *)addr, (size_t)size);
	return v;
}

static void rehash(struct loc *l)
{
	mx->mo_hash -= l->hash;
	l->hash = l->addr;
	for (int i = 0; i < l->n; i++)
		l->hash = mx_mix(l->hash, mx->msg[l->mo[i]].id);
	mx->mo_hash += l->hash;
}

static struct msg *new_msg(struct loc *l, int after)
{
	struct msg *m = &mx->msg[mx->nmsg];

	if (mx->nmsg == NMSG || l->n == NMO)
		model_fail("livelock", "too many stores to %s", l->expr);
	for (int i = l->n; i > after + 1; i--) {
		l->mo[i] = l->mo[i - 1];
		mx->msg[l->mo[i]].ord++;
	}
	l->mo[after + 1] = (uint16_t)mx->nmsg++;
	l->n++;
	memset(m, 0, sizeof *m);
	m->loc = (uint16_t)index_of(l);
	m->ord = (uint16_t)(after + 1);
	return m;
}

/* The variable at p. The first access makes it, with what memory holds. */
struct loc *mx_locate(const volatile void *p, int size, const char *expr)
{
	uintptr_t addr = (uintptr_t)p;
	struct shadow *s = mx_shadow(addr);
	int i = s->loc[addr & 7];
	struct loc *l = &mx->loc[i];
	struct msg *m;

	if (i) {
		if (l->addr != addr || l->size != size)
			model_fail("explorer", "%s and %s overlap with different sizes", expr,
				   l->expr);
		m = &mx->msg[l->mo[l->n - 1]];
		if (m->plain) {
			m->val = fetch(addr, size);
			m->plain = false;
		}
		return l;
	}
	if (mx->nloc == NLOC)
		model_fail("explorer", "more than %d atomic variables", NLOC);
	i = mx->nloc++;
	l = &mx->loc[i];
	for (int b = 0; b < size; b++)
		s->loc[(addr & 7) + (unsigned)b] = (uint16_t)i;
	memset(l, 0, offsetof(struct loc, mo));
	memset(l->rclk, 0, sizeof l->rclk);
	l->hash = 0;
	l->addr = addr;
	l->size = size;
	l->expr = expr;
	m = new_msg(l, -1);
	m->val = fetch(addr, size);
	return l;
}

/* A plain write to a variable that was accessed atomically before. What is written is
 * known only afterwards: the next atomic access fetches it. */
void mx_plain_store(struct loc *l)
{
	struct thread *t = mx_me();
	struct msg *m = &mx->msg[l->mo[l->n - 1]];

	if (!m->plain) {
		m = new_msg(l, l->n - 1);
		m->plain = true;
		m->id = mx_mix((uint64_t)mx->cur + 1, ++t->seq);
		rehash(l);
	}
	m->tid = (uint8_t)mx->cur;
	m->clk = t->cur.clk[mx->cur];
	t->cur.at[index_of(l)] = (uint16_t)(m - mx->msg);
	m->view.at[index_of(l)] = (uint16_t)(m - mx->msg);
	mx_remember(m->id);
}

static int floor_of(struct loc *l, enum mx_order o)
{
	int i = index_of(l);
	int a = mx_ord(mx_me()->cur.at[i]), b = mx_ord(mx->sc.at[i]);

	return o == MX_seq_cst && b > a ? b : a;
}

static bool acquires(enum mx_order o)
{
	return o == MX_acquire || o == MX_acq_rel || o == MX_seq_cst;
}
static bool releases(enum mx_order o)
{
	return o == MX_release || o == MX_acq_rel || o == MX_seq_cst;
}

/* The running thread reads message m. */
static void take(struct loc *l, int m, enum mx_order o, struct event *e)
{
	struct thread *t = mx_me();
	int i = index_of(l);
	struct msg *g = &mx->msg[m];

	if (mx_ord(t->cur.at[i]) < g->ord)
		t->cur.at[i] = (uint16_t)m;
	mx_join(acquires(o) ? &t->cur : &t->acq, &g->view, true);
	if (o == MX_seq_cst && mx_ord(mx->sc.at[i]) < g->ord) {
		mx->sc.at[i] = (uint16_t)m;
		sc_changed();
	}
	l->rclk[mx->cur] = t->cur.clk[mx->cur];
	t->times[i] = t->last[i] == m ? (uint8_t)(t->times[i] + 1) : 1;
	t->last[i] = (uint16_t)m;
	if (t->nspin < (int)ARRAY_LEN(t->spin_locs))
		t->spin_locs[t->nspin++] = (uint16_t)i;
	mx_remember(g->id + (uint64_t)l->addr);
	e->in = g->val;
	e->from = g->tid;
	e->stale = (uint8_t)(l->n - 1 - g->ord);
}

/* May the running thread read message m yet again? Not for ever, once overwritten. */
static bool too_stale(struct loc *l, int m)
{
	struct thread *t = mx_me();
	int i = index_of(l);

	return t->last[i] == m && t->times[i] >= STALE_MAX && mx->msg[m].ord != l->n - 1;
}

uint64_t mx_read(struct loc *l, enum mx_order o, struct event *e)
{
	uint16_t cand[NMO], last = mx_me()->last[index_of(l)];
	uint64_t guess[8], hist = mx_me()->hist;
	unsigned n = 0, guesses = 0, i;

	/* Spinning to the end of its bound: it sees nothing new. */
	if (mx_me()->burst && last && mx_ord(last) >= floor_of(l, o)) {
		take(l, last, o, e);
		return e->in;
	}
	for (int k = l->n - 1; k >= floor_of(l, o); k--) {
		if (too_stale(l, l->mo[k]))
			continue;
		/* Of two stores of one value the older teaches less, so it allows all that
		 * the newer does. */
		if (o == MX_relaxed && n && mx->msg[cand[n - 1]].val == mx->msg[l->mo[k]].val)
			n--;
		cand[n++] = l->mo[k];
	}
	if (o == MX_relaxed)
		guesses = mx_future_values(l, guess, ARRAY_LEN(guess));
	i = mx_choose(n + guesses);
	if (i >= n) {
		mx_future_take(l, guess[i - n]);
		e->note = "from a later store";
		return e->in = guess[i - n];
	}
	take(l, cand[i], o, e);
	mx_me()->cur.clk[mx->cur]++;
	if (o == MX_relaxed)
		mx_future_loaded(l, hist);
	return e->in;
}

/* The running thread stores v just after mo[after]; `read`: the message that a
 * read-modify-write read, whose release sequence it continues. */
static void put(struct loc *l, int after, uint64_t v, enum mx_order o, int read,
		struct event *e)
{
	struct thread *t = mx_me();
	int i = index_of(l);
	struct msg *m = new_msg(l, after);
	uint16_t k = (uint16_t)(m - mx->msg);

	m->val = l->size == 8 ? v : v & ((1ull << 8 * l->size) - 1);
	m->tid = (uint8_t)mx->cur;
	m->rmw = read != 0;
	m->id = mx_mix((uint64_t)mx->cur + 1, ++t->seq);
	m->clk = t->cur.clk[mx->cur];
	t->cur.at[i] = k;
	m->view = releases(o) ? t->cur : t->rel;
	if (read)
		mx_join(&m->view, &mx->msg[read].view, true);
	m->view.at[i] = k;
	if (o == MX_seq_cst) {
		mx->sc.at[i] = k;
		sc_changed();
	}
	t->cur.clk[mx->cur]++;
	if (m->ord == l->n - 1)
		memcpy((void *)l->addr, &m->val, (size_t)l->size);
	rehash(l);
	mx_remember(m->id + (uint64_t)l->addr);
	e->out = m->val;
	e->stale = (uint8_t)(l->n - 1 - m->ord);
	mx_future_stored(l, k);
}

static bool rmw_follows(struct loc *l, int k)
{
	return k + 1 < l->n && mx->msg[l->mo[k + 1]].rmw;
}

/* ---- the accesses ---- */

uint64_t mx_load(const volatile void *p, int size, enum mx_order o, struct mx_site at)
{
	struct loc *l;

	mx_point(K_LOAD, p, o, at, false);
	l = mx_locate(p, size, at.expr);
	mx_race_atomic(l, false, at);
	mx_future_access(l);
	return mx_read(l, o, mx_event());
}

/* The step that was picked is a store. */
static void store(volatile void *p, int size, uint64_t v, enum mx_order o, struct mx_site at)
{
	uint16_t cand[NMO];
	unsigned n = 0;
	struct loc *l = mx_locate(p, size, at.expr);

	mx_race_atomic(l, true, at);
	mx_future_access(l);
	for (int k = l->n - 1; k >= floor_of(l, o); k--)
		if (!rmw_follows(l, k))
			cand[n++] = (uint16_t)k;
	put(l, cand[mx_choose(n)], v, o, 0, mx_event());
}

void mx_store(volatile void *p, int size, uint64_t v, enum mx_order o, struct mx_site at)
{
	mx_point(K_STORE, p, o, at, true);
	store(p, size, v, o, at);
}

/* A restartable sequence is assembly: nothing moves into it, out of it or inside. That
 * a preempted thread does not store is left out: it may as well run on a processor of
 * its own. */
bool mx_store_if(uint32_t *p, uint32_t seen, uint32_t v, struct mx_site at)
{
	struct thread *t = mx_me();
	bool stored = false;

	mx_segment(t);
	t->in_sequence = true;
	if (mx_load(p, sizeof *p, MX_relaxed, at) == seen) {
		mx_segment(t);
		mx_point(K_STORE, p, MX_release, at, true);
		stored = t->in_sequence;
		if (stored)
			store(p, sizeof *p, v, MX_release, at);
	}
	t->in_sequence = false;
	mx_segment(t);
	return stored;
}

uint64_t mx_rmw(enum mx_rmw op, volatile void *p, int size, uint64_t v, enum mx_order o,
		struct mx_site at)
{
	uint16_t cand[NMO];
	unsigned n = 0;
	struct loc *l;
	struct event *e;
	uint64_t old, new;
	int m;

	mx_point(K_RMW, p, o, at, true);
	l = mx_locate(p, size, at.expr);
	mx_race_atomic(l, true, at);
	mx_future_access(l);
	for (int k = l->n - 1; k >= floor_of(l, o); k--)
		if (!rmw_follows(l, k))
			cand[n++] = (uint16_t)k;
	m = l->mo[cand[mx_choose(n)]];
	e = mx_event();
	take(l, m, o, e);
	old = e->in;
	switch (op) {
	case MX_SWAP: new = v; break;
	case MX_ADD: new = old + v; break;
	case MX_SUB: new = old - v; break;
	case MX_OR: new = old | v; break;
	default: new = old & v; break;
	}
	put(l, mx->msg[m].ord, new, o, m, e);
	return old;
}

bool mx_cas(volatile void *p, int size, void *expected, uint64_t v, enum mx_order o,
	    struct mx_site at)
{
	uint64_t want = fetch((uintptr_t)expected, size);
	uint16_t cand[NMO];
	unsigned n = 0;
	struct loc *l;
	struct event *e;
	struct msg *g;

	mx_point(K_CAS, p, o, at, true);
	l = mx_locate(p, size, at.expr);
	mx_race_atomic(l, true, at);
	mx_future_access(l);
	/* Reading what it expects means success, for which the place must be free; a
	 * failure is a relaxed load. */
	for (int k = l->n - 1; k >= 0; k--) {
		bool equal = mx->msg[l->mo[k]].val == want;

		if (k < floor_of(l, equal ? o : MX_relaxed))
			continue;
		if (equal ? !rmw_follows(l, k) : !too_stale(l, l->mo[k]))
			cand[n++] = l->mo[k];
	}
	g = &mx->msg[cand[mx_choose(n)]];
	e = mx_event();
	if (g->val == want) {
		take(l, (int)(g - mx->msg), o, e);
		put(l, g->ord, v, o, (int)(g - mx->msg), e);
		return true;
	}
	take(l, (int)(g - mx->msg), MX_relaxed, e);
	mx_me()->cur.clk[mx->cur]++;
	e->note = "failed";
	memcpy(expected, &g->val, (size_t)size);
	return false;
}
