/* expect 0: caught: oops */
#include <millrace.h>
#include <stdio.h>

static int shared;

static void fail(mutex *m)
{
	mutex_lock(m);
	defer(mutex_unlock, m);
	shared++;
	panic("oops");
}

static void try(mutex *m, waitgroup *done)
{
	const char *why = go_try(fail, m);

	if (why)
		fprintf(stderr, "caught: %s\n", why);
	mutex_lock(m);
	shared++;
	mutex_unlock(m);
	wg_done(done);
	go_exit();
}

int main(void)
{
	mutex m = { 0 };
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go(try, &m, &done);
	go(try, &m, &done);
	wg_wait(&done);
	return shared != 4;
}
