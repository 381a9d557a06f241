/* expect 66: 'goroutine 2 (the first)' */
#include <millrace.h>

static int n;

static void add(waitgroup *done)
{
	n++;
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 2);
	go_with(((go_opts){ .name = "the first" }), add, &done);
	go(add, &done);
	wg_wait(&done);
}
