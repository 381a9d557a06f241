/* deadlock_early_return.c - forgotten unlock: an early return
 *
 * A request that fails returns between lock and unlock; the next one waits.
 *
 * From:     https://github.com/scmhub/ibsync/pull/15
 * Detector: deadlock
 * Says:     sync.Mutex.Lock */
#include <millrace.h>

static mutex mu;
static int served;

static int request(int id)
{
	mutex_lock(&mu);
#ifdef FIXED
	defer(mutex_unlock, &mu);
	if (id < 0)
		return -22;
	served++;
#else
	if (id < 0)
		return -22;
	served++;
	mutex_unlock(&mu);
#endif
	return 0;
}

int main(void)
{
	int bad = request(-1), good = request(1);

	return bad != -22 || good;
}
