/* A value is published by the store that a load finds; what is changed after it is not. */
#include <millrace.h>

static int data;

static void produce(sync_map(int, int) m)
{
#ifdef FIXED
	data = 1;
#endif
	sync_map_store(m, 1, 1);
#ifndef FIXED
	data = 1;                       /* RACE */
#endif
}

int main(void)
{
	sync_map(int, int) m = sync_map_make(int, int);
	int v;

	go(produce, m);
	while (!sync_map_load(m, 1, &v))
		go_yield();
	if (data > 1)                   /* RACE */
		go_yield();
	while (go_count() > 1)
		go_yield();
	sync_map_free(m);
}
