/* partial_pool_connection.c - lock order: pool and connection
 *
 * OnSuccess locks the connection and then its pool; OnFailure the pool and then the
 * connection. A ticker goes on all the while.
 *
 * From:     https://github.com/opensearch-project/opensearch-go/issues/777
 * Detector: partial
 * Says:     Mutex */
#include <millrace.h>

static mutex pools, connection;
static chan(char) first, second;

static void on_success(void)
{
#ifdef FIXED
	mutex_lock(&pools);
	mutex_lock(&connection);
#else
	mutex_lock(&connection);
	chan_send(first, 0);
	chan_recv(second);
	mutex_lock(&pools);
#endif
	mutex_unlock(&connection);
	mutex_unlock(&pools);
}

static void on_failure(void)
{
	mutex_lock(&pools);
#ifndef FIXED
	chan_recv(first);
	chan_send(second, 0);
#endif
	mutex_lock(&connection);
	mutex_unlock(&connection);
	mutex_unlock(&pools);
}

int main(void)
{
	waitgroup wg = {0};
	timer *metrics = ticker_make(MILLISECOND);
	defer(timer_free, metrics);

	first = chan_make(char);
	second = chan_make(char);
	wg_go(&wg, on_success);
	wg_go(&wg, on_failure);
	wg_wait(&wg);
}
