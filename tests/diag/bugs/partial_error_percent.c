/* partial_error_percent.c - read lock taken twice around a writer
 *
 * ErrorPercent read-locks and calls a function that read-locks again. A writer that
 * arrives in between waits for the first, and the second waits for the writer.
 *
 * From:     https://github.com/afex/hystrix-go/pull/35
 * Detector: partial
 * Says:     RWMutex */
#include <millrace.h>

typedef struct { rwmutex mu; int requests, errors; } metrics;

static int sum_requests(metrics *m)
{
#ifndef FIXED
	rwmutex_rlock(&m->mu);
	defer(rwmutex_runlock, &m->mu);
#endif
	return m->requests;
}

static void update(metrics *m, send_chan(char) started)
{
	chan_send(started, 0);
	rwmutex_lock(&m->mu);
	defer(rwmutex_unlock, &m->mu);
	m->requests++;
}

static int error_percent(metrics *m)
{
	chan(char) started = chan_make(char);

	rwmutex_rlock(&m->mu);
	defer(rwmutex_runlock, &m->mu);
	go(update, m, started);
	chan_recv(started);
	go_sleep(5 * MILLISECOND);      /* the writer comes, and waits */
	return 100 * m->errors / (sum_requests(m) + 1);
}

int main(void)
{
	metrics m = { .errors = 1 };
	int percent = error_percent(&m);

	go_sleep(5 * MILLISECOND);
	return percent != 100;
}
