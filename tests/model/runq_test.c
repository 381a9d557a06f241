/* runq_test.c - src/rt/runq.c with a ring of four: nothing is lost, nothing comes out
 * twice, a taker gets each goroutine as it was published, and what one thread takes
 * from one ring comes in order. */
#include "base/atomic.h"
#include "rt/rt.h"

enum { N = 12, FIRST = (int)-2 };       /* indices wrap after two pushes */
static struct mri_runq q, q2, q3, q4;
static struct g gs[N];
static uint8_t out[MODEL_THREADS + 1][N];
static int nout[MODEL_THREADS + 1];
static int npushed;

static void fill(int n)
{
	q.head = q.tail = q2.head = q2.tail = q3.head = q3.tail = (uint32_t)FIRST;
	while (npushed < n) {
		model_check(mri_runq_push(&q, &gs[npushed]));
		npushed++;
	}
}
static void fill_more(struct mri_runq *r, int n)
{
	for (; n > 0; n--)
		model_check(mri_runq_push(r, &gs[npushed++]));
}
static void fill2(void) { fill(2); }
static void fill3(void) { fill(3); }
static void fill4(void) { fill(4); }
static void fill0(void) { fill(0); }

/* By the owner of the ring; what is pushed was written by it just before. */
static bool push(struct mri_runq *r)
{
	gs[npushed].err = 1;
	if (!mri_runq_push(r, &gs[npushed]))
		return false;
	npushed++;
	return true;
}

/* A taker owns g: it may read and write it. */
static bool took(struct g *g)
{
	int i = model_self();

	if (!g)
		return false;
	g->err++;
	out[i][nout[i]++] = (uint8_t)(g - gs);
	return true;
}

/* Whatever is still in the rings at the end counts as taken by thread 0. */
static void all_once(void)
{
	int seen[N] = { 0 };

	while (took(mri_runq_pop(&q)) || took(mri_runq_pop(&q2)) || took(mri_runq_pop(&q3)) ||
	       took(mri_runq_pop(&q4)))
		;
	took(mri_runq_swap_next(&q, NULL));
	for (int t = 0; t <= MODEL_THREADS; t++)
		for (int i = 0; i < nout[t]; i++)
			seen[out[t][i]]++;
	for (int i = 0; i < npushed; i++)
		model_check(seen[i] == 1);
}

static void owner_push_pop(void)
{
	push(&q);
	took(mri_runq_pop(&q));
	push(&q);
	took(mri_runq_pop(&q));
}
static void owner_pop_push(void)
{
	took(mri_runq_pop(&q));
	push(&q);
	push(&q);
}
static void owner_pops(void)
{
	while (took(mri_runq_pop(&q)))
		;
	/* Only the owner pushes: an empty ring stays empty, and it came out in order. */
	for (int i = 1; i < nout[model_self()]; i++)
		model_check(out[model_self()][i] > out[model_self()][i - 1]);
}
static void owner_pushes(void)
{
	push(&q);
	push(&q);
	push(&q);
}
static void thief2(void)
{
	took(mri_runq_steal(&q2, &q));
	while (took(mri_runq_pop(&q2)))
		;
}
static void thief3(void)
{
	took(mri_runq_steal(&q3, &q));
	while (took(mri_runq_pop(&q3)))
		;
}
/* Steals and leaves the rest in its ring for the next thief. */
static void thief2_only(void) { took(mri_runq_steal(&q2, &q)); }
static void thief3_of2(void)
{
	took(mri_runq_steal(&q3, &q2));
	took(mri_runq_pop(&q3));
}
static void thief2_twice(void)
{
	took(mri_runq_steal(&q2, &q));
	took(mri_runq_pop(&q2));
	took(mri_runq_steal(&q2, &q));
	took(mri_runq_pop(&q2));
}

MODEL(runq_push_and_steal, .setup = fill0, .load_buffering = true, .threads = { owner_push_pop, thief2 },
      .check = all_once)
MODEL(runq_pushes_and_steals, .setup = fill0, .load_buffering = true, .threads = { owner_pushes, thief2_twice },
      .check = all_once)
MODEL(runq_full_and_steal, .setup = fill4, .load_buffering = true, .threads = { owner_pop_push, thief2 },
      .check = all_once)
MODEL(runq_pop_and_steal, .setup = fill3, .load_buffering = true, .threads = { owner_pops, thief2 }, .check = all_once)
MODEL(runq_two_thieves, .setup = fill4, .load_buffering = true, .threads = { owner_pops, thief2, thief3 },
      .check = all_once)
MODEL(runq_two_thieves_refill, .setup = fill4, .threads = { owner_pop_push, thief2, thief3 },
      .check = all_once, .slow = true)
MODEL(runq_stolen_again, .setup = fill4, .load_buffering = true, .threads = { owner_pop_push, thief2_only, thief3_of2 },
      .check = all_once)
MODEL(runq_one_left, .setup = fill2, .load_buffering = true, .threads = { owner_pops, thief2_twice, thief3 },
      .check = all_once)

/* The owner takes back what it pushed last; the slot is filled again at once, under the
 * eyes of a thief who has read the old tail. */
static void owner_last(void)
{
	push(&q);
	push(&q);
	took(mri_runq_pop_last(&q));
	push(&q);
	took(mri_runq_pop_last(&q));
}
static void owner_last_and_first(void)
{
	push(&q);
	took(mri_runq_pop_last(&q));
	push(&q);
	took(mri_runq_pop(&q));
	push(&q);
	took(mri_runq_pop_last(&q));
}
static void owner_lasts(void)
{
	while (took(mri_runq_pop_last(&q)))
		;
	push(&q);
	took(mri_runq_pop_last(&q));
}
/* Its own other ring takes them over. */
static void owner_moves(void)
{
	push(&q);
	mri_runq_move(&q3, &q, 2);
	push(&q);
	took(mri_runq_pop_last(&q));
	took(mri_runq_pop(&q3));
}
/* What it has just made, by way of the other ring. */
static void owner_moves_on(void)
{
	push(&q);
	mri_runq_move(&q3, &q, 4);
	took(mri_runq_pop(&q3));
}
static void thief2_of3(void)
{
	took(mri_runq_steal(&q2, &q3));
	while (took(mri_runq_pop(&q2)))
		;
}
MODEL(runq_last_and_steal, .setup = fill0, .load_buffering = true, .threads = { owner_last, thief2_twice },
      .check = all_once)
MODEL(runq_last_and_first, .setup = fill2, .load_buffering = true, .threads = { owner_last_and_first, thief2_twice },
      .check = all_once)
MODEL(runq_last_two_thieves, .setup = fill3, .threads = { owner_lasts, thief2, thief3 },
      .check = all_once)
MODEL(runq_move, .setup = fill3, .load_buffering = true, .threads = { owner_moves, thief2_twice },
      .check = all_once)

MODEL(runq_move_and_steal, .setup = fill0, .load_buffering = true, .threads = { owner_moves_on, thief2_of3 },
      .check = all_once)

/* A ring that was emptied by a thief is filled by its owner's own stealing: the slots
 * that the thief may still be reading come round again. Two in q2, four each in q, q3;
 * thief and victim threads share no other ring. */
static void fill_three(void)
{
	fill(4);
	fill_more(&q2, 2);
	fill_more(&q3, 4);
	q4.head = q4.tail = (uint32_t)FIRST;
}
static void robs2(void) { took(mri_runq_steal(&q4, &q2)); }
static void refills2(void)
{
	while (took(mri_runq_pop(&q2)))
		;
	for (int i = 0; i < 2; i++) {
		took(mri_runq_steal(&q2, i ? &q3 : &q));
		took(mri_runq_pop(&q2));
	}
}
/* The same, filled from the owner's other ring. */
static void moves_to2(void)
{
	mri_runq_move(&q2, &q, 2);
	mri_runq_move(&q2, &q, 2);
	while (took(mri_runq_pop(&q2)))
		;
}
MODEL(runq_robbed_then_moves, .setup = fill_three, .threads = { moves_to2, robs2 },
      .check = all_once, .load_buffering = true)
MODEL(runq_robbed_then_steals, .setup = fill_three, .threads = { refills2, robs2 },
      .check = all_once, .load_buffering = true)

/* The hand-off slot: the owner puts, replaces and takes back, a thief takes. */
static void owner_next(void)
{
	struct g *old;

	for (int i = 0; i < 2; i++) {
		gs[npushed].err = 1;
		old = mri_runq_swap_next(&q, &gs[npushed++]);
		if (old)
			model_check(mri_runq_push(&q, old));
	}
	took(mri_runq_swap_next(&q, NULL));
	took(mri_runq_pop(&q));
}
static void takes_next(struct mri_runq *thief)
{
	struct g *g = mri_runq_steal(thief, &q);

	took(g ? g : mri_runq_swap_next(&q, NULL));
}
static void thief2_next(void) { takes_next(&q2); }
static void thief3_next(void) { takes_next(&q3); }
MODEL(runq_hand_off, .setup = fill0, .load_buffering = true, .threads = { owner_next, thief2_next }, .check = all_once)
MODEL(runq_hand_off_two, .setup = fill0, .load_buffering = true, .threads = { owner_next, thief2_next, thief3_next },
      .check = all_once)

/* A snapshot of the length is never nonsense. */
static void looks(void)
{
	uint32_t n = mri_runq_len(&q);

	model_check(n <= 2 * MRI_RUNQ_CAP);
}
MODEL(runq_len, .setup = fill2, .threads = { owner_push_pop, looks, thief2 }, .check = all_once)
