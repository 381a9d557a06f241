/* kernel.c - the calls of os/os.h that the lock-free parts rest on, as the explorer
 * sees them: futex wait and wake, membarrier.
 *
 * Both futex calls order memory like a seq_cst fence, but make nothing happen before
 * anything else: code that relies on a wake to publish data is reported as a race. */
#include "engine.h"
#include "os/os.h"
#include <errno.h>

#define AT(what) ((struct mx_site){ "kernel", what, 0 })

/* The 32 bits at `word`, which may be half of a 64-bit variable. */
static struct loc *futex_loc(uint32_t *word, int *shift)
{
	uintptr_t a = (uintptr_t)word;
	int i = mx_shadow(a)->loc[a & 7];

	*shift = 0;
	if (i && mx->loc[i].size == 8) {
		*shift = mx->loc[i].addr == a ? 0 : 32;
		return mx_locate((void *)mx->loc[i].addr, 8, "futex");
	}
	return mx_locate(word, 4, "futex");
}

int mri_os_futex_wait(uint32_t *word, uint32_t seen, int64_t deadline)
{
	struct thread *t = mx_me();
	struct event *e;
	int shift;
	struct loc *l;
	uint32_t v;

	mx_point(K_FUTEX_WAIT, word, MX_seq_cst, AT("futex_wait"), false);
	mx_fence_sc(t);
	l = futex_loc(word, &shift);
	e = mx_event();
	v = (uint32_t)(mx_read(l, MX_relaxed, e) >> shift);
	e->out = seen;
	if (v != seen) {
		e->note = "EAGAIN";
		return -EAGAIN;
	}
	t->futex = (uintptr_t)word;
	t->timed = deadline != 0;
	t->state = T_FUTEX;
	t->result = 0;
	mx_block();
	/* Picked without having been woken: the time is up, or for no reason. */
	if (t->state == T_FUTEX) {
		t->result = t->timed ? -ETIMEDOUT : -EINTR;
		t->timed ? (t->timeouts && t->timeouts--) : t->spurious--;
		if (t->timed && deadline > mx->clock)
			mx->clock = deadline;
		t->state = T_READY;
	}
	mx_remember((uint64_t)(int64_t)t->result);
	t->pend = (struct op){ K_WOKEN, (uintptr_t)word, MX_seq_cst, AT("woken") };
	e = mx_event();
	e->note = t->result == 0 ? "woken" : t->result == -EINTR ? "EINTR" : "ETIMEDOUT";
	mx_fence_sc(t);
	return t->result;
}

void mri_os_futex_wake(uint32_t *word, int n)
{
	struct event *e;

	mx_point(K_FUTEX_WAKE, word, MX_seq_cst, AT("futex_wake"), false);
	mx_fence_sc(mx_me());
	e = mx_event();
	for (; n > 0; n--) {
		uint8_t who[NT];
		unsigned k = 0;
		struct thread *t;

		for (int i = 1; i < mx->nt; i++)
			if (mx->t[i].state == T_FUTEX && mx->t[i].futex == (uintptr_t)word)
				who[k++] = (uint8_t)i;
		if (k == 0)
			break;
		t = &mx->t[who[mx_choose(k)]];
		t->state = T_READY;
		t->pend.kind = K_WOKEN;
		e->out++;
	}
	mx_remember(e->out);
}

bool mri_os_membarrier_init(void)
{
	return true;
}

/* A full fence in every thread, one after the other, at some moment between call and
 * return. In a thread that is not at a compiler barrier just then, the compiler may
 * have moved what it did since the last one to after the fence, and what it does
 * until the next one to before it. A restartable sequence is interrupted if it is to be. */
static void membarrier(bool restarts)
{
	mx_point(K_MEMBARRIER, NULL, MX_seq_cst, AT("membarrier"), false);
	mx_event()->note = "begins";
	mx_fence_sc(mx_me());
	for (int i = 1; i < mx->nt; i++) {
		struct thread *t = &mx->t[i];

		if (i == mx->cur)
			continue;
		mx_point(K_MEMBARRIER, NULL, MX_seq_cst, AT("membarrier"), false);
		mx_event()->out = (uint64_t)i;
		if (restarts && t->in_sequence) {
			t->in_sequence = false;
			t->hist = mx_mix(t->hist, 6);
		}
		if ((t->state != T_READY && t->state != T_SPIN) || t->seg_ops == 0 || t->pend.kind == K_START) {
			mx_fence_sc(t);
			continue;
		}
		mx_join(&mx->sc, &t->seg, false);
		mx_join(&t->rel, &t->seg, true);
		t->later = mx->sc;
		mx_join(&t->later, &t->acq, true);
		t->has_later = true;
		t->hist = mx_mix(t->hist, mx->sc_hash + 5);
	}
	mx_point(K_MEMBARRIER, NULL, MX_seq_cst, AT("membarrier"), false);
	mx_event()->note = "ends";
	mx_fence_sc(mx_me());
}

void mri_os_membarrier(void)
{
	membarrier(false);
}

bool mri_os_restart_all(void)
{
	membarrier(true);
	return true;
}

void mri_os_thread_yield(void)
{
	mx_relax(AT("yield"));
}


/* The assembly's; no test captures arguments. */
__thread struct mri_arch_capture mri_arch_captured;
