/* race_host_by_value.c - copied lock: passed by value
 *
 * Each host is passed to its goroutine by value, and with it a copy of the lock of the
 * log that all share.
 *
 * From:     https://github.com/cernops/golbd/pull/19
 * Detector: race
 * Says:     snmp_request */
#include <millrace.h>

typedef struct { mutex mu; int *lines; } logger;

static void log_line(logger *l)
{
	mutex_lock(&l->mu);
	defer(mutex_unlock, &l->mu);
	++*l->lines;
}

static void snmp_request(int host, logger *shared)
{
#ifdef FIXED
	logger *l = shared;
#else
	logger own = { .lines = shared->lines }, *l = &own;
#endif
	for (int i = 0; i < host + 10; i++)
		log_line(l);
}

int main(void)
{
	int lines = 0;
	logger l = { .lines = &lines };
	waitgroup wg = {0};

	for (int host = 0; host < 4; host++)
		wg_go(&wg, snmp_request, host, &l);
	wg_wait(&wg);
	return lines > 100;
}
