/* The cancel comes before the receive from the done channel; what comes after it does not. */
#include <millrace.h>

static int data;

static void stop(context *c)
{
#ifdef FIXED
	data = 1;
#endif
	ctx_cancel(c);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
}

int main(void)
{
	context *c = ctx_with_cancel(ctx_background());
	context *below = ctx_with_timeout(c, HOUR);

	go(stop, c);
	chan_recv(ctx_done(below));
	if (data > 1)                   /* RACE */
		go_yield();
	while (go_count() > 1)
		go_yield();
	ctx_free(below);
	ctx_free(c);
}
