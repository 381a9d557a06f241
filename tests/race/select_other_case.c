/* A select is ordered by the case that was chosen, not by the others. */
#include <millrace.h>

static int data;

static void produce(chan(int) ch, chan(int) other)
{
	chan_send(other, 1);
	data = 1;                       /* RACE */
	chan_send(ch, 1);
}

int main(void)
{
	chan(int) ch = chan_make(int, 1), other = chan_make(int, 1);
	bool had_other = false;
	int v;

	go(produce, ch, other);
	for (int got = 0; got < 2; got++) {
		if (chan_select(on_recv(ch, &v), on_recv(had_other ? NULL : other, &v)) == 1) {
			had_other = true;
#ifdef FIXED
			continue;
#endif
		}
		data++;                 /* RACE */
	}
}
