/* Frames come where others have been. That alone is no race, with nothing to order
 * the goroutines; to write there through a pointer left over from the first one is. */
#include <millrace.h>

static chan(int *) where;
static chan(int) turn;

static void use_locals(void)
{
	int local;

	local = 1;                      /* RACE */
	chan_send(where, &local);
	chan_recv(turn);
	local++;
}

int main(void)
{
	int *old = NULL;

	where = chan_make(int *, 100);
	turn = chan_make(int, 100);
	for (int i = 0; i < 20; i++) {
		go(use_locals);
		chan_send(turn, 1);
		while (go_count() > 1)
			go_yield();
		old = chan_recv(where);
	}
	go(use_locals);
	while (chan_len(where) == 0)
		go_yield();
#ifdef FIXED
	(void)old;
#else
	*old = 1;                       /* RACE */
#endif
	chan_send(turn, 1);
}
