/* C11's atomics mean what they mean: a relaxed flag publishes nothing. */
#include <millrace.h>

#ifdef FIXED
enum { STORE = __ATOMIC_RELEASE, LOAD = __ATOMIC_ACQUIRE };
#else
enum { STORE = __ATOMIC_RELAXED, LOAD = __ATOMIC_RELAXED };
#endif
static int data, flag;

static void publish(void)
{
	data = 1;                       /* RACE */
	__atomic_store_n(&flag, 1, STORE);
}

int main(void)
{
	go(publish);
	while (!__atomic_load_n(&flag, LOAD))
		go_yield();
	return data == 0;               /* RACE */
}
