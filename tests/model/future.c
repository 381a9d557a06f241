/* future.c - loads that are delayed past later stores of their thread.
 *
 * A model that executes in program order cannot show load buffering: thread T reads
 * x, then stores to y; U reads that y and stores to x; and T's load returns what U
 * stored, since nothing ordered it before. A test with .load_buffering is searched a
 * second time, with guesses. The first pass notes which later stores each relaxed load
 * could have read from; in the second such a load may return one of these values at
 * once, as a debt: somebody has to store it later without the load happening before
 * that store, or the execution does not count. One guess in an execution, and only of
 * what was stored in an execution without a guess: nothing comes out of thin air. */
#include "engine.h"
#include <stdio.h>

struct guess { uint64_t key, val; };
static struct { struct guess g[1024]; int n; } *book;   /* outside the restored data */

void mx_future_init(void *memory)
{
	book = memory;
}
size_t mx_future_size(void)
{
	return sizeof *book;
}
void mx_future_forget(void)
{
	book->n = 0;
}
int mx_future_count(void)
{
	return book->n;
}

static uint64_t key_of(uint64_t hist, struct loc *l)
{
	return mx_mix(hist, l->addr) | 1;
}

/* The running thread is about to load l: the values it may guess. */
unsigned mx_future_values(struct loc *l, uint64_t *val, unsigned max)
{
	uint64_t key = key_of(mx_me()->hist, l);
	unsigned n = 0;

	if (!mx->guessing || mx->debt.state != D_NONE || mx_me()->burst)
		return 0;
	for (int i = 0; i < book->n && n < max; i++)
		if (book->g[i].key == key)
			val[n++] = book->g[i].val;
	return n;
}

void mx_future_take(struct loc *l, uint64_t val)
{
	struct thread *t = mx_me();

	mx->debt = (struct debt){
		.state = D_OWED, .tid = mx->cur, .loc = (int)(l - mx->loc), .val = val,
		.clk = t->cur.clk[mx->cur], .floor = mx_ord(t->cur.at[l - mx->loc]),
	};
	l->rclk[mx->cur] = t->cur.clk[mx->cur];
	t->cur.clk[mx->cur]++;
	mx_remember(mx_mix(val, 0xf07));
}

/* A relaxed load took place: later stores may turn out to be candidates. */
void mx_future_loaded(struct loc *l, uint64_t hist)
{
	struct past *p = &mx->past[mx->npast % NPAST];

	if (!mx->test->load_buffering || mx->debt.state != D_NONE || mx->cur == 0)
		return;
	mx->npast++;
	*p = (struct past){ .key = key_of(hist, l), .loc = (int)(l - mx->loc), .tid = mx->cur,
			    .clk = mx_me()->cur.clk[mx->cur] - 1 };
}

static void note(uint64_t key, uint64_t val)
{
	for (int i = 0; i < book->n; i++)
		if (book->g[i].key == key && book->g[i].val == val)
			return;
	if (book->n < (int)ARRAY_LEN(book->g))
		book->g[book->n++] = (struct guess){ key, val };
}

static bool knows(const struct view *v, int tid, uint32_t clk)
{
	return v->clk[tid] >= clk;
}

static void raise_view(struct view *v, int loc, int m)
{
	if (knows(v, mx->debt.tid, mx->debt.clk) && mx_ord(v->at[loc]) < mx_ord(m))
		v->at[loc] = (uint16_t)m;
}

/* The debt is paid by message m: whoever knows of the load knows of the store. */
static void pay(struct loc *l, int m)
{
	int i = (int)(l - mx->loc);

	mx->debt.state = D_PAID;
	for (int t = 1; t < mx->nt; t++) {
		raise_view(&mx->t[t].cur, i, m);
		raise_view(&mx->t[t].acq, i, m);
		raise_view(&mx->t[t].rel, i, m);
		raise_view(&mx->t[t].seg, i, m);
	}
	for (int k = 1; k < mx->nmsg; k++)
		raise_view(&mx->msg[k].view, i, m);
	if (mx->debt.failed) {
		memcpy(mx->kind, mx->debt.kind, sizeof mx->kind);
		memcpy(mx->why, mx->debt.why, sizeof mx->why);
		mx_end(O_FAILED);
	}
}

/* The running thread has stored message m. */
void mx_future_stored(struct loc *l, int m)
{
	struct thread *t = mx_me();
	int i = (int)(l - mx->loc);

	if (!mx->test->load_buffering || mx->cur == 0)
		return;
	if (mx->debt.state == D_OWED && mx->debt.loc == i && mx->debt.tid != mx->cur) {
		if (mx->msg[m].val == mx->debt.val && mx_ord(m) > mx->debt.floor &&
		    !knows(&t->cur, mx->debt.tid, mx->debt.clk))
			pay(l, m);
		return;
	}
	if (mx->guessing || mx->debt.state != D_NONE)
		return;
	for (int k = mx->npast > NPAST ? mx->npast - NPAST : 0; k < mx->npast; k++) {
		struct past *p = &mx->past[k % NPAST];

		if (p->loc == i && p->tid != mx->cur && !knows(&t->cur, p->tid, p->clk))
			note(p->key, mx->msg[m].val);
	}
}

/* The running thread accesses l, or (NULL) executes a fence. Looking at the variable
 * again before the debt is paid, with the load in one's past, could contradict it: such
 * executions are left out. */
void mx_future_access(struct loc *l)
{
	if (mx->debt.state != D_OWED)
		return;
	if (l ? l - mx->loc == mx->debt.loc &&
			knows(&mx_me()->cur, mx->debt.tid, mx->debt.clk)
	      : mx->cur == mx->debt.tid)
		mx_end(O_PRUNED);
}

/* A failure while something is owed counts only if it is paid: the thread stops here,
 * the others go on. */
void mx_future_fail(const char *kind, const char *why)
{
	if (mx->debt.state != D_OWED || mx->cur == 0 || mx->debt.failed)
		return;
	mx->debt.failed = true;
	snprintf(mx->debt.kind, sizeof mx->debt.kind, "%s", kind);
	snprintf(mx->debt.why, sizeof mx->debt.why, "%s", why);
	mx_me()->state = T_DEAD;
	mx_block();
}
