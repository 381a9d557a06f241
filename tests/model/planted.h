/* planted.h - a flag and what it publishes, with one order that is needed and one that
 * is not: mutate.py must kill the first and report the second as a survivor. */
#include "base/atomic.h"

static inline void planted_set(uint32_t *flag, uint32_t *hint)
{
	atomic_set(hint, 1u, release);          /* needless */
	atomic_set(flag, 1u, release);          /* needed */
}
