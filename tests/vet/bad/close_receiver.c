/* The receiver closes: a send that comes later panics. */
#include <millrace.h>

static void until_zero(chan(int) in)
{
	while (chan_recv(in) != 0)
		;
	chan_close(in);                         // vet: close-receiver
}
static int first_of(chan(int) in)
{
	defer(chan_close, in);                  // vet: close-receiver
	chan_range(v, in)
		if (v > 3)
			return v;
	return 0;
}
static int either(chan(int) a, recv_chan(int) stop)
{
	int v = 0;

	chan_select(on_recv(a, &v), on_recv(stop));
	chan_close(a);                          // vet: close-receiver
	return v;
}

int main(void)
{
	chan(int) ch = chan_make(int, 1), stop = chan_make(int);

	until_zero(ch);
	return first_of(ch) + either(ch, stop);
}
