/* rwmutex: many readers or one writer, for when reads vastly outnumber writes.
 *
 * Output:
 * 400 reads, the last value is 4 */
#include <millrace.h>
#include <stdio.h>

typedef struct { rwmutex mu; int value; } cache;

static int cache_get(cache *c)
{
	rwmutex_rlock(&c->mu);
	defer(rwmutex_runlock, &c->mu);
	return c->value;
}

static void cache_set(cache *c, int v)
{
	rwmutex_lock(&c->mu);
	defer(rwmutex_unlock, &c->mu);
	c->value = v;
}

static void read_often(cache *c, send_chan(int) reads)
{
	int n = 0;

	for (int i = 0; i < 100; i++)
		n += cache_get(c) >= 0;
	chan_send(reads, n);
}

int main(void)
{
	cache c = {0};
	chan(int) reads = chan_make(int, 4);
	defer(chan_free, reads);
	int n = 0;

	for (int i = 0; i < 4; i++)
		go(read_often, &c, reads);
	for (int i = 1; i <= 4; i++)
		cache_set(&c, i);
	for (int i = 0; i < 4; i++)
		n += chan_recv(reads);
	printf("%d reads, the last value is %d\n", n, cache_get(&c));
}
