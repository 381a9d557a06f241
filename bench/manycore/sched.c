/* sched.c - the scheduler of src/rt, as far as it touches what cores share: rings,
 * thieves, nspinning, the idle lists under sched.lock, futex sleep and wake; ids, channel
 * blocks. One P and one M to a core. A task is a number that the workload understands.
 *
 * The lines of struct mri_sched are as the compiler lays them out:
 *   head   lock, queue, nqueue (read each turn), idle_ps, nidle_ps (read by wakers)
 *   busy   nactive_ms, stirred, keeper
 *   spin   nspinning, and with it procs, now (read by each park), all_ps[0..4]
 *   tail   nps (read by thieves), ids
 * With the knob `hints` those that are only read lie apart. */
#include "sched.h"
#include <string.h>

struct knobs knob;
struct ring ring[MAX_CORES];
static int ncores, nidle, keeper;
static int nspinning[MAX_CORES], counted_in[MAX_CORES]; /* by groups of cores */
static int idle_list[MAX_CORES];
static bool is_idle[MAX_CORES], wakes_up[MAX_CORES], spinning[MAX_CORES];
static struct {
	int victim, left, round;
} search[MAX_CORES];
static int ids_left[MAX_CORES], blocks[MAX_CORES];
static int head_line, busy_line, tail_line, nqueue_line, now_line, nps_line;
static int spin_line[MAX_CORES];
static int sched_lock, chan_lock, work_line[MAX_CORES];
struct p_lines pl[MAX_CORES];
enum { BLOCKS = 64 };
static int block_line[BLOCKS];
static uint32_t next_block, last_block;
static long nlooks;

static int group_of(int c)
{
	return knob.groups ? c / cost.cluster : 0;
}
static void count_in(int c, int other)
{
	counted_in[other] = group_of(c);
	nspinning[group_of(c)]++;
}

void sched_init(int n)
{
	ncores = n;
	nidle = 0;
	memset(nspinning, 0, sizeof nspinning);
	keeper = -1;
	nlooks = 0;
	memset(ring, 0, sizeof ring);
	memset(is_idle, 0, sizeof is_idle);
	memset(wakes_up, 0, sizeof wakes_up);
	memset(spinning, 0, sizeof spinning);
	memset(ids_left, 0, sizeof ids_left);
	memset(blocks, 0, sizeof blocks);
	head_line = line_new("sched.lock and nqueue");
	busy_line = line_new("nactive_ms");
	for (int g = 0; g <= group_of(n - 1); g++)
		spin_line[g] = line_new(knob.hints ? "nspinning" : "nspinning and now");
	tail_line = line_new("ids and nps");
	nqueue_line = knob.hints ? line_new("nqueue, nidle_ps") : head_line;
	now_line = knob.hints ? line_new("now") : spin_line[0];
	nps_line = knob.hints ? line_new("nps") : tail_line;
	sched_lock = lock_on(head_line);
	chan_lock = lock_new("channel blocks' free_lock");
	next_block = 0;
	last_block = BLOCKS - 1;
	for (int i = 0; i < BLOCKS; i++)
		block_line[i] = line_new("a channel block");
	for (int c = 0; c < n; c++) {
		pl[c].head = line_new("a ring's head");
		pl[c].tail = line_new("a ring's tail");
		pl[c].heap = line_new("a timer heap");
		pl[c].heap_lock = lock_on(pl[c].heap);
		work_line[c] = line_new("who has work");
	}
}
/* All but the first sleep. */
void sched_all_idle(void)
{
	for (int c = 1; c < ncores; c++) {
		is_idle[c] = true;
		idle_list[nidle++] = c;
		core_stop(c);
	}
}
long sched_looks(void)
{
	return nlooks;
}

/* ------------------------------------------------------------- waking -- */

static void wake_core(int c, int other)
{
	wakes_up[other] = true;
	core_start(other, core_now(c) + cost.wake_delay);
}
/* start_m: another turn of sched.lock, for the M; then the futex. */
static void wake_first(int c, int unused)
{
	(void)unused;
	if (nidle == 0) {
		nspinning[group_of(c)]--;
		do_rmw(c, spin_line[group_of(c)]);
		do_unlock(c, sched_lock);
		return;
	}
	int other = idle_list[--nidle];

	counted_in[other] = group_of(c);
	is_idle[other] = false;
	spinning[other] = true; /* the waker has counted it */
	if (knob.hints)
		do_store(c, nqueue_line);
	do_unlock(c, sched_lock);
	do_lock(c, sched_lock);
	do_store(c, busy_line);
	do_unlock(c, sched_lock);
	do_work(c, cost.wake_call);
	do_call(c, wake_core, other);
}
static void wake_if_none_spins(int c, int unused)
{
	(void)unused;
	if (nspinning[group_of(c)] > 0)
		return;
	nspinning[group_of(c)]++;
	do_rmw(c, spin_line[group_of(c)]);
	do_lock(c, sched_lock);
	do_call(c, wake_first, 0);
}
static void wake_if_idle(int c, int unused)
{
	(void)unused;
	if (nidle == 0)
		return;
	do_read(c, spin_line[group_of(c)]);
	do_call(c, wake_if_none_spins, 0);
}
/* mri_sched_wake */
void sched_wake(int c)
{
	do_work(c, cost.fence);
	do_read(c, nqueue_line);
	do_call(c, wake_if_idle, 0);
}

/* -------------------------------------------------------------- rings -- */

/* Run by c at that moment. Full: half of it goes to the global queue at once, which the
 * model leaves out but for the lock: no workload here lets a ring fill up often. */
void sched_push(int c, uint32_t task)
{
	struct ring *r = &ring[c];

	r->task[r->tail++ % RING] = task;
	do_store(c, pl[c].tail);
	if (r->tail - r->head == RING) {
		do_lock(c, sched_lock);
		do_unlock(c, sched_lock);
	}
	if (r->tail - r->head == 1 && knob.bitmap)
		do_rmw(c, work_line[c / 64 * 64]);
	if (knob.old_wakes ? r->tail - r->head >= 2 : r->tail - r->head == 2)
		sched_wake(c);
}
/* The newest first. */
static uint32_t pop(int c)
{
	struct ring *r = &ring[c];

	do_rmw(c, pl[c].head);
	return r->task[--r->tail % RING];
}
void sched_new_id(int c)
{
	if (ids_left[c]-- > 0)
		return;
	ids_left[c] = knob.hints ? 255 : 15;
	do_rmw(c, tail_line);
}
/* chan_make, chan_free: from one list under one lock, first in first out, so that most
 * blocks were another core's; or each P has its own, and takes and gives 32 at a time. */
static void take_block(int c, int unused)
{
	(void)unused;
	do_rmw(c, block_line[next_block++ % BLOCKS]);
}
static void add_block(int c, int unused)
{
	(void)unused;
	do_store(c, block_line[last_block++ % BLOCKS]);
	do_work(c, 3);
	do_unlock(c, chan_lock);
}
void sched_chan_block(int c, int change)
{
	if (knob.chans) {
		do_work(c, 8);
		blocks[c] += change;
		if (blocks[c] >= -32 && blocks[c] <= 32)
			return;
		blocks[c] = 0;
	}
	do_lock(c, chan_lock);
	if (change > 0) {
		do_call(c, add_block, 0);
		return;
	}
	do_work(c, 3);
	do_unlock(c, chan_lock);
	do_call(c, take_block, 0);
}
void sched_park(int c)
{
	do_read(c, now_line);
	do_read(c, nqueue_line);
}

/* ------------------------------------------------------------ thieves -- */

static void run(int c, uint32_t task)
{
	if (spinning[c]) {
		spinning[c] = false;
		nspinning[counted_in[c]]--;
		do_rmw(c, spin_line[counted_in[c]]);
		sched_wake(c);
	}
	do_call(c, workload_run, (int)task);
}

/* A look is at one P: its timers, its ring. With a word that speaks for 64 of them it is
 * at that, and then at a P that has something. */
static int per_look(void)
{
	return knob.bitmap ? 64 : 1;
}
static bool has_work(int c, int v)
{
	return (v != c && ring[v].tail != ring[v].head) || workload_due(c, v);
}
static void look_at(int c, int unused);
static void look_at_next(int c)
{
	int v = search[c].victim;

	if (knob.bitmap) {
		do_read(c, work_line[v / 64 * 64]);
	} else {
		do_read(c, pl[v].heap);
		do_read(c, pl[v].head);
		do_read(c, pl[v].tail);
	}
	do_call(c, look_at, 0);
}

/* sched.lock is held; nobody has come: sleep, unless somebody did meanwhile. */
static void sleep_now(int c, int unused)
{
	double until;

	(void)unused;
	if (wakes_up[c] || !is_idle[c])
		return;
	core_stop(c);
	/* The keeper is woken last, and not at all by the model: it keeps the time. */
	if (keeper < 0 && (until = workload_earliest()) > 0) {
		keeper = c;
		for (int i = 0; i < nidle; i++)
			if (idle_list[i] == c)
				idle_list[i] = idle_list[--nidle];
		is_idle[c] = false;
		core_start(c, until + cost.wake_delay);
	}
}
static void missed(int c, int unused)
{
	(void)unused;
	for (int v = 0; v < ncores; v++)
		if (ring[v].tail != ring[v].head && is_idle[c]) {
			for (int i = 0; i < nidle; i++)
				if (idle_list[i] == c)
					idle_list[i] = idle_list[--nidle];
			is_idle[c] = false;
			wakes_up[c] = spinning[c] = true;
			count_in(c, c);
			do_lock(c, sched_lock);
			do_unlock(c, sched_lock);
			do_rmw(c, spin_line[group_of(c)]);
			return;
		}
	for (int v = 0; v < ncores && !knob.bitmap; v++)
		do_read(c, pl[v].heap);
	do_lock(c, sched_lock);
	do_store(c, busy_line);
	do_unlock(c, sched_lock);
	do_work(c, cost.sleep_call);
	do_call(c, sleep_now, 0);
}
static void go_idle(int c, int unused)
{
	(void)unused;
	if (spinning[c]) {
		spinning[c] = false;
		nspinning[counted_in[c]]--;
	}
	wakes_up[c] = false;
	is_idle[c] = true;
	idle_list[nidle++] = c;
	if (knob.hints)
		do_store(c, nqueue_line);
	do_unlock(c, sched_lock);
	do_rmw(c, spin_line[counted_in[c]]);
	do_work(c, cost.fence);
	for (int v = 0; v < ncores; v += per_look()) {
		do_read(c, knob.bitmap ? work_line[v] : pl[v].head);
		if (!knob.bitmap)
			do_read(c, pl[v].tail);
	}
	do_call(c, missed, 0);
}
/* find.c: rest */
static void rest(int c)
{
	do_lock(c, sched_lock);
	do_call(c, go_idle, 0);
}

static void steal_half(int c, int v)
{
	struct ring *r = &ring[v];
	uint32_t n = r->tail - r->head, t;

	n -= n / 2;
	if (n == 0) {
		look_at_next(c);
		return;
	}
	t = r->task[r->head % RING];
	/* The oldest for itself, the rest into its ring, which is empty. */
	for (uint32_t i = 1; i < n; i++)
		ring[c].task[ring[c].tail++ % RING] = r->task[(r->head + i) % RING];
	r->head += n;
	do_work(c, cost.near * (1 + (n + 7) / 8)); /* the slots; and the G */
	if (n > 1)
		do_store(c, pl[c].tail);
	run(c, t);
}
static void start_search(int c)
{
	search[c].left = ncores;
	search[c].victim = knob.near ? c : (int)rnd((uint32_t)ncores);
	do_read(c, nps_line);
	look_at_next(c);
}
static void look_at(int c, int unused)
{
	int first = search[c].victim / per_look() * per_look();

	(void)unused;
	nlooks++;
	for (int i = 0; i < per_look(); i++) {
		int v = first + (search[c].victim - first + i) % per_look();

		if (v >= ncores || !has_work(c, v))
			continue;
		if (workload_due(c, v)) {
			workload_take_due(v);
			do_lock(c, pl[v].heap_lock);
			do_work(c, 50);
			do_unlock(c, pl[v].heap_lock);
			run(c, 0);
			return;
		}
		do_rmw(c, pl[v].head);
		do_call(c, steal_half, v);
		return;
	}
	search[c].victim = first + per_look() < ncores ? first + per_look() : 0;
	search[c].left -= per_look();
	if (search[c].left > 0) {
		look_at_next(c);
		return;
	}
	if (++search[c].round == 16) {
		rest(c);
		return;
	}
	do_read(c, nqueue_line);
	do_work(c, cost.relax);
	start_search(c);
}

/* find.c: the next goroutine of c */
void sched_next(int c)
{
	int busy = ncores - nidle;

	if (knob.groups && busy > cost.cluster)
		busy = cost.cluster;
	if (keeper == c) {
		keeper = -1;
		do_lock(c, sched_lock);
		do_store(c, busy_line);
		do_unlock(c, sched_lock);
		spinning[c] = true; /* so that it looks at all timers */
		count_in(c, c);
		do_rmw(c, spin_line[group_of(c)]);
	}
	do_read(c, nqueue_line);
	if (ring[c].tail != ring[c].head) {
		run(c, pop(c));
		return;
	}
	if (!spinning[c]) {
		do_read(c, spin_line[group_of(c)]);
		if (2 * nspinning[group_of(c)] >= busy) {
			rest(c);
			return;
		}
		spinning[c] = true;
		count_in(c, c);
		do_rmw(c, spin_line[group_of(c)]);
	}
	search[c].round = 0;
	start_search(c);
}
