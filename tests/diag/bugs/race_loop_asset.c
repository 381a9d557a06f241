/* race_loop_asset.c - captured variable: two of them in one loop
 *
 * Index and asset are those of a later round by the time the withdrawal runs.
 *
 * From:     https://github.com/hyperledger-labs/go-perun/issues/49
 * Detector: race
 * Says:     withdraw */
#include <millrace.h>
#include <stdlib.h>

enum { ASSETS = 3 };
typedef struct { int index, asset; } item;
static chan(int) withdrawn;

static void withdraw(const item *it)
{
	chan_send(withdrawn, it->asset);
}

#ifdef FIXED
static void withdraw_value(item it)
{
	withdraw(&it);
}
#endif

int main(void)
{
	item *it = calloc(1, sizeof *it);
	int sum = 0;

	withdrawn = chan_make(int);
	for (; it->index < ASSETS; it->index++) {
		it->asset = 100 + it->index;
#ifdef FIXED
		go(withdraw_value, *it);
#else
		go(withdraw, it);
#endif
	}
	for (int i = 0; i < ASSETS; i++)
		sum += chan_recv(withdrawn);
	free(it);
#ifdef FIXED
	return sum != 303;
#else
	return sum < 303;
#endif
}
