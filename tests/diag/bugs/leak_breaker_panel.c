/* leak_breaker_panel.c - send without receiver: circuit breaker with a timeout
 *
 * The call runs in a goroutine that sends its error; after a timeout the breaker
 * counts a failure and returns.
 *
 * From:     https://github.com/rubyist/circuitbreaker/pull/35
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

typedef struct { mutex mu; int failures; } breaker;

static void call(int (*circuit)(void), send_chan(int) errs)
{
	chan_send(errs, circuit());
}

static chan(char) answered;

static int slow_circuit(void)
{
	chan_recv(answered);
	return 0;
}

static int breaker_call(breaker *b, int (*circuit)(void), duration timeout)
{
#ifdef FIXED
	chan(int) errs = chan_make(int, 1);
#else
	chan(int) errs = chan_make(int);
#endif
	int err = 0;

	go(call, circuit, errs);
	if (chan_select(on_recv(errs, &err), on_timeout(timeout)) == 1) {
		mutex_lock(&b->mu);
		defer(mutex_unlock, &b->mu);
		b->failures++;
		return -110;
	}
	return err;
}

int main(void)
{
	breaker b = {0};
	int err;

	answered = chan_make(char);
	err = breaker_call(&b, slow_circuit, MILLISECOND);
	chan_close(answered);           /* too late */
	return err != -110;
}
