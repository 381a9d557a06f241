/* Somebody waits before the block is over, or the variable does not end with it. */
#include <millrace.h>

static void use(int *n) { (void)*n; }
static void uses(int *n, waitgroup *done)
{
	(void)*n;
	wg_done(done);
}
static void tells(int *n, send_chan(int) out) { chan_send(out, *n); }
static waitgroup wg;

static void waits(void)
{
	int n = 1;

	wg_go(&wg, use, &n);
	wg_wait(&wg);
}
static void waits_for_its_own_group(void)
{
	waitgroup own = { 0 };
	int n = 1;

	wg_add(&own, 1);
	go(uses, &n, &own);
	wg_wait(&own);
}
static void deferred(void)
{
	int n = 1;
	defer(wg_wait, &wg);

	wg_go(&wg, use, &n);
}
static void receives(void)
{
	chan(int) ch = chan_make(int);
	int n = 1;

	go(tells, &n, ch);
	chan_recv(ch);
	chan_free(ch);
}
static void selects(void)
{
	chan(int) ch = chan_make(int);
	int n = 1;

	go(tells, &n, ch);
	chan_select(on_recv(ch), on_timeout(SECOND));
	chan_free(ch);
}
static void finish(waitgroup *group) { wg_wait(group); }
static void calls_who_waits(void)
{
	int n = 1;

	wg_go(&wg, use, &n);
	finish(&wg);
}
static void lasting(void)
{
	static int n = 1;

	go(use, &n);
}
static void watches(void)
{
	int n = 1;

	go(use, &n);
	while (__atomic_load_n(&n, __ATOMIC_SEQ_CST) == 1)
		go_yield();
}
static int tried(void)
{
	int n = 1;

	return go_try(use, &n) != NULL;
}

int main(void)
{
	int n = 1;

	waits();
	waits_for_its_own_group();
	deferred();
	receives();
	selects();
	calls_who_waits();
	lasting();
	watches();
	go(use, &n);            // the process ends with this frame
	return tried();
}
