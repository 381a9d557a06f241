/* litmus_test.c - is the explorer right? The classic litmus tests, with exactly the
 * outcomes that C11 allows: one too many and it would cry wolf, one too few and it
 * would miss bugs. And one planted bug of each kind, with its correct twin. */
#include "base/atomic.h"
#include "os/os.h"

static uint32_t x, y, z;
static uint32_t r1, r2, r3, r4;
static int data;

static void out2(void) { model_outcome(r1 * 2 + r2); }
static void out4(void) { model_outcome(r1 * 8 + r2 * 4 + r3 * 2 + r4); }

/* ---- SB: both read 0? Store buffers do that. Outcome r1 r2 as a binary number. ---- */
static void sb1(void) { atomic_set(&x, 1u, relaxed); r1 = atomic_get(&y, relaxed); }
static void sb2(void) { atomic_set(&y, 1u, relaxed); r2 = atomic_get(&x, relaxed); }
MODEL(sb_relaxed, .threads = { sb1, sb2 }, .check = out2, .outcomes = 0xf)

static void sb1_ar(void) { atomic_set(&x, 1u, release); r1 = atomic_get(&y, acquire); }
static void sb2_ar(void) { atomic_set(&y, 1u, release); r2 = atomic_get(&x, acquire); }
MODEL(sb_acquire_release, .threads = { sb1_ar, sb2_ar }, .check = out2, .outcomes = 0xf)

static void sb1_sc(void) { atomic_set(&x, 1u, seq_cst); r1 = atomic_get(&y, seq_cst); }
static void sb2_sc(void) { atomic_set(&y, 1u, seq_cst); r2 = atomic_get(&x, seq_cst); }
MODEL(sb_seq_cst, .threads = { sb1_sc, sb2_sc }, .check = out2, .outcomes = 0xe)
MODEL(sb_one_side_seq_cst, .threads = { sb1_sc, sb2 }, .check = out2, .outcomes = 0xf)

/* seq_cst on the loads alone is not enough. */
static void sb1_half(void) { atomic_set(&x, 1u, relaxed); r1 = atomic_get(&y, seq_cst); }
static void sb2_half(void) { atomic_set(&y, 1u, relaxed); r2 = atomic_get(&x, seq_cst); }
MODEL(sb_seq_cst_loads, .threads = { sb1_half, sb2_half }, .check = out2, .outcomes = 0xf)

static void sb1_f(void)
{
	atomic_set(&x, 1u, relaxed);
	atomic_fence(seq_cst);
	r1 = atomic_get(&y, relaxed);
}
static void sb2_f(void)
{
	atomic_set(&y, 1u, relaxed);
	atomic_fence(seq_cst);
	r2 = atomic_get(&x, relaxed);
}
MODEL(sb_fences, .threads = { sb1_f, sb2_f }, .check = out2, .outcomes = 0xe)
MODEL(sb_one_fence, .threads = { sb1_f, sb2 }, .check = out2, .outcomes = 0xf)

static void sb1_rmw(void) { atomic_swap(&x, 1u, acq_rel); r1 = atomic_get(&y, relaxed); }
static void sb2_rmw(void) { atomic_swap(&y, 1u, acq_rel); r2 = atomic_get(&x, relaxed); }
MODEL(sb_rmw_is_no_fence, .threads = { sb1_rmw, sb2_rmw }, .check = out2, .outcomes = 0xf)

/* ---- membarrier: one side pays, the other needs the compiler barrier ---- */
static void mb1(void)
{
	atomic_set(&x, 1u, relaxed);
	compiler_barrier();
	r1 = atomic_get(&y, relaxed);
}
static void mb2(void)
{
	atomic_set(&y, 1u, relaxed);
	mri_os_membarrier();
	r2 = atomic_get(&x, relaxed);
}
MODEL(membarrier, .threads = { mb1, mb2 }, .check = out2, .outcomes = 0xe)
MODEL(membarrier_no_compiler_barrier, .threads = { sb1, mb2 }, .check = out2, .outcomes = 0xf)
MODEL(membarrier_missing, .threads = { mb1, sb2 }, .check = out2, .outcomes = 0xf)

/* ---- a restartable sequence: what the one who has it interrupted wrote stays ---- */
static void owner(void) { r1 = mri_restart_sequence(&x, 0, 1, 1); }
static void marks(void (*barrier)(void))
{
	uint32_t zero = 0;

	if (!atomic_cas(&x, &zero, 2u, relaxed))
		return;
	barrier();
	r2 = atomic_get(&x, relaxed);
}
static void restart_all(void) { mri_os_restart_all(); }
static void nothing(void) {}
static void marks_restart(void) { marks(restart_all); }
static void marks_membarrier(void) { marks(mri_os_membarrier); }
static void marks_nothing(void) { marks(nothing); }
/* Outcome: stored (1); what was there after the barrier (2: his, 4: ours); at the end (8:
 * his). 13: ours was there, and then his. */
static void last(void)
{
	model_outcome(r1 + 2 * (r2 == 1) + 4 * (r2 == 2) + 8 * (atomic_get(&x, relaxed) == 1));
}
MODEL(restart, .threads = { owner, marks_restart }, .check = last, .outcomes = 0xa10)
MODEL(restart_by_membarrier, .threads = { owner, marks_membarrier }, .check = last, .outcomes = 0x2a10)
MODEL(restart_by_nothing, .threads = { owner, marks_nothing }, .check = last, .outcomes = 0x2a10)

/* ---- MP: the flag without the data? Outcome flag, data. ---- */
static void mp1(void) { atomic_set(&x, 1u, relaxed); atomic_set(&y, 1u, relaxed); }
static void mp1_rel(void) { atomic_set(&x, 1u, relaxed); atomic_set(&y, 1u, release); }
static void mp1_fence(void)
{
	atomic_set(&x, 1u, relaxed);
	atomic_fence(release);
	atomic_set(&y, 1u, relaxed);
}
static void mp2(void) { r1 = atomic_get(&y, relaxed); r2 = atomic_get(&x, relaxed); }
static void mp2_acq(void) { r1 = atomic_get(&y, acquire); r2 = atomic_get(&x, relaxed); }
static void mp2_fence(void)
{
	r1 = atomic_get(&y, relaxed);
	atomic_fence(acquire);
	r2 = atomic_get(&x, relaxed);
}
MODEL(mp_relaxed, .threads = { mp1, mp2 }, .check = out2, .outcomes = 0xf)
MODEL(mp_release_only, .threads = { mp1_rel, mp2 }, .check = out2, .outcomes = 0xf)
MODEL(mp_acquire_only, .threads = { mp1, mp2_acq }, .check = out2, .outcomes = 0xf)
MODEL(mp_release_acquire, .threads = { mp1_rel, mp2_acq }, .check = out2, .outcomes = 0xb)
MODEL(mp_fences, .threads = { mp1_fence, mp2_fence }, .check = out2, .outcomes = 0xb)
MODEL(mp_fence_and_acquire, .threads = { mp1_fence, mp2_acq }, .check = out2, .outcomes = 0xb)

static void pub(void) { data = 1; atomic_set(&y, 1u, release); }
static void pub_relaxed(void) { data = 1; atomic_set(&y, 1u, relaxed); }
static void use(void) { if (atomic_get(&y, acquire)) model_check(data == 1); }
static void use_relaxed(void) { if (atomic_get(&y, relaxed)) model_check(data == 1); }
MODEL(publish, .threads = { pub, use })
MODEL(publish_relaxed_store, .threads = { pub_relaxed, use }, .expect = "race")
MODEL(publish_relaxed_load, .threads = { pub, use_relaxed }, .expect = "race")

/* ---- LB: C11 allows 1 1. By itself the explorer delays no load. ---- */
static void lb1(void) { r1 = atomic_get(&x, relaxed); atomic_set(&y, 1u, relaxed); }
static void lb2(void) { r2 = atomic_get(&y, relaxed); atomic_set(&x, 1u, relaxed); }
MODEL(lb_not_shown, .threads = { lb1, lb2 }, .check = out2, .outcomes = 0x7)

static void lb1_f(void)
{
	r1 = atomic_get(&x, relaxed);
	atomic_fence(seq_cst);
	atomic_set(&y, 1u, relaxed);
}
static void lb2_f(void)
{
	r2 = atomic_get(&y, relaxed);
	atomic_fence(seq_cst);
	atomic_set(&x, 1u, relaxed);
}
/* With guesses it can: but only where nothing orders the load before the store that it
 * reads, and never a value that nobody would store otherwise. */
static void lb1_rel(void) { r1 = atomic_get(&x, relaxed); atomic_set(&y, 1u, release); }
static void lb2_acq(void) { r2 = atomic_get(&y, acquire); atomic_set(&x, 1u, relaxed); }
static void lb1_copy(void) { r1 = atomic_get(&x, relaxed); atomic_set(&y, r1, relaxed); }
static void lb2_copy(void) { r2 = atomic_get(&y, relaxed); atomic_set(&x, r2, relaxed); }
MODEL(lb, .threads = { lb1, lb2 }, .check = out2, .outcomes = 0xf, .load_buffering = true)
MODEL(lb_ordered, .threads = { lb1_rel, lb2_acq }, .check = out2, .outcomes = 0x7,
      .load_buffering = true)
MODEL(lb_thin_air, .threads = { lb1_copy, lb2_copy }, .check = out2, .outcomes = 0x1,
      .load_buffering = true)
MODEL(lb_fence, .threads = { lb1_f, lb2_f }, .check = out2, .outcomes = 0x7,
      .load_buffering = true)

/* ---- IRIW: do two readers agree on the order of two writers? ---- */
static void wx(void) { atomic_set(&x, 1u, release); }
static void wy(void) { atomic_set(&y, 1u, release); }
static void rxy(void) { r1 = atomic_get(&x, acquire); r2 = atomic_get(&y, acquire); }
static void ryx(void) { r3 = atomic_get(&y, acquire); r4 = atomic_get(&x, acquire); }
MODEL(iriw_acquire, .threads = { wx, wy, rxy, ryx }, .check = out4, .outcomes = 0xffff)
static void rxy_f(void)
{
	r1 = atomic_get(&x, relaxed);
	atomic_fence(seq_cst);
	r2 = atomic_get(&y, relaxed);
}
static void ryx_f(void)
{
	r3 = atomic_get(&y, relaxed);
	atomic_fence(seq_cst);
	r4 = atomic_get(&x, relaxed);
}
MODEL(iriw_fences, .threads = { wx, wy, rxy_f, ryx_f }, .check = out4,
      .outcomes = 0xffff & ~(1u << 10))
static void wx_sc(void) { atomic_set(&x, 1u, seq_cst); }
static void wy_sc(void) { atomic_set(&y, 1u, seq_cst); }
static void rxy_sc(void) { r1 = atomic_get(&x, seq_cst); r2 = atomic_get(&y, seq_cst); }
static void ryx_sc(void) { r3 = atomic_get(&y, seq_cst); r4 = atomic_get(&x, seq_cst); }
MODEL(iriw_seq_cst, .threads = { wx_sc, wy_sc, rxy_sc, ryx_sc }, .check = out4,
      .outcomes = 0xffff & ~(1u << 10))

/* ---- WRC: causality through a third thread ---- */
static void wrc2(void) { if (atomic_get(&x, acquire)) atomic_set(&y, 1u, release); }
static void wrc2_relaxed(void) { if (atomic_get(&x, relaxed)) atomic_set(&y, 1u, relaxed); }
MODEL(wrc, .threads = { wx, wrc2, mp2_acq }, .check = out2, .outcomes = 0xb)
MODEL(wrc_relaxed, .threads = { wx, wrc2_relaxed, mp2_acq }, .check = out2, .outcomes = 0xf)

/* ---- CoRR, CoWR: one variable alone is always coherent ---- */
static void ww(void) { atomic_set(&x, 1u, relaxed); atomic_set(&x, 2u, relaxed); }
static void rr(void)
{
	r1 = atomic_get(&x, relaxed);
	r2 = atomic_get(&x, relaxed);
	model_outcome(r1 * 3 + r2);
}
MODEL(corr, .threads = { ww, rr }, .outcomes = BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(5) | BIT(8))
static void cowr(void) { atomic_set(&x, 3u, relaxed); r1 = atomic_get(&x, relaxed); }
static void cowr_check(void) { model_outcome(r1); }
MODEL(cowr, .threads = { cowr, wx }, .check = cowr_check, .outcomes = BIT(1) | BIT(3))

/* ---- 2+2W: can both first stores be the last? ---- */
static void tw1(void) { atomic_set(&x, 1u, relaxed); atomic_set(&y, 2u, relaxed); }
static void tw2(void) { atomic_set(&y, 1u, relaxed); atomic_set(&x, 2u, relaxed); }
static void tw1_f(void)
{
	atomic_set(&x, 1u, relaxed);
	atomic_fence(seq_cst);
	atomic_set(&y, 2u, relaxed);
}
static void tw2_f(void)
{
	atomic_set(&y, 1u, relaxed);
	atomic_fence(seq_cst);
	atomic_set(&x, 2u, relaxed);
}
static void tw_check(void)
{
	model_outcome(atomic_get(&x, relaxed) * 2 + atomic_get(&y, relaxed) - 3);
}
MODEL(two_plus_two_w, .threads = { tw1, tw2 }, .check = tw_check, .outcomes = 0xf)
MODEL(two_plus_two_w_fences, .threads = { tw1_f, tw2_f }, .check = tw_check, .outcomes = 0xe)

/* A read-modify-write may fall before a store that was executed, but not seen, earlier. */
static void late2(void)
{
	r1 = atomic_get(&y, relaxed);
	r2 = atomic_add(&x, 2u, relaxed);
}
MODEL(rmw_before_a_store, .threads = { mp1, late2 }, .check = out2, .outcomes = 0xf)

/* ---- release sequences: a read-modify-write continues one, a store ends it ---- */
static void seq1(void) { data = 1; atomic_set(&x, 1u, release); }
static void seq2(void) { uint32_t one = 1; atomic_cas(&x, &one, 2u, relaxed); }
static void seq2_store(void) { if (atomic_get(&x, relaxed) == 1) atomic_set(&x, 2u, relaxed); }
static void seq3(void) { if (atomic_get(&x, acquire) == 2) model_check(data == 1); }
MODEL(release_sequence, .threads = { seq1, seq2, seq3 })
MODEL(release_sequence_broken, .threads = { seq1, seq2_store, seq3 }, .expect = "race")

/* ---- Peterson's and Dekker's mutual exclusion ---- */
static void critical(void) { int d = data; data = d + 1; }
static void twice(void) { model_check(data == 2); }
#define PETERSON(id, mine, other, turn, store, load) \
	static void id(void) \
	{ \
		atomic_set(&mine, 1u, store); \
		atomic_set(&z, turn, store); \
		while (atomic_get(&other, load) && atomic_get(&z, load) == turn) \
			cpu_relax(); \
		critical(); \
		atomic_set(&mine, 0u, release); \
	}
PETERSON(pet1, x, y, 1u, seq_cst, seq_cst)
PETERSON(pet2, y, x, 2u, seq_cst, seq_cst)
PETERSON(pet1_weak, x, y, 1u, release, acquire)
PETERSON(pet2_weak, y, x, 2u, release, acquire)
MODEL(peterson, .threads = { pet1, pet2 }, .check = twice)
MODEL(peterson_weak, .threads = { pet1_weak, pet2_weak }, .expect = "race")

/* ---- lost updates ---- */
static void inc(void) { atomic_add(&x, 1u, relaxed); }
static void inc_cas(void)
{
	uint32_t v = atomic_get(&x, relaxed);

	while (!atomic_cas(&x, &v, v + 1, relaxed))
		;
}
static void inc_bad(void) { atomic_set(&x, atomic_get(&x, relaxed) + 1, relaxed); }
static void three(void) { model_check(atomic_get(&x, relaxed) == 3); }
MODEL(add, .threads = { inc, inc, inc }, .check = three)
MODEL(add_cas, .threads = { inc_cas, inc_cas, inc_cas }, .check = three)
MODEL(add_lost, .threads = { inc, inc_bad, inc }, .check = three, .expect = "check")

/* ---- plain data: races, and memory used after it was given back ---- */
static void write_data(void) { data = model_self(); }
MODEL(race_write_write, .threads = { write_data, write_data }, .expect = "race")
static char *block;
static void free_setup(void) { block = model_malloc(8); }
static void free1(void) { block[0] = 1; atomic_set(&y, 1u, release); }
static void free2(void) { model_await(&y, 1); model_free(block); }
static void free3(void) { free1(); block[1] = 2; }
MODEL(freed_after_use, .setup = free_setup, .threads = { free1, free2 })
MODEL(freed_before_use, .setup = free_setup, .threads = { free3, free2 }, .expect = "race")
static void mix1(void) { atomic_set(&x, 1u, relaxed); }
static void mix2(void) { x = 2; }
MODEL(race_atomic_with_plain, .threads = { mix1, mix2 }, .expect = "race")

/* ---- waiting ---- */
static void wait_flag(void)
{
	while (atomic_get(&x, acquire) == 0)
		mri_os_futex_wait(&x, 0, 0);
	model_check(data == 1);
}
static void wake_flag(void)
{
	data = 1;
	atomic_set(&x, 1u, release);
	mri_os_futex_wake(&x, 1);
}
static void wake_before(void)
{
	data = 1;
	mri_os_futex_wake(&x, 1);
	atomic_set(&x, 1u, release);
}
MODEL(futex, .threads = { wait_flag, wake_flag })
MODEL(futex_spurious, .threads = { wait_flag, wake_flag }, .spurious = 2)
MODEL(futex_wake_too_early, .threads = { wait_flag, wake_before }, .expect = "deadlock")
MODEL(futex_no_wake, .threads = { wait_flag, pub }, .expect = "deadlock")
MODEL(futex_two_sleepers_one_wake, .threads = { wait_flag, wait_flag, wake_flag },
      .expect = "deadlock")

/* A waker that looks for sleepers first needs the fence between store and look. */
static void sleeper(void)
{
	atomic_set(&y, 1u, seq_cst);
	if (atomic_get(&x, seq_cst) == 0)
		mri_os_futex_wait(&y, 1, 0);
}
static void waker(void)
{
	atomic_set(&x, 1u, seq_cst);
	if (atomic_get(&y, seq_cst)) {
		atomic_set(&y, 2u, relaxed);
		mri_os_futex_wake(&y, 1);
	}
}
static void waker_weak(void)
{
	atomic_set(&x, 1u, release);
	if (atomic_get(&y, acquire)) {
		atomic_set(&y, 2u, relaxed);
		mri_os_futex_wake(&y, 1);
	}
}
MODEL(sleepers_flag, .threads = { sleeper, waker })
MODEL(sleepers_flag_weak, .threads = { sleeper, waker_weak }, .expect = "deadlock")

static void timed_wait(void) { model_outcome(mri_os_futex_wait(&x, 0, 1) == 0); }
static void wake_only(void) { mri_os_futex_wake(&x, 1); }
MODEL(futex_timeout, .threads = { timed_wait, wake_only }, .timeouts = 1, .outcomes = 3)

/* ---- spin loops ---- */
static void spin(void)
{
	while (!atomic_get(&x, acquire))
		cpu_relax();
	model_check(data == 1);
}
static void spin_set(void) { data = 1; atomic_set(&x, 1u, release); }
MODEL(spin, .threads = { spin, spin, spin_set })
MODEL(spin_for_ever, .threads = { spin, wy }, .expect = "livelock")
static void spin_bounded(void)
{
	for (int i = 0; i < 60; i++) {
		if (atomic_get(&x, relaxed)) {
			model_outcome(1);
			return;
		}
		cpu_relax();
	}
	model_outcome(0);
}
MODEL(spin_bounded, .threads = { spin_bounded, wx }, .outcomes = 3)

/* ---- choices of the test itself ---- */
static void choose(void) { model_outcome(model_choose(5)); }
MODEL(choose, .threads = { choose }, .outcomes = 0x1f)
