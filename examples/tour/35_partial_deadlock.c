/* Two goroutines wait for each other's mutex, while the rest of the program goes on:
 * "all goroutines are asleep" is never said. MILLRACE=deadlock=partial watches who holds
 * and who wants which lock, and ends the process when that is a circle. To mend it take
 * locks in one order everywhere.
 *
 * Run with: MILLRACE=deadlock=partial
 * Status: 2
 * Errors: fatal error
 * Errors: deadlock
 * Errors: sync.Mutex.Lock */
#include <millrace.h>

static mutex a, b;
static chan(char) both_have_one;

static void first(void)
{
	mutex_lock(&a);
	chan_send(both_have_one, 0);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
}

static void second(void)
{
	mutex_lock(&b);
	chan_recv(both_have_one);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

int main(void)
{
	waitgroup wg = {0};
	timer *ticker = ticker_make(MILLISECOND);       /* something goes on */

	both_have_one = chan_make(char);
	wg_go(&wg, first);
	wg_go(&wg, second);
	wg_wait(&wg);
	timer_free(ticker);
}
