/* race_closed_flag.c - unsynchronised flag: closed is read while it is set
 *
 * Close sets a plain bool that Send looks at, from another goroutine.
 *
 * From:     https://github.com/LFDT-Panurus/panurus/pull/2286
 * Detector: race
 * Says:     session_close */
#include <millrace.h>
#include <stdlib.h>

typedef struct { rwmutex mu; bool closed; chan(int) out; } session;

static void session_close(session *s)
{
#ifdef FIXED
	rwmutex_lock(&s->mu);
	defer(rwmutex_unlock, &s->mu);
#endif
	s->closed = true;
}

static bool session_send(session *s, int v)
{
#ifdef FIXED
	rwmutex_rlock(&s->mu);
	defer(rwmutex_runlock, &s->mu);
#endif
	return !s->closed && chan_trysend(s->out, v) == CHAN_OK;
}

static void sender(session *s)
{
	for (int i = 0; i < 5; i++)
		session_send(s, i);
}

int main(void)
{
	session *s = calloc(1, sizeof *s);
	waitgroup wg = {0};

	s->out = chan_make(int, 10);
	wg_go(&wg, sender, s);
	session_close(s);
	wg_wait(&wg);
	chan_free(s->out);
	free(s);
}
