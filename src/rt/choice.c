/* choice.c - every free choice the runtime makes: random picks and the clock. One
 * place, so that a test can seed it (MILLRACE=seed=N) and later record and replay. */
#include "os/os.h"
#include "rt/rt.h"

static uint64_t seed_base;

void mri_choice_seed(uint64_t seed)
{
	seed_base = seed ? seed : (uint64_t)mri_os_now() * 0x9e3779b97f4a7c15u;
}

int64_t mri_choice_now(void)
{
	return mri_os_now();
}

/* xorshift64*: per M, so no two threads share a line. A foreign thread and sysmon,
 * which have no M, share one state; a lost update there costs nothing. */
static uint64_t next(struct m *m)
{
	static uint64_t shared;
	uint64_t *state = m ? &m->rnd : &shared;
	uint64_t x = atomic_get(state, relaxed); /* relaxed: only randomness */

	if (x == 0)
		x = (seed_base ^ (m ? (uint64_t)m->index << 32 : 1)) | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	atomic_set(state, x, relaxed); /* relaxed: only randomness */
	return x * 0x2545f4914f6cdd1du;
}

uint32_t mri_choice_below(struct m *m, uint32_t n)
{
	/* The high half of a 64-bit product: uniform to within 2^-32 * n. */
	return (uint32_t)(((next(m) >> 32) * n) >> 32);
}

/* Secret, or repeatable when the user has asked for that. */
uint64_t mri_choice_secret(void)
{
	return mri_config.seed ? next(NULL) : mri_os_random();
}

#ifdef MRI_HOSTILE
bool mri_choice_hostile(struct m *m, uint32_t one_in)
{
	return mri_choice_below(m, one_in) == 0;
}
#endif
